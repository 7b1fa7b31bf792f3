"""What the tests of the engine have: a server, a store of its own for each test, and its link."""

import pytest

from tests.store.contract.engines import MISSING


def pytest_ignore_collect(collection_path, config):
    """Leave these tests out where there is no engine: `make test-clickhouse` has one."""
    return bool(MISSING) or None


if not MISSING:
    from agentlog.store.clickhouse.link import Link
    from tests.store.clickhouse.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start an engine, which no other module has."""
    started = Server(tmp_path_factory.mktemp("engine"))
    yield started
    started.kill()


@pytest.fixture
def place(server):
    """Return where an empty store is."""
    found = server.where()
    found.sink().close()
    return found


@pytest.fixture
def link(place):
    """Ask the server itself."""
    opened = Link(place)
    yield opened
    opened.close()
