"""Knowing a log line again that comes by more than one way.

It may come through the formatters of two handlers, a formatter and an `EventHandler`, or out of a
structlog chain into a handler. Two things tell that it was here:

* Copies of a LogRecord share the objects of its times, which no other record has.
* A record that a structlog chain is logging just now has the call of its bound logger among the
  frames that led here. An `EventProcessor` in that chain has had the line in the same call, and
  says under that call's identity what it made of it.
"""

import logging
from collections.abc import Iterator
from itertools import islice
from sys import _getframe
from types import FrameType
from typing import Any, Final

import structlog
from structlog.stdlib import ProcessorFormatter

from agentlog.bridges.origin import RECORD, EventDict, record_of

PRINTING: Final = frozenset(
    {
        structlog.PrintLogger,
        structlog.WriteLogger,
        structlog.BytesLogger,
        structlog.testing.ReturnLogger,
        structlog.testing.CapturingLogger,
    }
)
"""structlog's own loggers, whose lines do not go to the logging module."""

DENIED: Final = None
"""What was made of a line that is marked as no event: nobody else's rule counts."""

UNSEEN: Final = "unseen"
LATE: Final = "late"
"""Of a record that comes when its call is over: it was gathered, or has been in a queue."""

CALL: Final = structlog.BoundLoggerBase._proxy_to_logger.__code__  # noqa: SLF001 - meant for wrappers
_CHAIN = structlog.BoundLoggerBase._process_event.__code__  # noqa: SLF001 - as above
_FORMAT = ProcessorFormatter.format.__code__
_HANDLE = logging.Logger.handle.__code__
_NEAR, _FAR = 8, 24

Stamp = tuple[str, str, str]
"""The ids of an event: session, event, parent."""


class Seen:
    """A LogRecord that was here, and the event that was made of it; the record is not kept.

    Its times are, so that no other record gets their identity meanwhile.
    """

    __slots__ = ("_times", "stamp")

    def __init__(self, record: logging.LogRecord, stamp: Stamp = ("", "", "")) -> None:
        self._times = _times_of(record)
        self.stamp = stamp


def key_of(record: logging.LogRecord) -> tuple[int, int] | None:
    """Return the identity of a record's times; None if somebody has put others in their place."""
    one, other = _times_of(record)
    return (id(one), id(other)) if type(one) is type(other) is float else None


def _times_of(record: logging.LogRecord) -> tuple[Any, Any]:
    values = vars(record)
    return values.get("relativeCreated"), values.get("created")


def caller(event_dict: EventDict) -> tuple[FrameType | None, logging.LogRecord | None]:
    """Return the call of a bound logger that a processor works for, or the record of a formatter.

    The processor may be called by way of others, as a part of them or by a subclass.
    """
    if RECORD in event_dict and (record := record_of(event_dict)) is not None:
        return None, record
    for frame in _frames(_NEAR):
        if frame.f_code is CALL:
            return frame, None
        if frame.f_code is _FORMAT:  # behind ProcessorFormatter.remove_processors_meta
            return None, frame.f_locals["record"]
    return None, None


def call_that_logs(record: logging.LogRecord) -> FrameType | str:
    """Return the call of a bound logger whose line this record is; for others, UNSEEN or LATE."""
    frames = _frames(_FAR)
    handled = next((frame.f_locals["record"] for frame in frames if frame.f_code is _HANDLE), None)
    key = key_of(record)
    if handled is None or key is None or key_of(handled) != key:
        return LATE  # no line is being logged, or another one that brings this record along
    behind = (frame for frame in islice(frames, _NEAR) if frame.f_code in (_CHAIN, CALL))
    call = next(behind, None)
    return UNSEEN if call is None or call.f_code is _CHAIN else call  # a processor logs by itself


def _frames(most: int) -> Iterator[FrameType]:
    """Yield the frames that led to the function that asks for them, from its caller on."""
    frame: FrameType | None = _getframe(2)
    while frame is not None and most:
        yield frame
        frame = frame.f_back
        most -= 1


def chain_of(call: FrameType) -> Any:
    """Return the processors of a bound logger's call."""
    return getattr(call.f_locals.get("self"), "_processors", ())
