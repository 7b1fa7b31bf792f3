"""Breadcrumbs: the last log lines before a failure, remembered with the action they were logged in.

Remembering happens at every line of the log: it is a shallow copy where no value can change, a deep
one of plain containers, an encoding of anything else. Only if the action fails are they written.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any

from agentlog.foreign import let_pass
from agentlog.recording.encode import PAYLOAD_ROOM, Encoded, Encoder

Crumb = tuple[float, Any, str | None, "dict[Any, Any] | Encoded"]

UNCHANGING = frozenset({str, int, float, bool, bytes, type(None)})
_ROOM = PAYLOAD_ROOM // 32  # for one line, so that all fit into the record of the failure
_CONTAINERS = frozenset({dict, list, tuple})
_DEEPEST, _MOST, _MOST_COPIED = 4, 64, 1000

_OURS = ("timestamp", "level", "logger")


def taken(line: MutableMapping[Any, Any], encoder: Encoder) -> "dict[Any, Any] | Encoded":
    """Return a line as it is now, with values in it that can change."""
    try:
        return _copy_of_line(line)
    except BaseException as error:  # noqa: BLE001 - not plain, or it changes just now, or its own code ran
        let_pass(error)
        return encoder.piece(line, _ROOM)


def _copy_of_line(line: MutableMapping[Any, Any]) -> dict[Any, Any]:
    left = [_MOST_COPIED]
    return {_copied(k, 0, left): _copied(v, _DEEPEST, left) for k, v in line.items()}


def _copied(value: Any, depth: int, left: list[int]) -> Any:
    """Return a copy of plain values, which is cheaper than to encode them."""
    kind = type(value)
    if kind in UNCHANGING:
        return value
    if kind not in _CONTAINERS or not depth or len(value) > _MOST or left[0] <= 0:
        raise _NotPlainError
    left[0] -= 1 + len(value)
    if kind is dict:
        return {_copied(k, 0, left): _copied(item, depth - 1, left) for k, item in value.items()}
    return kind([_copied(item, depth - 1, left) for item in value])


class _NotPlainError(Exception):
    """A value has to be encoded to be taken as it is."""


def as_log(crumbs: Iterable[Crumb]) -> list[dict[Any, Any]]:
    """Return breadcrumbs as the record's `log`."""
    entries = []
    for crumb in crumbs:
        try:
            entries.append(_as_entry(*crumb))
        except BaseException as error:  # noqa: BLE001 - the line's own code ran; the failure matters more
            let_pass(error)
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
