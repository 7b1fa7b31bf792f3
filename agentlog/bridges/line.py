"""A log line as an event: which key becomes which field.

| of the line | in the record |
|---|---|
| `event_type`, else `event` | `event_type`; when both are there, `event` stays in params |
| `params` | params, if it is a mapping; else the param `params` |
| `returns`, `result`, `action_type`, `model`, `prompt`, `tags`, tokens | the field, else a param |
| `level` (else the method), `logger` (else the logger's name) | `level`, `logger` |
| `timestamp`, a number | `timestamp`; a text is left out |
| `exc_info`, or an `exception` already formatted | `error` |
| every other key | params; where two meet, the second gets ` (2)` behind its name |
"""

import os.path
import re
import sys
from collections.abc import Mapping, MutableMapping
from itertools import dropwhile, takewhile
from typing import Any

import structlog

from agentlog.bridges.origin import FAILING, NUMBERS, RECORD, level_of, name_of, record_of
from agentlog.foreign import ask, let_pass, text_of
from agentlog.recording.event import ACTION_TYPES, RESULTS, fitting, is_a
from agentlog.recording.natural import Items, items_of
from agentlog.recording.outcome import describe
from agentlog.recording.recorder import Instant

MARKER = "agentlog"

_FIELDS = (
    "returns",
    "result",
    "action_type",
    "model",
    "prompt",
    "tags",
    "prompt_tokens",
    "completion_tokens",
)
META = frozenset({RECORD, "_from_structlog"})
"""The keys by which ProcessorFormatter tells its processors where a line comes from."""

_KNOWN = META.union(
    {
        *_FIELDS,
        "event_type",
        "event",
        "params",
        "level",
        "logger",
        "timestamp",
        "exc_info",
        "exception",
    }
)
_FREQUENT = ("event_type", "event", "level", "timestamp", "params")
_RARE = _KNOWN.difference(_FREQUENT) | {"lineno"}
_OF_STRUCTLOG = os.path.dirname(structlog.__file__)  # noqa: PTH120 - records have texts
_CLASS_NAME = r"[\w.]{1,200}"
_NO_EXCEPTION = "NoneType: None"
"""What a formatter of exceptions makes of none."""

_HEADINGS = {
    "Traceback (most recent call last):": "",
    "  + Exception Group Traceback (most recent call last):": "  | ",
}
"""How a traceback begins, and what stands before each line below."""

_NO_FIELDS: dict[str, Any] = {}


def read(  # noqa: C901, PLR0912 - at every line that is selected: one straight line
    logger: Any, method: Any, line: Mapping[Any, Any], time: float | None = None
) -> Instant:
    """Read a line as an event; it is not changed. Without a `timestamp` it is of this time."""
    if _RARE.isdisjoint(line):
        params: Any = {**line}
        for key in _FREQUENT:
            params.pop(key, None)
        fields = _NO_FIELDS
    else:
        params = {key: value for key, value in line.items() if key not in _KNOWN}
        fields = _fields_of(line, params)
    if "timestamp" in line:
        time = _timestamp_of(line, params, time)
    level: Any = line.get("level")
    if type(level) is not str:
        if not is_a(level, str):
            if "level" in line:
                params["level"] = level
            level = method if is_a(method, str) else None
        level = _exact(level)
    name: Any = line.get("event_type")
    if type(name) is not str:
        name = _exact(name)
    if not name:
        name = _name_without_type(line, params)
    elif "event" in line:
        params["event"] = line["event"]
    if "params" in line:
        params = _with_params(line["params"], params)
    number = NUMBERS.get(level) if level is not None else 0
    if number is None:
        number = level_of(method, line)
    kind, result = "log", "Fail" if number >= FAILING else "Indeterminate"
    if fields:
        kind = fields.pop("action_type", "llm" if "model" in fields else kind)
        kind = ACTION_TYPES[str.__str__(kind)]
        result = RESULTS[str.__str__(fields.pop("result", result))]
    return name, params, kind, result, time, level, name_of(logger, line), fields


def _exact(text: Any) -> str | None:
    """Return a text as one of no other class, whose code might run; what is no text is None."""
    return str.__str__(text) if is_a(text, str) else None


def _name_without_type(line: Mapping[Any, Any], params: dict[Any, Any]) -> str:
    """Return the name of a line that has no `event_type` that could be one: its event."""
    if "event_type" in line:
        params["event_type"] = line["event_type"]
    event = line.get("event")
    return "log" if event is None else text_of(event) or "log"


def _fields_of(line: Mapping[Any, Any], params: dict[Any, Any]) -> dict[str, Any]:
    """Return the other fields of a line; what a field cannot hold becomes a param."""
    fields: dict[str, Any] = {}
    for name in _FIELDS:
        if name in line:
            value = line[name]
            if not fitting(name, value):
                params[name] = value
            elif value is not None:
                fields[name] = value
    if "logger" in line and not is_a(line["logger"], str):
        params["logger"] = line["logger"]
    if "exc_info" in line or "exception" in line:
        fields["error"] = _error_of(line, params)
    if "lineno" in line:
        file = line.get("pathname")
        fields["source"] = _source(line.get("filename") if file is None else file, line["lineno"])
    if RECORD in line:
        _read_record(line, fields, params)
    return fields


def _read_record(line: Mapping[Any, Any], fields: dict[str, Any], params: dict[Any, Any]) -> None:
    """Take the call site from the LogRecord of a line; what is none there is a param."""
    record = record_of(line)
    if record is None:
        params.update((key, line[key]) for key in META if key in line)
    else:
        site = vars(record)
        fields.setdefault("source", _source(site.get("pathname"), site.get("lineno")))


def _with_params(brought: Any, params: dict[Any, Any]) -> Any:
    """Return the params that a line brings as a mapping, then its other keys."""
    if brought is not None and fitting("params", brought):
        return Items([*items_of(brought), *params.items()])
    return {"params": brought, **params}


def _timestamp_of(
    line: Mapping[Any, Any], params: dict[Any, Any], otherwise: float | None
) -> float | None:
    timestamp = line["timestamp"]
    if fitting("timestamp", timestamp):
        return timestamp  # type: ignore[no-any-return]
    if not is_a(timestamp, str):
        params["timestamp"] = timestamp
    return otherwise


def _error_of(line: Mapping[Any, Any], params: dict[Any, Any]) -> dict[str, Any] | None:
    """Return the error of a line, from the exception or from what a processor has made of it."""
    given: Any = line.get("exc_info")
    if type(given) is tuple and len(given) == 3:  # noqa: PLR2004 - (type, value, traceback)
        given = given[1]
    if not is_a(given, BaseException):
        given = sys.exc_info()[1] if is_true(given) else None
    if is_a(given, BaseException):
        if "exception" in line:
            params["exception"] = line["exception"]
        return describe(given)
    formatted = line.get("exception")
    if text := _exact(formatted):
        return None if text == _NO_EXCEPTION else _error_of_text(text)
    if type(formatted) is list and formatted and type(formatted[0]) is dict:
        first = formatted[0]
        return {
            "type": first.get("exc_type"),
            "message": first.get("exc_value"),
            "traceback": formatted,
        }
    if "exception" in line:
        params["exception"] = formatted
    return None


def is_true(value: Any) -> bool:
    """Say whether a value is true; one that cannot say it is something, so it is."""
    if value is None or type(value) is bool:
        return bool(value)
    try:
        return ask(bool, value)
    except BaseException as error:  # noqa: BLE001 - the value's own code ran
        let_pass(error)
        return True


def _error_of_text(formatted: str) -> dict[str, Any]:
    """Read a traceback as it is printed: of several, the last is the one that was not caught."""
    lines = formatted.split("\n")
    headings = [at for at, line in enumerate(lines) if line in _HEADINGS]
    if headings:
        bar = _HEADINGS[lines[headings[-1]]]
        below = (line.removeprefix(bar) for line in lines[headings[-1] + 1 :])
        behind_frames = dropwhile(lambda line: line.startswith(" "), below)
        lines = list(takewhile(lambda line: not line.startswith("  +-+-"), behind_frames))
    said = "\n".join(lines).strip()
    kind, _, message = said.partition(": ")
    if not re.fullmatch(_CLASS_NAME, kind):
        kind, message = "", said
    return {"type": kind or None, "message": message, "traceback": formatted}


def _source(file: Any, number: Any) -> str | None:
    """Return `file:line` of the call site, if structlog or logging knows it."""
    name = _exact(file)
    if not name or name.startswith(_OF_STRUCTLOG) or not is_a(number, int):
        return None
    return f"{name}:{int.__pos__(number)}"


def take_marker(line: MutableMapping[str, Any]) -> bool | None:
    """Take the marker off a line and return it; what is neither True nor False is none."""
    marker = line.get(MARKER)
    if marker is not True and marker is not False:
        return None
    del line[MARKER]
    return marker
