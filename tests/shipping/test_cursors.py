"""Cursors: how far a segment is shipped, and nothing that cannot be so."""

import json
import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import journal
from agentlog.shipping import cursors
from agentlog.shipping.cursors import START, Cursor
from agentlog.shipping.ledger import Advance
from tests.shipping.destinations import ANOTHER, GONE, in_time, left, records

NUMBERS = st.integers(0, 2**50)


def test_an_advance_moves_it():
    """The offset is replaced, and the lines are added up."""
    cursor = Cursor(10, 1, 2, 3).after(Advance("a", 50, delivered=4, quarantined=5, damaged=6))
    assert Cursor(50, 5, 7, 9) == cursor


@given(records=st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_what_is_written_is_read(records, tmp_path_factory):
    """Any numbers."""
    path = tmp_path_factory.mktemp("home") / "x.cursor"
    cursor = Cursor(sum(records), *records)
    cursors.write(path, cursor)
    assert cursor == cursors.read(path)
    assert 0o600 == path.stat().st_mode & 0o777
    assert [path] == list(path.parent.iterdir())


BROKEN = {
    "nothing": b"",
    "cut": b'{"offset": 12',
    "binary": b"\x80\xff\0",
    "zeros": b"\0" * 4096,
    "list": b"[1, 2]",
    "null": b"null",
    "other fields": b'{"offset": 12, "x": 1}',
    "text": b'{"offset": "12"}',
    "fraction": b'{"offset": 12.0}',
    "truth": b'{"offset": true}',
    "below zero": b'{"offset": 12, "delivered": -1}',
    "deep": b"[" * 100_000,
    "no number": b'{"offset": NaN}',
    "long number": b'{"offset": ' + b"1" * 5000 + b"}",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_one_is_the_start(content, tmp_path):
    """What is sent twice does no harm; what is passed over would."""
    path = tmp_path / "x.cursor"
    path.write_bytes(content)
    assert START == cursors.read(path)


@pytest.mark.parametrize("kind", ["none", "directory", "link in a circle"])
def test_one_that_cannot_be_read_is_the_start(kind, tmp_path):
    """Whatever is in its place."""
    path = tmp_path / "x.cursor"
    if kind == "directory":
        path.mkdir()
    if kind == "link in a circle":
        path.symlink_to(path)
    assert START == cursors.read(path)


@given(junk=st.binary(max_size=200))
def test_any_bytes_are_a_cursor_or_the_start(junk, tmp_path_factory):
    """Reading never raises."""
    path = tmp_path_factory.mktemp("home") / "x.cursor"
    path.write_bytes(junk)
    assert all(type(number) is int and number >= 0 for number in cursors.read(path))


@pytest.mark.parametrize(
    "said",
    [
        {"offset": 10**30, "delivered": 3},
        {"offset": 2**63, "delivered": 3},
        {"offset": 2**62, "delivered": 3},
        {"offset": 1, "delivered": 0},
        {"offset": 10**6, "delivered": 3},
        {"offset": 60, "delivered": 10**30},
    ],
    ids=str,
)
def test_one_that_cannot_be_of_its_segment_is_not_believed(said, tmp_path):
    """It ends behind the segment, within a line, or with more lines than bytes."""
    segment = left(tmp_path, records(3))
    cursors.path_of(segment).write_text(json.dumps(said))
    assert START == cursors.start_of(segment)


def test_one_at_the_end_of_a_line_is_believed(tmp_path):
    """That of a segment which goes on."""
    segment = left(tmp_path, records(3))
    end = len(records(1)[0]) + 1
    cursors.write(cursors.path_of(segment), Cursor(end, 1))
    assert Cursor(end, 1) == cursors.start_of(segment)


def test_one_whose_segment_is_gone_is_believed(tmp_path):
    """The segment was deleted as all of it was there."""
    segment = journal.segment(tmp_path, GONE, 1)
    cursors.write(cursors.path_of(segment), Cursor(900, 9))
    assert Cursor(900, 9) == cursors.start_of(segment)


def test_the_cursors_of_an_owner(tmp_path):
    """By the stems of their segments, and nobody else's."""
    for owner, number in ((GONE, 1), (GONE, 2), (ANOTHER, 1)):
        segment = journal.segment(tmp_path, owner, number)
        cursors.write(cursors.path_of(segment), Cursor(100, number))
    (tmp_path / "junk.cursor").touch()
    expected = {f"{GONE}-0001": Cursor(100, 1), f"{GONE}-0002": Cursor(100, 2)}
    assert expected == cursors.of_owner(tmp_path, GONE)
    assert {} == cursors.of_owner(tmp_path / "none", GONE)


def test_orphans_are_forgotten(tmp_path):
    """A cursor goes with its segment and the process that may count; what is no cursor stays."""
    own = f"0193f2c1a2b3-{os.getpid()}-9f8e7d6c"
    stems = [f"{owner}-0001" for owner in (GONE, ANOTHER, own)] + [f"{GONE}-0002"]
    for stem in stems:
        cursors.write(tmp_path / f"{stem}.cursor", Cursor(100, 1))
    (tmp_path / "other.cursor").touch()
    cursors.forget_orphans(tmp_path, there={f"{GONE}-0002"}, alive={ANOTHER})
    there = {f"{stem}.cursor" for stem in (f"{ANOTHER}-0001", f"{own}-0001", f"{GONE}-0002")}
    assert there | {"other.cursor"} == {path.name for path in tmp_path.iterdir()}


def test_an_orphan_that_cannot_be_forgotten_holds_up_nobody(tmp_path):
    """A directory of that name."""
    (tmp_path / f"{GONE}-0001.cursor").mkdir()
    cursors.write(tmp_path / f"{GONE}-0002.cursor", Cursor(100, 1))
    cursors.forget_orphans(tmp_path, there=set(), alive=set())
    assert [f"{GONE}-0001.cursor"] == [path.name for path in tmp_path.iterdir()]


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path):
    """Nobody writes into it."""
    path = tmp_path / "x.cursor"
    os.mkfifo(path)
    with in_time():
        assert START == cursors.read(path)


def test_one_that_is_a_link_to_another_file_is_the_start(tmp_path):
    """As no file of the journal is a link."""
    cursors.write(tmp_path / "elsewhere", Cursor(100, 1))
    (tmp_path / "x.cursor").symlink_to(tmp_path / "elsewhere")
    assert START == cursors.read(tmp_path / "x.cursor")


def test_one_that_is_huge_is_not_read(tmp_path):
    """A sparse file of a gigabyte, all zeros, is no cursor."""
    path = tmp_path / "x.cursor"
    path.touch()
    os.truncate(path, 1 << 30)
    tracemalloc.start()
    try:
        assert START == cursors.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
