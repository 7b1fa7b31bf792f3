"""Who writes a store: one collector, or any number of commands, and not both at once.

SQLite before 3.51.3 can damage a file when two connections write and checkpoint at once
(https://sqlite.org/wal.html, *The WAL-Reset Bug*). A collector writes all day, so it is the one
writer of its store as long as it lives: it holds the lock exclusively. A command that writes holds
it shared, for the moment that it takes; where a collector serves the store it reads only, or says
that it cannot, also if it had the store open before.

The lock is a file beside the store, and no lock of the store itself: to open and close that a
second time would release SQLite's own locks. So a store has to be known by one path, that to which
all links lead; and one that has several names of equal right is not written at all, as SQLite too
keeps its log beside the name (https://sqlite.org/howtocorrupt.html, section 2.5).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentlog.errors import StoreError
from agentlog.private import keep_private, make_directory

PATIENCE = 10.0
"""Seconds that a collector waits for the commands that write just now."""

_TURN = 0.05


class Lock:
    """The lock of a store that is held; `release` lets go of it."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Let go of the store."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def one_path(path: Path) -> Path:
    """Return the path to which all links lead; raises `StoreError` if there are several."""
    found = Path(os.path.realpath(path))  # Path.resolve raises where links lead in a circle
    try:
        names = found.stat().st_nlink
    except OSError:
        return found  # it is not there yet, or who opens it will say what is wrong
    if names > 1 and found.is_file():
        raise StoreError(
            f"{path} has {names} names (hard links), which would damage it: remove the others,"
            " or copy it."
        )
    return found


def claim(path: Path, patience: float = PATIENCE) -> Lock:
    """Become the collector of a store; raises `StoreError` if there is another."""
    try:
        make_directory(one_path(path).parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}.") from error
    fd = _opened(path)
    until = time.monotonic() + patience
    while not _is_locked(fd, fcntl.LOCK_EX):
        if not _is_locked(fd, fcntl.LOCK_SH):
            os.close(fd)
            raise StoreError(f"{path} is served by another collector, which alone writes to it.")
        fcntl.flock(fd, fcntl.LOCK_UN)
        if time.monotonic() > until:
            os.close(fd)
            raise StoreError(f"{path} is in use by a command that does not let go of it.")
        time.sleep(_TURN)
    return Lock(fd)


def is_served(path: Path) -> bool:
    """Say whether a collector serves this store."""
    try:
        fd = os.open(beside(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _is_locked(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


@contextmanager
def writing(path: Path | None) -> Iterator[None]:
    """Write to a store for a moment; raises `StoreError` if a collector serves it."""
    if path is None:
        yield
        return
    one_path(path)
    fd = _opened(path)
    try:
        if not _is_locked(fd, fcntl.LOCK_SH):
            raise StoreError(
                f"{path} is served by a collector, which alone writes to it;"
                " `agentlog serve --keep` deletes what is old."
            )
        yield
    finally:
        os.close(fd)


def _is_locked(fd: int, how: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(fd, how | fcntl.LOCK_NB)
        return True
    return False


def _opened(path: Path) -> int:
    name = beside(path)
    try:
        with suppress(FileExistsError):
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            keep_private(fd, path)
            return fd
        return os.open(name, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{name} cannot be opened: {error.strerror}.") from error


def beside(path: Path) -> Path:
    """Return where the lock of a store is, whatever links lead to it."""
    return Path(os.path.realpath(path) + ".lock")
