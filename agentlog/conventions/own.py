"""Our own vocabulary, `agentlog.*`: the event that a span was made of, as it was.

`words` has the tables that `writing` writes by and this file reads backwards. The rule: what it
wrote comes back equal, and a span that somebody else has made in its words gives some event, and
never an error.

A mirrored span stands for an event of the journal among spans of the program's: its place is there.
So its own ids and times are the event's, and those of the journal are only told.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentlog.conventions import words

_FIELDS: Final = {**words.IDS, **words.TEXTS, **words.COUNTS, "tags": words.TAGS}

Attributes = Mapping[str, Any]


def is_own(attributes: Attributes) -> bool:
    """Say whether a span was an event: of these attributes every span of ours has one."""
    return not attributes.keys().isdisjoint(words.SIGNS)


def is_mirrored(attributes: Attributes) -> bool:
    """Say whether a span of ours stands among others, where its ids are."""
    return words.MIRRORED in attributes


def event(span: words.Span) -> dict[str, Any]:
    """Return the event that a span was made of."""
    attributes = span.attributes
    place: dict[str, Any] = {
        "id": span.span_id,
        "session_id": span.trace_id,
        "parent_id": span.parent_id or None,
        "timestamp": span.start / words.SECOND,
        "end_timestamp": span.end / words.SECOND,
    }
    found: dict[str, Any] = {
        **place,
        "event_type": span.name,
        **{field: attributes[word] for field, word in _FIELDS.items() if word in attributes},
        **_payloads(attributes),
        **_happened(span.events),
    }
    rest = _said(attributes.get(words.REST))
    found |= rest if isinstance(rest, dict) else {}
    missing = attributes.get(words.MISSING)
    for field in missing if isinstance(missing, list | tuple) else ():
        found.pop(field if isinstance(field, str) else "", None)
    return {**found, **place} if is_mirrored(attributes) else found


def _payloads(attributes: Attributes) -> dict[str, Any]:
    """Return what went in and what came out."""
    found, given = {}, "params"
    if attributes.get(words.ACTION_TYPE) == "llm":
        given = "prompt"
        if words.PARAMS in attributes:
            found["params"] = _said(attributes[words.PARAMS])
    for field, word in ((given, "input"), ("returns", "output")):
        if f"{word}.value" in attributes:
            value = attributes[f"{word}.value"]
            is_text = attributes.get(f"{word}.mime_type") == "text/plain"
            found[field] = value if is_text else _said(value)
    return found


def _happened(events: Sequence[words.SpanEvent]) -> dict[str, Any]:
    """Return the error, and the last lines of the log before it."""
    found: dict[str, Any] = {}
    for name, _, told in events:
        if words.LINE in told:
            found.setdefault("log", []).append(_said(told[words.LINE]))
        elif name == words.EXCEPTION:
            found["error"] = {
                field: told[word] for field, word in words.ERRORS.items() if word in told
            }
    return found


def _said(value: object) -> Any:
    """Return what a text of JSON says; anything else as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value
