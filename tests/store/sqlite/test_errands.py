"""What a collector does between batches: how much time that gets."""

import time

import pytest

from agentlog.store.sqlite.errands import Errands, share_of_others
from agentlog.store.sqlite.store import SqliteStore
from tests.server.collector import record


@pytest.mark.parametrize(
    ("behind", "expected"),
    [(0, 4.0), (50_000, 4.0), (50_001, 2.0), (200_001, 1.0), (9_000_000, 1.0)],
)
def test_the_index_has_a_share_that_grows_with_what_it_lacks(behind, expected):
    """A fifth of the time if it is little, and half of it at most."""
    assert expected == share_of_others(behind)


def test_the_index_catches_up_while_batches_come():
    """However fast they do: what counts is time, and not how many steps were made."""
    with SqliteStore() as store:
        store.put([record(number) for number in range(1, 4_000)])
        errands = Errands(store)
        began = time.monotonic()
        spent, steps = 0.0, 0
        while store.is_index_behind():
            before, left = time.monotonic(), store.count_unsearched()
            errands.run(idle=False, between=lambda: None)
            if store.count_unsearched() < left:
                spent += time.monotonic() - before
                steps += 1
        assert 16 == steps
        assert time.monotonic() - began < 1 + 6 * spent


def test_the_index_takes_all_the_time_that_nobody_else_wants():
    """One step behind the other."""
    with SqliteStore() as store:
        store.put([record(number) for number in range(1, 4_000)])
        errands = Errands(store)
        for _ in range(4):
            errands.run(idle=True, between=lambda: None)
        assert not store.is_index_behind()
