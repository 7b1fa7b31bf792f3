"""The keys of a store, in a table: those of one collector are those of all.

The rules: a row is never changed; of several of one key the last counts. Who asks as requests come
waits for nobody: the keys are read by a thread of their own, twice a second as long as somebody
asks. While the server cannot be reached they are as they were: nothing can be read or written then.
One that does not answer is not waited for: what hangs may be the one connection they are read by.
For any other reason that they cannot be read nobody is let in, as one may have been revoked.

They are read whatever version the tables have: a collector goes on when a newer one has started.
"""

import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from agentlog.errors import ConfigurationError, StoreError
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.migrations import migrate
from agentlog.store.clickhouse.troubles import AwayError, NoStoreError
from agentlog.store.engine import Key

if TYPE_CHECKING:
    from agentlog.store.address import ServerAddress

EVERY: Final = 0.5
"""Seconds between two looks."""

_ANSWERING: Final = 5
"""Seconds for a look, after which the next one is taken, over another connection."""

_KEYS: Final = """
    SELECT name, sha256, argMax(added, changed) AS since FROM keys
    GROUP BY name, sha256 HAVING NOT argMax(is_revoked, changed) ORDER BY since, name
"""


class ClickHouseKeys:
    """The `Keyring` of the store at `where`."""

    def __init__(self, where: "ServerAddress") -> None:
        self._where = where
        self._link = Link(where, answering=_ANSWERING)
        self._changing = Link(where)
        self._is_known = False
        self._known: Sequence[Key] = ()
        self._trouble = ""
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
        if self._trouble:
            raise ConfigurationError(self._trouble)
        return self._known

    def load(self) -> Sequence[Key]:
        """Return the keys as they are, by their age; none where there is no store."""
        with _told():
            return self._read()

    def add(self, key: Key) -> None:
        """Add a key, and the tables where there are none."""
        taken = ConfigurationError(f"{key.name} has a key: revoke it to add another")
        with _told():
            migrate(self._where)
            if self._named(key.name):
                raise taken
            self._change(key, is_revoked=False)
            if len(self._named(key.name)) > 1:  # somebody else has added one at once
                self._change(key, is_revoked=True)
                raise taken

    def revoke(self, name: str) -> None:
        """Take away the key of a name."""
        with _told():
            named = self._named(name)
            for known in named:
                self._change(known, is_revoked=True)
        if not named:
            raise ConfigurationError(f"there is no key {name[:64]!a} for {self._where}")

    def settle(self) -> None:
        """Wait for two looks of the collectors: to one that is late a new key would be none."""
        time.sleep(2 * EVERY)

    def refresh(self) -> None:
        """Look whether they are others now."""
        try:
            self._known, self._trouble = self._read(), ""
        except AwayError:
            return  # as the rule says
        except Exception as error:  # noqa: BLE001 - whatever it is, who is revoked is not let in
            self._trouble = str(error)

    def _read(self) -> Sequence[Key]:
        try:
            return [Key(*row) for row in self._link.rows(_KEYS)]
        except NoStoreError:
            return ()

    def _named(self, name: str) -> Sequence[Key]:
        return [known for known in self._read() if known.name == name]

    def _change(self, key: Key, *, is_revoked: bool) -> None:
        self._changing.insert(
            "keys",
            {
                "name": ("String", [key.name]),
                "sha256": ("String", [key.sha256]),
                "added": ("Float64", [key.added]),
                "is_revoked": ("Bool", [is_revoked]),
            },
        )


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a store cannot do into what a `Keyring` raises."""
    try:
        yield
    except StoreError as error:
        raise ConfigurationError(str(error)) from error


def _read_on(ring: "weakref.ref[ClickHouseKeys]") -> None:
    while True:
        time.sleep(EVERY)
        keys = ring()
        if keys is None:
            return
        keys.refresh()
        del keys
