"""agentlog.server.otlp.records: from spans to a session and its events."""

import itertools
import json
import random

import pytest

from agentlog.server.otlp.intake import read_protobuf
from agentlog.server.otlp.records import session_id
from agentlog.store.merge import merged
from agentlog.store.sqlite.store import SqliteStore
from tests.server.otlp.bodies import SECOND, START, in_protobuf, request, span, span_id, trace_id

TRACE = trace_id()
ROOT = session_id(TRACE)


def records(*requests):
    """Return the records of some requests."""
    batches = [read_protobuf(in_protobuf(one), None) for one in requests]
    return [json.loads(one.text) for batch in batches for one in batch.entries]


def events(*requests):
    """Return the events of some requests by their ids."""
    return {name: one for (_, name), one in merged(records(*requests)).items()}


def one(**told):
    """Return the event of one span."""
    return events(request(span(**told)))[span_id(2)]


def test_a_span_is_an_event():
    """Its times are seconds, and attributes that nobody knows are params."""
    assert {
        "id": span_id(2),
        "session_id": TRACE,
        "parent_id": span_id(1),
        "event_type": "step",
        "action_type": "action",
        "timestamp": START / SECOND + 2,
        "end_timestamp": START / SECOND + 2.5,
        "result": "Success",
        "params": {"city": "Oslo"},
    } == one(attributes={"city": "Oslo"})


def test_a_call_elsewhere_is_a_call_of_an_api():
    """Unless a vocabulary knows better."""
    assert "api" == one(kind=3)["action_type"]
    told = {"openinference.span.kind": "TOOL"}
    assert "tool" == one(kind=3, attributes=told)["action_type"]


def test_what_few_spans_have_is_a_param():
    """Kind, links, state, and what was dropped; the library that made it is its logger."""
    link = {"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(span_id(9))}
    told = span(kind=5, links=[link], trace_state="a=b", dropped_events_count=3)
    record = events(request(told, scope="kafka"))[span_id(2)]
    assert {
        "span.kind": "consumer",
        "links": [{"trace_id": TRACE, "span_id": span_id(9)}],
        "w3c.tracestate": "a=b",
        "otel.dropped_events_count": 3,
    } == record["params"]
    assert "kafka" == record["logger"]


def test_a_span_without_an_end_runs():
    """It is whole when it comes again."""
    open_one = span(end_time_unix_nano=0)
    assert "end_timestamp" not in events(request(open_one))[span_id(2)]
    assert "Success" == events(request(open_one), request(span()))[span_id(2)]["result"]


def test_a_failure():
    """The exception is the error; without one, what the status says is the reason."""
    raised = {
        "exception.type": "ValueError",
        "exception.message": "no",
        "exception.stacktrace": "T",
    }
    failed = one(events=[("exception", raised)], status={"code": 2, "message": "ValueError: no"})
    error = {"type": "ValueError", "message": "no", "traceback": "T"}
    assert ("Fail", error) == (failed["result"], failed["error"])
    assert "reason" not in failed
    failed = one(status={"code": 2, "message": "no"})
    assert ("Fail", "no") == (failed["result"], failed["reason"])


# -- What happened during it -----------------------------------------------------------------------


def test_what_happened_is_a_log_line_below_it():
    """An event of a span has a name, a time and attributes."""
    found = events(request(span(events=[("miss", {"key": "a"}), ("", {})])))
    lines = sorted((one for one in found.values() if one["action_type"] == "log"), key=str)
    assert {(span_id(2), "miss"), (span_id(2), "event")} == {
        (one["parent_id"], one["event_type"]) for one in lines
    }
    (miss,) = (one for one in lines if one["event_type"] == "miss")
    moment = START / SECOND + 2
    assert ({"key": "a"}, moment, moment) == (
        miss["params"],
        miss["timestamp"],
        miss["end_timestamp"],
    )


def test_an_exception_is_told_once():
    """The one that ended the span; another one before it is a line, the same one again is not."""
    first, last = ({"exception.type": kind, "exception.message": "no"} for kind in "AB")
    told = [("exception", first), ("exception", last), ("exception", last)]
    found = events(request(span(events=told, status={"code": 2})))
    assert "B" == found[span_id(2)]["error"]["type"]
    assert [first] == [one["params"] for one in found.values() if one["action_type"] == "log"]


# -- Its session -----------------------------------------------------------------------------------


def test_a_trace_has_a_session():
    """It is named for the service, and runs until its root is there."""
    assert {
        "id": ROOT,
        "session_id": TRACE,
        "parent_id": None,
        "event_type": "weather",
        "action_type": "session",
        "as_of": "",
        "params": {"service.name": "weather", "host.name": "h"},
    } == events(request(span(), resource={"service.name": "weather", "host.name": "h"}))[ROOT]
    assert "unknown_service" == events(request(span(), resource={}))[ROOT]["event_type"]


def test_the_root_says_what_became_of_the_session():
    """It is below the session, and gives it times, outcome and tags."""
    told = {"agentops.tags": ["a"], "agentops.session.end_state": "Shutdown"}
    found = events(request(span(1, parent=None, attributes=told)))
    assert ROOT == found[span_id(1)]["parent_id"]
    expected = {
        "timestamp": START / SECOND + 1,
        "end_timestamp": START / SECOND + 1.5,
        "result": "Indeterminate",
        "reason": "Shutdown",
        "tags": ["a"],
    }
    assert expected == {name: found[ROOT][name] for name in expected}
    assert "end_timestamp" not in events(request(span(1, parent=None, end_time_unix_nano=0)))[ROOT]
    assert ROOT == events(request(span(1, parent=0)))[span_id(1)]["parent_id"]


def test_spans_come_in_any_order_and_however_often():
    """Together or not; of several services, and of several roots."""
    requests = [
        request(span(3)),
        request(span(2), resource={"service.name": "radar"}),
        request(span(1, parent=None), resource={"service.name": "agent"}),
        request(span(5, "late", parent=None, status={"code": 2})),
    ]
    expected = events(*requests)
    told = ("event_type", "result", "timestamp", "end_timestamp")
    times = (START / SECOND + 1, START / SECOND + 5.5)
    assert ("agent", "Fail", *times) == tuple(expected[ROOT][name] for name in told)
    for order in itertools.permutations(requests):
        assert expected == events(*order, *random.sample(requests, 2))


def test_the_roots_of_a_session_are_compared_by_their_times():
    """The first says when it begins, the last when it ends, whatever their texts look like."""
    times = {1: (9, 11), 2: (100, 110), 3: (20, 9), 4: (30, 1000)}
    roots = [
        request(
            span(
                number,
                parent=None,
                start_time_unix_nano=start * SECOND,
                end_time_unix_nano=end * SECOND,
            )
        )
        for number, (start, end) in times.items()
    ]
    for order in itertools.permutations(roots):
        session = events(*order)[ROOT]
        assert (9.0, 1000.0) == (session["timestamp"], session["end_timestamp"])


@pytest.mark.parametrize("form", [trace_id(), f"{START // 10**6:012x}7{1:019x}"])
def test_a_session_is_made_whatever_the_trace_s_id_looks_like(form):
    """Other programs have ids that begin with a time too."""
    found = events(request(span(2, trace_id=bytes.fromhex(form))))
    assert session_id(form) in found


@pytest.mark.parametrize("order", [1, -1])
def test_a_session_of_agentlogs_has_its_own_root(order):
    """Spans came into it by a header: they get no other, whatever their clocks say."""
    own = {
        "id": span_id(1),
        "session_id": TRACE,
        "parent_id": None,
        "event_type": "script",
        "action_type": "session",
        "timestamp": START / SECOND,
    }
    late = span(2, start_time_unix_nano=START - 3600 * SECOND)
    with SqliteStore() as store:
        for some in ([own], records(request(late)))[::order] * 2:
            store.put(some)
        sessions = [one for one in store.session(TRACE) if one["parent_id"] is None]
        (summary,) = store.sessions()
    assert [own] == sessions
    assert ("script", 2) == (summary.event_type, summary.events)


def test_a_session_of_our_own_is_named_before_its_root_is_there():
    """As a program ships while it runs; then it is what its root is, and nothing stands in."""
    step = span(2, attributes={"agentlog.action_type": "action"})
    said = {"agentlog.action_type": "session", "agentlog.result": "Success"}
    root = span(1, "script", parent=None, attributes=said)
    early = records(request(step, resource={"service.name": "script"}))
    late = records(request(root))
    with SqliteStore() as store:
        store.put(early)
        (running,) = store.sessions()
        store.put(late)
        store.put(early)
        (done,) = store.sessions()
        kinds = [one["action_type"] for one in store.session(TRACE)]
    assert ("script", None) == (running.event_type, running.end_timestamp)
    assert ("script", "succeeded", 2) == (done.event_type, done.state, done.events)
    assert ["session", "action"] == sorted(kinds, reverse=True)
