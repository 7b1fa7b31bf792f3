"""A collector that the tests of a file ask."""

import pytest

from tests.server.collector import Collector


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    """A collector on loopback, with a store of its own."""
    with Collector(tmp_path_factory.mktemp("collector")) as collector:
        yield collector
