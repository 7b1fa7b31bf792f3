"""Tables are made by whoever starts first, and by all who start at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agentlog.errors import StoreError
from agentlog.store.clickhouse import migrations
from agentlog.store.clickhouse.link import Link
from agentlog.store.engine import Key

TABLES = ["gone", "keys", "migrations", "records", "sessions", "summing"]


def tables(link):
    """Return the names of what is there."""
    return sorted(name for (name,) in link.rows("SHOW TABLES"))


def test_a_store_that_is_not_there_is_not_made_by_reading(server):
    """Who opens it is told who makes it."""
    where = server.where()
    with pytest.raises(StoreError, match="has no such database: `agentlog serve --store` makes it"):
        where.open()
    with pytest.raises(StoreError, match="no such database"):
        where.readers()


def test_tables_are_made_once(place, link):
    """Who starts again finds them as they are."""
    assert TABLES == tables(link)
    place.sink().close()
    assert TABLES == tables(link)
    assert [(1, 1)] == link.rows("SELECT count(), max(version) FROM migrations")


def test_collectors_may_start_at_once(server):
    """All of them may write then, and the tables are those of one."""
    where = server.where()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(migrations.migrate, [where] * 8))
    link = Link(where)
    assert TABLES == tables(link)
    assert len(migrations.MIGRATIONS) == migrations.version(link)
    link.close()


def test_tables_of_others_stay_theirs(server):
    """Nothing is made beside them, and what to do is told."""
    others = server.where()
    link = Link(replace(others, database="default"))
    link.do(f"CREATE DATABASE {others.database}")
    link.do(f"CREATE TABLE {others.database}.records (id UInt8) ENGINE = MergeTree ORDER BY id")
    with pytest.raises(StoreError, match=r"not agentlog's \(records\): name another database"):
        others.sink()
    assert [("records",)] == link.rows(f"SHOW TABLES FROM {others.database}")
    link.close()


def test_what_was_broken_off_is_done_again(place, link):
    """Some of the tables are there, and nobody has noted it."""
    link.do("TRUNCATE TABLE migrations")
    link.do("DROP TABLE summing")
    with pytest.raises(StoreError, match="of an older agentlog"):
        place.open()
    migrations.migrate(place)
    assert TABLES == tables(link)
    place.open().close()


def test_what_is_there_is_only_looked_at(server, place):
    """However often somebody starts: on a cluster a statement for all servers may wait for long."""
    server.asked()
    place.sink().close()
    place.keys().add(Key("anna", "00", 1.0))
    assert [] == [statement for statement in server.asked() if "CREATE" in statement]


def test_a_store_is_known_by_one_epoch(place, link):
    """Whatever was noted at once by those that started, and however it is merged."""
    known = migrations.epoch(link)
    link.do("INSERT INTO migrations (version, agentlog) VALUES (1, '9.9')")
    link.do("OPTIMIZE TABLE migrations FINAL")
    assert known == migrations.epoch(link)


def test_a_newer_store_is_not_touched(place, link):
    """It says what to do, to collectors and to readers."""
    link.do("INSERT INTO migrations (version, agentlog) VALUES (99, '9.9')")
    for use in (place.open, place.readers, place.sink):
        with pytest.raises(StoreError, match=r"written by a newer agentlog .* update agentlog"):
            use()


@pytest.mark.parametrize(
    ("said", "is_new"), [("26.8.1.1", True), ("27.1", True), ("26.7.9", False), ("9.30", False)]
)
def test_a_server_may_be_too_old(place, said, is_new):
    """The least version is named."""
    if is_new:
        migrations.check_server(place, said)
        return
    with pytest.raises(StoreError, match=rf"is ClickHouse {said}: agentlog needs 26\.8 or newer"):
        migrations.check_server(place, said)
