"""The shipper in the background: a thread of its own in each process that records.

It is woken by recording calls, from any thread and in the midst of signal handlers. So who wakes it
takes no lock: a `Bell` is rung, and the thread is started by the one call that needs none. A forked
child finds that nothing here is of its process, and starts anew.

It sleeps, without a look at the clock, when there is nothing to ship. What goes wrong in it is said
once and tried again.
"""

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agentlog.config import Settings
from agentlog.endpoint import speaks_otlp
from agentlog.errors import call_site, warn_at
from agentlog.recording import context
from agentlog.recording.encode import without_payload
from agentlog.recording.pen import Process
from agentlog.recording.redact import shown
from agentlog.recording.writer import Writer
from agentlog.shipping.http import Transport
from agentlog.shipping.machine import BATCH_RECORDS
from agentlog.shipping.outbox import Outbox
from agentlog.shipping.shipper import NOTHING, Poster, Shipper, Source
from agentlog.shipping.tally import Count, Tally

NAME: Final = "agentlog-shipper"

_MOST_WARNINGS: Final = 20

_LOOK_EVERY: Final = 0.05
"""Seconds after which somebody who waits looks again: other processes may be shipping too."""

_BATCH_OF_HALVES: Final = 2 * BATCH_RECORDS
"""Records in a batch of spans: most events are two."""

_TRY_AGAIN: Final = 1.0

_KEEP_ALIVE: Final = 5.0
"""Seconds without a record after which the connection is closed."""

_LONGEST: Final = 1.0
"""Seconds after which the thread looks whether a whole batch waits, if something does."""

_WARNING: Final = (
    "nothing is shipped to {endpoint}: {why}. The records wait in the journal, and it is tried "
    "again every minute. `agentlog doctor` says what to do."
)


@contextmanager
def shipper_for(
    settings: Settings, warn: Callable[[str], None], source: Source | None = None
) -> Iterator[Shipper]:
    """Give a shipper for a destination.

    Args:
        settings: What is shipped where.
        warn: Called with what a person should know.
        source: Where the lines are from, if not from the segments.

    """
    directory = settings.home / "journal" / settings.destination
    transport, outbox = _parts(settings, directory, warn)
    shipper = Shipper(
        directory,
        transport,
        strip=_without_payload,
        warn=lambda why: warn(_WARNING.format(endpoint=settings.endpoint, why=why)),
        source=source or outbox,
        max_wait=settings.max_wait,
        batch_records=_BATCH_OF_HALVES if speaks_otlp(settings.endpoint or "") else BATCH_RECORDS,
    )
    try:
        yield shipper
    finally:
        shipper.close()
        transport.close()


def _parts(
    settings: Settings, directory: Path, warn: Callable[[str], None]
) -> tuple[Poster, Source]:
    """Return what takes batches to an endpoint, and where its lines are from."""
    endpoint = settings.endpoint or ""
    if not speaks_otlp(endpoint):
        return Transport(endpoint, settings.api_key), Outbox(directory)
    from agentlog.shipping.otlp.outbox import SpanOutbox  # this imports OpenTelemetry's messages
    from agentlog.shipping.otlp.sessions import Sessions
    from agentlog.shipping.otlp.transport import SpanTransport

    sessions = Sessions(directory, settings.resource)
    transport = SpanTransport(
        endpoint,
        settings.api_key,
        settings.headers,
        sessions=sessions,
        warn=lambda said: warn(f"{endpoint} {said}"),
    )
    return transport, SpanOutbox(directory, sessions)


def _without_payload(line: bytes) -> bytes:
    """Return a record's line without its payloads; as it is, if it is no record of agentlog's."""
    try:
        return without_payload(line)[:-1]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return line


class Bell:
    """Wakes one thread. It may be rung from anywhere, as nobody waits to ring it."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        with suppress(RuntimeError):  # it was rung already
            self._lock.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is rung, or for so long; say whether it was."""
        if seconds is None:
            return self._lock.acquire()
        return self._lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))


class _Run:
    """One run of the thread, from a first record to its end; it belongs to one process."""

    __slots__ = (
        "batch_at",
        "due",
        "has_ended",
        "has_news",
        "is_over",
        "leaving",
        "news",
        "next",
        "process",
        "shipper",
        "urgent",
        "waiting",
    )

    def __init__(self, process: Process, *, is_over: bool = False) -> None:
        self.process = process
        self.news = Bell()  # there may be something to ship
        self.urgent = Bell()  # somebody waits for that
        self.waiting: list[Bell] = []  # they want to know of each step
        self.has_news = False  # a record came since it was cleared
        self.leaving = False
        self.is_over = self.has_ended = is_over
        self.shipper: Shipper | None = None
        self.batch_at = 0  # of the records written, the one that makes a batch full
        self.due = 0.0  # when it goes on, by time.monotonic, though somebody waits
        self.next: dict[str, _Run] = {}  # the run that follows, by setdefault: one for all threads

    def hurry(self) -> None:
        """Have it go on at once."""
        self.news.ring()
        self.urgent.ring()


class Background:
    """Has a shipper at work for the records of one writer.

    Args:
        settings: What to ship where.
        writer: Who writes what is to be shipped.

    """

    def __init__(self, settings: Settings, writer: Writer) -> None:
        self._settings = settings
        self._writer = writer
        self._tally = Tally(writer.directory)
        self._run = _Run(writer.process, is_over=True)
        self._made_at = call_site()
        self._told: set[str] = set()
        writer.notify = self.wake

    def wake(self) -> None:
        """There may be something to ship: wake the thread, or start it; takes no lock."""
        if context.own_work.get():
            return
        run = self._run
        # Before the look, as the thread says that it is over before it looks here.
        run.has_news = True
        run.news.ring()
        if run.is_over or run.process is not self._writer.process:
            self._start(run).news.ring()

    def count(self) -> Count:
        """Count what is settled of the writer's records in this process."""
        process, run = self._writer.process, self._run
        shipper = run.shipper if run.process is process else None
        return self._tally.count(process.owner, shipper.unsaved if shipper else {})

    def ship(self, is_done: Callable[[], bool], until: float) -> None:
        """Ship without delay until it is done, or until a time by `time.monotonic`."""
        if context.own_work.get():  # the thread itself came by: it cannot wait for itself
            return
        self.wake()
        run = self._run
        self._wait(run, lambda: run.is_over or is_done(), until)

    def leave(self) -> None:
        """Have the thread ship what is left, and end."""
        run = self._run
        if self._is_here(run):
            run.leaving = True
            run.hurry()

    def end(self, until: float) -> None:
        """Wait until the thread has ended, or would do nothing more before a time; then it ends.

        Args:
            until: A time by `time.monotonic`.

        """
        run = self._run
        if run.is_over:  # it ends by itself, or was given up before
            until = min(until, time.monotonic() + _LOOK_EVERY)
        is_asked = run.leaving and self._is_here(run)  # not one that a later record has started
        if is_asked and not run.has_ended and not context.own_work.get():
            self._wait(run, lambda: run.has_ended or run.due > until, until)
            run.is_over = True
            run.hurry()
            self._writer.listen()  # a later record starts another

    def _is_here(self, run: _Run) -> bool:
        """Say whether a run is of this process, and not of one that was forked."""
        return run.process is self._writer.process and bool(run.process.here[0])

    def _wait(self, run: _Run, is_done: Callable[[], bool], until: float) -> None:
        moved = Bell()
        run.waiting.append(moved)
        try:
            run.hurry()
            while not is_done() and (left := until - time.monotonic()) > 0:
                moved.wait(min(left, _LOOK_EVERY))
        finally:
            run.waiting.remove(moved)

    # -- The thread --------------------------------------------------------------------------------

    def _start(self, run: _Run) -> _Run:
        """Start the thread, if no other call does; return its run."""
        while run.next:
            run = run.next[""]
        if run.is_over or run.process is not self._writer.process:
            fresh = _Run(self._writer.process)
            try:
                run = run.next.setdefault("", fresh)
                if run is fresh:
                    # `threading.Thread` takes locks, and waits for the thread.
                    _thread.start_new_thread(self._work, (run,))
            except RuntimeError:  # no more threads just now, or the interpreter ends
                fresh.is_over = fresh.has_ended = True
            except BaseException:  # a signal handler's, once others may see the run
                fresh.is_over = fresh.has_ended = True
                raise
        self._run = run
        return run

    def _work(self, run: _Run) -> None:
        """Be the thread. Nothing that it does is recorded."""
        context.own_work.set(True)
        threading.current_thread().name = NAME
        while not run.is_over:
            try:
                with shipper_for(self._settings, self._warn) as run.shipper:
                    self._ship(run, run.shipper)
            except Exception as error:  # noqa: BLE001 - a thread that ends would ship no more
                self._warn(f"shipping goes on after an error inside agentlog: {shown(error)}")
                run.urgent.wait(_TRY_AGAIN)
        threading._active.pop(threading.get_ident(), None)  # type: ignore[attr-defined] # noqa: SLF001 - up to Python 3.12 it stays there for ever
        run.has_ended = True
        for bell in list(run.waiting):
            bell.ring()

    def _ship(self, run: _Run, shipper: Shipper) -> None:
        """Ship until the run is over; sleep while there is nothing to ship."""
        is_heard = False
        self._gather(run, shipper)
        while not run.is_over:
            leaving = run.leaving  # asked after the last look, it could miss the last records
            if self._step(run, shipper):
                continue
            if not is_heard:
                run.has_news = False
                self._writer.listen()
                is_heard = True
            elif leaving and not run.has_news:
                run.is_over = True
                if run.has_news:  # since just now
                    self._start(run).news.ring()
            else:  # what came before `listen` was looked for again, and what came after it has rung
                if not run.news.wait(_KEEP_ALIVE):
                    shipper.rest()
                    run.news.wait()
                is_heard = False
                self._gather(run, shipper)

    def _step(self, run: _Run, shipper: Shipper) -> bool:
        """Do the next thing, and wait as long as that asks for; say whether there may be more."""
        process, hurried = run.process, bool(run.waiting)
        if process.ring:
            self._writer.look_after()
        if process.written >= run.batch_at:
            self._gather(run, shipper, 0.0)
        pause = shipper.step(process.owner, hurried=hurried, leaving=run.leaving)
        for bell in list(run.waiting):
            bell.ring()
        others = shipper.is_kept_out
        if (pause == NOTHING or (others and self.count().is_all)) and not process.ring:
            return False
        if pause > 0:
            run.due = time.monotonic() + pause if hurried and not others else 0.0
            run.urgent.wait(min(pause, _LOOK_EVERY if hurried and others else _LONGEST))
            run.due = 0.0
        return True

    def _gather(self, run: _Run, shipper: Shipper, seconds: float | None = None) -> None:
        """Let what is recorded now wait for more, up to a batch of it."""
        shipper.gather(seconds)
        run.batch_at = run.process.written + BATCH_RECORDS

    # -- What people are told ----------------------------------------------------------------------

    def _warn(self, message: str) -> None:
        if message not in self._told and len(self._told) < _MOST_WARNINGS and not self._run.is_over:
            self._told.add(message)
            warn_at(self._made_at, message)
