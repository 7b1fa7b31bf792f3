"""The keys of a store, in a table: those of one collector are those of all.

The rules: a row is never changed; of several of one name the last counts. Who asks as requests come
waits for nobody: the keys are read by a thread of their own, twice a second as long as somebody
asks. While the server cannot be reached they are as they were: nothing can be read or written then.
"""

import threading
import time
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from agentlog.errors import ConfigurationError, StoreError
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import check, migrate
from agentlog.store.clickhouse.troubles import NoStoreError
from agentlog.store.engine import Key

if TYPE_CHECKING:
    from agentlog.store.where import ClickHouse

_EVERY: Final = 0.5
"""Seconds."""

_KEYS: Final = """
    SELECT name, argMax(sha256, changed), argMax(added, changed) AS since FROM keys
    GROUP BY name HAVING NOT argMax(is_revoked, changed) ORDER BY since, name
"""


class ClickHouseKeys:
    """The `Keyring` of the store at `where`."""

    def __init__(self, where: "ClickHouse") -> None:
        self._where = where
        self._link = Link(where)
        self._is_known = False
        self._known: Sequence[Key] = ()
        self._starting = threading.Lock()

    def now(self) -> Sequence[Key]:
        """Return the keys as they were a moment ago; they are waited for the first time only."""
        with self._starting:
            if not self._is_known:
                self._known = self.load()
                self._is_known = True
                threading.Thread(
                    target=_read_on, args=(weakref.ref(self),), name="agentlog-keys", daemon=True
                ).start()
        return self._known

    def load(self) -> Sequence[Key]:
        """Return the keys as they are, by their age; none where there is no store."""
        try:
            check(self._link)
            return [Key(*row) for row in self._link.rows(_KEYS)]
        except NoStoreError:
            return ()
        except StoreError as error:
            raise ConfigurationError(str(error)) from error

    def add(self, key: Key) -> None:
        """Add a key, and the tables where there are none."""
        try:
            migrate(self._where)
        except StoreError as error:
            raise ConfigurationError(str(error)) from error
        if any(known.name == key.name for known in self.load()):
            raise ConfigurationError(f"{key.name} has a key: revoke it to add another")
        self._change(key, is_revoked=False)

    def revoke(self, name: str) -> None:
        """Take away the key of a name."""
        named = [known for known in self.load() if known.name == name]
        if not named:
            raise ConfigurationError(f"there is no key {name[:64]!a} for {self._where}")
        self._change(named[0], is_revoked=True)

    def refresh(self) -> None:
        """Look whether they are others now."""
        try:
            self._known = self.load()
        except ConfigurationError:
            return  # as the rule says

    def _change(self, key: Key, *, is_revoked: bool) -> None:
        try:
            self._link.insert(
                "keys",
                {
                    "name": ("String", [key.name]),
                    "sha256": ("String", [key.sha256]),
                    "added": ("Float64", [key.added]),
                    "is_revoked": ("Bool", [is_revoked]),
                },
            )
        except StoreError as error:
            raise ConfigurationError(str(error)) from error


def _read_on(ring: "weakref.ref[ClickHouseKeys]") -> None:
    while True:
        time.sleep(_EVERY)
        keys = ring()
        if keys is None:
            return
        keys.refresh()
        del keys
