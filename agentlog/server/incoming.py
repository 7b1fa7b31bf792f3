"""The bodies of requests, while they come.

The rule: what a client can make us hold is counted before it is held, and not for long. The first
`FREE` bytes of a body are anybody's, as there are only so many connections; what is beyond comes
out of one budget for all, and who has of it has to be quick: who falls below the least pace is not
waited for, and when the budget is used up the slowest makes room for who is not slow.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from agentlog.server.envelope import MOST_BYTES
from agentlog.server.writer import Busy

BUDGET: Final = 64 << 20
FREE: Final = 64 << 10
PATIENCE: Final = 10.0
"""Seconds for a client to send anything of its body."""

LONGEST: Final = 60.0
"""Seconds for all of it."""

_WINDOW: Final = 5.0
_LEAST: Final = 64 << 10
"""Bytes a second in each window, of who has of the budget."""

_SLOW: Final = 1 << 20
"""Bytes a second below which a body may have to make room for another."""

_NEW: Final = 1.0
"""Seconds in which nobody is slow."""


class Refused(HTTPException):
    """A request that is answered with an error: status, detail, and headers for it.

    The rest of its body is read for a moment and forgotten (protocol.py): a connection that is
    closed while a client sends is a reset to it, and the answer is lost.
    """


class _Coming:
    """One body that comes: how much of it is there, and at which pace."""

    def __init__(self, now: float, limit: asyncio.Timeout, longest: float) -> None:
        self.size = 0
        self.until = now + longest
        self._limit = limit
        self._marked, self._size_then = now, 0
        self._pace_then = float("inf")
        self.is_dropped = False

    def grow(self, size: int, now: float) -> None:
        """Learn that more of it is there; raises `TimeoutError` if that is too late."""
        if self.is_dropped:
            raise TimeoutError
        is_new = not self.counted
        self.size += size
        gained = self.size - self._size_then
        if is_new or gained >= _LEAST * _WINDOW:
            if not is_new:
                self._pace_then = gained / max(now - self._marked, 1e-3)
            self._marked, self._size_then = now, self.size
        patience = now + PATIENCE if self.size <= FREE else self._marked + _WINDOW
        self._limit.reschedule(min(self.until, max(patience, now)))

    def pace(self, now: float) -> float:
        """Return its bytes a second of late."""
        passed = now - self._marked
        if passed < _NEW:
            return self._pace_then
        return min(self._pace_then, (self.size - self._size_then) / passed)

    @property
    def counted(self) -> int:
        """How many bytes of the budget it has."""
        return max(0, self.size - FREE)

    def drop(self, now: float) -> None:
        """Wait for it no longer."""
        if not self._limit.expired():
            self._limit.reschedule(now)
        self.is_dropped, self.size = True, 0


class Incoming:
    """Reads the bodies of all requests. For one event loop.

    Args:
        budget: Bytes that all bodies may have together, beyond what is free.

    """

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._coming: set[_Coming] = set()
        self._held = 0

    @asynccontextmanager
    async def body(
        self, request: Request, *, most: int = MOST_BYTES, longest: float = LONGEST
    ) -> AsyncIterator[bytes]:
        """Read a body; its bytes count until the block ends. Raises `Refused` and `Busy`."""
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > most:
            raise _too_large(most)
        body = await self._read(request, most, longest)
        counted = max(0, len(body) - FREE)
        self._held += counted
        try:
            yield body
        finally:
            self._held -= counted

    async def _read(self, request: Request, most: int, longest: float) -> bytes:
        now = asyncio.get_running_loop().time
        limit = asyncio.timeout(min(PATIENCE, longest))
        coming = _Coming(now(), limit, longest)
        self._coming.add(coming)
        body = bytearray()
        try:
            async with limit:
                async for chunk in request.stream():
                    if len(body) + len(chunk) > most:
                        raise _too_large(most)
                    self._make_room(coming, len(chunk), now())
                    coming.grow(len(chunk), now())
                    body += chunk
        except TimeoutError:
            late = "the body did not come in time"
            raise Refused(408, late, {"Connection": "close"}) from None
        except ClientDisconnect:
            raise Refused(400, "the connection was closed within the body") from None
        finally:
            self._coming.remove(coming)
        return bytes(body)

    def _make_room(self, coming: _Coming, size: int, now: float) -> None:
        """See to it that there is room for more of a body; raises `Busy`."""
        wanted = max(0, coming.size + size - FREE)
        while wanted and wanted - coming.counted > self._budget - self._used():
            slowest = self._slowest(coming, now)
            if slowest is None:
                raise Busy(1)
            slowest.drop(now)

    def _used(self) -> int:
        return self._held + sum(one.counted for one in self._coming)

    def _slowest(self, asking: _Coming, now: float) -> _Coming | None:
        others = (one for one in self._coming if one is not asking and one.counted)
        slowest = min(others, key=lambda one: one.pace(now), default=None)
        return slowest if slowest and slowest.pace(now) < _SLOW else None


def _too_large(most: int) -> Refused:
    said = f"{most >> 20} MiB" if most >> 20 else f"{most:,} bytes"
    return Refused(413, f"a body has at most {said}")
