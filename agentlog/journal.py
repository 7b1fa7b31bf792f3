"""The journal: a directory of JSON Lines files, the hinge between recording and reading.

A directory below `<home>/journal` is a destination; a file in it is a segment, named
`<owner>-<number>.jsonl`, where the owner names the process that writes it (owner.py).
The rules of the format:

* A line is whole when its newline is there. What is behind the last newline is not yet a record.
* A process holds an exclusive flock on the segment it writes. A segment appears at its name locked,
  and deleting needs the lock: so nobody deletes what somebody writes, and an owner that holds
  no lock on any of its segments is gone.
* Readers probe with a shared lock. They never wait.
* Directories are 0700 and files 0600, whatever the umask.

This file knows no record; who writes when is recording/writer.py's.
"""

import errno
import fcntl
import os
import re
import resource
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from agentlog.owner import PATTERN
from agentlog.private import make_directory

LOCAL = "local"
SEGMENT_SIZE = 8 << 20
READ_SIZE = 1 << 20

_SEGMENT_NAME = rf"(?P<owner>{PATTERN})-(?P<number>\d+)\.jsonl"
_DRAFT = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CREAT | os.O_EXCL
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_LOOK = os.O_RDONLY | os.O_APPEND
"""For a lock. That it appends says nothing but that it is ours: a forked child closes such ones."""


FileId = tuple[int, int]
"""What tells a file from every other one: its device and its inode."""


class ClosedError(OSError):
    """A descriptor was closed under us, and its number may be another file's by now."""

    def __init__(self) -> None:
        super().__init__(errno.EBADF, os.strerror(errno.EBADF))


class Segment(NamedTuple):
    """One file of the journal; sorts by the start of its owner, then by number."""

    owner: str
    number: int
    path: Path

    @property
    def size(self) -> int:
        """Bytes on disk; 0 when it is gone."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


# -- Writing -------------------------------------------------------------------------------------


def create_segment(directory: Path, owner: str, number: int) -> tuple[int, FileId]:
    """Create a segment, locked from the moment it has its name; return its descriptor, and its id.

    The descriptor appends, is not inherited by other programs, and sits high, where code that
    closes and reopens the usual numbers does not meet it. It does not block: of a file on disk that
    says nothing, but that it is ours. Which file that is says the path, and never the number.
    Raises OSError; `ClosedError` if the number was closed meanwhile.
    """
    make_directory(directory)
    path = segment(directory, owner, number).path
    draft = path.with_suffix(".new")
    fd, file = os.open(draft, _DRAFT, 0o600), None
    try:
        file = file_id(draft.stat())
        draft.chmod(0o600)
        fd = _high(fd, file)
        _lock(fd, fcntl.LOCK_EX)
        check(fd, file)
        draft.rename(path)
    except BaseException:
        if file is None or status_of(fd, file) is not None:
            os.close(fd)
        draft.unlink(missing_ok=True)
        raise
    return fd, file


def segment(directory: Path, owner: str, number: int) -> Segment:
    """Return the segment of this name."""
    return Segment(owner, number, directory / f"{owner}-{number:04d}.jsonl")


def file_id(status: os.stat_result) -> FileId:
    """Return what tells a file from every other one."""
    return status.st_dev, status.st_ino


def status_of(fd: int, file: FileId | None) -> os.stat_result | None:
    """Return the status of a file of ours; None if the number is closed or another file's."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status if file_id(status) == file else None


def check(fd: int, file: FileId | None) -> None:
    """Raise `ClosedError` if this is not, or no longer, the descriptor of a file."""
    if status_of(fd, file) is None:
        raise ClosedError


def _high(fd: int, file: FileId) -> int:
    """Move a descriptor to a high number; where there is none, keep it."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, min(most // 2, 4096) if most > 0 else 4096)
    except OSError:
        return fd
    if status_of(high, file) is None:
        os.close(high)
        raise ClosedError
    if status_of(fd, file) is not None:
        os.close(fd)
    return high


def _lock(fd: int, kind: int) -> bool:
    """Try a lock without waiting; on a file system without locks nobody gets one."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def open_file(path: Path, flags: int) -> int:
    """Open a file of the journal; raises OSError for a pipe or a link, without waiting for it."""
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a file", str(path))
    return fd


# -- Reading -------------------------------------------------------------------------------------


def destinations(home: Path) -> list[Path]:
    """Return the destination directories of a home, sorted; none if nothing was recorded."""
    try:
        return sorted(path for path in (home / "journal").iterdir() if path.is_dir())
    except OSError:
        return []


def segments(directory: Path) -> list[Segment]:
    """Return the segments of a destination as `listed` does; none if that cannot be read."""
    try:
        return listed(directory)
    except OSError:
        return []


def listed(directory: Path) -> list[Segment]:
    """Return the segments of a destination, oldest owner first; other files are not looked at.

    None if there is no such directory. Raises OSError.
    """
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names are all we need
    except FileNotFoundError:
        return []
    found = ((re.fullmatch(_SEGMENT_NAME, name), directory / name) for name in names)
    return sorted(
        Segment(m["owner"], int(m["number"]), path)
        for m, path in found
        if m and path.is_file() and not path.is_symlink()
    )


def read_lines(path: Path, offset: int, most: int = READ_SIZE) -> tuple[list[bytes], int]:
    """Read whole lines from `offset`, about `most` bytes but at least one line if there is one.

    Returns the lines without their newlines, and the offset behind them; no lines at the end of the
    file, before an unfinished line, or when it cannot be read.
    """
    try:
        return lines_at(path, offset, most)
    except OSError:
        return [], offset


def lines_at(path: Path, offset: int, most: int = READ_SIZE) -> tuple[list[bytes], int]:
    """Read as `read_lines` does, where it counts whether a file is gone or cannot be read just now.

    No lines if it is gone. Raises OSError.
    """
    try:
        fd = open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return [], offset
    with os.fdopen(fd, "rb") as file:
        file.seek(offset)
        chunk = file.read(most)
        while chunk and b"\n" not in chunk:
            more = file.read(most)
            if not more:
                return [], offset
            chunk += more
    end = chunk.rfind(b"\n") + 1
    return chunk[:end].split(b"\n")[:-1], offset + end


def end_of_lines(path: Path) -> int:
    """Return the offset behind the last whole line of a file; 0 if there is none."""
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            end = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - READ_SIZE)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    return start + newline + 1
                end = start
    except OSError:
        pass
    return 0


def owners_alive(directory: Path) -> frozenset[str]:
    """Return the owners that hold the lock of one of their segments.

    An owner may go on to its next segment while we look; so what is new since then is looked at
    too.
    """
    alive: set[str] = set()
    seen: set[Segment] = set()
    while new := [segment for segment in segments(directory) if segment not in seen]:
        alive.update(segment.owner for segment in new if is_locked(segment))
        seen.update(new)
    return frozenset(alive)


def delete(segment: Segment) -> bool:
    """Delete a segment that nobody writes; say whether it is gone."""
    try:
        fd = open_file(segment.path, _LOOK)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if not _lock(fd, fcntl.LOCK_EX):
            return False
        segment.path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def is_locked(segment: Segment) -> bool:
    """Say whether a segment is being written; where that cannot be seen just now, it may be."""
    try:
        fd = open_file(segment.path, _LOOK)
    except OSError as error:
        return error.errno in _SCARCE
    try:
        return not _lock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


# -- Room ----------------------------------------------------------------------------------------


def size_of(directory: Path) -> int:
    """Return the bytes of a destination's segments."""
    return sum(segment.size for segment in segments(directory))


def count_lines(path: Path, start: int = 0, end: int | None = None) -> int:
    """Return how many lines end between two offsets of a file; none of one that is gone."""
    count, left = 0, sys.maxsize if end is None else end - start
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            file.seek(start)
            while chunk := file.read(max(0, min(left, READ_SIZE))):
                count += chunk.count(b"\n")
                left -= len(chunk)
    except OSError:
        pass
    return count
