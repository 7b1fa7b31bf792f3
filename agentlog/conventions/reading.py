"""From a span's name, attributes and events to the fields of our record.

Each vocabulary has a file of its own, with a function that takes what it knows out of the
attributes. What the first says counts; what no vocabulary knows becomes a param. Attributes come
from other programs: whatever their types and names are, nothing here raises.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import Any, Final

from agentlog.conventions import agentops, genai, openinference, traceloop
from agentlog.conventions.attributes import Attributes, by_names, parsed, text
from agentlog.conventions.words import SpanEvent

Vocabulary = Callable[[Attributes, Sequence[SpanEvent]], dict[str, object]]

_VOCABULARIES: Final[tuple[tuple[tuple[str, ...], Vocabulary], ...]] = (
    (("agentops.",), agentops.read),
    (traceloop.NAMESPACES, traceloop.read),
    (openinference.NAMESPACES, openinference.read),
    (("gen_ai.",), genai.read),
)
"""Those that say most come first. What their names begin with tells whether one has to be asked."""

_OK, _FAILED = 1, 2
TOLD: Final = frozenset({"error", "reason", "result"})
"""The fields that are for `ended`."""

_REQUESTS: Final = ("input.value", "gen_ai.input.messages")
"""Where requests are that a span tells at its start: whoever reads them reads them as JSON."""

_EXCEPTION: Final = "exception"
_STREAMS: Final = "First Token Stream Event"
_PARTS: Final = ("gen_ai.", "llm.content.")
_NEITHER: Final = {
    "asyncio.exceptions.CancelledError": "cancelled",
    "concurrent.futures._base.CancelledError": "cancelled",
    "KeyboardInterrupt": "interrupted",
    "GeneratorExit": "abandoned",
}


def read(
    name: str,
    attributes: Mapping[str, object],
    events: Sequence[SpanEvent] = (),
    texts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a span says, as fields of our record; never raises.

    Args:
        name: The name of the span.
        attributes: Its attributes. Those that no vocabulary knows are params, whatever they are.
        events: Its events.
        texts: What the texts of requests say that were read before; those of this one are added.

    Returns:
        `event_type`, `action_type`, and what is known of `model`, `prompt`, `params`, `returns`,
        `tags`, `prompt_tokens`, `completion_tokens`; and for `ended`: `error`, where an exception
        was recorded, `result` and `reason`, where they are told though the status is not set.

    """
    names = (*attributes, *(event.name for event in events)) if events else (*attributes,)
    if names and (speaking := _speaking(names)):
        fields = _understood(speaking, name, attributes, events, texts)
    else:
        fields = {"event_type": text(name) or "span", "action_type": "action"}
        if attributes and (params := _told(attributes)):
            fields["params"] = params
    if events and (error := _error(events)):
        fields["error"] = error
    return fields


def read_end(
    name: str,
    attributes: Mapping[str, object],
    events: Sequence[SpanEvent],
    started: Mapping[str, object],
    known: dict[str, Any],
    texts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a span says at its end, as `read` does, and which model it had named before.

    Args:
        name: The name of the span.
        attributes: Its attributes at its end.
        events: Its events.
        started: Its attributes at its start.
        known: What `read` made of those.
        texts: What it read for that.

    """
    if not events and len(attributes) == len(started) and name == known["event_type"]:
        are_same = not attributes or all(map(is_, attributes.values(), started.values()))
        if are_same and attributes == started:  # none of the values is asked whether it is equal
            return known
    fields = read(name, attributes, events, texts)
    asked = known.get("model")
    if asked and asked != fields.get("model", asked) and asked not in attributes.values():
        fields["params"] = {"model": asked, **fields.get("params", {})}
    return fields


def ended(
    code: int, message: str | None, fields: dict[str, Any]
) -> tuple[str, str | None, dict[str, Any] | None]:
    """Return how a span has ended: `result`, `reason` and `error` of our record.

    Args:
        code: Of its status: 0 is unset, 1 ok, 2 an error.
        message: Of its status.
        fields: What `read` found. Its `error`, its `reason` and its `result` are taken out: an
            exception that a span got over is no error.

    """
    if code != _FAILED and TOLD.isdisjoint(fields):
        return "Success", None, None
    error, reason, result = (fields.pop(name, None) for name in ("error", "reason", "result"))
    if code == _OK:
        return "Success", None, None
    if code != _FAILED:
        return result or ("Indeterminate" if reason else "Success"), reason, None
    if error is None:
        return "Fail", text(message), None
    if given_up := _NEITHER.get(error["type"]):
        return "Indeterminate", given_up, None
    return "Fail", None, error


def says_more(event: SpanEvent, reason: str | None, error: Mapping[str, Any] | None) -> bool:
    """Say whether an event of a span is a line of its own: `read` has the others.

    Args:
        event: The event. An exception is one if the span has got over it.
        reason: What `ended` made of the span's.
        error: The same.

    """
    name, _, facts = event
    if name != _EXCEPTION:
        return name != _STREAMS and not name.startswith(_PARTS)
    raised = _raised(facts)
    if error is None:
        return reason is None or _NEITHER.get(raised["type"]) != reason
    return any(raised[part] != error.get(part) for part in ("type", "message"))


def _understood(
    speaking: Sequence[Vocabulary],
    name: str,
    attributes: Mapping[str, object],
    events: Sequence[SpanEvent],
    texts: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return what vocabularies make of a span; what none of them knows becomes a param."""
    fields: dict[str, Any] = {}
    params: Mapping[str, object] = {}
    rest = dict(attributes)
    if texts is not None:
        _read_once(rest, texts)
    for vocabulary in speaking:
        found = vocabulary(rest, events)
        params = _added(params, found.pop("params", {}))
        fields = _added(fields, found)
    if rest:
        params = _added(params, rest)
    if "event_type" not in fields:
        fields["event_type"] = text(name) or "span"
    if "action_type" not in fields:
        fields["action_type"] = "llm" if "model" in fields else "action"
    if params:
        fields["params"] = params
    return fields


@by_names
def _speaking(names: tuple[str, ...]) -> tuple[Vocabulary, ...]:
    """Return the vocabularies to which names of attributes and events may belong."""
    return tuple(
        read for known, read in _VOCABULARIES if any(name.startswith(known) for name in names)
    )


def _read_once(attributes: Attributes, texts: dict[str, Any]) -> None:
    """Put what texts say in the place of those that are requests."""
    for name in _REQUESTS:
        value = attributes.get(name)
        if type(value) is str:
            if value not in texts:
                texts[value] = parsed(value)
            attributes[name] = texts[value]


def _told(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return those of some fields that are not None."""
    if None not in fields.values():
        return fields
    return {name: value for name, value in fields.items() if value is not None}


def _added(fields: Any, more: Any) -> Any:
    """Return fields with what is not known of them yet."""
    more = _told(more)
    return {**fields, **more, **fields} if fields else {**more}


def _error(events: Sequence[SpanEvent]) -> dict[str, str] | None:
    """Return the last exception, which is the one that ended the span."""
    for name, _, facts in reversed(events):
        if name == _EXCEPTION:
            return _raised(facts)
    return None


def _raised(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return an exception as an error of ours."""
    return {
        "type": _class(text(facts.get("exception.type")) or ""),
        "message": text(facts.get("exception.message")) or "",
        "traceback": text(facts.get("exception.stacktrace")) or "",
    }


def _class(name: str) -> str:
    """Return the name of a class as a traceback has it."""
    return name.removeprefix("__main__.").removeprefix("builtins.") or "Exception"
