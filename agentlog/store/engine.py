"""What an engine has for a collector, beside the `Store` that everybody reads.

An engine is a way to keep events: one SQLite file, a ClickHouse. `where.py` finds the one that an
address names, as a `Where`; what it gives are the protocols below, and neither the collector nor a
command knows more of it. The rule: whatever an engine shares with other collectors it shares
through its store, so several of them need not know of each other.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from agentlog.errors import StoreError
from agentlog.store import Store
from agentlog.store.intake import Entry
from agentlog.store.retention import FOREVER, Retention

MOST_READERS: Final = 8
"""Questions that a collector puts to its store at once."""


class Portion(NamedTuple):
    """What came at once to a project; when it did is None for what is put by hand."""

    project: str
    entries: Sequence[Entry]
    arrived: float | None = None


class StoreFullError(StoreError):
    """There is no room for more."""


class Stopped(Exception):  # noqa: N818 - it is no mistake
    """Raised between two steps of an errand by who has no time for another."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key: its name, its SHA-256 and when it was added, in seconds."""

    name: str
    sha256: str
    added: float


@dataclass(frozen=True, slots=True)
class Change:
    """What has become another of one session.

    Attributes:
        project: The name of its project.
        session_id: Its id.
        ids: Those of its events that are new or another; none where only its sums are, and None
            where they are too many to be told.
        is_gone: Whether the session is not there any more.

    """

    project: str
    session_id: str
    ids: tuple[str, ...] | None = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What has changed in a store since that was asked last.

    Attributes:
        changes: What has; None if something has, and nobody knows what.
        mark: Up to when that is all; it never goes back. Where collectors share the epoch it goes
            on with the time, though nothing is new.

    """

    changes: Sequence[Change] | None
    mark: int


@dataclass(frozen=True, slots=True)
class Marks:
    """How the marks of a store's news are understood.

    Attributes:
        epoch: What tells them from those of another count. Collectors that share it understand each
            other's: who has read from one of them can listen to another.
        start: The mark before all news. Where collectors share the epoch it is `slack` ago, and
            what was stored since then is news.
        slack: By how much a mark of another collector may be ahead of what is seen here. So who
            comes with one is told what is new since so much before it.

    """

    epoch: str
    start: int = 0
    slack: int = 0


class Keyring(Protocol):
    """The keys of a store. Every method raises `ConfigurationError` if it cannot do its work."""

    def now(self) -> Sequence[Key]:
        """Return the keys without waiting for anybody, a second old at most; for a collector."""

    def load(self) -> Sequence[Key]:
        """Return the keys as they are, by their age."""

    def add(self, key: Key) -> None:
        """Add a key, unless there is one of its name: that is an error."""

    def revoke(self, name: str) -> None:
        """Take away the key of a name; without one that is an error."""

    def settle(self) -> None:
        """Wait until a change counts for all collectors that can read the keys."""


class Errands(Protocol):
    """What is to be done on a store beside storing batches. For the thread that does that."""

    @property
    def behind(self) -> int:
        """How many events a search does not find yet, as far as is known."""

    def pause(self) -> float:
        """Return how many seconds there is nothing to do but to wait for batches."""

    def note_commit(self) -> None:
        """Learn that there may be something new."""

    def run(self, *, idle: bool, between: Callable[[], None]) -> None:
        """Do what is due; raises `StoreError` if it cannot be done.

        Args:
            idle: Whether no batch has come since the last time.
            between: Called between two steps of what takes long; to end it, it raises `Stopped`.

        """


class Sink(Protocol):
    """Where a collector puts what comes to it. But for `trouble`, for one thread alone."""

    @property
    def errands(self) -> Errands:
        """What else is to be done."""

    @property
    def marks(self) -> Marks:
        """How the marks of `news` are understood."""

    def put(self, portions: Sequence[Portion]) -> None:
        """Store what came, all of it in one step; it is durable when this returns.

        Raises `StoreError`, or `StoreFullError` if there is no room: then nothing is promised of
        any of it, and all of it may be put again.
        """

    def try_to_write(self) -> None:
        """Write, and change nothing; raises `StoreError` if that cannot be done."""

    def news(self) -> News:
        """Return what has changed in the store, whoever has changed it; raises nothing."""

    def trouble(self) -> str:
        """Say why nothing could be stored now, as far as is known without asking; else nothing."""

    def close(self) -> None:
        """Let go of the store."""


class Readers(Protocol):
    """Gives a store to whoever reads, in any thread, `MOST_READERS` of them at once."""

    def of_project(self, project: str) -> AbstractContextManager[Store]:
        """Have the store of a project for oneself; raises `StoreError`."""

    def close(self) -> None:
        """Let go of it without waiting: who is reading, or comes later, gets a `StoreError`."""


class Where(Protocol):
    """Where a store is. As text it is what a person knows it by, without any password."""

    def option(self) -> str:
        """Return what a command of another directory has to be told behind `--store`."""

    def on_cluster(self, name: str | None) -> "Where":
        """Return the same on a cluster of that name, if any; raises `ConfigurationError`."""

    def open(self) -> Store:
        """Open a store that is there, to read it or to prune; raises `StoreError`."""

    def try_to_write(self) -> None:
        """Write to a store that is there, and change nothing; raises `StoreError`.

        Where its collector alone may write, that is not tried.
        """

    def keys(self) -> Keyring:
        """Return its keys."""

    def sink(self, *, home: Path | None = None, keep: Retention = FOREVER) -> Sink:
        """Begin to collect into it; it is made if it is not there.

        Args:
            home: The home of which the journal is taken up, too. Only for the home's own store.
            keep: For how long a session that says nothing is kept, by its project.

        Raises:
            StoreError: If the store cannot be used.
            ConfigurationError: If it cannot be there.

        """

    def readers(self) -> Readers:
        """Read a store that is there, for a collector; raises `StoreError`."""
