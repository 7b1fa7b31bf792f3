"""Where records stand, and how far a source is done, in whatever order it is settled."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping.spans import (
    Advance,
    Ledger,
    Span,
    count_of,
    divided,
    fitting,
    lines_of,
    runs,
)

LINES = (b"one", b"two", b"three", b"", b"four")
_spans = st.lists(
    st.builds(Span, st.sampled_from("ab"), st.just(7), st.lists(st.sampled_from(LINES)).map(tuple))
).map(tuple)


def test_a_span_is_divided():
    """The second part stands behind the first, newlines included."""
    span = Span("a", 100, LINES)
    assert (Span("a", 100, LINES[:2]), Span("a", 108, LINES[2:])) == span.divided(2)
    assert 20 == span.size


@given(_spans, st.integers(0, 30))
def test_spans_are_divided(spans, count):
    """No line is lost, doubled or moved."""
    head, rest = divided(spans, count)
    assert lines_of(spans) == lines_of(head) + lines_of(rest)
    assert min(count, count_of(spans)) == count_of(head)


def test_fitting():
    """So many lines, in so many bytes with their newlines."""
    assert [5, 2, 2, 1, 0] == [
        fitting(LINES, *most) for most in [(9, 99), (2, 99), (9, 13), (9, 7), (9, 3)]
    ]


def test_runs():
    """Good lines stay together, and each bad one stands alone, where it stood."""
    found = runs(Span("a", 10, LINES), lambda line: b"e" in line)
    expected = [
        (Span("a", 10, (b"one",)), True),
        (Span("a", 14, (b"two",)), False),
        (Span("a", 18, (b"three",)), True),
        (Span("a", 24, (b"",)), False),
        (Span("a", 25, (b"four",)), False),
    ]
    assert expected == found
    assert [] == runs(Span("a", 10, ()), bool)


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


def test_a_source_that_is_done_is_forgotten():
    """Nothing is kept of it, and it may go on."""
    ledger = Ledger()
    for _ in range(2):
        ledger.expect("a", 5, 10)
        ledger.settle(5, Advance("a", 15, 1))
        assert (Advance("a", 15, 1),) == ledger.advances()
        assert () == ledger.advances()
