"""Who is told of what: from the one writer of the store to all who listen.

The rule: each change has a number, and what is told says up to which; so who was away for a while
is told what he missed, as long as it is remembered. Who missed more, or knows another epoch (the
collector was started anew), has to read anew: his `Ear` is deaf. An ear hears of one project. What
is remembered and what waits for an ear is bounded.

Told from the writer's thread; all else happens in the event loop.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from agentlog.store.changes import Change

REMEMBERED: Final = 50_000
"""Events, about, of which the changes are remembered."""

MOST_WAITING: Final = 10_000
"""Events that wait for an ear; to read a session anew is as quick then."""

MOST_SESSIONS: Final = 500
"""Sessions that wait for an ear that hears of all."""


class Ear:
    """What one listener has yet to be told.

    Attributes:
        waiting: The numbers of events that have changed or, for who hears of all sessions, the ids
            of those.
        is_deaf: Whether more was missed than can be told.
        news: Set when there is something of both.

    """

    def __init__(self, project: str, session_id: str | None) -> None:
        self._project = project
        self._session_id = session_id
        self._most = MOST_SESSIONS if session_id is None else MOST_WAITING
        self.waiting: set[int | str] = set()
        self.is_deaf = False
        self.news = asyncio.Event()

    def hear(self, change: Change) -> None:
        """Learn of a change, if it is one of what is listened to."""
        if change.project != self._project or self._session_id not in (None, change.session_id):
            return
        self.waiting.update([change.session_id] if self._session_id is None else change.numbers)
        if change.is_gone or len(self.waiting) > self._most:
            self.miss()
        elif self.waiting:
            self.news.set()

    def miss(self) -> None:
        """Learn that there is too much to learn."""
        self.is_deaf = True
        self.news.set()

    def take(self) -> tuple[list[int | str], bool]:
        """Return what waits, and whether it is deaf; it waits and is so no longer."""
        taken = sorted(self.waiting, key=str), self.is_deaf
        self.waiting, self.is_deaf = set(), False
        self.news.clear()
        return taken


class Hub:
    """Numbers the changes, remembers some, and tells them. Of one collector."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        self._last = self._forgotten = 0
        self._changes: deque[tuple[int, Change]] = deque()
        self._size = 0
        self._ears: set[Ear] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def at(self) -> str:
        """The last change, as a place to go on from."""
        return f"{self._epoch}-{self._last}"

    def open(self) -> None:
        """Begin to tell, in this event loop."""
        self._loop = asyncio.get_running_loop()

    def tell(self, changes: Sequence[Change] | None) -> None:
        """Tell of changes; None says that there were some, and nobody knows which. Any thread."""
        if self._loop and changes != []:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._note, changes)

    @contextmanager
    def listening(
        self, project: str, session_id: str | None = None, after: str | None = None
    ) -> Iterator[Ear]:
        """Listen for a block: to a session, or to all; from a place on, or from now on."""
        ear = Ear(project, session_id)
        if after is not None:
            self._catch_up(ear, after)
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.remove(ear)

    def _catch_up(self, ear: Ear, after: str) -> None:
        epoch, _, number = after.partition("-")
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 20 else -1  # noqa: PLR2004 - digits of a number of ours
        if epoch != self._epoch or not self._forgotten <= place <= self._last:
            ear.miss()
            return
        for number_of_change, change in reversed(self._changes):
            if number_of_change <= place:
                break
            ear.hear(change)

    def _note(self, changes: Sequence[Change] | None) -> None:
        if changes is None:
            self._last += 1
            self._forget(0)
            for ear in self._ears:
                ear.miss()
            return
        for change in changes:
            self._last += 1
            self._changes.append((self._last, change))
            self._size += 1 + len(change.numbers)
            for ear in self._ears:
                ear.hear(change)
        self._forget(REMEMBERED)

    def _forget(self, most: int) -> None:
        while self._size > most:
            self._forgotten, change = self._changes.popleft()
            self._size -= 1 + len(change.numbers)
        if not self._changes:
            self._forgotten = self._last
