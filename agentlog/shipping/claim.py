"""The right to ship a destination, which one shipper at a time has: an flock.

A shipper lets go of it when it has nothing to do or a server keeps it waiting, so that another
process can try at once, whatever this one has been told. Who has it sets the file's time to one of
its own making, which takes no room on a full disk: a shipper that finds its own there again knows
that nobody else has had it meanwhile.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from agentlog import journal

_FILE = "shipper"
_OPEN = os.O_RDWR | os.O_APPEND | os.O_CREAT
"""It appends, as a segment does: by that a forked child knows what to close of ours."""


class Claim:
    """The claim of one shipper to a destination."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._fd = -1
        self._file: journal.FileId | None = None
        self._is_new = False
        self._stamp = -1

    @property
    def held(self) -> bool:
        """Whether it has the right just now."""
        status = journal.status_of(self._fd, self._file) if self._fd >= 0 else None
        return status is not None and status.st_nlink > 0

    def take(self) -> bool:
        """Take the right, if nobody has it and there is a destination; say whether it is ours.

        Raises OSError.
        """
        if self.held:
            self._is_new = False
            return True
        self.let_go()
        try:
            fd = journal.open_file(self._path, _OPEN)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file = journal.file_id(os.fstat(fd))
            if journal.file_id(self._path.stat()) == file:
                self._fd, self._file, self._is_new = fd, file, True
        except (BlockingIOError, FileNotFoundError):
            pass
        finally:
            if self._fd < 0:
                os.close(fd)
        return self._fd >= 0

    def is_undisturbed(self) -> bool:
        """Say whether nobody else has had it since this one had. Raises OSError."""
        if not self._is_new:
            return True
        if os.fstat(self._fd).st_mtime_ns == self._stamp:
            return True
        moment = int.from_bytes(os.urandom(7))
        os.utime(self._fd, ns=(moment, moment))
        self._stamp = os.fstat(self._fd).st_mtime_ns  # as exactly as the file system keeps it
        return False

    def let_go(self) -> None:
        """Give the right back. A forked child may have the descriptor too, so it is unlocked."""
        fd, self._fd = self._fd, -1
        if journal.status_of(fd, self._file) is not None:
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)
