"""How a database gets the tables of this agentlog.

`MIGRATIONS[n]` brings it from version n to n + 1; the table `migrations` says which were applied.
The rules: a migration that was released is never edited, a new one is added behind it. Each may be
applied again and by several collectors at once, so those that start together need not agree who
does it.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agentlog._version import __version__
from agentlog.errors import StoreError
from agentlog.store.clickhouse import schema
from agentlog.store.clickhouse.link import Link, connected
from agentlog.store.clickhouse.troubles import told_clearly

if TYPE_CHECKING:
    from agentlog.store.where import ClickHouse

MIGRATIONS: Final[tuple[Callable[[str | None], tuple[str, ...]], ...]] = (schema.first,)

_VERSION: Final = "SELECT max(version), toUnixTimestamp(min(applied)) FROM migrations"


def migrate(where: "ClickHouse") -> None:
    """Make the database and its tables, or bring them to the version of this agentlog."""
    _make_database(where)
    link = Link(where)
    try:
        cluster = _cluster(link)
        for statement in schema.migrations_table(cluster):
            link.do(statement)
        for number in range(version(link), len(MIGRATIONS)):
            for statement in MIGRATIONS[number](cluster):
                link.do(statement)
            link.insert(
                "migrations",
                {"version": ("UInt32", [number + 1]), "agentlog": ("String", [__version__])},
            )
    finally:
        link.close()


def check(link: Link) -> None:
    """Raise `StoreError` unless the tables are there, and as this agentlog has them."""
    found = version(link)
    if found < len(MIGRATIONS):
        raise StoreError(
            f"{link.where} has tables of an older agentlog (format {found}, this one has"
            f" {len(MIGRATIONS)}): `agentlog serve --store` brings them up to date."
        )


def version(link: Link) -> int:
    """Return which version the tables have; raises `StoreError` for one of a newer agentlog."""
    ((found, _),) = link.rows(_VERSION)
    if found > len(MIGRATIONS):
        raise StoreError(
            f"{link.where} was written by a newer agentlog (format {found}, this one knows"
            f" {len(MIGRATIONS)}): update agentlog to read it."
        )
    return int(found)


def epoch(link: Link) -> str:
    """Return what tells this store from every other, the same for all collectors."""
    ((_, applied),) = link.rows(_VERSION)
    return f"{applied:08x}"


def _cluster(link: Link) -> str | None:
    """Return the cluster that the tables are on, or are to be made on."""
    asked, there = link.where.cluster, link.cluster()
    if there is None:
        return asked
    if asked not in {None, there}:
        made = f"on the cluster {there}" if there else "on one server, without a cluster"
        raise StoreError(
            f"{link.where} was made {made}: --cluster {asked} is for another database, to which"
            " `agentlog move` brings what is here."
        )
    return there or None


def _make_database(where: "ClickHouse") -> None:
    with told_clearly(where):
        client = connected(where, "default")
        try:
            check_server(where, client.server_version)
            on = f" ON CLUSTER {where.cluster}" if where.cluster else ""
            client.command(f"CREATE DATABASE IF NOT EXISTS `{where.database}`{on}")
        finally:
            client.close()


def check_server(where: "ClickHouse", said: str | None) -> None:
    """Raise `StoreError` for a server that does not have what the tables are made of."""
    found = tuple(int(part) for part in re.findall(r"\d+", said or "")[:2])
    if found < schema.OLDEST_SERVER:
        least = ".".join(map(str, schema.OLDEST_SERVER))
        raise StoreError(f"{where} is ClickHouse {said}: agentlog needs {least} or newer.")
