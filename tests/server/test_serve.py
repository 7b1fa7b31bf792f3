"""`agentlog serve` as a process: how it starts, what it refuses, how it stops, what it leaves."""

import contextlib
import gzip
import http.client
import json
import os
import pty
import re
import resource
import select
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import agentlog as ao
from agentlog.cli import main
from agentlog.server.process import GRACE
from agentlog.store.sqlite.store import SqliteStore
from tests.busy import up_to
from tests.cli.commandline import AGENTLOG, agentlog, environ
from tests.server.collector import PATIENCE, Collector, record, session_id

HEAD = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def peak(collector):
    """Return the most memory that it has had, in MB."""
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000


# -- How it starts ---------------------------------------------------------------------------------


def test_the_address_stands_alone_on_stdout(tmp_path):
    """On a line of its own, once requests are answered; what else there is to say is on stderr."""
    with Collector(tmp_path) as collector:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32,}", collector.url)
        assert 200 == collector.get("/healthz").status
        assert 0 == collector.stop()
        assert f"AGENTLOG_ENDPOINT={collector.base}\n" in collector.log()


def test_it_answers_at_once_and_is_small(tmp_path):
    """From the command to the first answer, and in memory: bounds for a busy machine."""
    with Collector(tmp_path) as collector:  # what Python compiles, it has compiled then
        collector.stop()
        began = time.monotonic()
        collector.start()
        assert 200 == collector.get("/healthz").status
        took = time.monotonic() - began
        assert peak(collector) < 60
    assert took < up_to(3)


def test_without_a_store_it_serves_the_home(tmp_path):
    """What is recorded here is taken up while it runs, and read like everything else."""
    with Collector(tmp_path, store=None) as collector:
        client = ao.Client(home=collector.home)
        with client.session(["here"]) as session:
            client.record(ao.Event("seen"))
        client.close()
        until = time.monotonic() + PATIENCE
        path = f"/v1/sessions/{session.session_id}"
        while (answer := collector.get(path)).status == 404 and time.monotonic() < until:
            threading.Event().wait(0.05)  # the journal is looked at by the clock
        assert ["seen"] == [event["event_type"] for event in answer.json["events"]]
        assert "#here" in agentlog("sessions", AGENTLOG_HOME=str(collector.home)).stdout


def test_with_a_store_the_home_is_left_alone(tmp_path):
    """Its journal is not taken up, and it gets no store."""
    with Collector(tmp_path) as collector:
        client = ao.Client(home=collector.home)
        with client.session():
            pass
        client.close()
        assert [] == collector.get("/v1/sessions").json["sessions"]
        assert {"journal", "token"} == {path.name for path in collector.home.iterdir()}


def test_a_root_path_is_there_or_not(tmp_path):
    """Whether the proxy takes it off or leaves it on, the same is answered."""
    with Collector(tmp_path, "--root-path", "/agents/log/") as collector:
        assert collector.url.startswith(f"{collector.base}/agents/log/?token=")
        for prefix in ("", "/agents/log"):
            assert 200 == collector.get(f"{prefix}/v1/sessions").status
            assert 200 == collector.get(f"{prefix}/").status
        short = collector.ask("GET", "/agents/log?token=a")
        assert (308, "/agents/log/?token=a") == (short.status, short.headers["Location"])
        opened = collector.ask("GET", collector.url.removeprefix(collector.base))
        assert "/agents/log/" == opened.headers["Location"]
        assert "Path=/agents/log/;" in opened.headers["Set-Cookie"]


def test_it_listens_on_an_address_of_ipv6(tmp_path):
    """Which is loopback too."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        with Collector(tmp_path, "--host", "::1") as collector:
            assert collector.url.startswith(f"http://[::1]:{collector.port}/?token=")
            assert 0 == collector.stop()


# -- What it refuses -------------------------------------------------------------------------------


def refusal(capsys, *options):
    """Try to serve, and return the one line that says why not."""
    assert 1 == main(["serve", *options])
    out, err = capsys.readouterr()
    assert ("", 1) == (out, len(err.splitlines()))
    return err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--host", "0.0.0.0"], "agentlog keys add NAME --store"),
        (["--allow-host", "logs.example.com"], "agentlog keys add NAME --store"),
        (["--host", "0.0.0.0", "--no-token"], "--no-token"),
        (["--allow-host", "https://logs.example.com"], "--allow-host"),
        (["--root-path", "a b"], "--root-path"),
        (["--root-path", "/../x"], "--root-path"),
        (
            ["--root-path", "/v1"],
            "--root-path '/v1' is not accepted: the collector has such a path",
        ),
        (["--root-path", "/v1/a"], "--root-path"),
        (["--root-path", "/sessions/"], "--root-path"),
        (["--keep", "0d"], "--keep 0 would delete whatever comes"),
        (["--keep", "9d", "--keep", "anna=0d"], "--keep anna=0 would delete whatever comes"),
        (["--keep", "9d", "--keep", "forever"], "--keep AGE is there twice"),
        (["--keep", "anna=9d", "--keep", "anna=8d"], "--keep anna=AGE is there twice"),
        (["--keep", "=9d"], "--keep '' is not accepted: a name begins with"),
        (["--keep", "a=b=9d"], "--keep 'a=b' is not accepted: a name begins with"),
        (["--host", "nowhere.invalid"], "--host nowhere.invalid"),
        (["--host", "192.0.2.1", "--allow-host", "a"], "agentlog keys add"),
    ],
    ids=str,
)
def test_what_it_does_not_do_is_one_line(options, reason, tmp_path, capsys):
    """Before an address is printed, and before anything is made."""
    store = tmp_path / "store.db"
    assert reason in refusal(capsys, "--port", "0", "--store", str(store), *options)
    if "nowhere.invalid" not in options:
        assert not store.exists()


def test_a_mistyped_path_of_a_store_is_told(tmp_path, capsys):
    """One directory is made, as for a new store; more of them are a mistake."""
    store = tmp_path / "vra" / "lib" / "store.db"
    told = refusal(capsys, "--port", "0", "--store", str(store))
    assert f"there is no {tmp_path / 'vra'}" in told
    assert not (tmp_path / "vra").exists()


def test_a_port_that_is_taken_is_named(tmp_path, capsys):
    """And that another one can be had."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = refusal(capsys, "--port", port, "--store", str(tmp_path / "store.db"))
    assert port in told
    assert "--port" in told


def test_a_second_collector_on_a_store_is_refused(tmp_path, capsys):
    """With a message; the first one goes on, and when it is over there may be another."""
    with Collector(tmp_path) as first:
        told = refusal(capsys, "--port", "0", "--store", str(first.store))
        assert f"{first.store} is served by another collector, which alone writes to it" in told
        assert 200 == first.post([record()]).status
        first.stop(signal.SIGKILL)
        with Collector(tmp_path) as second:
            assert 1 == len(second.get("/v1/sessions").json["sessions"])


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("application_id = 1", "another program"),
        ("user_version = 99", "was written by a newer agentlog"),
        (None, ""),
    ],
    ids=["another program's", "newer", "no database"],
)
def test_a_store_that_cannot_be_used_is_one_line(damage, why, tmp_path, capsys):
    """It is named, and left as it is."""
    store = tmp_path / "store.db"
    if damage:
        SqliteStore(store).close()
        with contextlib.closing(sqlite3.connect(store)) as connection:
            connection.execute(f"PRAGMA {damage}")
    else:
        store.write_bytes(b"no database, whatever its name says" * 100)
    before = store.read_bytes()
    told = refusal(capsys, "--port", "0", "--store", str(store))
    assert str(store) in told
    assert why in told
    assert before == store.read_bytes()


def test_without_the_extra_it_says_what_to_install(tmp_path):
    """What the server is made of is no part of a plain installation."""
    program = (
        "import sys; sys.modules['uvicorn'] = None; from agentlog.cli import main;"
        "sys.exit(main(['serve']))"
    )
    done = subprocess.run(
        [AGENTLOG[0], "-c", program],
        env=environ(AGENTLOG_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (1, "") == (done.returncode, done.stdout)
    assert "agentlog: agentlog serve needs uvicorn: pip install 'agentlog[server]'\n" == done.stderr


# -- Slow and greedy clients -----------------------------------------------------------------------


def half_of(collector, data):
    """Open a connection, and send the beginning of a request."""
    sock = socket.create_connection(("127.0.0.1", collector.port), PATIENCE)
    sock.sendall(data)
    return sock


def test_slow_clients_keep_nobody_waiting(collector):
    """Hundreds of connections that say nothing, or half of it, are not felt by others."""
    with contextlib.ExitStack() as stack:
        for beginning in (b"", b"GET / HT", HEAD + b"Content-Length: 1000\r\n\r\n{") * 60:
            stack.enter_context(half_of(collector, beginning))
        began = time.monotonic()
        assert 200 == collector.post([record()]).status
        assert 200 == collector.get("/v1/sessions").status
        assert time.monotonic() - began < up_to(2)


@pytest.mark.waits
def test_a_head_that_does_not_end_is_not_waited_for(collector):
    """A connection that brings no request is closed after ten seconds, however it drips."""
    silent, dripping = half_of(collector, b""), half_of(collector, b"GET / HTTP/1.1\r\n")
    with silent, dripping:
        began, over = time.monotonic(), threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while not over.wait(0.5):
                    dripping.sendall(b"X: y\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        closed = []
        for sock in (silent, dripping):
            with contextlib.suppress(ConnectionError):
                closed.append(sock.recv(1))
        over.set()
        thread.join()
        assert 8 < time.monotonic() - began < 20
        assert {b""} >= set(closed)


@pytest.mark.waits
def test_a_body_that_does_not_come_is_408(collector):
    """And the connection is over."""
    received = collector.raw(HEAD + b"Content-Length: 1000\r\n\r\n{")
    assert received.startswith(b"HTTP/1.1 408")


def test_a_body_that_is_too_large_is_told_so(collector):
    """It is a 413: at once if it says so, else when it is; who is still sending hears it too."""
    with half_of(collector, HEAD + b"Content-Length: 999999999999\r\n\r\n") as sock:
        assert sock.recv(65536).startswith(b"HTTP/1.1 413")
    large = b" " * (24 << 20)
    answer = collector.ask("POST", "/v1/events", large, {"Content-Type": "application/json"})
    assert 413 == answer.status
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with half_of(collector, HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as sock:
        for _ in range(25):
            sock.sendall(chunk)
        assert sock.recv(65536).startswith(b"HTTP/1.1 413")
    assert 200 == collector.post([record()]).status


def test_many_large_bodies_at_once_are_bounded(tmp_path):
    """In memory and in time: a client hears before it gives up that it has to come again."""
    batch = [record(number, params={"text": "x" * 3000}) for number in range(1, 4900)]
    body = gzip.compress(json.dumps({"events": batch}).encode(), 1)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with Collector(tmp_path) as collector:
        answers = []

        def ship():
            began = time.monotonic()
            status = collector.ask("POST", "/v1/events", body, headers).status
            answers.append((status, time.monotonic() - began))

        threads = [threading.Thread(target=ship) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert peak(collector) < 400
    assert {200} <= {status for status, _ in answers} <= {200, 429}
    assert max(took for _, took in answers) < 15


# -- How it ends -----------------------------------------------------------------------------------


def test_slow_clients_do_not_keep_it_from_stopping(tmp_path):
    """It stops within ten seconds, whoever is in the middle of sending or reading."""
    with Collector(tmp_path) as collector, contextlib.ExitStack() as stack:
        collector.post([record(number, params={"a": "x" * 5000}) for number in range(1, 2000)])
        reading = f"GET /v1/sessions/{session_id()} HTTP/1.1\r\nHost: localhost\r\n"
        greedy = f"{reading}Authorization: Bearer {collector.token}\r\n\r\n".encode()
        for beginning in (b"", b"GET / HT", HEAD + b"Content-Length: 9\r\n\r\n{", greedy) * 5:
            stack.enter_context(half_of(collector, beginning))
        assert 200 == collector.get("/healthz").status
        began = time.monotonic()
        assert 0 == collector.stop()
        assert time.monotonic() - began < 10
        assert "Traceback" not in collector.log()


def test_told_twice_it_waits_for_nobody(tmp_path):
    """A second signal ends it at once."""
    beginning = HEAD + b"Content-Length: 9\r\n\r\n{"
    with Collector(tmp_path) as collector, half_of(collector, beginning):
        assert 200 == collector.get("/healthz").status
        began = time.monotonic()
        collector.process.send_signal(signal.SIGINT)
        assert collector.stop(signal.SIGTERM) in (0, 130)  # which of the two is heard first is open
        assert time.monotonic() - began < GRACE


# -- What it logs ----------------------------------------------------------------------------------


def test_a_batch_is_a_line_of_the_log(tmp_path):
    """JSON where nobody looks, without anything of what was in it."""
    with Collector(tmp_path) as collector:
        collector.post([record(params={"secret": "hidden"}), {"id": "x"}], packed=True)
        line = collector.logged("batch")
        assert (1, 1, "", "info") == tuple(
            line[name] for name in ("accepted", "refused", "project", "level")
        )
        assert {"bytes", "ms", "timestamp"} < set(line)
        collector.ask("POST", "/v1/events", b"{", {"Content-Type": "application/json"})
        assert 400 == collector.logged("batch refused")["status"]
        assert "hidden" not in collector.log()


def test_a_batch_that_is_not_kept_is_a_line_of_the_log(tmp_path):
    """With its project, its status and the reason: what it is, and that it is too large."""
    with Collector(tmp_path) as collector:
        for body, status in ((b"[]", 400), (b" " * (21 << 20), 413)):
            headers = {"Content-Type": "application/json"}
            answer = collector.ask("POST", "/v1/events", body, headers)
            assert status == answer.status
            line = collector.logged("batch refused")
            assert ("", status, "warning") == (line["project"], line["status"], line["level"])
            assert answer.json["detail"] == line["why"]


def test_trouble_with_the_store_is_a_line_of_the_log(tmp_path):
    """One for each reason, and one when it is over."""
    with Collector(tmp_path) as collector:
        aside = collector.store.with_name("aside.db")
        collector.store.rename(aside)
        assert 503 == collector.post([record()]).status
        assert collector.logged("store cannot be written")["why"]
        aside.rename(collector.store)
        collector.logged("store can be written again")
        assert 200 == collector.post([record()]).status
        lines = [json.loads(line) for line in collector.log().splitlines() if line.startswith("{")]
        reasons = [line["why"] for line in lines if line["event"] == "store cannot be written"]
        assert sorted({*reasons}) == sorted(reasons)


def test_on_a_terminal_the_log_is_for_people(tmp_path):
    """There a line of it is no JSON."""
    ours, terminal = pty.openpty()
    with logging_into(terminal, tmp_path) as process:
        os.close(terminal)
        assert 200 == posted(process.port)
        written = b""
        while b"accepted" not in written:
            written += os.read(ours, 65536)
    os.close(ours)
    assert b'"event":' not in written


def posted(port):
    """Send a record over a connection of its own; return the status."""
    body = json.dumps({"events": [record()]})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
        return connection.getresponse().status


def answered(sock):
    """Read an answer; return its status."""
    received = b""
    while not received.endswith(b"}"):
        received += sock.recv(65536)
    return received.split(b" ")[1]


def test_idle_connections_shut_nobody_out(tmp_path):
    """Who comes takes the place of the one that has been idle longest; who is at work stays."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Collector(tmp_path) as collector, contextlib.ExitStack() as stack:
        begun = stack.enter_context(half_of(collector, HEAD + b"Content-Length: 14\r\n\r\n{"))
        socks = [stack.enter_context(half_of(collector, ask)) for _ in range(499)]
        assert {b"200"} == {answered(sock) for sock in socks}
        assert [200] * 5 == [collector.post([record(n)]).status for n in range(1, 6)]
        with contextlib.suppress(ConnectionError):
            assert b"" == socks[0].recv(1)
        for sock, rest in ((socks[-1], ask), (begun, b'"events": []}')):
            sock.sendall(rest)
            assert b"200" == answered(sock)


def test_heads_that_do_not_end_shut_nobody_out_for_long(tmp_path):
    """Nor do those who say nothing at all."""
    with Collector(tmp_path) as collector, contextlib.ExitStack() as stack:
        for number in range(500):
            stack.enter_context(half_of(collector, b"GET / HTTP/1.1\r\n" if number % 2 else b""))
        began = time.monotonic()
        while collector.get("/healthz", "").status != 200:
            assert time.monotonic() - began < 6  # they are given ten seconds, if nobody else comes
        assert [200] * 300 == [collector.get("/healthz", "").status for _ in range(300)]


def test_there_are_only_so_many_connections(tmp_path):
    """Who comes when all are at work is told to come again, and those are served."""
    with Collector(tmp_path) as collector, contextlib.ExitStack() as stack:
        head = HEAD + b"Content-Length: 14\r\n\r\n{"
        first, *_ = [stack.enter_context(half_of(collector, head)) for _ in range(500)]
        assert collector.raw(b"").startswith(b"HTTP/1.1 503")
        first.sendall(b'"events": []}')
        assert first.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("gone", ["closed", "full", "nobody reads it"])
def test_a_log_that_cannot_be_written_keeps_nothing_from_being_stored(gone, tmp_path):
    """What is stored is acknowledged, whether its line can be logged or not."""
    reading, writing = os.pipe()
    os.close(reading)
    shell = {"closed": 'exec "$@" 2>&-', "full": 'exec "$@" 2>/dev/full'}.get(gone, 'exec "$@"')
    with logging_into(writing, tmp_path, "sh", "-c", shell, "sh") as process:
        os.close(writing)
        for _ in range(3):
            assert 200 == posted(process.port)
        process.terminate()
        status = process.wait(PATIENCE)
    assert status in (0, 120)  # 120: what was left could not be written at the end


@contextlib.contextmanager
def logging_into(writing, directory, *before):
    """Start a collector whose log goes into a pipe or the like; its port is in `port`."""
    process = subprocess.Popen(
        [*before, *AGENTLOG, "serve", "--port", "0", "--store", str(directory / "store.db")],
        env=environ(AGENTLOG_HOME=str(directory)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=writing,
        encoding="utf-8",
    )
    try:
        process.port = urlsplit(process.stdout.readline()).port
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_a_log_that_nobody_reads_stops_nothing(tmp_path):
    """The pipe is full, and all goes on; then as much was dropped as is told."""
    reading, writing = os.pipe()
    with logging_into(writing, tmp_path) as process:
        os.close(writing)
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=PATIENCE)

        def post():
            body, headers = b'{"events": []}', {"Content-Type": "application/json"}
            connection.request("POST", "/v1/events", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        sent = 3000
        assert {200} == {post() for _ in range(sent)}
        connection.close()
        told = dropped = 0
        with open(reading, encoding="utf-8") as lines:  # noqa: PTH123 - it is a descriptor
            while not dropped:
                line = next(lines)
                event = json.loads(line) if line.startswith("{") else {"event": ""}
                told += event["event"] == "batch"
                dropped += event.get("count", 0)
        assert sent == told + dropped
        assert told > 1000


def test_a_log_that_nobody_reads_does_not_keep_it_from_stopping(tmp_path):
    """It is given up after a second."""
    reading, writing = os.pipe()
    with logging_into(writing, tmp_path) as process:
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writing, b"x" * 4096):
                pass
        os.set_blocking(writing, True)  # the pipe is one, for it and for us
        process.terminate()
        assert 0 == process.wait(PATIENCE)
    os.close(reading)
    os.close(writing)


def test_the_same_trouble_is_told_once_in_a_while(tmp_path):
    """Out of descriptors, a collector does not fill the disk with saying so."""
    with Collector(tmp_path) as collector, contextlib.ExitStack() as stack:
        resource.prlimit(collector.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        for _ in range(60):
            stack.enter_context(half_of(collector, b""))
        collector.logged("socket.accept() out of system resource")
        stack.close()
        until = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if collector.get("/healthz").status == 200:
                    break
            assert time.monotonic() < until
        assert len(collector.log()) < 10_000
        assert 0 == collector.stop(signal.SIGTERM)


@pytest.mark.waits
def test_who_does_not_take_an_answer_is_cut_off(collector):
    """After half a minute without a byte read: until then it had one of many connections."""
    for part in range(5):
        numbers = range(part * 1000 + 1, part * 1000 + 1001)
        collector.post([record(number, params={"a": "x" * 4000}) for number in numbers])
    head = f"GET /v1/sessions/{session_id()} HTTP/1.1\r\nHost: localhost\r\n"
    with half_of(
        collector, f"{head}Authorization: Bearer {collector.token}\r\n\r\n".encode()
    ) as sock:
        began, received = time.monotonic(), sock.recv(1000)
        assert received.startswith(b"HTTP/1.1 200")
        poller = select.poll()
        poller.register(sock, select.POLLRDHUP)
        assert poller.poll(60_000)
        assert 25 < time.monotonic() - began < 50
