"""The store: the events of every session, for whoever reads them.

`Store` is all that replay, server and command line know of it; what is behind it is an engine
(engine.py), and which one that is, where.py alone asks. The rule of the protocol: what was put is
merged by address, `(session_id, id)`, so the order of records, their repetition and their division
over calls never show in what is read.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from agentlog.prices import Cost
from agentlog.store.merge import Event, Record

MOST_TOKENS = (1 << 63) - 1
"""A number of tokens from here on is damage, and counts for nothing."""

LAST = "last"
"""What `Store.resolve` takes for the newest session."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that a store did not take: its place in the batch, its id if it has one, and why."""

    index: int
    id: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came back for a batch: how many records are stored, and which never will be."""

    accepted: int
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are wanted; what is None does not narrow.

    Attributes:
        since: The earliest start, in seconds since the epoch.
        before: The start that is too late. Or `(timestamp, id)` of the last session of a page: asks
            for the next page, also where several sessions began at one moment.
        tag: A tag of the session.
        result: Its result.
        state: What became of it: a word of `state.State`.
        text: Each of its words is in the name or a tag; or the id begins so.
        limit: How many at most, the newest.

    """

    since: float | None = None
    before: float | tuple[float | None, str] | None = None
    tag: str | None = None
    result: str | None = None
    state: str | None = None
    text: str | None = None
    limit: int | None = None


EVERY_SESSION = SessionFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """One session in a list.

    What the root event says is None while that event is missing; `end_timestamp` and `result` are
    None while it runs. `timestamp` falls back to the earliest event's and then to what the id says,
    `last` is the latest time that any event mentions; `state` is as in the filter.
    """

    id: str
    event_type: str | None
    timestamp: float | None
    end_timestamp: float | None
    last: float | None
    result: str | None
    reason: str | None
    rating: str | None
    tags: tuple[str, ...]
    events: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """What a store holds: counts, and its bytes on disk.

    `damaged` counts lines of the journal that were set aside, `interrupted` the events whose
    process was gone before they ended.
    """

    sessions: int
    events: int
    damaged: int
    interrupted: int
    size: int


class Extent(NamedTuple):
    """How much there is of a session.

    Attributes:
        events: How many events.
        halves: How many beginnings and ends of theirs there are: of what has a `timestamp` that is
            a number, and of what has an `end_timestamp`.
        digest: Which these are: the sum, over the events, of the CRC-32 of the id (zlib's, of its
            UTF-8) times 4, and 2 more if it has begun, and 1 more if it has ended.
        heard: When something of it came last, in seconds since the epoch, as `prune` has it; None
            if nobody knows.

    """

    events: int
    halves: int
    digest: int
    heard: float | None


class Call(NamedTuple):
    """A call of a model, or an event around one, which has no tokens and costs nothing itself.

    Attributes:
        id: Its own, in its session.
        parent_id: That of what is around it; None if it says that nothing is.
        when: Its time, in seconds since the epoch.
        is_head: Whether it is the root of its session.
        has_tokens: Whether it is a call.
        tokens_in: Those of the prompt.
        tokens_out: Those of the completion.
        cost: What it cost.

    """

    id: str
    parent_id: str | None
    when: float | None
    is_head: bool
    has_tokens: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: Cost = None


class Store(Protocol):
    """Where the events of a project are kept.

    It may be used by several threads, and is a context manager that closes itself. Every method
    raises `StoreError` when the store cannot do its work.
    """

    project: str
    """The name of the project; "" is the home's own, and that of who comes without a key."""

    def for_project(self, project: str) -> Self:
        """Return the store of another project, over the same connection."""

    def put(self, records: Iterable[Record]) -> Receipt:
        """Store records, all in one step; what was put before is accepted again."""

    # -- Sessions --------------------------------------------------------------------------------

    def sessions(self, wanted: SessionFilter = EVERY_SESSION) -> list[SessionSummary]:
        """Return the sessions that a filter lets through, newest first."""

    def summary(self, session_id: str) -> SessionSummary | None:
        """Return one session as it stands in a list, or None."""

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return those of these sessions that are there, as they stand in a list, newest first."""

    def extents(self, session_ids: Iterable[str]) -> dict[str, Extent]:
        """Return by its id how much there is of each of these sessions that is there.

        No payload is read for it.
        """

    def resolve(self, prefix: str) -> str:
        """Return the id of the one session that begins with `prefix`, or of the `last` one.

        Raises `SessionNotFoundError` if none does, or several do: then it names them.
        """

    def session_with(self, event_id: str) -> str | None:
        """Return the id of the newest session that has an event of this id, None if none has."""

    def calls(self, session_ids: Iterable[str]) -> Iterator[tuple[str, list[Call]]]:
        """Yield, by the sessions that have calls of models, these and what is around them."""

    def is_silent(self, session_id: str) -> bool:
        """Say whether a session has said nothing for long, with nobody here who could tell more."""

    # -- One session -----------------------------------------------------------------------------

    def session(self, session_id: str) -> list[Event]:
        """Return all events of a session, merged, by start; none if there is no such session."""

    def texts_of(
        self, session_id: str, *, most: int = 1000
    ) -> AbstractContextManager[Iterator[list[str]]]:
        """Have the JSON texts of the events of a session, in the order of `session`, in parts.

        Of a session of a million events only a part is in memory.
        """

    def outline(
        self, session_id: str, ids: Iterable[str] | None = None
    ) -> AbstractContextManager[Iterator[str]]:
        """Have the events of a session without their payloads, in parts: see outline.py.

        With `ids`, those of its events that have one of these.
        """

    def count_of(self, session_id: str) -> int:
        """Return how many events a session has; it does not look at them."""

    def following(self, session_id: str) -> Callable[[], Iterable[Event]]:
        """Return a question, to be asked again and again: the events of a session that are new.

        Or have changed since it was asked last. The first time these are all.
        """

    def event(self, session_id: str, event_id: str) -> Event | None:
        """Return one event, merged, or None."""

    # -- All of them -----------------------------------------------------------------------------

    def search(self, text: str, *, limit: int = 100, session_id: str | None = None) -> list[Event]:
        """Return the events with every word of `text`, or a word beginning so, the newest first.

        Of more than `limit` those that came last, whatever their times; where as many have the very
        words, of these. Of one session, if it is named.
        """

    def texts_found(
        self, text: str, *, limit: int = 100, most: int = 1000, session_id: str | None = None
    ) -> AbstractContextManager[Iterator[list[str]]]:
        """Have the JSON texts of what `search` returns, in parts, in the manner of `texts_of`."""

    def as_it_is(self) -> AbstractContextManager[Self]:
        """Have the store for who reads more than once.

        One file stays as it is now. Of what several may put into at once, a later question may see
        more than an earlier one.
        """

    def projects(self) -> list[str]:
        """Return the names of the projects that have sessions."""

    def prune(self, before: float, *, project: str | None = None) -> int:
        """Delete the sessions that said nothing since `before` and are not running; count them.

        Those of the project that is named, or of every one. What comes of a session later is there
        again, alone.
        """

    def stats(self) -> StoreStats:
        """Count what is stored, of every project."""

    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
