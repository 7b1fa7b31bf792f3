"""Lines that stand one behind the other, and how they are divided."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping.stretch import Stretch, count_of, divided, fitting, lines_of, runs

LINES = (b"one", b"two", b"three", b"", b"four")
_stretches = st.lists(
    st.builds(
        Stretch, st.sampled_from("ab"), st.just(7), st.lists(st.sampled_from(LINES)).map(tuple)
    )
).map(tuple)


def test_a_stretch_is_divided():
    """The second part stands behind the first, newlines included."""
    stretch = Stretch("a", 100, LINES)
    assert (Stretch("a", 100, LINES[:2]), Stretch("a", 108, LINES[2:])) == stretch.divided(2)
    assert 20 == stretch.size


@given(_stretches, st.integers(0, 30))
def test_stretches_are_divided(stretches, count):
    """No line is lost, doubled or moved."""
    head, rest = divided(stretches, count)
    assert lines_of(stretches) == lines_of(head) + lines_of(rest)
    assert min(count, count_of(stretches)) == count_of(head)


def test_fitting():
    """So many lines, in so many bytes with their newlines."""
    assert [5, 2, 2, 1, 0] == [
        fitting(LINES, *most) for most in [(9, 99), (2, 99), (9, 13), (9, 7), (9, 3)]
    ]


def test_runs():
    """Good lines stay together, and each bad one stands alone, where it stood."""
    found = runs(Stretch("a", 10, LINES), lambda line: b"e" in line)
    expected = [
        (Stretch("a", 10, (b"one",)), True),
        (Stretch("a", 14, (b"two",)), False),
        (Stretch("a", 18, (b"three",)), True),
        (Stretch("a", 24, (b"",)), False),
        (Stretch("a", 25, (b"four",)), False),
    ]
    assert expected == found
    assert [] == runs(Stretch("a", 10, ()), bool)
