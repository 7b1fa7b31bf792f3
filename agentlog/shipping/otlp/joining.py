"""The lines of a journal as halves of events: which half it is of which event, and both as one.

The rule of this file: a line is looked at as little as can be. Those that agentlog writes are known
by how they begin and end, and others are read. What turns out to be damaged goes on as it is, as
whoever sends it looks at all of it.
"""

import json
import re
from typing import Any, Final, NamedTuple

from agentlog.halves import Event, merge
from agentlog.shipping.objects import object_of

Address = tuple[bytes, bytes]
"""Where an event lives: `(session_id, id)`."""

END_UNSEEN: Final = "end_unseen"
"""Of a record that is made here: its end is that of a span, and not the event's."""

OPEN: Final = b"{}"
"""What goes for an open half in a batch, as it is no span yet."""

_HEAD: Final = re.compile(
    rb'\{"id":"([0-9a-f]{16})","session_id":"([0-9a-f]{32})",'
    rb'(?:"(end_timestamp)":|"parent_id":(?:null|"[0-9a-f]{16}"),"event_type":)'
)


class Half(NamedTuple):
    """What a line is of an event.

    Attributes:
        address: Which event.
        is_open: Whether it opens the event, and no more.
        is_close: Whether it closes the event, and no more.

    """

    address: Address
    is_open: bool
    is_close: bool


def half_of(line: bytes) -> Half | None:
    """Say what a line is; None if it is no record of an event."""
    head = _HEAD.match(line)
    if head is None:
        return _read(line)
    is_close = head[3] is not None
    if (b'"event_type":' if is_close else b'"end_timestamp":') in line or not line.endswith(b"}"):
        return _read(line)
    session_id, event_id = head.group(2, 1)
    return Half((session_id, event_id), not is_close, is_close)


def joined(opened: bytes, closed: bytes) -> bytes:
    """Return the whole record of two halves; a field may stand in it twice, the last one counts."""
    head = _HEAD.match(closed)
    if head is None or not opened.endswith(b"}") or b'"notes":' in opened:
        return _merged(opened, closed)
    return opened[:-1] + b"," + closed[head.start(3) - 1 :]


def interrupted(opened: bytes, when: float) -> bytes:
    """Return the whole record of an event whose process was gone before it ended.

    A span has an end: that nobody saw it is told beside it.
    """
    record = object_of(opened)
    if record is None:
        return opened
    started: Any = record.get("timestamp")
    end = max(when, started) if type(started) in (int, float) else when
    outcome = {"end_timestamp": end, "result": "Indeterminate", "reason": "interrupted"}
    return _written({**record, **outcome, END_UNSEEN: True})


def _read(line: bytes) -> Half | None:
    record = object_of(line) or {}
    try:
        address = record["session_id"].encode(), record["id"].encode()
    except (KeyError, AttributeError, UnicodeEncodeError):
        return None
    is_ended = "end_timestamp" in record
    return Half(address, is_open=not is_ended, is_close=is_ended and "event_type" not in record)


def _merged(opened: bytes, closed: bytes) -> bytes:
    one, other = object_of(opened), object_of(closed)
    return closed if one is None or other is None else _written(merge(one, other))


def _written(record: Event) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
