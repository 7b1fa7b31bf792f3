"""Ids of sessions and events: those of W3C trace context, so that nothing is ever translated.

A session's id is a trace id (32 hex digits): 48 bits of unix milliseconds, the digit 7 and 76
random bits, so ids sort by their start and samplers that look at the low 64 bits see random ones.
An event's id is a span id (16 hex digits). Source:
https://www.w3.org/TR/trace-context/#traceparent-header-field-values

The generator is private and seeded from the operating system: `random.seed(0)` in the user's
program changes no id, and a forked child has its own.
"""

import os
import random

from agentlog.recording.forked import new_mark

_random = random.Random(os.urandom(32))
_bits = _random.getrandbits

_here = new_mark()
_MILLISECONDS = (1 << 48) - 1


def event_id() -> str:
    """Return a new event id: 16 hex digits, not all zero."""
    if not _here[0]:
        _reseed()
    return "%016x" % (_bits(64) or 1)


def session_id(timestamp: float) -> str:
    """Return a new session id for a session that starts at `timestamp`, seconds since the epoch."""
    return f"{int(timestamp * 1000) & _MILLISECONDS:012x}7{_bits(76) or 1:019x}"


def _reseed() -> None:
    global _here  # noqa: PLW0603 - one generator a process, and one mark of the process
    _random.seed(os.urandom(32))
    _here = new_mark()


os.register_at_fork(after_in_child=_reseed)
