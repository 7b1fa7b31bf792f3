"""What the journal had no room for, or the disk: deleted, dropped, and noted as lost.

Each destination has a file `losses` beside its segments, in which a line says how many records are
gone, and why; `agentlog doctor` tells. The rule: nothing is lost without a line there, but where
the disk takes no line either.
"""

import json
import os
import time
from pathlib import Path

from agentlog.journal import (
    count_lines,
    delete,
    open_file,
    owners_alive,
    read_lines,
    segments,
    size_of,
)

_FILE = "losses"


def make_room(directory: Path, limit: int) -> int:
    """Delete the oldest segments of ended processes down to `limit` bytes; return the size."""
    alive = owners_alive(directory)
    size = size_of(directory)
    for segment in segments(directory):
        if size < limit:
            break
        if segment.owner in alive:
            continue
        freed, records = segment.size, count_lines(segment.path)
        if delete(segment):
            size -= freed
            note(directory, "journal limit", records)
    return size


def note(directory: Path, reason: str, records: int) -> bool:
    """Keep on disk that records of this destination were lost; say whether that could be done."""
    line = json.dumps({"timestamp": time.time(), "reason": reason, "records": records}) + "\n"
    try:
        fd = open_file(directory / _FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError:
        return False
    try:
        os.fchmod(fd, 0o600)
        return os.write(fd, line.encode()) == len(line)
    except OSError:
        return False
    finally:
        os.close(fd)


def noted(directory: Path) -> dict[str, int]:
    """Return the records that this destination is known to have lost, by reason."""
    found: dict[str, int] = {}
    lines, offset = read_lines(directory / _FILE, 0)
    while lines:
        for reason, records in filter(None, map(_loss, lines)):
            found[reason] = found.get(reason, 0) + records
        lines, offset = read_lines(directory / _FILE, offset)
    return found


def forget(directory: Path, before: float) -> int:
    """Forget the losses that were noted before a time; return the records that they were.

    The file is moved away first: what is noted meanwhile goes to a new one. Raises OSError.
    """
    moved = directory / f"{_FILE}.{os.getpid()}"
    try:
        os.close(open_file(directory / _FILE, os.O_RDONLY))
        (directory / _FILE).rename(moved)
    except FileNotFoundError:
        return 0
    kept, forgotten = [], 0
    for line in moved.read_bytes().split(b"\n"):
        loss = _loss(line)
        if loss and _time_of(line) >= before:
            kept.append(line + b"\n")
        elif loss:
            forgotten += loss[1]
    if kept:
        with (directory / _FILE).open("ab") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b"".join(kept))
    moved.unlink()
    return forgotten


def _time_of(line: bytes) -> float:
    try:
        return float(json.loads(line)["timestamp"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return 0.0


def _loss(line: bytes) -> tuple[str, int] | None:
    try:
        loss = json.loads(line)
        return str(loss["reason"]), int(loss["records"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
