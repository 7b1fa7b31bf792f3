"""Which engines keep the contract."""

import pytest

from agentlog.store import Store
from tests.store.contract.engines import MISSING


def test_a_clickhouse_keeps_the_contract():
    """Where there is one; this says why none of the other tests have it."""
    if MISSING:
        pytest.skip(f"{', '.join(MISSING)} not installed: `make test-clickhouse` has it")


def test_whoever_asks_for_a_store_may_be_given_any(store):
    """All that the protocol has is there."""
    asked = [name for name in vars(Store) if not name.startswith("_")]
    assert [] == [name for name in asked if not hasattr(store, name)]
