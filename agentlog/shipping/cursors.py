"""How far each segment is shipped: a cursor in a small file beside it.

`<segment>.cursor` moves only after the answer of the server, and is replaced as a whole. One that
cannot be read means starting over: what is sent twice does no harm, as a store merges by id.

A cursor outlives its segment as long as the process that wrote the segment may count: that asks the
cursors what became of its records, whoever shipped them.
"""

import json
import os
import re
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agentlog.journal import Segment
from agentlog.shipping.files import load, replace
from agentlog.shipping.ledger import Advance

_DAY = 86_400.0
_FAR = 1 << 62
_DRAFT = ".new"
_NAME = r"(?P<stem>(?P<owner>[0-9a-f]{12}-(?P<pid>\d+)-[0-9a-f]{8})-\d+)\.cursor(\.new)?"


class Cursor(NamedTuple):
    """How far a segment is shipped, and what became of the lines before that.

    Attributes:
        offset: Everything before this byte is settled.
        delivered: Records that a receipt has accepted.
        quarantined: Records that the server has refused.
        damaged: Lines that are no records.

    """

    offset: int = 0
    delivered: int = 0
    quarantined: int = 0
    damaged: int = 0

    def after(self, done: Advance) -> "Cursor":
        """Return the cursor that an advance leads to."""
        return Cursor(
            done.offset,
            self.delivered + done.delivered,
            self.quarantined + done.quarantined,
            self.damaged + done.damaged,
        )


START = Cursor()


def path_of(segment: Segment) -> Path:
    """Return the path of a segment's cursor."""
    return segment.path.with_suffix(".cursor")


def read(path: Path) -> Cursor:
    """Read a cursor; the start if it is not there, or broken."""
    try:
        cursor = Cursor(**load(path))
    except TypeError:
        return START
    known = all(type(number) is int and 0 <= number < _FAR for number in cursor)
    return cursor if known else START


def write(path: Path, cursor: Cursor) -> None:
    """Replace a cursor. Raises OSError."""
    replace(path, json.dumps(cursor._asdict()).encode())


def start_of(segment: Segment) -> Cursor:
    """Return where the shipping of a segment goes on; one that cannot be of it is not believed."""
    cursor = read(path_of(segment))
    if cursor.offset == 0:
        return cursor
    try:
        with segment.path.open("rb") as file:
            file.seek(cursor.offset - 1)
            return cursor if file.read(1) == b"\n" else START
    except OSError:
        return cursor  # it is gone: all of it was there


def of_owner(directory: Path, owner: str) -> dict[str, Cursor]:
    """Return the cursors of an owner's segments, by the stem of their names."""
    return {
        stem: read(directory / name)
        for name, stem, found, _ in _names(directory)
        if found == owner and not name.endswith(_DRAFT)
    }


def forget_orphans(directory: Path, there: Collection[str], alive: Collection[str]) -> None:
    """Delete the cursors whose segment is gone, and the process that wrote it.

    Args:
        directory: The destination.
        there: The stems of the segments that are there.
        alive: The owners that hold a segment. One that has closed its last holds none, but its
            process may still count; for a day, as another may have got its number.

    """
    for name, stem, owner, pid in _names(directory):
        if stem not in there and owner not in alive:
            with suppress(OSError):  # who counts may forget it just now
                path = directory / name
                if not _may_run(pid) or time.time() - path.stat().st_mtime > _DAY:
                    path.unlink()


def _names(directory: Path) -> list[tuple[str, str, str, int]]:
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names are all we need
    except OSError:
        return []
    found = (re.fullmatch(_NAME, name) for name in names if ".cursor" in name)
    return [(m.string, m["stem"], m["owner"], int(m["pid"])) for m in found if m]


def _may_run(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
