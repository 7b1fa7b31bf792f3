"""A session in outline, made of its events."""

import json
from collections.abc import Generator, Iterable
from typing import Final

from agentlog import prices
from agentlog.store import values
from agentlog.store.clickhouse import calls, events, fields
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Event
from agentlog.store.outline import FAR, IN_A_PART, LONGEST_LINE, first_line

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def parts(link: Link, project: str, session_id: str, ids: Iterable[str] | None) -> Generator[str]:
    """Yield the rows of a session by their start, in parts: JSON texts, without the brackets."""
    found = events.of_session(link, project, session_id, ids)
    rows = ((_ENCODER.encode(_row(event)),) for part in found for event in part)
    for some in values.parts(rows, IN_A_PART):
        yield ",".join(row for (row,) in some)


def _row(event: Event) -> list[object]:
    """Return an event as a row; its places are those of `FIELDS`."""
    is_line = event.get("action_type") == "log"
    return [
        *(fields.text(event, name) for name in ("id", "parent_id", "event_type", "action_type")),
        *(_moment(event, name) for name in ("timestamp", "end_timestamp")),
        *(fields.text(event, name) for name in ("result", "reason", "rating", "model")),
        fields.tags(event),
        *(fields.integer(event, name) for name in ("prompt_tokens", "completion_tokens")),
        *(_short(fields.text(event, name)) if is_line else None for name in ("level", "logger")),
        _error(event),
        _cost(event),
    ]


def _short(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST_LINE]


def _moment(event: Event, name: str) -> float | None:
    moment = fields.number(event, name)
    return None if moment is None else max(-FAR, min(moment, FAR))


def _error(event: Event) -> str | None:
    error = event.get("error")
    if error is None or event.get("result") == "Success":
        return None
    parts = [error.get("type"), error.get("message")] if isinstance(error, dict) else [error]
    return first_line(json.dumps(parts))


def _cost(event: Event) -> object:
    has_tokens = any(
        fields.integer(event, name) is not None for name in ("prompt_tokens", "completion_tokens")
    )
    return calls.cost_of(event) if has_tokens and prices.are_there() else None
