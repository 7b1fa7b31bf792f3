"""How far a segment is done, in whatever order it is settled."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping.ledger import Advance, Ledger


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_any_order(sizes, random):
    """The cursor never passes what is not settled, and ends where everything is; counts add up."""
    ledger, parts, start = Ledger(), [], 100
    for size in sizes:
        ledger.expect("a", start, size)
        parts.append((start, Advance("a", start + size, 1, 2, 3)))
        start += size
    random.shuffle(parts)
    settled, cursor, total = set(), 100, Advance("a", 100)
    for begin, done in parts:
        settled.add(begin)
        ledger.settle(begin, done)
        for advance in ledger.advances():
            assert advance.offset > cursor
            cursor, total = advance.offset, total.then(advance)
        unsettled = {other for other, _ in parts} - settled
        assert min(unsettled, default=start) == cursor
    count = len(sizes)
    assert Advance("a", start, count, 2 * count, 3 * count) == total


def test_a_segment_that_is_done_is_forgotten():
    """Nothing is kept of it, and it may go on."""
    ledger = Ledger()
    for _ in range(2):
        ledger.expect("a", 5, 10)
        ledger.settle(5, Advance("a", 15, 1))
        assert (Advance("a", 15, 1),) == ledger.advances()
        assert () == ledger.advances()
