"""Tally: what became of a writer's records, whoever shipped them; it takes nothing back."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import journal
from agentlog.shipping import cursors
from agentlog.shipping.cursors import START, Cursor
from agentlog.shipping.tally import Count, Tally
from tests.shipping.destinations import ANOTHER, GONE, left, records, text_of

SIZE = len(text_of(records(1)))


def moved(directory, records, *, number=1, owner=GONE, **counts):
    """Move the cursor of a segment behind so many records."""
    cursor = Cursor(records * SIZE, **counts) if counts else Cursor(records * SIZE, records)
    cursors.write(cursors.path_of(journal.segment(directory, owner, number)), cursor)


def test_nothing_is_settled_at_first(tmp_path):
    """What is on disk is still to be shipped."""
    left(tmp_path, records(3))
    assert Count(0, 0, 0, is_all=False) == Tally(tmp_path).count(GONE, {})


def test_no_destination_is_nothing(tmp_path):
    """Nothing was recorded, so nothing is left."""
    assert Count(0, 0, 0, is_all=True) == Tally(tmp_path / "none").count(GONE, {})


def test_the_cursors_of_all_segments_count(tmp_path):
    """Also of those that are gone, and of no other writer."""
    left(tmp_path, records(3), number=2)
    left(tmp_path, records(5), owner=ANOTHER)
    moved(tmp_path, 7, number=1)
    moved(tmp_path, 3, number=2, delivered=1, quarantined=1, damaged=1)
    moved(tmp_path, 2, owner=ANOTHER)
    assert Count(8, 1, 1, is_all=True) == Tally(tmp_path).count(GONE, {})
    assert Count(2, 0, 0, is_all=False) == Tally(tmp_path).count(ANOTHER, {})


def test_what_could_not_be_written_counts_too(tmp_path):
    """On a full disk the shipper knows more than the cursors."""
    left(tmp_path, records(3))
    moved(tmp_path, 1)
    tally = Tally(tmp_path)
    unsaved = {f"{GONE}-0001": Cursor(3 * SIZE, 3)}
    assert Count(3, 0, 0, is_all=True) == tally.count(GONE, unsaved)
    assert Count(3, 0, 0, is_all=True) == tally.count(GONE, {})


@pytest.mark.parametrize("content", [b"", b"junk", b'{"offset": 0}', b'{"offset": 34}'])
def test_delivered_never_goes_back(content, tmp_path):
    """Not even where a cursor is lost, broken, or begins anew."""
    segment = left(tmp_path, records(3))
    moved(tmp_path, 2)
    tally = Tally(tmp_path)
    assert 2 == tally.count(GONE, {}).delivered
    cursors.path_of(segment).write_bytes(content)
    assert 2 == tally.count(GONE, {}).delivered
    cursors.path_of(segment).unlink()
    assert Count(2, 0, 0, is_all=False) == tally.count(GONE, {})
    moved(tmp_path, 3)
    assert Count(3, 0, 0, is_all=True) == tally.count(GONE, {})


@given(
    steps=st.lists(
        st.tuples(st.integers(1, 3), st.none() | st.integers(0, 9), st.booleans()), max_size=12
    )
)
def test_delivered_never_goes_back_whatever_happens(steps, tmp_path_factory):
    """Cursors of three segments move, vanish and start over; segments come and go."""
    directory = tmp_path_factory.mktemp("home")
    tally, before = Tally(directory), 0
    for number, position, is_there in steps:
        segment = left(directory, records(9), number=number)
        if position is None:
            cursors.path_of(segment).unlink(missing_ok=True)
        else:
            moved(directory, position, number=number)
        if not is_there:
            segment.path.unlink()
        delivered = tally.count(GONE, {}).delivered
        assert before <= delivered <= 27
        before = delivered


def test_a_destination_that_cannot_be_looked_at_is_not_empty(tmp_path):
    """A process without a descriptor to spare has not lost its records."""
    left(tmp_path, records(3))
    tally = Tally(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        found = tally.count(GONE, {})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert Count(0, 0, 0, is_all=False) == found


def test_whatever_lies_there(tmp_path):
    """It asks, and never raises."""
    left(tmp_path, records(1))
    (tmp_path / f"{GONE}-0001.cursor").mkdir()
    (tmp_path / f"{GONE}-0002.jsonl").mkdir()
    (tmp_path / f"{GONE}-0003.cursor").write_bytes(b"\xff" * 100)
    (tmp_path / f"{GONE}-0004.cursor").symlink_to(tmp_path / "none")
    (tmp_path / f"{GONE}-0005.jsonl").symlink_to(tmp_path / f"{GONE}-0001.jsonl")
    assert Count(*START[1:], is_all=False) == Tally(tmp_path).count(GONE, {})
