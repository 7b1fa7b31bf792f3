"""What a collector does on a SQLite store besides storing batches, in the moments between them.

It takes up the journal of the home that it serves, lets searches find what is new, sums up what is
stale, and deletes what is too old. The rule: a step is of so many events that few batches wait long
for it; and while batches come one behind the other the index has its share of the time, which grows
with what it has yet to take in. So it catches up wherever there is time for both.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentlog.store.engine import Stopped
from agentlog.store.retention import FOREVER, Before, Retention
from agentlog.store.sqlite import index, pruning
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import uptake

_EVERY_UPTAKE: Final = 0.25
_EVERY_PRUNING: Final = 60.0
_EVERY_COUNT: Final = 1.0
_QUIET: Final = 0.05
"""Seconds without a batch after which the index is brought up to date."""

_SHARES: Final = ((50_000, 4.0), (200_000, 2.0))
"""Up to how many events behind the index leaves how many times its own time to the batches. To take
in 50,000 takes it some two seconds once nobody sends.
"""

_SOME_UNDER_LOAD: Final = 250
_SOME_PRUNED: Final = 100
_AT_MOST: Final = 60.0


def share_of_others(behind: int) -> float:
    """Return how many times its own time the index leaves to batches, so many events behind."""
    return next((share for most, share in _SHARES if behind <= most), 1.0)


class Errands:
    """The errands of one store. For the thread that writes it.

    Args:
        store: What is written.
        home: The home of which the journal is taken up, if any.
        keep: For how long a session that says nothing is kept, by its project.

    """

    def __init__(
        self, store: SqliteStore, *, home: Path | None = None, keep: Retention = FOREVER
    ) -> None:
        self._store = store
        self._home = home
        self._keep = keep
        self._every_pruning = min(_EVERY_PRUNING, keep.shortest)
        now = time.monotonic()
        self._next_uptake = now if home else math.inf
        self._next_pruning = now if math.isfinite(keep.shortest) else math.inf
        self._next_step = self._next_count = self._next_sum = now
        self._is_behind = self._may_be_stale = True
        self._is_idle = False
        self.behind = 0
        """How many events a search does not find yet, as far as is known."""

    def pause(self) -> float:
        """Return how many seconds there is nothing to do but to wait for batches."""
        quiet = (0.0 if self._is_idle else _QUIET) if self._is_behind else _AT_MOST
        now = time.monotonic()
        wanted = min(now + quiet, self._next_uptake, self._next_pruning)
        if self._may_be_stale:
            wanted = min(wanted, self._next_sum)
        return max(0.0, max(wanted, self._next_step if self._is_idle else 0.0) - now)

    def note_commit(self) -> None:
        """Learn that there may be something new."""
        self._is_behind = self._may_be_stale = True

    def run(self, *, idle: bool, between: Callable[[], None]) -> None:
        """Do what is due; raises `StoreError` if it cannot be done.

        Args:
            idle: Whether no batch has come since the last time.
            between: Called between two steps of what cannot be left in the middle.

        """
        self._store.check_place()
        self._is_idle = idle
        now = time.monotonic()
        if now >= self._next_uptake and self._home:
            self._take_up(self._home, between)
        if now >= self._next_pruning:
            self._prune(self._keep.before(time.time()))
        if self._may_be_stale and now >= self._next_sum:
            self._sum_up()
        now = time.monotonic()
        if self._is_behind and now >= self._next_step:
            self._index(index.AT_ONCE if idle else _SOME_UNDER_LOAD)
            done = time.monotonic()
            self._next_step = done + (0.0 if idle else share_of_others(self.behind) * (done - now))

    def _take_up(self, home: Path, between: Callable[[], None]) -> None:
        # What cannot be read of a journal is the business of `doctor`.
        with suppress(OSError, Stopped):
            if uptake(self._store, home, between=between).records:
                self._is_behind = True
        self._next_uptake = time.monotonic() + _EVERY_UPTAKE

    def _prune(self, before: Before) -> None:
        with self._store.writing() as connection:
            deleted = pruning.prune_some(connection, before, _SOME_PRUNED)
        self._next_pruning = time.monotonic() + (0.0 if deleted else self._every_pruning)

    def _sum_up(self) -> None:
        began = time.monotonic()
        self._may_be_stale = self._store.sum_up_some()
        done = time.monotonic()
        self._next_sum = done + share_of_others(0) * (done - began)

    def _index(self, most: int) -> None:
        self._is_behind = self._store.index_some(most) > 0
        now = time.monotonic()
        if not self._is_behind:
            self.behind = 0
        elif now >= self._next_count:  # it takes a while where there is much
            self.behind = self._store.count_unsearched()
            self._next_count = now + _EVERY_COUNT
