"""A store in a ClickHouse as a collector has it; others may have it beside.

The rule: nothing is kept here that another collector would have to know. So any of them may die at
any moment, and what it had not acknowledged is sent to the next one.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agentlog.store.clickhouse import pruning, writing
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import migrate
from agentlog.store.clickhouse.news import Watch
from agentlog.store.engine import Marks, News, Portion, Stopped
from agentlog.store.retention import FOREVER, Retention

if TYPE_CHECKING:
    from agentlog.store.address import ServerAddress

_ANSWERING: Final = 15
"""Seconds in which the server has to answer: who sends a batch waits for it, and others behind."""

_FREQUENCY: Final = 1000
_MOST_OFTEN, _LEAST_OFTEN = 60.0, 3600.0
"""To look for what is too old all sessions are summed up, so that is done a thousand times in the
shortest time for which some are kept: once a minute at most, once an hour at least."""


class ClickHouseSink:
    """A `Sink` into the store at `where`, which is made if it is not there.

    Args:
        where: The store.
        keep: For how long a session that says nothing is kept, by its project.

    Raises:
        StoreError: If the server cannot be reached or does not let this be done.

    """

    def __init__(self, where: "ServerAddress", *, keep: Retention = FOREVER) -> None:
        migrate(where)
        self._link = Link(where, answering=_ANSWERING)
        self._watch = Watch(self._link)
        self.errands = Errands(self._link, self._watch, keep)

    @property
    def marks(self) -> Marks:
        """How the marks of `news` are understood."""
        return self._watch.marks

    def put(self, portions: Sequence[Portion]) -> None:
        """Store what came, in one step."""
        writing.insert(self._link, portions)

    def try_to_write(self) -> None:
        """Write, and change nothing; raises `StoreError` if that cannot be done."""
        writing.try_to(self._link)

    def news(self) -> News:
        """Return what has changed in the store, whoever has changed it."""
        return self._watch.look()

    def trouble(self) -> str:
        """Say why the server could not be asked what is new, or since when it does not answer."""
        return self._watch.trouble()

    def close(self) -> None:
        """Let go of the store."""
        self._link.close()


class Errands:
    """What a collector does beside: it deletes what is too old. News it is asked for.

    Several do so, none of them knowing: what is gone is gone for all. So that they do not look all
    at once, each waits a while that chance decides.
    """

    behind = 0
    """A search finds at once what is stored."""

    def __init__(self, link: Link, watch: Watch, keep: Retention) -> None:
        self._link = link
        self._watch = watch
        self._keep = keep
        shortest = keep.shortest
        self._every = min(max(_MOST_OFTEN, shortest / _FREQUENCY), _LEAST_OFTEN, shortest)
        self._next_pruning = math.inf
        if math.isfinite(shortest):
            self._next_pruning = time.monotonic() + random.uniform(0, 1)

    def pause(self) -> float:
        """Return how many seconds there is nothing to do but to wait for batches."""
        return min(self._watch.pause(), max(0.0, self._next_pruning - time.monotonic()))

    def note_commit(self) -> None:
        """Learn that there is something new, which is nothing to do."""

    def run(self, *, idle: bool, between: Callable[[], None]) -> None:  # noqa: ARG002 - it is rare
        """Do what is due; raises `StoreError` if it cannot be done."""
        now = time.monotonic()
        if now >= self._next_pruning:
            # Before it is tried: what cannot be deleted is no reason to take in nothing more.
            self._next_pruning = now + self._every * random.uniform(0.5, 1.5)
            with suppress(Stopped):
                before = self._keep.before(time.time())
                pruning.prune(self._link, before, wait=False, between=between)
