"""The keys of a collector: who may write and read beyond this machine, a project each.

A store has a `Keyring`, which keeps them. The rule: no key is ever written, only its SHA-256, which
is enough for what is random in 122 bits.

A project has the name of its key. To revoke a key and to add one of the same name is to change it:
what is there stays there.
"""

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable, Sequence

from agentlog.errors import ConfigurationError
from agentlog.store.engine import Key, Keyring

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add(keyring: Keyring, name: str, *, now: float | None = None) -> str:
    """Add a key and return it: nobody can tell it again.

    It has the form of a UUID, which is what AgentOps' SDK takes for a key.

    Raises:
        ConfigurationError: If the name is not accepted or taken, or it cannot be kept.

    """
    check_name(name)
    key = str(uuid.uuid4())
    keyring.add(Key(name, digest(key), time.time() if now is None else now))
    return key


def check_name(name: str) -> None:
    """Raise `ConfigurationError` if a key cannot have this name."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:64]!a} is not accepted: a name begins with a letter or digit, has letters,"
            " digits, '.', '_' and '-' (of ASCII), and at most 64 of them"
        )


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
    """The keys of a store as they are now, for who asks with each request.

    Args:
        keyring: The store's.
        note: Told why the keys cannot be read, if that is so: then nobody's is known.

    """

    def __init__(self, keyring: Keyring, note: Callable[[str], None] | None = None) -> None:
        self._keyring = keyring
        self._note = note
        self._told = ""

    def name_of(self, key: str) -> str | None:
        """Return the name of a key, None if it is not known."""
        try:
            keys, trouble = self._keyring.now(), ""
        except ConfigurationError as error:
            keys, trouble = (), str(error)
        if trouble and trouble != self._told and self._note:
            self._note(trouble)
        self._told = trouble
        return name_of(key, keys)
