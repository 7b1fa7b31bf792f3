"""The quarantine of a destination: what its server has refused, each with the reason.

A JSON Lines file that is no segment, so that nothing in it is sent again by itself. An entry names
where its line stood; the same line refused again, after a crash, is the same entry. A line that is
no record at all is kept as text. Who writes here has the claim to the destination.
"""

import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from agentlog import losses
from agentlog.journal import open_file, read_lines
from agentlog.shipping.claim import Claim
from agentlog.shipping.files import replace, write_all
from agentlog.shipping.objects import object_of
from agentlog.shipping.steps import Refused

_FILE = "quarantine"
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT
_KEPT_OF_A_DAMAGED_LINE = 4096

MOST: Final = 64 << 20
"""Bytes from which on nothing more is kept: a server that refuses everything fills no disk."""


class Entry(NamedTuple):
    """One line in quarantine.

    Attributes:
        segment: The name of the segment that it stood in.
        offset: Where in it.
        why: The server's reason, or what is wrong with it.
        timestamp: When it was refused, seconds since the epoch.
        record: The record; None if it is none.
        line: The beginning of a line that is no record.

    """

    segment: str
    offset: int
    why: str
    timestamp: float
    record: dict[str, Any] | None
    line: str = ""

    def text(self) -> bytes:
        """Return the entry as a line."""
        fields = {name: value for name, value in self._asdict().items() if value not in (None, "")}
        return json.dumps(fields).encode() + b"\n"


def add(directory: Path, refused: Sequence[Refused]) -> None:
    """Put lines into quarantine, all of them or none. Raises OSError.

    If it is full they are lost, which `agentlog doctor` tells.
    """
    now = time.time()
    text = b"".join(_entry(each, now).text() for each in refused)
    fd = open_file(directory / _FILE, _APPEND)
    try:
        os.fchmod(fd, 0o600)
        size = os.fstat(fd).st_size
        if size > MOST:
            losses.note(directory, "quarantine full", len(refused))
            return
        is_torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        try:
            write_all(fd, b"\n" * is_torn + text)
        except OSError:
            os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)


def entries(directory: Path) -> list[Entry]:
    """Return what is in quarantine, the oldest first; each line once, with its last reason."""
    found: dict[tuple[str, int], Entry] = {}
    lines, offset = read_lines(directory / _FILE, 0)
    while lines:
        for entry in filter(None, map(_read, lines)):
            found[entry.segment, entry.offset] = entry
        lines, offset = read_lines(directory / _FILE, offset)
    return list(found.values())


def keep(directory: Path, kept: Iterable[Entry]) -> None:
    """Replace the quarantine by these entries. Raises OSError."""
    text = b"".join(entry.text() for entry in kept)
    if text:
        replace(directory / _FILE, text)
    else:
        (directory / _FILE).unlink(missing_ok=True)


def forget(directory: Path, before: float) -> int:
    """Forget what was refused before a time; return the lines that it was. Raises OSError.

    While a shipper is at work here, nothing is forgotten.
    """
    claim = Claim(directory)
    if not (directory / _FILE).exists() or not claim.take():
        return 0
    try:
        claim.is_undisturbed()  # a shipper that waits has to read anew
        there = entries(directory)
        kept = [entry for entry in there if entry.timestamp >= before]
        if len(kept) < len(there):
            keep(directory, kept)
    finally:
        claim.let_go()
    return len(there) - len(kept)


def _entry(refused: Refused, now: float) -> Entry:
    record = None if refused.damaged else object_of(refused.line)
    beginning = refused.line[:_KEPT_OF_A_DAMAGED_LINE].decode(errors="backslashreplace")
    return Entry(
        refused.segment.path.name,
        refused.start,
        refused.why,
        now,
        record,
        "" if record else beginning,
    )


def _read(line: bytes) -> Entry | None:
    try:
        entry = Entry(**{"record": None, **json.loads(line)})
    except (ValueError, TypeError, RecursionError):
        return None
    is_known = (
        all(type(text) is str for text in (entry.segment, entry.why, entry.line))
        and type(entry.offset) is int
        and type(entry.timestamp) in (int, float)
        and type(entry.record) in (dict, type(None))
    )
    return entry if is_known else None
