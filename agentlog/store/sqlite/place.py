"""Whether a store is still where it was: its files may be removed or replaced while it is open.

A process that has a file open goes on writing to it, though nobody will ever find it again. The
rule: who is told that something is kept is told after a look at the place; so what is deleted by a
person or a script costs what was there, and nothing that comes later. And who misses the lock
that it holds writes no more: another collector may have the store by now.
"""

import os
from pathlib import Path

from agentlog.errors import StoreError
from agentlog.journal import file_id


class Place:
    """The place of a store that is open, as it is when this is made, or first seen.

    Args:
        path: The store's file.
        more: Files beside it that have to stay, too.

    """

    def __init__(self, path: Path, *more: Path) -> None:
        log = Path(os.path.realpath(path) + "-wal")  # SQLite makes it by and by
        self._seen = {file: _look(file) for file in (path, log, *more)}

    def check(self) -> None:
        """Raise `StoreError` if something else is there now, or nothing."""
        if trouble := self.trouble():
            raise StoreError(trouble)

    def trouble(self) -> str:
        """Say what is wrong with the place; nothing, if nothing is."""
        for file, seen in self._seen.items():
            found = _look(file)
            if seen is None:
                self._seen[file] = found
            elif found != seen:
                return (
                    f"{file} was removed or replaced while the store was served: put it back, or"
                    " start the collector again."
                )
        return ""


def _look(path: Path) -> object:
    try:
        return file_id(path.stat())
    except OSError:
        return None
