"""A track: offsets of what a machine has, as offsets of the segment that it was read from."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping.otlp.opens import Place
from agentlog.shipping.otlp.track import Track


def place(number):
    """Return the place of a line of ten bytes."""
    return Place("a segment", 10 * number, 10 * number + 10, None)


def test_a_segment_is_settled_up_to_the_first_line_that_is_not():
    """By the bytes that the machine has, in bytes of the segment."""
    track = Track()
    for number, line in enumerate([b"one", b"three"]):
        track.hand_over(place(number), line)
    assert (place(0), place(1)) == (track.place_of(0), track.place_of(4))
    assert [place(0)] == track.settle(4)
    assert [] == track.settle(4)
    assert not track.is_settled
    assert [place(1)] == track.settle(track.size)
    assert track.is_settled


@given(st.lists(st.binary(max_size=5), max_size=20), st.data())
def test_each_line_is_settled_once_and_in_its_order(lines, data):
    """However far the machine is each time."""
    track, ends, passed = Track(), [0], []
    for number, line in enumerate(lines):
        track.hand_over(place(number), line)
        ends.append(track.size)
    for end in sorted(data.draw(st.lists(st.sampled_from(ends)))):
        passed += track.settle(end)
    passed += track.settle(track.size)
    assert [place(number) for number in range(len(lines))] == passed
