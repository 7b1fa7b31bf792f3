"""The store: the events of every session, for whoever reads them.

`Store` is all that replay, server and command line know of it; an engine is one file beside this
one. The rule of the protocol: what was put is merged by address, `(session_id, id)`, so the order
of records, their repetition and their division over calls never show in what is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

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


class Store(Protocol):
    """Where events are kept. Every method raises `StoreError` when the store cannot do its work."""

    def put(self, records: Iterable[Record]) -> Receipt:
        """Store records, all in one step; what was put before is accepted again."""

    def sessions(self, wanted: SessionFilter = EVERY_SESSION) -> list[SessionSummary]:
        """Return the sessions that a filter lets through, newest first."""

    def session(self, session_id: str) -> list[Event]:
        """Return all events of a session, merged, by start; none if there is no such session."""

    def event(self, session_id: str, event_id: str) -> Event | None:
        """Return one event, merged, or None."""

    def search(self, text: str, *, limit: int = 100) -> list[Event]:
        """Return the newest events that contain every word of `text`, or a word beginning so."""

    def resolve(self, prefix: str) -> str:
        """Return the id of the one session that begins with `prefix`, or of the `last` one.

        Raises `SessionNotFoundError` if none does, or several do: then it names them.
        """

    def prune(self, before: float) -> int:
        """Delete the sessions that said nothing since `before` and are not running; count them."""

    def stats(self) -> StoreStats:
        """Count what is stored."""

    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""
