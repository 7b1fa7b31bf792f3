"""An event that goes out as a span and comes in here is the event that it was."""

import json
import sys
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentlog.server.otlp.intake import read_json, read_protobuf
from agentlog.shipping.otlp.encoding import body_of, event_of
from agentlog.shipping.otlp.joining import interrupted
from agentlog.store.sqlite.store import SqliteStore
from tests import warm
from tests.cli.commandline import agentlog, environ
from tests.server.collector import Collector
from tests.server.otlp.bodies import in_json

texts = st.text(max_size=20)
integers = st.integers(-(1 << 63), (1 << 63) - 1)
numbers = integers | st.floats(allow_nan=False, allow_infinity=False)
payloads = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
moments = st.floats(0, 4e9) | st.integers(0, 1 << 32)


def hexes(digits):
    """Return ids."""
    return st.integers(1, (1 << 4 * digits) - 1).map(lambda number: f"{number:0{digits}x}")


events = st.fixed_dictionaries(
    {
        "id": hexes(16),
        "session_id": hexes(32),
        "parent_id": st.none() | hexes(16),
        "event_type": texts.filter(bool),
        "timestamp": moments,
        "end_timestamp": moments,
    },
    optional={
        "action_type": st.sampled_from(["action", "llm", "api", "tool", "log", "session"]) | texts,
        "result": st.sampled_from(["Success", "Fail", "Indeterminate", None]) | texts,
        "reason": texts | st.none(),
        "model": texts | st.none(),
        "prompt": payloads,
        "params": payloads,
        "returns": payloads,
        "tags": payloads | st.lists(texts),
        "error": payloads | st.fixed_dictionaries({"type": texts, "message": texts}),
        "log": payloads | st.lists(st.fixed_dictionaries({"event": texts, "timestamp": moments})),
        "logger": texts | st.none(),
        "level": texts | st.none(),
        "source": texts | st.none(),
        "rating": payloads,
        "process": payloads,
        "notes": st.dictionaries(texts, integers, max_size=2),
        "prompt_tokens": integers | st.none(),
        "completion_tokens": integers | st.none(),
        "of_tomorrow": payloads,
    },
)


def kept(batch):
    """Return the record of the one span of a batch; a session that stands in comes behind it."""
    assert () == batch.refused
    return json.loads(batch.entries[0].text)


@given(events)
def test_any_event_comes_back_by_protobuf(event):
    """As it is shipped."""
    assert event == kept(read_protobuf(body_of([event], {event["session_id"]: ()}), None))


@given(events)
def test_any_event_comes_back_by_json(event):
    """The same message in the other form."""
    message = ExportTraceServiceRequest.FromString(body_of([event], {event["session_id"]: ()}))
    assert event == kept(read_json(in_json(message), None))


@given(events)
def test_what_was_interrupted_comes_back_without_an_end(event):
    """A span has one, which is nobody's."""
    cut = {name: event[name] for name in event if name != "end_timestamp"}
    (line,) = (interrupted(json.dumps(cut).encode(), 9.0),)
    outcome = {"result": "Indeterminate", "reason": "interrupted"}
    body = body_of([event_of(line)], {event["session_id"]: ()})
    assert {**cut, **outcome} == kept(read_protobuf(body, None))


PROGRAM = """
import logging
import agentlog as ao

client = ao.init(tags=["weather"])
log = logging.getLogger("weather")
log.addHandler(ao.EventHandler(select=ao.select.level("warning")))


@client.record_action("forecast", tags=["radar"])
def forecast(city, *more, days=2):
    ao.record(ao.Event("asked", {"city": city}, "rain", model="gpt-4", prompt="Will it rain?"))
    log.error("a storm: %s", city)
    if city == "Atlantis":
        raise ValueError(f"no {city}")
    return {"sky": "rain", "days": days}


with client.session(tags=["tried"]):
    forecast("Oslo", 1)
    try:
        forecast("Atlantis")
    except ValueError:
        pass
    with ao.action("call", action_type="llm", model="gpt-4", prompt=[{"role": "user"}]) as call:
        call.update(prompt_tokens=3, completion_tokens=4)
        call.returns = ["a", {"b": 1.5}]
"""


def run(home, **variables):
    """Run the program."""
    where = environ(AGENTLOG_HOME=str(home), **variables)
    done = warm.run([sys.executable, "-c", PROGRAM], env=where, encoding="utf-8")
    assert (0, "") == (done.returncode, done.stderr)


def told(collector, session_id):
    """Return the events that a collector has of a session."""
    answer = collector.get(f"/v1/sessions/{session_id}").json
    return sorted([answer["session"], *answer["events"]], key=lambda one: one["id"])


def test_a_run_that_is_exported_can_be_sent_to_a_collector(collector, tmp_path):
    """It is the run that it was, there as here."""
    run(tmp_path)
    lines = agentlog("export", "last", "--otlp-json", "-", AGENTLOG_HOME=str(tmp_path)).stdout
    for line in lines.splitlines():
        kind = {"Content-Type": "application/json"}
        assert b"{}" == collector.ask("POST", "/v1/traces", line.encode(), kind).body
    with SqliteStore(tmp_path / "store.db") as store:
        (session,) = store.sessions()
        expected = sorted(store.session(session.id), key=lambda one: one["id"])
    assert 8 == len(expected)
    assert expected == told(collector, session.id)


def test_a_run_that_is_shipped_as_spans(tmp_path):
    """Each event is there once, below its own."""
    with Collector(tmp_path) as collector:
        where = {"AGENTLOG_ENDPOINT": f"otlp+{collector.base}"}
        run(tmp_path, **where)
        agentlog("ship", AGENTLOG_HOME=str(tmp_path), **where)
        (session,) = collector.get("/v1/sessions").json["sessions"]
        events = told(collector, session["id"])
    assert ("succeeded", 8, 3) == tuple(session[name] for name in ("state", "events", "failures"))
    names = {one["id"]: one["event_type"] for one in events}
    below = [(names.get(one["parent_id"]), one["event_type"]) for one in events]
    program = session["event_type"]
    assert {
        (None, program): 1,
        (program, "forecast"): 2,
        (program, "call"): 1,
        ("forecast", "asked"): 2,
        ("forecast", "a storm: Oslo"): 1,
        ("forecast", "a storm: Atlantis"): 1,
    } == Counter(below)


KILLED = """
import os
import agentlog as ao

client = ao.init()
with client.session(), client.action("hung", action_type="llm", model="gpt-4"):
    os.kill(os.getpid(), 9)
"""


def test_a_run_that_was_killed(tmp_path):
    """Nobody saw the end of it, there as here: no duration is made up."""
    with Collector(tmp_path) as collector:
        variables = {"AGENTLOG_HOME": str(tmp_path / "home")}
        variables["AGENTLOG_ENDPOINT"] = f"otlp+{collector.base}"
        warm.run([sys.executable, "-c", KILLED], env=environ(**variables), encoding="utf-8")
        agentlog("ship", **variables)
        (session,) = collector.get("/v1/sessions").json["sessions"]
        events = told(collector, session["id"])
    assert ("interrupted", None) == (session["state"], session["end_timestamp"])
    assert [("Indeterminate", "interrupted", False)] * 2 == [
        (one["result"], one["reason"], "end_timestamp" in one) for one in events
    ]
