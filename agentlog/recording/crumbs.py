"""Breadcrumbs: the last log lines before a failure, remembered with the action they were logged in.

Remembering happens at every line of the log: it is a shallow copy where no value can change, and an
encoding where one can. Only if the action fails are they written.
"""

from collections.abc import Iterable
from typing import Any

from agentlog.recording.encode import PAYLOAD_ROOM, Encoded

Crumb = tuple[float, Any, str | None, "dict[Any, Any] | Encoded"]

UNCHANGING = frozenset({str, int, float, bool, type(None)})
ROOM = PAYLOAD_ROOM // 32
"""The room for one line, so that all of them fit into the record of the failure."""

_OURS = ("timestamp", "level", "logger")


def as_log(crumbs: Iterable[Crumb]) -> list[dict[Any, Any]]:
    """Return breadcrumbs as the record's `log`."""
    entries = []
    for crumb in crumbs:
        try:
            entries.append(_as_entry(*crumb))
        except Exception:  # noqa: BLE001 - the line's own code ran; the failure matters more
            entries.append({"timestamp": crumb[0], "event": "<unprintable line>"})
    return entries


def _as_entry(
    timestamp: float, logger: Any, level: str | None, line: "dict[Any, Any] | Encoded"
) -> dict[Any, Any]:
    values = line.value() if isinstance(line, Encoded) else line
    entry: dict[Any, Any] = {
        "timestamp": timestamp,
        "level": values.get("level") or level,
        "logger": values.get("logger") or getattr(logger, "name", None),
        "event": values.get("event"),
    }
    entry.update((key, value) for key, value in values.items() if key not in _OURS)
    return {key: value for key, value in entry.items() if value is not None or key not in _OURS}
