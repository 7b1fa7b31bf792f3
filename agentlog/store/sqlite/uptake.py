"""Takes what the journal has gained into the store.

The rule: a segment's lines and its read position are stored in one transaction, which reads the
position again once it is the only writer. So any number of commands may do this at once, be
killed in the middle, and do it again: every line counts once.

Who is alive is asked before lines are read: then the lines of an owner that was gone are complete,
and an event of it that is still open was interrupted. Of what is shipped that is not known: the
shipper may have deleted the rest of it.

Whoever only reads does not wait for whoever writes: it is looked first, and the write lock is asked
for only if there is something to write.
"""

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentlog.journal import (
    LOCAL,
    READ_SIZE,
    Segment,
    delete,
    destinations,
    owners_alive,
    read_lines,
    segments,
)
from agentlog.store.intake import Damage, Entry, entry_of_line
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.state import INTERRUPTED, SHIPPED

KEPT_OF_A_DAMAGED_LINE = 4096

_LOOK = 4096
"""Bytes that are read to see whether there is a line."""

_TORN = "cut off: its process ended while it was written"


@dataclass(frozen=True, slots=True)
class Uptake:
    """What one uptake did: records stored, damaged lines set aside, segments deleted."""

    records: int = 0
    damaged: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class DamagedLine:
    """A line of the journal that is no record: where it stood, why, and how it begins."""

    destination: str
    segment: str
    offset: int
    line: bytes
    why: str


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one read of a segment gave."""

    entries: Sequence[Entry]
    damaged: Sequence[tuple[int, bytes, str]]
    start: int
    end: int


def uptake(store: SqliteStore, home: Path, *, between: Callable[[], None] = lambda: None) -> Uptake:
    """Take the new lines of every destination of a home into its store; raises `StoreError`.

    A segment is deleted only when a store on disk has all of it. `between` is called between two
    transactions, for who has something else to write to the store. Where a collector serves the
    store, that takes up the journal.
    """
    directories = destinations(home)
    if not directories or store.is_served_by_another:
        return Uptake()
    known = _owners(directories) | _owners_of_open_events(store)
    alive = frozenset[str]().union(*map(owners_alive, directories))
    gone = known - alive
    records = damaged = 0
    for directory in directories:
        taken = _take_up(store, directory, gone, between)
        records, damaged = records + taken.records, damaged + taken.damaged
    _note_ends(store, gone, alive, _shipped(store, directories))
    read = [path for path in directories if path.name == LOCAL and store.path]
    deleted = sum(_delete_ended(store, path, gone) for path in read)
    _forget_deleted(store, directories)
    return Uptake(records, damaged, deleted)


def is_behind(store: SqliteStore, home: Path) -> bool:
    """Say whether the journal of a home has lines that its store has not; changes nothing."""
    return any(_unread(store, directory, frozenset()) for directory in destinations(home))


def damaged_lines(store: SqliteStore, limit: int = 20) -> list[DamagedLine]:
    """Return lines that were set aside, of the newest segments first."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT destination, segment, offset, line, why FROM damaged"
            " ORDER BY segment DESC, offset LIMIT ?",
            (limit,),
        )
        return [DamagedLine(*row) for row in rows]


def forget_damaged(store: SqliteStore, before: float) -> int:
    """Forget the lines that were set aside, of processes that began before a time; count them."""
    start = f"{max(0, round(before * 1000)):012x}"  # as the name of a segment begins
    with store.writing() as connection:
        return connection.execute("DELETE FROM damaged WHERE segment < ?", (start,)).rowcount


def _owners(directories: Iterable[Path]) -> frozenset[str]:
    return frozenset(found.owner for directory in directories for found in segments(directory))


def _owners_of_open_events(store: SqliteStore) -> frozenset[str]:
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT DISTINCT owner FROM events"
            " WHERE close IS NULL AND owner NOTNULL AND NOT interrupted"
        )
        return frozenset(owner for (owner,) in rows)


def _take_up(
    store: SqliteStore, directory: Path, gone: frozenset[str], between: Callable[[], None]
) -> Uptake:
    """Take up one destination, about a MiB of whatever segments to a transaction."""
    destination = _name(directory)
    pending = deque(_unread(store, directory, gone))
    records = damaged = 0
    while pending:
        between()
        with store.writing() as connection:
            room = READ_SIZE
            while pending and room > 0:
                segment = pending[0]
                position = _position(connection, destination, segment)
                chunk = _read(segment, position, ended=segment.owner in gone)
                if chunk.end == position:
                    pending.popleft()
                    continue
                store.put_entries(chunk.entries, segment.owner)
                _set_aside(connection, destination, segment, chunk)
                _move_on(connection, destination, segment, chunk.end)
                room -= chunk.end - chunk.start
                records += len(chunk.entries)
                damaged += len(chunk.damaged)
    return Uptake(records, damaged)


def _unread(store: SqliteStore, directory: Path, gone: frozenset[str]) -> list[Segment]:
    """Return the segments of which there is more to take up."""
    with store.reading() as connection:
        destination = _name(directory)
        positions = {
            segment: _position(connection, destination, segment) for segment in segments(directory)
        }
    return [
        segment
        for segment, position in positions.items()
        if segment.size != position
        and _read(segment, position, ended=segment.owner in gone, most=_LOOK).end != position
    ]


def _read(segment: Segment, position: int, *, ended: bool, most: int = READ_SIZE) -> _Chunk:
    lines, end = read_lines(segment.path, position, most)
    if not lines:
        return _torn_tail(segment, position) if ended else _Chunk((), (), position, position)
    entries: list[Entry] = []
    damaged: list[tuple[int, bytes, str]] = []
    offset = position
    for line in lines:
        # A blank line is nobody's record: a writer that goes on behind a torn line ends that first.
        entry = entry_of_line(line) if line else None
        if isinstance(entry, Damage):
            damaged.append((offset, line[:KEPT_OF_A_DAMAGED_LINE], entry.why))
        elif entry:
            entries.append(entry)
        offset += len(line) + 1
    return _Chunk(entries, damaged, position, end)


def _torn_tail(segment: Segment, position: int) -> _Chunk:
    """Read what a process that is gone left without a newline: nothing will follow it."""
    try:
        with segment.path.open("rb") as file:
            file.seek(position)
            tail = file.read(KEPT_OF_A_DAMAGED_LINE)
            end = file.seek(0, os.SEEK_END)
    except OSError:
        return _Chunk((), (), position, position)
    if not tail:
        return _Chunk((), (), position, position)
    return _Chunk((), [(position, tail, _TORN)], position, end)


def _position(connection: sqlite3.Connection, destination: str, segment: Segment) -> int:
    row = connection.execute(
        "SELECT offset FROM positions WHERE destination = ? AND segment = ?",
        (destination, segment.path.name),
    ).fetchone()
    return int(row[0]) if row else 0


def _move_on(
    connection: sqlite3.Connection, destination: str, segment: Segment, offset: int
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO positions (destination, segment, offset) VALUES (?, ?, ?)",
        (destination, segment.path.name, offset),
    )


def _set_aside(
    connection: sqlite3.Connection, destination: str, segment: Segment, chunk: _Chunk
) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO damaged (destination, segment, offset, line, why)"
        " VALUES (?, ?, ?, ?, ?)",
        ((destination, segment.path.name, *damage) for damage in chunk.damaged),
    )


def _shipped(store: SqliteStore, directories: Sequence[Path]) -> frozenset[str]:
    """Return the owners whose last lines may have been shipped before they were taken up here."""
    with store.reading() as connection:
        deleted = _positions_of_deleted(connection, directories)
    return frozenset(name.rpartition("-")[0] for place, name in deleted if place != LOCAL)


def _note_ends(
    store: SqliteStore, gone: frozenset[str], alive: frozenset[str], shipped: frozenset[str]
) -> None:
    """Note what ended the events that are open and whose owner is gone.

    An owner that rotated between the list and the look at its locks had seemed gone.
    """
    flags = [(SHIPPED if owner in shipped else INTERRUPTED, owner, 0) for owner in gone]
    flags += [(0, owner, flag) for owner in alive for flag in (INTERRUPTED, SHIPPED)]
    open_ones = "owner = ? AND close IS NULL AND interrupted = ?"
    look = f"SELECT EXISTS (SELECT 1 FROM events WHERE {open_ones})"  # noqa: S608 - constants
    with store.reading() as connection:
        wrong = [flag for flag in flags if connection.execute(look, flag[1:]).fetchone()[0]]
    if wrong:
        with store.writing() as connection:
            connection.executemany(f"UPDATE events SET interrupted = ? WHERE {open_ones}", wrong)  # noqa: S608


def _delete_ended(store: SqliteStore, directory: Path, gone: frozenset[str]) -> int:
    """Delete the segments of which the store has all, and whose owner will write no more."""
    destination = _name(directory)
    with store.reading() as connection:
        done = [
            segment
            for segment in segments(directory)
            if segment.owner in gone and segment.size == _position(connection, destination, segment)
        ]
    return sum(delete(segment) for segment in done)


def _forget_deleted(store: SqliteStore, directories: Sequence[Path]) -> None:
    """Forget how far deleted segments were read; `_shipped` asks for those of open events."""
    kept = _owners_of_open_events(store)
    with store.reading() as connection:
        if not _forgettable(connection, directories, kept):
            return
    with store.writing() as connection:
        # Listed again under the write lock: what another command has just begun to read is seen.
        connection.executemany(
            "DELETE FROM positions WHERE destination = ? AND segment = ?",
            _forgettable(connection, directories, kept),
        )


def _forgettable(
    connection: sqlite3.Connection, directories: Sequence[Path], kept: frozenset[str]
) -> list[tuple[str, str]]:
    deleted = _positions_of_deleted(connection, directories)
    return [row for row in deleted if row[0] == LOCAL or row[1].rpartition("-")[0] not in kept]


def _positions_of_deleted(
    connection: sqlite3.Connection, directories: Sequence[Path]
) -> list[tuple[str, str]]:
    there = {(_name(path), found.path.name) for path in directories for found in segments(path)}
    rows = connection.execute("SELECT destination, segment FROM positions").fetchall()
    return [row for row in rows if row not in there]


def _name(directory: Path) -> str:
    """Name a destination; a directory's name need not be text."""
    return os.fsencode(directory.name).decode(errors="replace")
