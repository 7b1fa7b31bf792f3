"""Which engines keep the contract."""

import pytest

from agentlog.errors import StoreError
from agentlog.store import Store, where
from tests.store.contract.engines import MISSING, ClickHouse, Cluster
from tests.store.contract.records import collect, opened


def test_a_clickhouse_keeps_the_contract():
    """Where there is one; this says why none of the other tests have it."""
    if MISSING:
        pytest.skip(f"{', '.join(MISSING)} not installed: `make test-clickhouse` has it")


def test_whoever_asks_for_a_store_may_be_given_any(store):
    """All that the protocol has is there."""
    asked = [name for name in vars(Store) if not name.startswith("_")]
    assert [] == [name for name in asked if not hasattr(store, name)]


def test_a_store_is_known_by_its_address(place):
    """However it was made: what it was made with need not be said again."""
    named = where.find(place.option())
    collect(named, ("", opened("a")), arrived=1.0)
    with named.open() as store:
        assert 1 == store.stats().events
        assert 1 == store.prune(2.0)
        assert 0 == store.stats().events


@pytest.mark.parametrize("kind", [ClickHouse, Cluster])
def test_a_store_stays_on_its_cluster(engine, place, kind):
    """Or on its server: on both it would be in two parts that know nothing of each other."""
    if type(engine) is not kind:
        pytest.skip("of another engine")
    there = "on the cluster agent-log" if kind is Cluster else "on one server, without a cluster"
    with pytest.raises(StoreError, match=f"was made {there}: --cluster other is for another"):
        place.on_cluster("other").sink()
