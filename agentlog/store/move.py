"""Moving what is in one store into another, whatever engines they are of.

The rule: nobody notes how far a move has come, as the stores themselves can be asked. A session of
which the other store has the same halves is there; any other is put once more, all of it, which
does no harm where a part of it is there (merge.py). So a move may be killed and begun again; and of
a store that somebody writes meanwhile, another one moves what has come since.

Sessions are read as they are, one at a time, and put in the batches of a collector, so of a session
of a million events a part is in memory. Each counts as heard of when it was, so it becomes old when
it would have.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final

from agentlog.store import Extent, SessionFilter, Store
from agentlog.store.engine import Keyring, Portion, Sink
from agentlog.store.intake import Entry
from agentlog.store.merge import half

AT_ONCE: Final = 2_000
"""Sessions that are asked for at once."""

_TOGETHER: Final = 5_000
"""Events that are put at once."""

_ROOM: Final = 4 << 20
"""Characters of theirs, about, from which on a batch is full."""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many sessions, with so many events."""

    sessions: int = 0
    events: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.sessions + other.sessions, self.events + other.events)


def move(source: Store, target: Store, sink: Sink, note: Callable[[int], None]) -> Tally:
    """Move the sessions of every project, the newest first; return how much had to be.

    Args:
        source: Where they are.
        target: Where they go to.
        sink: Puts them there.
        note: Told how many events are done with, again and again.

    Raises:
        StoreError: If one of the two cannot do its work; what was put is there.

    """
    moved, done = Tally(), 0
    for here, there in _projects(source, target):
        for extents in _pages(here):
            lacking = _different(extents, there)
            done += _sum(extents).events - _sum(lacking).events
            note(done)
            for batch in _batches(here, lacking):
                _put(sink, here.project, batch, lacking)
                done += len(batch)
                note(done)
            moved += _sum(lacking)
    return moved


def count(source: Store, target: Store) -> tuple[Tally, Tally]:
    """Count on both sides: return what the source has, and of that the sessions that lack events.

    That the target has more of one is no difference: others may write to it.
    """
    everything = lacking = Tally()
    for here, there in _projects(source, target):
        for extents in _pages(here):
            everything += _sum(extents)
            lacking += _sum(_smaller(extents, there))
    return everything, lacking


def move_keys(source: Keyring, target: Keyring) -> list[str]:
    """Add the keys of a store to those of another; return the names that have another key there.

    Raises `ConfigurationError` if they cannot be read or added.
    """
    known = {key.name: key for key in target.load()}
    other = []
    for key in source.load():
        if key.name not in known:
            target.add(key)
        elif key.sha256 != known[key.name].sha256:
            other.append(key.name)
    return other


# -- Asking both ---------------------------------------------------------------------------------

Extents = dict[str, Extent]
"""By the id of a session, how much there is of it."""

_NONE: Final = Extent(events=0, halves=0, digest=0, heard=None)


def _projects(source: Store, target: Store) -> Iterator[tuple[Store, Store]]:
    for project in source.projects():
        yield source.for_project(project), target.for_project(project)


def _pages(store: Store) -> Iterator[Extents]:
    """Yield how much there is of each session, the newest first."""
    page = store.sessions(SessionFilter(limit=AT_ONCE))
    while page:
        yield store.extents(summary.id for summary in page)
        behind = page[-1].timestamp, page[-1].id
        page = store.sessions(SessionFilter(limit=AT_ONCE, before=behind))


def _different(extents: Extents, there: Store) -> Extents:
    """Return those of which the other store has something else."""
    found = there.extents(extents)
    return {id_: one for id_, one in extents.items() if found.get(id_, _NONE).digest != one.digest}


def _smaller(extents: Extents, there: Store) -> Extents:
    """Return those of which the other store has less."""
    found = there.extents(extents)
    return {id_: one for id_, one in extents.items() if _is_less(found.get(id_, _NONE), one)}


def _is_less(one: Extent, other: Extent) -> bool:
    return one.events < other.events or one.halves < other.halves


def _sum(extents: Extents) -> Tally:
    return Tally(len(extents), sum(extent.events for extent in extents.values()))


# -- Putting -------------------------------------------------------------------------------------


def _batches(store: Store, session_ids: Iterable[str]) -> Iterator[list[Entry]]:
    """Yield the events of sessions, in the batches in which they are put."""
    batch: list[Entry] = []
    room = _ROOM
    for texts in _texts(store, session_ids):
        batch += map(_entry, texts)
        room -= sum(map(len, texts))
        if len(batch) >= _TOGETHER or room <= 0:
            yield batch
            batch, room = [], _ROOM
    if batch:
        yield batch


def _texts(store: Store, session_ids: Iterable[str]) -> Iterator[list[str]]:
    for session_id in session_ids:
        with store.texts_of(session_id) as parts:
            yield from parts


def _entry(text: str) -> Entry:
    """Make an entry of the text of an event; a store lets out what it would let in."""
    event = json.loads(text)
    return Entry(event["session_id"], event["id"], half(event), text)


def _put(sink: Sink, project: str, batch: list[Entry], extents: Extents) -> None:
    """Put events, those of a session one behind the other; each as heard of when it was."""
    now = time.time()
    portions = []
    for session_id, entries in groupby(batch, attrgetter("session_id")):
        heard = extents[session_id].heard
        arrived = now if heard is None else min(heard, now)
        portions.append(Portion(project, list(entries), arrived))
    sink.put(portions)
    sink.news()  # nobody asks for it here, and what is not taken would gather
