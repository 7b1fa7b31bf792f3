"""Who is told of what: from the news of the store to all who listen.

The rule: news of a store has a mark, and what is told says up to which; so who was away for a
while is told what he missed, as long as it is remembered. Who missed more, or knows another epoch
(the collector was started anew), has to read anew: his `Ear` is deaf. Collectors that share a store
share the epoch, too: who comes from another of them misses nothing. An ear hears of one project.
What is remembered and what waits for an ear is bounded.

Told from the writer's thread; all else happens in the event loop.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, takewhile
from typing import Final

from agentlog.store.engine import Change, Marks, News

REMEMBERED: Final = 50_000
"""Events, about, of which the changes are remembered."""

MOST_WAITING: Final = 10_000
"""Events that wait for an ear; to read a session anew is as quick then."""

MOST_SESSIONS: Final = 500
"""Sessions that wait for an ear that hears of all."""


Matter = tuple[str, str | None]
"""What is listened to: a session of a project, or with None all of them."""


class Ear:
    """What one listener has yet to be told.

    Args:
        matter: What it listens to.

    Attributes:
        waiting: The ids of events that have changed or, for who hears of all sessions, of those.
        is_deaf: Whether more was missed than can be told.
        news: Set when there is something of both.

    """

    def __init__(self, matter: Matter) -> None:
        self._hears_all = matter[1] is None
        self._most = MOST_SESSIONS if self._hears_all else MOST_WAITING
        self.waiting: set[str] = set()
        self.is_deaf = False
        self.news = asyncio.Event()

    def hear(self, changes: Iterable[Change]) -> None:
        """Learn of changes of what is listened to, until there is too much to learn."""
        for change in changes:
            if self.is_deaf:
                return
            ids = (change.session_id,) if self._hears_all else change.ids
            self.waiting.update(ids or ())
            if ids is None or change.is_gone or len(self.waiting) > self._most:
                self.miss()
            elif self.waiting:
                self.news.set()

    def miss(self) -> None:
        """Learn that there is too much to learn."""
        self.is_deaf = True
        self.waiting.clear()
        self.news.set()

    def take(self) -> tuple[set[str], bool]:
        """Return what waits, and whether it is deaf; it waits and is so no longer."""
        taken = self.waiting, self.is_deaf
        self.waiting, self.is_deaf = set(), False
        self.news.clear()
        return taken


class Hub:
    """Remembers what was news of late, and tells it. Of one collector.

    Args:
        marks: How the marks of the news are understood.

    """

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._last = self._forgotten = marks.start
        self._changes: deque[tuple[int, Change]] = deque()
        self._size = 0
        self._ears: dict[Matter, set[Ear]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def at(self) -> str:
        """The last mark, as a place to go on from."""
        return f"{self._marks.epoch}-{self._last}"

    def open(self) -> None:
        """Begin to tell, in this event loop."""
        self._loop = asyncio.get_running_loop()

    def tell(self, news: News) -> None:
        """Tell of news, if there is any. Any thread."""
        is_news = news.changes is None or bool(news.changes) or news.mark > self._last
        if self._loop and is_news:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._note, news)

    @contextmanager
    def listening(
        self, project: str, session_id: str | None = None, after: str | None = None
    ) -> Iterator[Ear]:
        """Listen for a block: to a session, or to all; from a place on, or from now on."""
        matter = project, session_id
        ear = Ear(matter)
        if after is not None:
            self._catch_up(ear, matter, after)
        ears = self._ears.setdefault(matter, set())
        ears.add(ear)
        try:
            yield ear
        finally:
            ears.remove(ear)
            if not ears:
                del self._ears[matter]

    def _catch_up(self, ear: Ear, matter: Matter, after: str) -> None:
        epoch, _, number = after.rpartition("-")
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 20 else -1  # noqa: PLR2004 - digits of a number of ours
        place -= self._marks.slack
        if epoch != self._marks.epoch or place < self._forgotten:
            ear.miss()
            return
        behind = takewhile(lambda noted: noted[0] > place, reversed(self._changes))
        ear.hear(change for _, change in behind if matter in _matters(change))

    def _note(self, news: News) -> None:
        self._last = max(self._last, news.mark)
        if news.changes is None:
            self._forget(0)
            for ear in chain.from_iterable(self._ears.values()):
                ear.miss()
            return
        heard: dict[Matter, list[Change]] = defaultdict(list)
        for change in news.changes:
            self._changes.append((self._last, change))
            self._size += _size_of(change)
            for matter in self._ears.keys() & _matters(change):
                heard[matter].append(change)
        self._forget(REMEMBERED)
        for matter, some in heard.items():
            for ear in self._ears[matter]:
                ear.hear(some)

    def _forget(self, most: int) -> None:
        while self._size > most:
            self._forgotten, change = self._changes.popleft()
            self._size -= _size_of(change)
        if most == 0:
            self._forgotten = self._last


def _size_of(change: Change) -> int:
    return 1 + len(change.ids or ())


def _matters(change: Change) -> tuple[Matter, Matter]:
    return (change.project, change.session_id), (change.project, None)
