"""The transport of spans: what is sent, and what of it is nowhere else."""

import json
from pathlib import Path

import pytest

from agentlog.shipping.otlp.joining import OPEN
from agentlog.shipping.otlp.sessions import Sessions
from agentlog.shipping.otlp.transport import SpanTransport
from agentlog.shipping.policy import Verdict, decide
from tests.shipping.otlp.receiver import decoded, otlp, receiving
from tests.shipping.otlp.test_outbox import SESSION, closing, ids, lines, opening
from tests.shipping.server import Server, answering

KEY = "sk-agentlog-0123456789abcdef"
WHOLE = [{**opening(number), **closing(number)} for number in range(3)]


def post(server, sent=None, key=None, headers=(), path="", sessions=None, **timeouts):
    """Send one batch; return the answer, and what a person was told."""
    said = []
    transport = SpanTransport(
        otlp(server) + path,
        key,
        headers,
        sessions=sessions or Sessions(Path("nowhere")),
        warn=said.append,
        **timeouts,
    )
    try:
        return transport.post(lines(*WHOLE) if sent is None else sent), said
    finally:
        transport.close()


def test_a_batch():
    """It is gzip, protobuf, and below the path of the endpoint; the answer is a receipt."""
    with Server(receiving()) as server:
        answer, said = post(server, path="/base")
    (request,) = server.requests
    assert ("POST", "/base/v1/traces") == (request.method, request.path)
    assert ("gzip", "application/x-protobuf", "application/x-protobuf") == tuple(
        request.headers[name] for name in ("content-encoding", "content-type", "accept")
    )
    assert ["event 0", "event 1", "event 2"] == [span.name for _, span in decoded(request.body)]
    assert (3, []) == (decide(answer, WHOLE).receipt.accepted, said)


@pytest.mark.parametrize(
    ("key", "headers", "expected"),
    [
        (None, {}, None),
        (KEY, {}, f"Bearer {KEY}"),
        (KEY, {"authorization": "Basic YTpi"}, "Basic YTpi"),
        (None, {"authorization": "Basic YTpi"}, "Basic YTpi"),
    ],
)
def test_who_is_asking(key, headers, expected):
    """The key, unless the headers say something else."""
    with Server(receiving()) as server:
        post(server, key=key, headers=tuple(headers.items()))
    assert expected == server.requests[0].headers.get("authorization")


def test_headers_go_along():
    """But none that says what the body is."""
    headers = (("x-project", "owls"), ("content-type", "text/plain"), ("content-encoding", "br"))
    with Server(receiving()) as server:
        post(server, headers=headers)
    found = server.requests[0].headers
    assert ("owls", "application/x-protobuf", "gzip") == tuple(
        found[name] for name in ("x-project", "content-type", "content-encoding")
    )


@pytest.mark.parametrize("status", [200, 400, 503])
def test_no_secret_comes_back(status):
    """What a receiver repeats of a key or a header is in no answer."""
    said = b"\x12" + bytes([2 * len(KEY) + 8]) + b"Bearer " + KEY.encode() * 2 + b"!"
    body = b"\x0a" + bytes([len(said)]) + said if status == 200 else said
    behave = answering(status, body, Content_Type="application/x-protobuf")
    for key, headers in ((KEY, ()), (None, (("api-key", KEY),))):
        with Server(behave) as server:
            answer, told = post(server, key=key, headers=headers)
        assert status == answer.status
        assert KEY not in f"{answer!r} {told!r}"
        assert "!" in f"{answer.body!r} {told!r}"


def test_spans_of_a_session_share_a_resource(tmp_path):
    """It is the program of the session; of one that nobody knows, agentlog."""
    sessions, other = Sessions(tmp_path), f"{int(SESSION, 16) + 1:032x}"
    process = {"pid": 42, "host": "here", "python": "3.13"}
    sessions.see(
        lines({**ids(9), "event_type": "agent.py", "action_type": "session", "process": process})[0]
    )
    sent = lines(*WHOLE, {**WHOLE[0], "session_id": other})
    with Server(receiving()) as server:
        post(server, sent, sessions=sessions)
    found = decoded(server.requests[0].body)
    assert ["agent.py"] * 3 + ["agentlog"] == [resource["service.name"] for resource, _ in found]
    assert 42 == found[0][0]["process.pid"]


def test_what_cannot_be_a_span_is_not_sent():
    """It is refused, at its place in the batch; without any other, there is no request."""
    junk = [b"{junk}", b'{"id": 1}', b"[]", b'{"id":"","session_id":"a"}']
    with Server(receiving()) as server:
        answer, _ = post(server, [junk[0], *lines(*WHOLE), *junk[1:]])
        assert {0, 4, 5, 6} == decide(answer, [b""] * 7).receipt.refused.keys()
        answer, _ = post(server, junk)
        assert {0, 1, 2, 3} == decide(answer, junk).receipt.refused.keys()
    assert 1 == len(server.requests)


HALVES = [OPEN, *lines(opening(2))]


@pytest.mark.parametrize(
    "behave", [receiving(), answering(400, b"no spans")], ids=["receiver", "MLflow"]
)
def test_a_batch_of_open_halves_alone(behave):
    """It asks whether a receiver is there; MLflow, which wants spans, is one by saying so."""
    with Server(behave) as server:
        answer, said = post(server, HALVES, key=KEY)
    assert (2, []) == (decide(answer, HALVES).receipt.accepted, said)
    (request,) = server.requests
    assert [] == decoded(request.body)
    assert f"Bearer {KEY}" == request.headers["authorization"]


@pytest.mark.parametrize("status", [200, 401, 404, 503])
def test_who_is_no_receiver_acknowledges_no_open_half(status):
    """So nothing of it counts as delivered."""
    with Server(answering(status, b"<html>", Content_Type="text/html")) as server:
        answer, _ = post(server, HALVES)
    assert decide(answer, HALVES).receipt is None


def test_open_halves_among_others():
    """They go with the batch, and are not refused with it."""
    sent = [OPEN, *lines(*WHOLE)]
    with Server(receiving(rejected_spans=3)) as server:
        answer, _ = post(server, sent)
    assert ["event 0", "event 1", "event 2"] == [
        span.name for _, span in decoded(server.requests[0].body)
    ]
    receipt = decide(answer, sent).receipt
    assert (1, [1, 2, 3]) == (receipt.accepted, [*receipt.refused])


class Odd(Sessions):
    """Sessions of a program that no message holds."""

    def resources_of(self, session_ids):
        """Return what is no attribute."""
        return {one: (("process.pid", object()),) for one in session_ids}


def test_what_no_message_holds(tmp_path):
    """It is looked for as what a receiver calls malformed is, and nothing is raised or sent."""
    with Server(receiving()) as server:
        answer, _ = post(server, sessions=Odd(tmp_path))
    assert (400, []) == (answer.status, server.requests)
    assert Verdict.BISECT == decide(answer, WHOLE).verdict


def test_texts_that_are_none():
    """Half of a surrogate pair becomes a sign that stands for it."""
    odd = {**WHOLE[0], "event_type": "a\ud800", "tags": ["\udfff"], "params": {"x": "\ud83e\udd89"}}
    with Server(receiving()) as server:
        post(server, [json.dumps(odd).encode()])
    ((_, span),) = decoded(server.requests[0].body)
    assert "a\ufffd" == span.name
    assert '{"x":"🦉"}' in {one.value.string_value for one in span.attributes}


def test_a_part_that_was_refused_is_told():
    """Once it comes to it."""
    with Server(receiving(rejected_spans=1, error_message="too old")) as server:
        answer, said = post(server)
    assert ["refused spans: too old"] == said
    assert 3 == len(decide(answer, WHOLE).receipt.refused)


def test_a_captive_portal():
    """A page is no receipt."""
    with Server(answering(200, b"<html>", Content_Type="text/html")) as server:
        answer, _ = post(server)
    assert "200 without a receipt for the batch (text/html)" == decide(answer, WHOLE).why


def test_an_answer_that_never_comes():
    """It is bounded as for any other."""
    with Server(lambda request: request.server.over.wait()) as server:
        answer, _ = post(server, read=0.05)
    assert (0, "no answer in time") == (answer.status, answer.failure)
