"""A cluster that becomes larger, and one of whose servers is away."""

import pytest

from agentlog.store.clickhouse import schema
from agentlog.store.engine import Key
from tests.store.clickhouse.server import Server
from tests.store.contract.records import SESSION, collect, opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start one replica of two; the other is away."""
    started = Server(tmp_path_factory.mktemp("engine"), "--cluster", "agent-log")
    yield started
    started.kill()


@pytest.fixture
def place(server):
    """Return where an empty store is, on the cluster."""
    found = server.where().on_cluster("agent-log")
    found.sink().close()
    return found


def test_what_is_there_is_only_looked_at(server, place):
    """A collector starts and a key is added without a word to the server that is away."""
    server.asked()
    place.sink().close()
    place.keys().add(Key("anna", "00", 1.0))
    assert [] == [statement for statement in server.asked() if "ON CLUSTER" in statement]


@pytest.mark.parametrize(
    "lacking", ["summing", "keys", "keys_local", "records_local", "migrations_local"]
)
def test_what_a_new_server_lacks_is_made(place, link, lacking):
    """By whoever starts next."""
    link.do(f"DROP TABLE {lacking} SYNC")
    collect(place, ("", opened("a")), arrived=1.0)
    with place.open() as store:
        assert ["a"] == [event["id"] for event in store.session(SESSION)]
        assert 1 == store.stats().sessions
    assert sorted(schema.names("agent-log")) == sorted(name for (name,) in link.rows("SHOW TABLES"))


def test_a_database_that_a_new_server_lacks_is_made(place, link):
    """All of it, though nobody has noted a version there."""
    link.do(f"DROP DATABASE {place.database} SYNC")
    collect(place, ("", opened("a")), arrived=1.0)
    with place.open() as store:
        assert 1 == store.stats().sessions
