"""A store in a ClickHouse as a collector has it; others may have it beside.

The rule: nothing is kept here that another collector would have to know. So any of them may die at
any moment, and what it had not acknowledged is sent to the next one.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from agentlog.store.clickhouse import pruning, writing
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import migrate
from agentlog.store.clickhouse.news import Watch
from agentlog.store.engine import Marks, News, Portion

if TYPE_CHECKING:
    from agentlog.store.where import ClickHouse

_EVERY_PRUNING: Final = 60.0
_AFTER_TROUBLE: Final = 1.0


class ClickHouseSink:
    """A `Sink` into the store at `where`, which is made if it is not there.

    Args:
        where: The store.
        keep: Seconds that nothing of a session may have come before it is deleted; None keeps all.

    Raises:
        StoreError: If the server cannot be reached or does not let this be done.

    """

    def __init__(self, where: "ClickHouse", *, keep: float | None = None) -> None:
        migrate(where)
        self._link = Link(where)
        self._watch = Watch(self._link)
        self.errands = Errands(self._link, self._watch, keep)

    @property
    def marks(self) -> Marks:
        """How the marks of `news` are understood."""
        return self._watch.marks

    def put(self, portions: Sequence[Portion], arrived: float) -> None:
        """Store what came just now, in one step."""
        writing.insert(self._link, portions, arrived)

    def news(self) -> News:
        """Return what has changed in the store, whoever has changed it."""
        return self._watch.look()

    def trouble(self) -> str:
        """Say why the server could not be asked what is new, half a second ago at most."""
        return self._watch.trouble

    def close(self) -> None:
        """Let go of the store."""
        self._link.close()


class Errands:
    """What a collector does beside: it looks for news, and deletes what is too old.

    Several do so, none of them knowing: what is gone is gone for all.
    """

    behind = 0
    """A search finds at once what is stored."""

    def __init__(self, link: Link, watch: Watch, keep: float | None) -> None:
        self._link = link
        self._watch = watch
        self._keep = keep
        self._every = min(_EVERY_PRUNING, keep or _EVERY_PRUNING)
        self._next_pruning = time.monotonic() if keep is not None else float("inf")
        self._next_try = 0.0
        self._is_ill = False

    def pause(self) -> float:
        """Return how many seconds there is nothing to do but to wait for batches."""
        now = time.monotonic()
        if self._is_ill:
            return max(0.0, self._next_try - now)
        return min(self._watch.pause(), max(0.0, self._next_pruning - now))

    def note_commit(self, *, well: bool) -> None:
        """Learn that there is something new, or that nothing could be stored."""
        if well:
            self._is_ill = False
        else:
            self.rest()

    def rest(self) -> None:
        """Do nothing for a while."""
        self._is_ill = True
        self._next_try = time.monotonic() + _AFTER_TROUBLE

    def run(self, *, idle: bool, between: Callable[[], None]) -> bool:  # noqa: ARG002 - all is short
        """Do what is due; return whether the store can be written; raises `StoreError` if not."""
        now = time.monotonic()
        if self._is_ill:
            if now < self._next_try:
                return False
            self._link.rows("SELECT 1")
            self._is_ill = False
        if now >= self._next_pruning and self._keep is not None:
            pruning.prune(self._link, time.time() - self._keep, wait=False)
            self._next_pruning = time.monotonic() + self._every
        return True
