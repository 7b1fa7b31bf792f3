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
from agentlog.store.clickhouse.link import ANSWERING, Link, connected
from agentlog.store.clickhouse.troubles import AwayError, NoStoreError, told_clearly

if TYPE_CHECKING:
    from agentlog.store.address import ServerAddress

MIGRATIONS: Final[tuple[Callable[[str | None], tuple[str, ...]], ...]] = (schema.first,)

_VERSION: Final = "SELECT max(version), toUnixTimestamp64Micro(min(applied)) FROM migrations"

# A server that is away is not asked; it does what it missed when it is back.
_LACKING: Final = """
    SELECT count() FROM (
        SELECT 1 FROM clusterAllReplicas('{cluster}', system.tables) GROUP BY _shard_num
        HAVING countIf(database = {{database:String}} AND name IN {{names:Array(String)}}) < {most}
    ) SETTINGS skip_unavailable_shards = 1
"""

# The table of migrations is the first of ours.
_OF_OTHERS: Final = """
    SELECT groupArray(name) FROM system.tables
    WHERE database = currentDatabase() AND name IN {names:Array(String)}
    HAVING NOT has(groupArray(name), 'migrations')
"""


def migrate(where: "ServerAddress") -> None:
    """Make the database and its tables, or bring them to the version of this agentlog.

    Where all of it is there nothing is done, as that would wait for servers that are away. Where
    one of a cluster lacks something, because it is new, all is made again.
    """
    link = Link(where)
    try:
        cluster, found = _cluster(link), _found(link)
        if found == len(MIGRATIONS) and not _is_lacking(link, cluster):
            return
        _make_database(where, cluster)
        _refuse_others(link, cluster)
        _make_tables(link, cluster)
        for number in range(version(link), len(MIGRATIONS)):
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
    found, _ = link.row(_VERSION)
    if found > len(MIGRATIONS):
        raise StoreError(
            f"{link.where} was written by a newer agentlog (format {found}, this one knows"
            f" {len(MIGRATIONS)}): update agentlog to read it."
        )
    return int(found)


def epoch(link: Link) -> str:
    """Return what tells this store from every other, the same for all collectors."""
    _, applied = link.row(_VERSION)
    return f"{applied:x}"


def _found(link: Link) -> int:
    """Return which version the tables have; 0 where there are none.

    Of a server that is new to a cluster it is told, too, that nobody answers for its part.
    """
    try:
        return version(link)
    except (NoStoreError, AwayError):
        return 0


def _cluster(link: Link) -> str | None:
    """Return the cluster that the tables are on, or are to be made on."""
    asked = link.where.cluster
    try:
        there = link.cluster()
    except NoStoreError:
        there = None
    if there is None:
        return asked
    if asked not in {None, there}:
        made = f"on the cluster {there}" if there else "on one server, without a cluster"
        raise StoreError(
            f"{link.where} was made {made}: --cluster {asked} is for another database, to which"
            " `agentlog move` brings what is here."
        )
    return there or None


def _is_lacking(link: Link, cluster: str | None) -> bool:
    """Say whether a server of the cluster has not all tables."""
    if cluster is None:
        return False
    names = schema.names(cluster)
    asked = _LACKING.format(cluster=cluster, most=len(names))
    (lacking,) = link.row(asked, database=link.where.database, names=names)
    return bool(lacking)


def _refuse_others(link: Link, cluster: str | None) -> None:
    """Raise `StoreError` where tables have our names that are not ours."""
    for (names,) in link.rows(_OF_OTHERS, names=schema.names(cluster)):
        if names:
            raise StoreError(
                f"{link.where} has tables that are not agentlog's ({', '.join(sorted(names))}):"
                " name another database."
            )


def _make_tables(link: Link, cluster: str | None) -> None:
    for made in (schema.migrations_table, *MIGRATIONS):
        for statement in made(cluster):
            link.do(statement, settings=schema.PATIENCE)


def _make_database(where: "ServerAddress", cluster: str | None) -> None:
    made = f"CREATE DATABASE IF NOT EXISTS `{where.database}`{schema.on_cluster(cluster)}"
    with told_clearly(where, ANSWERING):
        client = connected(where, "default")
        try:
            check_server(where, client.server_version)
            client.command(made, settings=schema.PATIENCE)
        finally:
            client.close()


def check_server(where: "ServerAddress", said: str | None) -> None:
    """Raise `StoreError` for a server that does not have what the tables are made of."""
    found = tuple(int(part) for part in re.findall(r"\d+", said or "")[:2])
    if found < schema.OLDEST_SERVER:
        least = ".".join(map(str, schema.OLDEST_SERVER))
        raise StoreError(f"{where} is ClickHouse {said}: agentlog needs {least} or newer.")
