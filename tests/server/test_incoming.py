"""What clients that send large bodies slowly can keep from others: nothing."""

import contextlib
import json
import socket
import threading
import time

import pytest

from tests.busy import up_to
from tests.server.collector import PATIENCE, Collector, record

HEAD = """POST {} HTTP/1.1\r
Host: localhost\r
Content-Type: {}\r
Content-Length: {}\r
Authorization: Bearer {}\r
\r
"""
BATCH, FORM = "application/json", "application/x-www-form-urlencoded"


def half_of(collector, path, kind, body, declared=20 << 20):
    """Open a connection, and send so much of a body, which is said to be larger."""
    sock = socket.create_connection(("127.0.0.1", collector.port), PATIENCE)
    with contextlib.suppress(ConnectionError):
        sock.sendall(HEAD.format(path, kind, declared, collector.token).encode() + body)
    return sock


def drip(socks):
    """Send a little more over each connection that is still there."""
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.sendall(b" ")


def status(sock):
    """Return the status of the answer that comes over a connection."""
    return int(sock.recv(65536).split(b" ")[1])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A collector that asks for a key."""
    collector = Collector(tmp_path_factory.mktemp("shared"), "--allow-host", "logs.example.com")
    key = collector.key("anna")
    with collector:
        collector.token = key
        yield collector


def test_a_form_takes_nothing_from_those_who_have_a_key(shared):
    """Whoever has not shown a secret has 4 KiB, and hears at once that more is too much."""
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            sock = stack.enter_context(half_of(shared, "/", FORM, b" " * (19 << 20)))
            assert 413 == status(sock)
        large = [record(1, params="x" * (5 << 20))]
        assert 200 == shared.post(large, shared.token).status


@pytest.mark.waits
def test_a_form_that_drips_is_not_waited_for(shared):
    """It has ten seconds, and 4 KiB in whatever way it comes."""
    with half_of(shared, "/", FORM, b" ", declared=4000) as sock:
        began = time.monotonic()
        sock.settimeout(0.5)
        while time.monotonic() - began < PATIENCE:
            drip([sock])
            with contextlib.suppress(TimeoutError):
                assert 408 == status(sock)
                break
        assert 8 < time.monotonic() - began < 15


@pytest.mark.waits
def test_bodies_that_drip_make_room_for_others(shared):
    """All room is used up by those who stopped in the middle: who comes is stored nevertheless."""
    with contextlib.ExitStack() as stack:
        socks = [
            stack.enter_context(half_of(shared, "/v1/events", BATCH, b" " * (size << 20)))
            for size in (19, 19, 19, 6)
        ]
        small, large = [record()], [record(2, params="x" * (5 << 20))]
        assert [200] * 20 == [shared.post(small, shared.token).status for _ in range(20)]
        began = time.monotonic()
        while shared.post(large, shared.token).status != 200:
            assert time.monotonic() - began < 4  # they are not slow before a second has passed
            drip(socks)
        assert 408 in [status(sock) for sock in socks]


@pytest.mark.waits
def test_a_large_body_comes_at_a_pace(shared):
    """One that drips is not waited for as long as there is anything of it."""
    body = json.dumps({"events": [record(1, params="x" * (1 << 20))]}).encode()
    sent = 100 << 10
    with half_of(shared, "/v1/events", BATCH, body[:sent], declared=len(body)) as sock:
        began = time.monotonic()
        sock.settimeout(0.2)
        while time.monotonic() - began < PATIENCE:
            sock.sendall(body[sent : sent + 2048])
            sent += 2048
            with contextlib.suppress(TimeoutError):
                assert 408 == status(sock)
                break
        assert 4 < time.monotonic() - began < 9


def test_tiny_chunks_keep_nobody_waiting(shared):
    """A body of hundreds of thousands of them is broken off; others are answered meanwhile."""
    head = HEAD.format("/v1/events", BATCH, 0, shared.token)
    head = head.replace("Content-Length: 0", "Transfer-Encoding: chunked")
    over = threading.Event()

    def send():
        with socket.create_connection(("127.0.0.1", shared.port), PATIENCE) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(head.encode() + b"1\r\n \r\n" * 1_000_000)
            with contextlib.suppress(ConnectionError):
                statuses.append(status(sock))
        over.set()

    statuses, waited = [], []
    thread = threading.Thread(target=send)
    thread.start()
    while not over.is_set():
        began = time.monotonic()
        assert 200 == shared.get("/healthz").status
        waited.append(time.monotonic() - began)
    thread.join()
    assert {400} >= set(statuses)
    assert max(waited) < up_to(0.5)


def test_a_body_may_come_in_small_chunks(shared):
    """As programs send it that write it piece by piece."""
    batch = {"events": [record(number) for number in range(1, 1000)]}
    pieces = (piece.encode() for piece in json.JSONEncoder().iterencode(batch["events"][:100]))
    some = [b'{"events": ', *pieces, b"}"]
    lines = (json.dumps(one).encode() + b"," for one in batch["events"])
    many = [b'{"events": [', *lines, json.dumps(record()).encode(), b"]}"]
    for chunks, accepted in ((some, 100), (many, 1000)):
        headers = {"Content-Type": BATCH, "Authorization": f"Bearer {shared.token}"}
        answer = shared.ask("POST", "/v1/events", iter(chunks), headers)
        assert accepted == answer.json["accepted"]
