"""The log of a collector: lines for people on a terminal, else JSON, written aside.

The rule: nobody waits for whoever reads the log. Lines wait for it in a queue that is bounded, and
a thread of its own writes them; what finds no room is dropped, and how much that was is said once
there is room again. What libraries log goes the same way; the same trouble again and again is told
once in a while, with how often it came.
"""

import asyncio
import logging
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

_ROOM: Final = 256 << 10
"""Characters of lines that may wait."""

_LAST: Final = 1.0
"""Seconds that the end waits for what is still to be written."""

_AGAIN: Final = 10.0
"""Seconds in which the same trouble is not told twice."""

_MOST_TOLD: Final = 100
"""Kinds of trouble that are remembered."""


@contextmanager
def logger(stream: TextIO | None = None) -> Iterator[FilteringBoundLogger]:
    """Give the log for a block; it goes to stderr if nothing else is said."""
    stream = sys.stderr if stream is None else stream
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
    ]
    last: list[structlog.typing.Processor]
    if _is_terminal(stream):
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    aside = Aside(_descriptor(stream))
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", aside)),
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    aside.when_dropped = lambda count: log.warning("log lines dropped", count=count)
    try:
        yield log
    finally:
        aside.close()


def note_of_store(log: FilteringBoundLogger, trouble: str) -> None:
    """Log why the store cannot be written, or that it can be again."""
    if trouble:
        log.warning("store cannot be written", why=trouble)
    else:
        log.info("store can be written again")


def _is_terminal(stream: TextIO | None) -> bool:
    with suppress(ValueError, AttributeError):  # it is closed, or None
        return cast("TextIO", stream).isatty()
    return False


def _descriptor(stream: TextIO | None) -> int | None:
    """Return what is written to: past the stream, of which a thread would hold the lock."""
    with suppress(ValueError, AttributeError, OSError):  # it is closed, or None, or no file
        return cast("TextIO", stream).fileno()
    return None


class Aside:
    """A stream whose writing waits for nobody; from any thread.

    Args:
        descriptor: What is written to in the end; None if there is nothing.

    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._news = threading.Condition()
        self._held = self._dropped = 0
        self._is_writing = self._is_closed = False
        self.when_dropped: Callable[[int], object] = _ignore
        threading.Thread(target=self._work, name="agentlog-log", daemon=True).start()

    def write(self, text: str) -> int:
        """Take a line, or drop it."""
        with self._news:
            if self._held + len(text) > _ROOM:
                self._dropped += 1
                return 0
            self._held += len(text)
            self._lines.append(text)
            self._news.notify_all()
        return len(text)

    def flush(self) -> None:
        """Do nothing: nobody waits."""

    def close(self) -> None:
        """Wait for a moment until all is written."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
            self._news.wait_for(lambda: not self._lines and not self._is_writing, _LAST)

    def _work(self) -> None:
        while text := self._next():
            self._put(text.encode(errors="backslashreplace"))
            with self._news:
                self._is_writing = False
                self._held -= len(text)
                dropped, self._dropped = (0, self._dropped) if self._held else (self._dropped, 0)
                self._news.notify_all()
            if dropped:
                self.when_dropped(dropped)

    def _next(self) -> str:
        with self._news:
            self._news.wait_for(lambda: self._lines or self._is_closed)
            self._is_writing = bool(self._lines)
            return self._lines.popleft() if self._lines else ""

    def _put(self, data: bytes) -> None:
        """Write a line if that is possible: that it is not is no reason not to answer."""
        if self._descriptor is None:
            return
        with suppress(OSError, ValueError):
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    select.select([], [self._descriptor], [])


def _ignore(count: int) -> None:
    del count


# -- What libraries log ----------------------------------------------------------------------------


class _Forwarding(logging.Handler):
    """Hands what a library logs to our log."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._told: dict[str, tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a line, but for what a stop breaks off: that is meant."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, asyncio.CancelledError):
            return
        what = record.getMessage().strip().partition("\n")[0]
        key, now = f"{what} {type(error).__name__}", time.monotonic()
        since, times = self._told.get(key, (-_AGAIN, 0))
        if now - since < _AGAIN:
            self._told[key] = since, times + 1
            return
        if len(self._told) > _MOST_TOLD:
            self._told.clear()
        self._told[key] = now, 0
        more: dict[str, object] = {"times_since": times} if times else {}
        if isinstance(error, OSError):
            more["error"] = str(error)  # of the system's making: the place in the code says nothing
        else:
            more["exc_info"] = error
        self._log.log(record.levelno, what, **more)


@contextmanager
def forwarding(log: FilteringBoundLogger) -> Iterator[None]:
    """Hand what libraries log to our log, for a block."""
    handler = _Forwarding(log)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
