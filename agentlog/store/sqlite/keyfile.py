"""The keys of a SQLite store: a small file beside it, `<store>.keys`.

So the store keeps its one writer, and a collector that runs learns of a change without being asked.
The rules: the file is replaced as a whole; and one that cannot be read lets nobody in.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from agentlog.errors import ConfigurationError
from agentlog.private import keep_private, make_directory
from agentlog.shipping.files import write_all
from agentlog.store.engine import Key

_VERSION = 1


class KeyFile:
    """The `Keyring` of the store at a path: a change of the file counts from the next look on."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self.path = Path(f"{os.path.realpath(store)}.keys")  # the same by whatever link
        self._seen: object = None
        self._known: Sequence[Key] = ()

    def now(self) -> Sequence[Key]:
        """Return the keys; the file is read again only if it is another."""
        seen = self._look()
        if seen != self._seen:
            # It is seen only behind that: what cannot be read now may be so later.
            self._known, self._seen = (), None
            self._known, self._seen = self.load(), seen
        return self._known

    def load(self) -> list[Key]:
        """Return the keys; none if there is no file."""
        try:
            said = json.loads(self.path.read_bytes())
            return [
                Key(str(one["name"]), str(one["sha256"]), float(one["added"]))
                for one in said["keys"]
            ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise ConfigurationError(
                f"{self.path} is damaged: remove it, and add the keys again"
            ) from error

    def add(self, key: Key) -> None:
        """Add a key, and the store where there is none: it tells whose the file is."""
        if not self._store.exists():
            from agentlog.store.sqlite.store import SqliteStore

            SqliteStore(self._store).close()
        with self._changing() as keys:
            if any(known.name == key.name for known in keys):
                raise ConfigurationError(f"{key.name} has a key: revoke it to add another")
            keys.append(key)

    def revoke(self, name: str) -> None:
        """Take away the key of a name; where there is none no file is made."""
        if all(known.name != name for known in self.load()):
            raise ConfigurationError(f"there is no key {name[:64]!a} for {self._store}")
        with self._changing() as keys:
            keys[:] = [known for known in keys if known.name != name]

    def settle(self) -> None:
        """Do nothing: a collector looks at the file with each request."""

    def _look(self) -> object:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """Have the keys to change; they are written when the block ends well."""
        path = self.path
        try:
            with self._next_file() as fd:
                keys = self.load()
                yield keys
                text = json.dumps({"version": _VERSION, "keys": [asdict(key) for key in keys]})
                os.ftruncate(fd, 0)
                write_all(fd, text.encode() + b"\n")
                os.fsync(fd)
                path.with_name(f"{path.name}.new").replace(path)
                _sync_directory(path.parent)
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _next_file(self) -> Iterator[int]:
        """Open the file that will replace it, alone; who waited looks whether it still is."""
        make_directory(self.path.parent)
        beside = self.path.with_name(f"{self.path.name}.new")
        while True:
            fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                keep_private(fd, self._store)
                fcntl.flock(fd, fcntl.LOCK_EX)
                if _is_at(fd, beside):
                    yield fd
                    return
            finally:
                os.close(fd)


def _sync_directory(path: Path) -> None:
    with suppress(OSError):  # it cannot be read, or not synced: the file is replaced all the same
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
