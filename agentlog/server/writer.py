"""The writer of a collector's store: batches go in, a receipt comes out after the commit.

The rules. One thread has the store's sink. What waits for it is bounded in bytes: who comes when
that is used up is told to come again, `Busy`. Batches that wait together are stored together, so
that a slow disk costs latency and not throughput. A batch that cannot be stored is answered so, and
nothing of it counts as kept; the next one is tried anew, so a disk that has room again needs
nobody's help. Why a store cannot be written is told to who runs the collector, and not to who
sends. What else is to be done on the store, the sink's errands, is done between batches.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from agentlog.errors import StoreError
from agentlog.server.intake import Batch
from agentlog.store import Receipt
from agentlog.store.engine import News, Portion, Sink, Stopped, StoreFullError

ROOM: Final = 64 << 20
"""Bytes of batches that may wait, and of those that are committed just now."""

_TOGETHER: Final = 4 << 20
"""Bytes that are committed in one transaction, so that nobody waits long for others."""

_AFTER_TROUBLE: Final = 1.0
"""Seconds after which a store that could not be written is tried again, if nobody sends."""

_PATIENCE: Final = 6.0
_PATIENCE_IN_TROUBLE: Final = 2.0
"""Seconds for what waits to be committed, in the end; a store that cannot be written may hang."""

_STOPPED: Final = "the collector is stopping"
_BROKEN: Final = "the store cannot be written just now: come again"
_FULL: Final = "the store has no room just now: its disk is full"
"""What is told to who sends. Where the store is, and what is wrong with it, the log says."""


class NotKept(Exception):  # noqa: N818 - it is an answer and no mistake
    """Nothing of a batch is kept; the text says why.

    Attributes:
        status_code: What HTTP calls it.
        retry_after: Seconds after which it is worth another try.

    """

    status_code: int
    retry_after: int


class Busy(NotKept):
    """There is no room for another batch just now."""

    status_code = 429

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("there is more to store than can be held: come again")
        self.retry_after = retry_after


class NoRoom(NotKept):
    """The disk is full."""

    status_code, retry_after = 507, 30


class Broken(NotKept):
    """The store cannot be used."""

    status_code, retry_after = 503, 5


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A batch that waits, and where its receipt goes."""

    project: str
    batch: Batch
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Receipt]"


class Writer:
    """Writes to a sink until `stop`, which closes it.

    Args:
        sink: The store's.
        room: Bytes of batches that may wait.
        note: Told, in the writer's thread, why the store cannot be written; and with an empty text
            that it can be again.
        tell: Told, in the writer's thread, what is new in the store.

    """

    def __init__(
        self,
        sink: Sink,
        *,
        room: int = ROOM,
        note: Callable[[str], None] | None = None,
        tell: Callable[[News], None] | None = None,
    ) -> None:
        self._sink = sink
        self._errands = sink.errands
        self._room = room
        self._queue: deque[_Waiting] = deque()
        self._news = threading.Condition()
        self._held = 0
        self._stopping = False
        self._counts = {"batches": 0, "commits": 0, "records_accepted": 0, "records_refused": 0}
        self._trouble = self._noted = ""
        self._next_try = 0.0
        self._note, self._tell = note, tell
        self._thread = threading.Thread(target=self._work, name="agentlog-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, close the store and let go of it; one that hangs is left alone."""
        patience = _PATIENCE if self.is_well else _PATIENCE_IN_TROUBLE
        with self._news:
            self._stopping = True
            self._news.notify()
        self._thread.join(patience)

    async def submit(self, project: str, batch: Batch) -> Receipt:
        """Store a batch; returns after the commit. Raises `Busy`, `NoRoom` or `Broken`."""
        if not batch.entries:
            self._count(0, len(batch.refused))
            return Receipt(0, batch.refused)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(project, batch, loop, loop.create_future())
        with self._news:
            if self._stopping:
                raise Broken(_STOPPED)
            if self._held and self._held + batch.size > self._room:
                raise Busy
            self._held += batch.size
            self._queue.append(waiting)
            self._news.notify()
        try:
            return await waiting.answer
        except asyncio.CancelledError as error:  # by who stops, and waits no longer
            raise Broken(_STOPPED) from error

    @property
    def is_well(self) -> bool:
        """Whether the store could be written the last time, and is where it was."""
        return self._thread.is_alive() and not self.trouble

    @property
    def trouble(self) -> str:
        """Why the store could not be written the last time, or is not there; empty if it is."""
        return self._trouble or self._sink.trouble()

    def figures(self) -> Mapping[str, int]:
        """Return what was done and what waits, by names that a metric can have."""
        return {
            **self._counts,
            "queued_bytes": self._held,
            "queued_batches": len(self._queue),
            "indexed_behind": self._errands.behind,
        }

    # -- In the thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while True:
                batches = self._next(self._pause())
                if batches:
                    self._commit(batches)
                    self._tell_news()
                    self._errands.note_commit()
                elif self._stopping:
                    break
                self._run_errands(idle=not batches)
                self._tell_news()
                self._tell_of_trouble()
        finally:
            self._let_go()

    def _next(self, pause: float) -> list[_Waiting]:
        """Wait for batches; return those that are committed together, none after a pause."""
        with self._news:
            self._news.wait_for(lambda: self._queue or self._stopping, pause)
            batches: list[_Waiting] = []
            size = 0
            while self._queue and (not batches or size < _TOGETHER):
                batches.append(self._queue.popleft())
                size += batches[-1].batch.size
            return batches

    def _pause(self) -> float:
        if self._trouble:
            return max(0.0, self._next_try - time.monotonic())
        return self._errands.pause()

    def _run_errands(self, *, idle: bool) -> None:
        """Do what is due; of a store that cannot be written, ask now and then whether it can be."""
        try:
            if self._trouble:
                if time.monotonic() < self._next_try:
                    return
                self._sink.try_to_write()
                self._trouble = ""
            self._errands.run(idle=idle, between=self._between)
        except Exception as error:  # noqa: BLE001 - the thread lives on: it is the only one that writes
            self._suffer(error)

    def _suffer(self, error: Exception) -> None:
        self._trouble = _told(error)
        self._next_try = time.monotonic() + _AFTER_TROUBLE
        self._tell_of_trouble()  # at once: of a store that hangs each question takes long

    def _between(self) -> None:
        """Do between two steps of an errand what does not wait for its end."""
        self._commit(self._next(0))
        self._tell_news()
        if self._stopping:
            raise Stopped

    def _tell_news(self) -> None:
        try:
            if self._tell:
                self._tell(self._sink.news())
        except Exception as error:  # noqa: BLE001 - as with errands
            self._suffer(error)

    def _tell_of_trouble(self) -> None:
        if self._note and self._trouble != self._noted:
            self._noted = self._trouble
            self._note(self._noted)

    def _commit(self, batches: Sequence[_Waiting]) -> None:
        """Store batches, together or, if that fails by what is in them, each alone; answer them."""
        if not batches:
            return
        failure = self._stored(batches)
        if failure and len(batches) > 1 and self._is_theirs(failure):
            for one in batches:
                self._commit([one])
        else:
            self._answer(batches, failure)

    def _is_theirs(self, failure: NotKept) -> bool:
        """Say whether batches failed though the store can be written: each may wait for it long."""
        if isinstance(failure, NoRoom):
            return False
        try:
            self._sink.try_to_write()
        except Exception:  # noqa: BLE001 - it has failed already
            return False
        return True

    def _stored(self, batches: Sequence[_Waiting]) -> NotKept | None:
        """Store batches in one transaction; return why that cannot be done, None if it is."""
        try:
            now = time.time()
            self._sink.put([Portion(one.project, one.batch.entries, now) for one in batches])
        except StoreError as error:
            self._suffer(error)
            return NoRoom(_FULL) if isinstance(error, StoreFullError) else Broken(_BROKEN)
        except Exception as error:  # noqa: BLE001 - the thread lives on, whatever a batch is made of
            self._suffer(error)
            return Broken("the batch cannot be stored")
        self._trouble = ""
        self._counts["commits"] += 1
        for one in batches:
            self._counts["batches"] += 1
            self._count(len(one.batch.entries), len(one.batch.refused))
        return None

    def _answer(self, batches: Sequence[_Waiting], failure: NotKept | None) -> None:
        with self._news:
            self._held -= sum(one.batch.size for one in batches)
        for one in batches:
            outcome = failure or Receipt(len(one.batch.entries), one.batch.refused)
            with suppress(RuntimeError):  # its loop is closed: nobody waits for it any more
                one.loop.call_soon_threadsafe(_settle, one.answer, outcome)

    def _count(self, accepted: int, refused: int) -> None:
        with self._news:  # batches without a record are counted in the loop
            self._counts["records_accepted"] += accepted
            self._counts["records_refused"] += refused

    def _let_go(self) -> None:
        with self._news:
            self._stopping = True
            left = list(self._queue)
            self._queue.clear()
        self._answer(left, Broken(_STOPPED))
        self._sink.close()


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"


def _settle(answer: "asyncio.Future[Receipt]", outcome: Receipt | NotKept) -> None:
    if answer.done():
        return  # whoever waited is gone
    if isinstance(outcome, Receipt):
        answer.set_result(outcome)
    else:
        answer.set_exception(outcome)
