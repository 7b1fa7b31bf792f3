"""Whether a store is still where it was: its file may be removed or replaced while it is open.

A process that has a file open goes on writing to it, though nobody will ever find it again. The
rule: who is told that something is kept is told after a look at the place; so what is deleted by a
person or a script costs what was there, and nothing that comes later.
"""

import os
from pathlib import Path

from agentlog.errors import StoreError


class Place:
    """The place of a store that is open, as it is when this is made, or first seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = Path(os.path.realpath(path) + "-wal")
        self._seen = _look(path)
        self._seen_log = _look(self._log)

    def check(self) -> None:
        """Raise `StoreError` if something else is there now, or nothing."""
        if trouble := self.trouble():
            raise StoreError(trouble)

    def trouble(self) -> str:
        """Say what is wrong with the place; nothing, if nothing is."""
        found, log = _look(self._path), _look(self._log)
        self._seen = self._seen or found
        self._seen_log = self._seen_log or log  # SQLite makes it by and by
        if (found, log) == (self._seen, self._seen_log):
            return ""
        return (
            f"{self._path} was removed or replaced while it was served: put it back, or start the"
            " collector again."
        )


def _look(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
