"""An event as a span: what any OpenTelemetry back end shows of it, and nothing of it lost.

The rules of this file: an event is one span, its log lines are spans too, and the ids go over as
they are, for they are W3C's. A payload is written once, under the word that back ends look at:
OpenInference's `input.value` and `output.value`, whose `mime_type` says whether the text is the
value itself (`text/plain`) or its JSON; where GenAI's conventions have a word for it, under that
too. A field that no vocabulary has a word for is below `agentlog.`. What a word cannot hold exactly
(another type, a field of tomorrow) stands in `agentlog.rest`; what a span has to say though the
event does not, in `agentlog.missing`. So every event can be read back as it was.

| field | in the span |
|---|---|
| `id`, `session_id`, `parent_id` | the ids; another form is derived from, and then `agentlog.id`, `agentlog.parent_id` have the text; `session.id` has it always |
| `event_type`, `timestamp`, `end_timestamp` | name, start, end; a time in seconds is its nanoseconds / 10**9 |
| `params` | `input.value`; of an `llm` event `agentlog.params`, always JSON; calls.py has what is repeated of them |
| `prompt`, of an `llm` event | `input.value`; messages as calls.py has them, too |
| `returns` | `output.value` |
| `model`, `prompt_tokens`, `completion_tokens` | `gen_ai.request.model`, `gen_ai.usage.input_tokens`, `.output_tokens` |
| `action_type`, `result`, `reason`, `rating`, `level`, `logger`, `source`, `tags` | `agentlog.action_type`, and so on |
| `error` | the event `exception` |
| `log` | events; `agentlog.line` of each is the JSON of the whole line |
| every other field | `agentlog.rest`, a JSON object |

One of `agentlog.action_type`, `agentlog.missing` and `agentlog.rest` is always there. Whatever is not
in the table repeats, for back ends, what is.

https://opentelemetry.io/docs/specs/semconv/gen-ai/
https://arize-ai.github.io/openinference/spec/semantic_conventions.html
"""  # noqa: E501 - a row of a table is a line

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, TypeGuard

from agentlog._version import __version__
from agentlog.conventions import calls
from agentlog.conventions.attributes import as_json, text
from agentlog.conventions.words import (
    CLIENT,
    COUNTS,
    ERROR,
    ERRORS,
    EXCEPTION,
    IDS,
    INTERNAL,
    LINE,
    MISSING,
    OK,
    PARAMS,
    REST,
    SECOND,
    TAGS,
    TEXTS,
    UNSET,
    Attributes,
    Span,
    SpanEvent,
    moment_of_id,
)

SCOPE: Final = "agentlog"

_OPERATIONS: Final = {"tool": "execute_tool", "session": "invoke_agent"}
_KINDS: Final = {"llm": "LLM", "tool": "TOOL", "session": "AGENT"}
"""By action types: what the conventions call it; OpenInference calls the others CHAIN."""

_OPENINFERENCE: Final = {
    "gen_ai.request.model": "llm.model_name",
    "gen_ai.usage.input_tokens": "llm.token_count.prompt",
    "gen_ai.usage.output_tokens": "llm.token_count.completion",
}
_OF_TOOLS: Final = {
    "input.value": "gen_ai.tool.call.arguments",
    "output.value": "gen_ai.tool.call.result",
}
_INT64: Final = 1 << 63
_LAST: Final = 253_370_764_800.0
"""The year 9999 in seconds since the epoch: a timestamp from here on is damage, not a time."""

_LAST_OF_ALL: Final = (1 << 64) - 1
_LONGEST_MESSAGE: Final = 4096
_IDS: Final = {digits: re.compile(f"(?!0+$)[0-9a-f]{{{digits}}}") for digits in (16, 32)}
"""Ids of W3C's form, by their digits."""


class _Draft:
    """A span that is being made: what it has so far, and what of the event that does not tell."""

    __slots__ = ("attributes", "event", "events", "kind", "left", "missing")

    def __init__(self, event: Mapping[str, object]) -> None:
        self.event = event
        self.kind = text(event.get("action_type")) or "action"
        self.left = dict(event)
        self.missing: list[str] = []
        self.events: list[SpanEvent] = []
        self.attributes: Attributes = {"openinference.span.kind": _KINDS.get(self.kind, "CHAIN")}


def span(event: Mapping[str, object], last: float | None = None) -> Span:
    """Return a merged event as a span.

    Args:
        event: It has texts as `id` and `session_id`.
        last: Where a span goes to whose event has no end, in seconds since the epoch.

    """
    draft = _Draft(event)
    trace_id, span_id, parent_id = _ids(draft)
    name = _name(draft)
    start, end = _times(draft, last, trace_id)
    _tell(draft)
    _tell_payloads(draft)
    _tell_kind(draft, name)
    _tell_line(draft, name, start)
    _tell_crumbs(draft, start)
    _tell_error(draft, end)
    if draft.left:
        draft.attributes[REST] = as_json(draft.left)
    elif "action_type" not in event and not draft.missing:
        draft.missing.append("action_type")  # for a sign that it is ours
    if draft.missing:
        draft.attributes[MISSING] = draft.missing
    status, message = _status(event)
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=name,
        kind=CLIENT if draft.kind in ("llm", "api") else INTERNAL,
        start=start,
        end=end,
        attributes=draft.attributes,
        events=tuple(draft.events),
        status=status,
        message=message,
    )


def resource(session: Mapping[str, object]) -> Attributes:
    """Return what is known of the program of a session's event; an empty one if that is missing."""
    process = session.get("process")
    known = process if isinstance(process, Mapping) else {}
    facts = {
        "service.name": session.get("event_type"),
        "host.name": known.get("host"),
        "process.pid": known.get("pid"),
        "process.runtime.name": "python" if known.get("python") else None,
        "process.runtime.version": known.get("python"),
        "telemetry.sdk.name": SCOPE,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": known.get("agentlog") or __version__,
    }
    found: Attributes = {"service.name": SCOPE}
    for name, fact in facts.items():
        if (isinstance(fact, str) and fact) or _is_count(fact):
            found[name] = fact
    return found


# -- What every span has ---------------------------------------------------------------------------


def _ids(draft: _Draft) -> tuple[str, str, str]:
    """Return the ids of trace, span and parent; the parent's is empty for a root."""
    left, told = draft.left, draft.attributes
    session_id, event_id = str(left.pop("session_id", "")), str(left.pop("id", ""))
    told[IDS["session_id"]] = told["gen_ai.conversation.id"] = session_id
    span_id, parent_id = _id(event_id, 16), ""
    if span_id != event_id:
        told[IDS["id"]] = event_id
    parent = left.get("parent_id")
    if isinstance(parent, str) and parent and draft.kind != "session":
        parent_id = _id(parent, 16)
        if parent_id != parent:
            told[IDS["parent_id"]] = parent
    if "parent_id" not in left:
        draft.missing.append("parent_id")
    elif parent is None or parent_id:
        del left["parent_id"]
    return _id(session_id, 32), span_id, parent_id


def _id(given: str, digits: int) -> str:
    """Return an id of W3C's form: the same, or one that is derived, the same from the same."""
    if _IDS[digits].fullmatch(given):
        return given
    return sha256(given.encode(errors="replace")).hexdigest()[:digits]


def _name(draft: _Draft) -> str:
    name = draft.left.get("event_type")
    if isinstance(name, str) and name:
        del draft.left["event_type"]
        return name
    if "event_type" not in draft.left:
        draft.missing.append("event_type")
    return "unnamed" if name is None else as_json(name)


def _times(draft: _Draft, last: float | None, trace_id: str) -> tuple[int, int]:
    """Return start and end in nanoseconds, whatever the event has of them."""
    left = draft.left
    started, ended = _moment(left.get("timestamp")), _moment(left.get("end_timestamp"))
    if started is None:
        started = (moment_of_id(trace_id) or 0.0) if ended is None else ended
    if ended is None:
        ended = last
    start = _nanoseconds(started)
    end = start if ended is None else max(start, _nanoseconds(ended))
    for field, told in (("timestamp", start), ("end_timestamp", end)):
        if field not in left:
            draft.missing.append(field)
        elif type(left[field]) is float and left[field] == told / SECOND:
            del left[field]
    return start, end


def _moment(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < _LAST else None


def _nanoseconds(seconds: float) -> int:
    """Return a time in nanoseconds: exactly, which multiplying a float would not be."""
    whole = int(seconds)
    return min(whole * SECOND + round((seconds - whole) * SECOND), _LAST_OF_ALL)


def _status(event: Mapping[str, object]) -> tuple[int, str]:
    """Return status and message: a failure, or what was interrupted, is an error."""
    result, reason = event.get("result"), event.get("reason")
    if result == "Fail":
        return ERROR, _why(event.get("error")) or text(reason) or ""
    if result == "Success":
        return OK, ""
    return (ERROR, "interrupted") if reason == "interrupted" else (UNSET, "")


def _why(error: object) -> str:
    """Return the first line of an error, `Type: message`."""
    if isinstance(error, Mapping):
        parts = (text(error.get("type")), text(error.get("message")))
        error = ": ".join(part for part in parts if part)
    said = error[:_LONGEST_MESSAGE].strip() if isinstance(error, str) else ""
    return said.splitlines()[0].rstrip() if said else ""


# -- Attributes ------------------------------------------------------------------------------------


def _tell(draft: _Draft) -> None:
    """Tell texts, counts and tags."""
    left = draft.left
    for field in [field for field in left if field in _TOLD]:
        word, holds = _TOLD[field]
        value: Any = left[field]
        if holds(value):
            draft.attributes[word] = value
            del left[field]


def _tell_payloads(draft: _Draft) -> None:
    """Tell what went in and what came out."""
    left, told, given = draft.left, draft.attributes, "params"
    if draft.kind == "llm":
        given = "prompt"
        if "params" in left:
            told[PARAMS] = as_json(left.pop("params"))
        told.update(calls.told_of(draft.event))
    for field, word in ((given, "input"), ("returns", "output")):
        if field in left:
            value = left.pop(field)
            is_text = isinstance(value, str)
            told[f"{word}.value"] = value if isinstance(value, str) else as_json(value)
            told[f"{word}.mime_type"] = "text/plain" if is_text else "application/json"


def _tell_kind(draft: _Draft, name: str) -> None:
    """Repeat, for back ends, what they look for under words of their own."""
    told, kind = draft.attributes, draft.kind
    words = _OPENINFERENCE
    if told["openinference.span.kind"] == "EMBEDDING":
        words = {**words, "gen_ai.request.model": "embedding.model_name"}
    if kind in _OPERATIONS:
        told["gen_ai.operation.name"] = _OPERATIONS[kind]
    if kind == "session":
        told["gen_ai.agent.name"] = name
    elif kind == "tool":
        told["gen_ai.tool.name"] = told["tool.name"] = name
        words = {**words, **_OF_TOOLS}
    for word, same in words.items():
        if word in told:
            told[same] = told[word]


# -- What happened on the way ----------------------------------------------------------------------


def _tell_line(draft: _Draft, name: str, when: int) -> None:
    """Tell what a log line says; those who list the events of spans find it there."""
    if draft.kind == "log":
        draft.events.append(SpanEvent(name, when, _labels(draft.event)))


def _tell_crumbs(draft: _Draft, start: int) -> None:
    """Tell the last lines of the log before a failure."""
    log = draft.left.get("log")
    if not log or not isinstance(log, list) or not all(isinstance(one, Mapping) for one in log):
        return
    del draft.left["log"]
    for line in log:
        said, when = line.get("event"), _moment(line.get("timestamp"))
        name = said if isinstance(said, str) and said else as_json(said) if said else "log"
        time = start if when is None else _nanoseconds(when)
        draft.events.append(SpanEvent(name, time, {**_labels(line), LINE: as_json(line)}))


def _labels(line: Mapping[str, object]) -> Attributes:
    labels = ((f"agentlog.{name}", line.get(name)) for name in ("level", "logger"))
    return {word: label for word, label in labels if isinstance(label, str)}


def _tell_error(draft: _Draft, when: int) -> None:
    """Tell the error; what is not told of it exactly is left."""
    error = draft.left.get("error")
    if not error:
        return
    told = error if isinstance(error, Mapping) else {"message": _why(error) or as_json(error)}
    facts: Attributes = {
        word: part for name, word in ERRORS.items() if isinstance(part := told.get(name), str)
    }
    if ERRORS["type"] in facts:
        draft.attributes["error.type"] = facts[ERRORS["type"]]
    if told is error and len(facts) == len(error):
        del draft.left["error"]
    draft.events.append(SpanEvent(EXCEPTION, when, facts))


# -- Values ----------------------------------------------------------------------------------------


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT64


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_TOLD: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    **{field: (word, _is_text) for field, word in TEXTS.items()},
    **{field: (word, _is_count) for field, word in COUNTS.items()},
    "tags": (TAGS, _is_texts),
}
"""By fields: the word, and whether it can hold the value exactly."""
