"""Machine and transport together, against a server that is really there: the rows of the table.

The clock of the machine jumps to when it wants to go on, so nothing is waited for.
"""

import random

import pytest

from agentlog.shipping.http import Transport
from tests.shipping import server as fake
from tests.shipping.driving import Drive, Receipt, number_of, record
from tests.shipping.posting import KEY, SHORT
from tests.shipping.server import Server, answering, collecting, no_larger_than, response, sending

LINES = [record(number, params={"text": "x" * (number % 700)}) for number in range(1000)]
RECEIPT = b'{"accepted": 500, "refused": []}'


def ship(server, lines=LINES, **options):
    """Ship lines to a server by a jumping clock; return the drive when all is settled."""
    transport = Transport(server.url, KEY, **options)

    def post(batch):
        answer = transport.post(batch)
        names = [f"{number_of(line):016x}" for line in batch]
        settled = all(name in server.records or name.encode() in answer.body for name in names)
        true = answer.body.startswith(b'{"accepted"') and settled
        return Receipt(answer.status, answer.body) if true else answer

    drive = Drive(post, random=random.Random(1).random).take(lines)
    drive.run(requests=500)
    transport.close()
    assert drive.done
    return drive


def test_all_is_well():
    """A thousand records are two requests over one connection."""
    with Server(collecting()) as server:
        drive = ship(server)
    assert 1000 == len(server.records) == len(drive.delivered)
    assert (2, 1) == (len(server.requests), server.connections)


@pytest.mark.parametrize(
    "fault",
    [
        fake.closing,
        fake.resetting,
        fake.hanging,
        answering(200, b"<html>"),
        answering(200, b"\xff\xfe", Content_Encoding="gzip"),
        sending(response(200, RECEIPT, Content_Length=999), close=True),
        answering(503, retry_after="120"),
        answering(302, location="https://example.com"),
        answering(401),
    ],
    ids=["close", "reset", "hang", "html", "gzip", "cut", "503", "302", "401"],
)
def test_a_fault_that_passes(fault):
    """Three times a fault, and then all is well: everything is there."""
    options = {"read": SHORT} if fault is fake.hanging else {}
    with Server(fault, fault, fault, collecting()) as server:
        drive = ship(server, **options)
    assert {f"{number:016x}" for number in range(1000)} == server.records.keys()
    assert not drive.refused


def test_answers_lost_after_the_commit():
    """What was taken and not acknowledged is sent again; nothing is missing in the end."""
    chance = random.Random(3)
    collect = collecting()

    def forgetting(request):
        if chance.random() < 0.3:
            request.send = lambda _: None
            collect(request)
            return False
        return collect(request)

    with Server(forgetting) as server:
        drive = ship(server, [record(number) for number in range(10_000)])
    assert 10_000 == len(server.records) == len(drive.delivered)
    assert any(len(versions) > 1 for versions in server.records.values())


@pytest.mark.parametrize("packed", [False, True], ids=["decompressed", "raw"])
def test_too_large_for_the_server(packed):
    """All nodes are there, those that are too large alone without their payload."""
    texts = random.Random(5)
    large = {number: texts.randbytes(90_000).hex() for number in (7, 300, 999)}
    lines = [
        record(number, params=large.get(number) or texts.randbytes(400).hex())
        for number in range(1000)
    ]
    with Server(no_larger_than(64_000, collecting(), packed=packed)) as server:
        drive = ship(server, lines)
    assert 1000 == len(server.records)
    bare = {name for name, (event, *_) in server.records.items() if "params" not in event}
    assert {f"{number:016x}" for number in large} == bare
    assert not drive.refused
    assert len(server.requests) < 100


def test_poison():
    """What a batch or a receipt refuses is quarantined with the reason; its neighbours arrive."""
    poison = f"{77:016x}"

    def malformed(request):
        if any(event["id"] == poison for event in request.events):
            answering(422, b'{"detail": "event 77 is odd"}')(request)
        else:
            collecting(refuse=[f"{555:016x}"])(request)

    with Server(malformed) as server:
        drive = ship(server)
    assert 998 == len(server.records)
    assert {77: 1, 555: 1} == drive.refused
    assert {77: '422: {"detail": "event 77 is odd"}', 555: "poison"} == drive.reasons
    assert len(server.requests) <= 60


def test_no_request_goes_elsewhere():
    """Whatever a server points to, one address gets requests, and each has the key."""
    with Server(collecting()) as other:
        pointers = [
            answering(status, location=other.url + "/v1/events", refresh=f"0; url={other.url}")
            for status in range(300, 309)
        ]
        with Server(*pointers, collecting()) as server:
            ship(server)
    assert [] == other.requests
    assert {f"Bearer {KEY}"} == {request.headers["authorization"] for request in server.requests}
