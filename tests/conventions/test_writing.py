"""An event as a span: what it says to a back end, and that it can be read back as it was."""

import json

import pytest
from hypothesis import given

from agentlog.conventions import own
from agentlog.conventions.words import CLIENT, ERROR, INTERNAL, OK, UNSET
from agentlog.conventions.writing import resource, span
from tests.replay.events import records

SESSION, ROOT, EVENT = "0192f3a4b5c67" + "0" * 18 + "1", "00f067aa0ba902b7", "00f067aa0ba902b8"
START = 1_700_000_000.25


def event(**fields):
    """Return an event that ended well; a field that is None is not there."""
    whole = {
        "id": EVENT,
        "session_id": SESSION,
        "parent_id": ROOT,
        "event_type": "plan",
        "action_type": "action",
        "timestamp": START,
        "end_timestamp": START + 1.5,
        "result": "Success",
        **fields,
    }
    return {field: value for field, value in whole.items() if value is not None}


def read_back(one):
    """Return the event of a span."""
    assert own.is_own(one.attributes)
    return own.event(one)


def test_an_event():
    """Ids are those of the event, times are nanoseconds."""
    one = span(event())
    assert (SESSION, EVENT, ROOT) == (one.trace_id, one.span_id, one.parent_id)
    assert ("plan", INTERNAL, OK) == (one.name, one.kind, one.status)
    assert (1_700_000_000_250_000_000, 1_700_000_001_750_000_000) == (one.start, one.end)
    assert {
        "openinference.span.kind": "CHAIN",
        "session.id": SESSION,
        "gen_ai.conversation.id": SESSION,
        "agentlog.action_type": "action",
        "agentlog.result": "Success",
    } == one.attributes
    assert () == one.events


def test_an_llm_call():
    """Its prompt is the input; OpenInference and GenAI each find their own words."""
    prompt = [{"role": "user", "content": "Where do owls live?"}]
    params = {"temperature": 0}
    one = span(
        event(
            action_type="llm",
            model="gpt-4",
            prompt=prompt,
            params=params,
            returns="Höhlen",
            prompt_tokens=812,
            completion_tokens=96,
        )
    )
    told = one.attributes
    assert CLIENT == one.kind
    assert ("LLM", "chat") == (told["openinference.span.kind"], told["gen_ai.operation.name"])
    for word, other, value in (
        ("gen_ai.request.model", "llm.model_name", "gpt-4"),
        ("gen_ai.usage.input_tokens", "llm.token_count.prompt", 812),
        ("gen_ai.usage.output_tokens", "llm.token_count.completion", 96),
    ):
        assert value == told[word] == told[other]
    assert (prompt, "application/json") == (
        json.loads(told["input.value"]),
        told["input.mime_type"],
    )
    assert [
        {"role": "user", "parts": [{"type": "text", "content": "Where do owls live?"}]}
    ] == json.loads(told["gen_ai.input.messages"])
    assert ("Höhlen", "text/plain") == (told["output.value"], told["output.mime_type"])
    assert params == json.loads(told["agentlog.params"])


def test_a_tool():
    """What it was given and gave has the names of both conventions."""
    told = span(
        event(action_type="tool", event_type="search", params={"q": 1}, returns=[])
    ).attributes
    assert ("TOOL", "execute_tool", "search") == tuple(
        told[word] for word in ("openinference.span.kind", "gen_ai.operation.name", "tool.name")
    )
    assert '{"q":1}' == told["input.value"] == told["gen_ai.tool.call.arguments"]
    assert "[]" == told["output.value"] == told["gen_ai.tool.call.result"]


def test_a_failure():
    """An error is the status, and an exception; the lines before it are events of the span."""
    error = {"type": "ValueError", "message": "no bears\nat all", "traceback": "Traceback ..."}
    line = {"timestamp": START + 0.5, "level": "info", "event": "looking", "page": 3}
    one = span(event(result="Fail", error=error, log=[line]))
    assert (ERROR, "ValueError: no bears") == (one.status, one.message)
    assert "ValueError" == one.attributes["error.type"]
    crumb, exception = one.events
    assert ("looking", 1_700_000_000_750_000_000) == (crumb.name, crumb.time)
    assert "info" == crumb.attributes["agentlog.level"]
    assert ("exception", one.end) == (exception.name, exception.time)
    assert "Traceback ..." == exception.attributes["exception.stacktrace"]


@pytest.mark.parametrize(
    ("result", "reason", "status", "message"),
    [
        ("Fail", "out of bears", ERROR, "out of bears"),
        ("Indeterminate", "interrupted", ERROR, "interrupted"),
        ("Indeterminate", "cancelled", UNSET, ""),
        (None, None, UNSET, ""),
    ],
)
def test_statuses(result, reason, status, message):
    """What failed and what was interrupted is an error."""
    one = span(event(result=result, reason=reason))
    assert (status, message) == (one.status, one.message)


def test_a_log_line():
    """A line is a span of no duration, with the line as its event."""
    one = span(event(action_type="log", end_timestamp=START, level="info", logger="agent"))
    assert one.start == one.end
    (line,) = one.events
    assert ("plan", one.start) == (line.name, line.time)
    assert {"agentlog.level": "info", "agentlog.logger": "agent"} == line.attributes


def test_a_session():
    """It has no parent, and says what program it was."""
    process = {"pid": 42, "host": "here", "python": "3.13.1", "agentlog": "0.1.0"}
    whole = event(parent_id=None, action_type="session", process=process) | {"parent_id": None}
    one = span(whole)
    assert ("", "AGENT") == (one.parent_id, one.attributes["openinference.span.kind"])
    assert {"process": process} == json.loads(one.attributes["agentlog.rest"])
    about = resource(whole)
    assert ("plan", "here", 42, "3.13.1") == tuple(
        about[name]
        for name in ("service.name", "host.name", "process.pid", "process.runtime.version")
    )
    assert "agentlog" == resource({})["service.name"]


def test_what_has_no_end_goes_to_the_last_that_is_known():
    """A span has an end, the event of a running action has not, and that is said."""
    running = event(end_timestamp=None, result=None)
    assert 1_700_000_009_000_000_000 == span(running, 1_700_000_009.0).end
    one = span(running)
    assert one.start == one.end
    assert ["end_timestamp"] == one.attributes["agentlog.missing"]


def test_a_close_half_alone():
    """It is told with what it knows."""
    one = span({"id": EVENT, "session_id": SESSION, "end_timestamp": START, "result": "Success"})
    assert ("unnamed", one.end) == (one.name, one.start)
    assert ["parent_id", "event_type", "timestamp"] == one.attributes["agentlog.missing"]


def test_other_ids_are_derived():
    """Ids of another form become ids, the same from the same."""
    first = span(event(id="a", session_id="run 1"))
    second = span(event(id="b", session_id="run 1", parent_id="a"))
    assert (32, 16) == (len(first.trace_id), len(first.span_id))
    assert (first.trace_id, first.span_id) == (second.trace_id, second.parent_id)
    assert ("run 1", "a") == (
        second.attributes["session.id"],
        second.attributes["agentlog.parent_id"],
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"timestamp": 1700000000.1234567, "end_timestamp": 1795319438.0955284},
        {"end_timestamp": START - 1},
        {"timestamp": 1e-12},
        {"params": "{}", "returns": "null"},
        {"action_type": "llm", "prompt": "", "params": [], "returns": 0},
        {"action_type": "llm", "prompt": {"messages": []}},
        {"prompt": "of an action", "model": "gpt-4"},
        {"tags": [], "notes": {"redacted": 1}, "level": "", "source": "a.py:1"},
        {"tags": ["a", 1], "prompt_tokens": -1, "completion_tokens": True},
        {"error": {"type": "E"}, "log": []},
        {"error": {"type": "E", "code": 3}, "log": ["line"]},
        {"error": "why", "result": "Fail", "of_tomorrow": [1]},
        {"parent_id": 5, "event_type": ["a"], "action_type": {}},
        {"id": "A" * 16, "session_id": "0" * 32, "parent_id": ""},
    ],
)
def test_it_can_be_read_back(fields):
    """Every field comes back as it was, of whatever form."""
    whole = event(**fields)
    assert whole == read_back(span(whole))


@given(records)
def test_any_record_can_be_read_back(record):
    """Whatever a journal holds is a span that goes forwards, and nothing of it is lost."""
    one = span(record)
    assert one.start <= one.end
    assert repr(sorted(record.items())) == repr(sorted(read_back(one).items()))
