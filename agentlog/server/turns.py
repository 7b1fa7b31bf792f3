"""What takes seconds of the processor: one at a time, with few who wait, and no stop waits for it.

The rule: nobody waits for long without being told. Whoever comes when there is a queue already, and
whoever is in it once the collector stops, gets a 503.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from starlette.exceptions import HTTPException

MOST_WAITING: Final = 4
_LATER: Final = "5"
"""Seconds."""

T = TypeVar("T")


class Turns:
    """One at a time of a kind of work.

    Args:
        closing: Set once the collector stops.

    """

    def __init__(self, closing: asyncio.Event) -> None:
        self._closing = closing
        self._turn = asyncio.Semaphore(1)
        self._there = 0

    async def have(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do some work in its turn; raises a 503."""
        if self._there > MOST_WAITING:
            raise _later("there are too many of these")
        self._there += 1
        worked = asyncio.ensure_future(self._in_turn(work))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((worked, closing), return_when=asyncio.FIRST_COMPLETED)
            if not worked.done():
                raise _later("the collector stops")
            return worked.result()
        finally:
            self._there -= 1
            worked.cancel()
            closing.cancel()

    async def _in_turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._turn:
            return await work()


async def aside(work: Callable[[], T]) -> T:
    """Do work in a thread that the end of the process does not wait for."""
    found: Future[T] = Future()
    found.set_running_or_notify_cancel()  # from now on it has an outcome, wanted or not

    def do() -> None:
        try:
            found.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the outcome is wanted
            found.set_exception(error)

    threading.Thread(target=do, name="agentlog-aside", daemon=True).start()
    return await asyncio.wrap_future(found)


def _later(why: str) -> HTTPException:
    return HTTPException(503, f"{why}: come again", {"Retry-After": _LATER})
