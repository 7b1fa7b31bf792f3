"""Pairs of two lists: as many as there can be, in order, at any size."""

import random
import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay import align
from agentlog.replay.align import gaps, pairs

keys = st.text("abc", max_size=9)


def longest(first, second):
    """Return the length of a longest common subsequence, by the table of every textbook."""
    lengths = [0] * (len(second) + 1)
    for one in first:
        before = 0
        for place, other in enumerate(second, 1):
            above = lengths[place]
            lengths[place] = before + 1 if one == other else max(above, lengths[place - 1])
            before = above
    return lengths[-1]


def check(found, first, second):
    """Fail unless these are pairs of equal keys, rising in both lists."""
    assert all(first[one] == second[other] for one, other in found)
    for before, behind in pairwise(found):
        assert before[0] < behind[0]
        assert before[1] < behind[1]


@given(keys, keys)
def test_no_other_pairs_would_be_more(first, second):
    """The pairs are a longest common subsequence."""
    found = pairs(first, second)
    check(found, first, second)
    assert longest(first, second) == len(found)


@given(keys, keys)
def test_what_is_too_large_is_paired_in_order_too(first, second):
    """Lists beyond the size of a table are paired by occurrence; those pairs do not cross."""
    found = align._by_occurrence(first, second)
    check(found, first, second)
    if first and first == second:
        assert [(place, place) for place in range(len(first))] == found


def test_what_was_put_in_shifts_nothing():
    """Behind an insertion the rest is paired with itself."""
    assert [(0, 0), (1, 2), (2, 3)] == pairs("abc", "axbc")


@given(keys, keys)
def test_pairs_and_gaps_are_all(first, second):
    """What is in no pair is in a gap, once, and gaps are in order."""
    found = pairs(first, second)
    between = gaps(found, len(first), len(second))
    assert len(found) + 1 == len(between)
    for place, length in enumerate((len(first), len(second))):
        covered = [item for gap in between for item in gap[place]] + [pair[place] for pair in found]
        assert list(range(length)) == sorted(covered)


def test_any_lists_take_a_moment():
    """Two thousand of one key, of none in common, and in another order."""
    shuffled = list(range(2000))
    random.Random(1).shuffle(shuffled)
    start = time.process_time()
    assert 1999 == len(pairs([0] * 2000, [0] * 1999))
    assert [] == pairs(range(2000), range(2000, 4000))
    assert pairs(range(2000), shuffled)
    pairs([place % 2 for place in range(2000)], [place % 3 % 2 for place in range(2000)])
    assert 1.0 > time.process_time() - start


def test_a_hundred_thousand_take_no_table():
    """Beyond the size of a table the memory stays that of the lists."""
    count = 100_000
    first, second = list(range(count)), [*range(7, count), *range(7)]
    start = time.process_time()
    assert count - 7 == len(pairs(first, second))
    assert 5.0 > time.process_time() - start
