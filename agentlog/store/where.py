"""Where a store is: what stands behind `--store`, and the engine that it names.

    store.db, sqlite:store.db                   a SQLite file
    clickhouse://user@host:8123/database        a ClickHouse; clickhouses:// speaks TLS

The rules: this file alone knows which engines there are, and imports one only when its store is
opened. An address is shown, logged and seen in the list of processes: so a password does not stand
in it, but in $AGENTLOG_CLICKHOUSE_PASSWORD.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from agentlog.errors import ConfigurationError
from agentlog.store.address import DATABASE, PASSWORD, USER, ServerAddress
from agentlog.store.engine import Keyring, Readers, Sink, Where
from agentlog.store.retention import FOREVER, Retention

if TYPE_CHECKING:
    from agentlog.store import Store

RIGHT: Final = "a FILE, or such as clickhouse://user@host:8123/agentlog"

_PORTS: Final = {"clickhouse": 8123, "clickhouses": 8443}

_THE_SERVERS: Final = frozenset({"system", "information_schema"})
"""Databases that a ClickHouse has for itself."""

_scheme = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://").match
_is_forgetful = re.compile(r"clickhouses?:(?!//)", re.IGNORECASE).match
_is_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch
_is_cluster = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}").fullmatch


def find(address: str) -> Where:
    """Return where a store is; raises `ConfigurationError` if that is no address of one."""
    scheme = _scheme(address)
    if (scheme and scheme[1].lower() in _PORTS) or _is_forgetful(address):
        return _clickhouse(address)
    path = address.removeprefix("sqlite:").removeprefix("//" if scheme else "")
    if not path or (scheme and scheme[1].lower() != "sqlite"):
        raise ConfigurationError(f"{_shown(address)} is no store: it is {RIGHT}")
    return SqliteFile(Path(path))


def of_home(home: Path) -> Where:
    """Return where the own store of a home is."""
    from agentlog.store.home import STORE_NAME

    return SqliteFile(home / STORE_NAME)


def _shown(address: str) -> str:
    """Return what may be seen of an address that is none: before an @ there may be a password."""
    _, at, behind = address.rpartition("@")
    return ascii((f"...{at}" if at else "") + behind[:64])


# -- SQLite --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A store in a file of SQLite."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def option(self) -> str:
        """Return the path as it is from everywhere on this machine."""
        return str(self.path.absolute())

    def on_cluster(self, name: str | None) -> Where:
        """Refuse: a file is on one machine."""
        if name is None:
            return self
        raise ConfigurationError(
            f"--cluster {name[:64]!a} is for a ClickHouse, and {self} is a file:"
            " --store clickhouse://user@host:8123/agentlog"
        )

    def open(self) -> "Store":
        """Open it; only to read, if a collector serves it."""
        from agentlog.store.home import read_store

        return read_store(self.path)

    def try_to_write(self) -> None:
        """Write to it, if no collector serves it."""
        from agentlog.store.home import read_store

        with read_store(self.path) as store:
            if not store.is_served_by_another:
                store.try_to_write()

    def keys(self) -> Keyring:
        """Return its keys, which are in a file beside it."""
        from agentlog.store.sqlite.keyfile import KeyFile

        return KeyFile(self.path)

    def sink(self, *, home: Path | None = None, keep: Retention = FOREVER) -> Sink:
        """Become the one collector of the file."""
        from agentlog.store.sqlite.sink import SqliteSink

        return SqliteSink(self.path, home=home, keep=keep)

    def readers(self) -> Readers:
        """Read it beside its collector."""
        from agentlog.store.sqlite.readers import SqliteReaders

        return SqliteReaders(self.path)


# -- ClickHouse ----------------------------------------------------------------------------------


class ClickHouse(ServerAddress):
    """A store in a database of a ClickHouse."""

    __slots__ = ()

    def option(self) -> str:
        """Return the address, which is the same from everywhere."""
        return str(self)

    def on_cluster(self, name: str | None) -> Where:
        """Return the same on a cluster."""
        if name is not None and not _is_cluster(name):
            raise ConfigurationError(
                f"--cluster {name[:64]!a} is not accepted: it is a name of letters, digits, '_'"
                " and '-'"
            )
        return replace(self, cluster=name)

    def open(self) -> "Store":
        """Connect to it."""
        with _client_installed():
            from agentlog.store.clickhouse import ClickHouseStore
        return ClickHouseStore(self)

    def try_to_write(self) -> None:
        """Write to it, as its collectors do; a sink would make what is not there."""
        with _client_installed():
            from agentlog.store.clickhouse import ClickHouseStore
        with ClickHouseStore(self) as store:
            store.try_to_write()

    def keys(self) -> Keyring:
        """Return its keys, which are in a table."""
        with _client_installed():
            from agentlog.store.clickhouse import ClickHouseKeys
        return ClickHouseKeys(self)

    def sink(
        self,
        *,
        home: Path | None = None,  # noqa: ARG002 - no home's own
        keep: Retention = FOREVER,
    ) -> Sink:
        """Collect into it, beside others who do."""
        with _client_installed():
            from agentlog.store.clickhouse import ClickHouseSink
        return ClickHouseSink(self, keep=keep)

    def readers(self) -> Readers:
        """Read it, in several threads."""
        with _client_installed():
            from agentlog.store.clickhouse import ClickHouseReaders
        return ClickHouseReaders(self)


def _clickhouse(address: str) -> ClickHouse:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    database = parts.path.removeprefix("/").removesuffix("/") or DATABASE
    if parts.password is not None:
        raise ConfigurationError(
            "a password does not stand in an address, where others see it: take it out, and set"
            f" {PASSWORD}"
        )
    if database.lower() in _THE_SERVERS:
        raise ConfigurationError(
            f"{database} is the server's own database: name another, such as {DATABASE}"
        )
    if not parts.hostname or " " in parts.hostname or parts.query or parts.fragment or port == 0:
        raise ConfigurationError(f"{_shown(address)} is no address of a ClickHouse: it is {RIGHT}")
    if not _is_name(database):
        raise ConfigurationError(
            f"{_shown(database)} is no name of a database: it has letters of ASCII, digits and"
            f" _ only, such as {DATABASE}"
        )
    return ClickHouse(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username or USER),
        database=database,
        is_secure=parts.scheme == "clickhouses",
    )


@contextmanager
def _client_installed() -> Iterator[None]:
    """Import the engine in a block; raises `ConfigurationError` without its client."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"a store in a ClickHouse needs {error.name}: pip install 'agentlog[clickhouse]'"
        ) from error
