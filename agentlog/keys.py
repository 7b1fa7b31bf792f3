"""The keys of a collector: who may write and read beyond this machine, a project each.

They live in a small file beside the store, `<store>.keys`, so that the store keeps its one writer
and a collector that runs learns of a change without being asked. The rules: no key is ever written,
only its SHA-256, which is enough for what is random in 122 bits; the file is replaced as a whole;
and one that cannot be read lets nobody in.

A project has the name of its key. To revoke a key and to add one of the same name is to change it:
what is there stays there.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from agentlog.errors import ConfigurationError
from agentlog.private import keep_private, make_directory
from agentlog.shipping.files import write_all

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key: its name, its SHA-256 and when it was added, in seconds."""

    name: str
    sha256: str
    added: float


def path_beside(store: Path) -> Path:
    """Return where the keys of a store are, whatever links lead to it."""
    return Path(f"{os.path.realpath(store)}.keys")


def add(store: Path, name: str, *, now: float | None = None) -> str:
    """Add a key and return it: nobody can tell it again.

    It has the form of a UUID, which is what AgentOps' SDK takes for a key.

    Raises:
        ConfigurationError: If the name is not accepted or taken, or the file cannot be written.

    """
    check_name(name)
    key = str(uuid.uuid4())
    with _changing(store) as keys:
        if any(known.name == name for known in keys):
            raise ConfigurationError(f"{name} has a key: revoke it to add another")
        keys.append(Key(name, digest(key), time.time() if now is None else now))
    return key


def check_name(name: str) -> None:
    """Raise `ConfigurationError` if a key cannot have this name."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:64]!a} is not accepted: a name begins with a letter or digit, has letters,"
            " digits, '.', '_' and '-' (of ASCII), and at most 64 of them"
        )


def revoke(store: Path, name: str) -> None:
    """Revoke the key of a name; raises `ConfigurationError` if there is none."""
    if all(known.name != name for known in load(store)):
        raise ConfigurationError(f"there is no key {name[:64]!a} for {store}")
    with _changing(store) as keys:
        keys[:] = [known for known in keys if known.name != name]


def load(store: Path) -> list[Key]:
    """Return the keys of a store; none if it has none.

    Raises:
        ConfigurationError: If the file cannot be read, or is none of ours.

    """
    path = path_beside(store)
    try:
        said = json.loads(path.read_bytes())
        return [
            Key(str(one["name"]), str(one["sha256"]), float(one["added"])) for one in said["keys"]
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} is damaged: remove it, and add the keys again") from error


def digest(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def name_of(key: str, keys: Sequence[Key]) -> str | None:
    """Return the name of a key, in a time that does not tell how much of it is right."""
    found, given = None, digest(key)
    for known in keys:
        if hmac.compare_digest(known.sha256, given):
            found = known.name
    return found


class Ring:
    """The keys of a store as they are now: a change of the file counts from the next request on.

    Args:
        store: The store's file.
        note: Told why the keys cannot be read, if that is so: then nobody's is known.

    """

    def __init__(self, store: Path, note: Callable[[str], None] | None = None) -> None:
        self._store = store
        self._note = note
        self._seen: object = None
        self._told = ""
        self._keys: Sequence[Key] = ()

    def name_of(self, key: str) -> str | None:
        """Return the name of a key, None if it is not known."""
        return name_of(key, self._now())

    def _now(self) -> Sequence[Key]:
        seen = _look_of(path_beside(self._store))
        if seen != self._seen:
            try:
                self._keys, trouble = load(self._store), ""
            except ConfigurationError as error:  # it is tried anew: what was missing may be rights
                self._keys, seen, trouble = (), None, str(error)
            self._seen = seen
            self._tell(trouble)
        return self._keys

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._told and self._note:
            self._note(trouble)
        self._told = trouble


def _look_of(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def _changing(store: Path) -> Iterator[list[Key]]:
    """Have the keys to change; they are written when the block ends well."""
    path = path_beside(store)
    try:
        with _next_file(path, store) as fd:
            keys = load(store)
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
def _next_file(path: Path, store: Path) -> Iterator[int]:
    """Open the file that will replace it, alone; who waited looks whether it still is."""
    make_directory(path.parent)
    beside = path.with_name(f"{path.name}.new")
    while True:
        fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            keep_private(fd, store)
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
