"""Who writes a store: one collector, or any number of commands, never both.

SQLite before 3.51.3 can damage a file when two connections write and checkpoint at once
(https://sqlite.org/wal.html, *The WAL-Reset Bug*). A collector writes all day, so it is the one
writer of its store as long as it lives: it holds the lock exclusively. A command that writes holds
it shared, for the moment that it takes; where a collector serves the store it reads only, or says
that it cannot.

The lock is a file beside the store, and no lock of the store itself: to open and close that a
second time would release SQLite's own locks.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentlog.errors import StoreError
from agentlog.journal import make_directory

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


def claim(path: Path, patience: float = PATIENCE) -> Lock:
    """Become the collector of a store; raises `StoreError` if there is another."""
    try:
        make_directory(path.parent)
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
        fd = os.open(_beside(path), os.O_RDONLY | os.O_CLOEXEC)
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
    name = _beside(path)
    try:
        with suppress(FileExistsError):
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.fchmod(fd, 0o600)  # under any umask
            if os.geteuid() == 0:  # as SQLite does: who owns the store goes on using it
                owner = path.parent.stat()
                os.fchown(fd, owner.st_uid, owner.st_gid)
            return fd
        return os.open(name, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{name} cannot be opened: {error.strerror}.") from error


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
