"""Outbox: lines are read once, and settled in an order in which a kill loses nothing."""

import os
import shutil

import pytest

from agentlog import journal
from agentlog.shipping import cursors, quarantine
from agentlog.shipping.cursors import START, Cursor
from agentlog.shipping.machine import Machine
from agentlog.shipping.outbox import Outbox
from agentlog.shipping.steps import Send
from tests.shipping.destinations import ANOTHER, GONE, left, names, records, text_of, written
from tests.shipping.driving import good, number_of, refusing, strip

SIZE = len(text_of(records(1)))
NOBODY = frozenset()


class Shipping:
    """An outbox and a machine, and the numbers of what was sent."""

    def __init__(self, directory, server=good):
        self.outbox, self.machine = Outbox(directory), Machine(strip)
        self.server = server
        self.sent = []
        self.now = 0.0

    def fill(self, own="", others=NOBODY):
        """Read what the machine takes; return the bytes."""
        return self.outbox.fill(self.machine, own, others)

    def send(self):
        """Send until nothing can be sent."""
        self.now += 100
        while isinstance(todo := self.machine.next(self.now), Send):
            self.sent += map(number_of, todo.lines)
            self.outbox.settle(self.machine.answered(self.server(todo.lines), self.now, 0.5))

    def run(self):
        """Read and send all that is there."""
        while self.fill():
            self.send()
        return self.sent


@pytest.fixture
def shipping(tmp_path):
    """Give one for a destination."""
    return Shipping(tmp_path)


def cursor_of(segment):
    """Return the cursor that is on disk."""
    return cursors.read(cursors.path_of(segment))


def aged(segment):
    """Let it be long ago that the segment was written."""
    os.utime(segment.path, (0, 0))


# -- Reading ---------------------------------------------------------------------------------------


def test_nothing_is_there(tmp_path):
    """Not even the destination."""
    for directory in (tmp_path, tmp_path / "none"):
        shipping = Shipping(directory)
        assert (0, []) == (shipping.fill(), shipping.run())


def test_the_oldest_goes_first(shipping, tmp_path):
    """By the start of its owner, then by its number."""
    left(tmp_path, records(2, 20), number=2)
    left(tmp_path, records(2, 30), owner=ANOTHER)
    left(tmp_path, records(2, 10))
    assert 6 * SIZE == shipping.fill()
    shipping.send()
    assert [10, 11, 20, 21, 30, 31] == shipping.sent


def test_the_own_go_before_them_all(shipping, tmp_path):
    """And those who leave do without the others'."""
    left(tmp_path, records(2))
    left(tmp_path, records(2, 30), owner=ANOTHER)
    assert 2 * SIZE == shipping.fill(ANOTHER, frozenset({GONE}))
    shipping.fill(ANOTHER)
    shipping.send()
    assert [30, 31, 0, 1] == shipping.sent


def test_lines_are_read_once(shipping, tmp_path):
    """Also while a segment grows, and not before a line is whole."""
    segment = left(tmp_path, records(2), tail=records(1, 2)[0])
    assert (2 * SIZE, 0) == (shipping.fill(), shipping.fill())
    with segment.path.open("ab") as file:
        file.write(b"\n" + text_of(records(2, 3)))
    assert [0, 1, 2, 3, 4] == shipping.run()


def test_reading_goes_on_where_a_cursor_is(shipping, tmp_path):
    """What is settled is not read again."""
    segment = left(tmp_path, records(5))
    cursors.write(cursors.path_of(segment), Cursor(3 * SIZE, 3))
    assert [3, 4] == shipping.run()
    assert Cursor(5 * SIZE, 5) == cursor_of(segment)


def test_starting_over(shipping, tmp_path):
    """Another shipper has settled some of it, and what is under way goes out again."""
    segment = left(tmp_path, records(5))
    shipping.fill()
    cursors.write(cursors.path_of(segment), Cursor(3 * SIZE, 3))
    shipping.outbox.start_over()
    shipping.machine.forget()
    assert [3, 4] == shipping.run()


def test_a_long_line_is_read_whole(shipping, tmp_path):
    """It may be longer than what is read at once."""
    long = b'{"id": "0000000000000001", "params": "%s"}' % (b"x" * (3 << 20))
    left(tmp_path, [long, *records(1)])
    assert [1, 0] == shipping.run()


def test_a_full_machine_gets_no_more(shipping, tmp_path):
    """What it holds is bounded, whatever lies there."""
    big = [b'{"id": "%016x", "params": "%s"}' % (n, b"x" * 90_000) for n in range(300)]
    left(tmp_path, big)
    assert sum(shipping.fill() for _ in range(100)) < 3 << 20
    shipping.send()
    assert [*range(300)] == shipping.run()


# -- Settling --------------------------------------------------------------------------------------


def test_the_cursor_moves_after_the_answer(shipping, tmp_path):
    """And counts what became of the lines."""
    shipping.server = refusing(1)
    segment = left(tmp_path, [*records(3), b"junk"])
    shipping.fill()
    assert START == cursor_of(segment)
    shipping.send()
    assert Cursor(3 * SIZE + 5, 2, 1, 1) == cursor_of(segment)
    whys = [(entry.offset, entry.why) for entry in quarantine.entries(tmp_path)]
    assert {(SIZE, "400: poison"), (3 * SIZE, "damaged: the line is no JSON object")} == {*whys}


def test_nothing_moves_before_it_is_in_quarantine(shipping, tmp_path):
    """Where that cannot be written, it is tried again, and nothing is counted twice."""
    shipping.server = refusing(1)
    segment = left(tmp_path, records(3))
    (tmp_path / "quarantine").mkdir()
    shipping.fill()
    with pytest.raises(IsADirectoryError):
        shipping.send()
    for _ in range(3):
        with pytest.raises(IsADirectoryError):
            shipping.outbox.go_on()
    assert cursor_of(segment).quarantined == 0
    (tmp_path / "quarantine").rmdir()
    shipping.outbox.go_on()
    shipping.send()
    assert Cursor(3 * SIZE, 2, 1) == cursor_of(segment)
    assert [SIZE] == [entry.offset for entry in quarantine.entries(tmp_path)]


def test_sending_goes_on_without_a_cursor(shipping, tmp_path):
    """It is remembered, and written as soon as it can be."""
    segment = left(tmp_path, records(3))
    draft = cursors.path_of(segment).with_name(f"{segment.path.stem}.cursor.new")
    draft.mkdir()
    assert [0, 1, 2] == shipping.run()
    expected = Cursor(3 * SIZE, 3)
    assert {segment.path.stem: expected} == shipping.outbox.unsaved
    assert not shipping.outbox.save()
    draft.rmdir()
    assert shipping.outbox.save()
    assert ({}, expected) == (shipping.outbox.unsaved, cursor_of(segment))


# -- Deleting --------------------------------------------------------------------------------------


def test_what_is_settled_is_deleted(shipping, tmp_path):
    """When its process is gone."""
    left(tmp_path, records(3))
    left(tmp_path, [], number=2)
    shipping.run()
    shipping.outbox.sweep()
    assert [] == names(tmp_path)


def test_a_segment_that_is_written_stays(shipping, tmp_path):
    """It is deleted once its writer has gone on to the next one; its cursor counts for longer."""
    with written(tmp_path, records(3)) as segment:
        shipping.run()
        aged(segment)
        shipping.outbox.sweep()
        assert segment.path.exists()
    shipping.outbox.sweep()
    assert [] == names(tmp_path)
    assert Cursor(3 * SIZE, 3) == cursor_of(segment)


def test_what_is_not_settled_stays(shipping, tmp_path):
    """Read or not, long ago or not."""
    segments = [left(tmp_path, records(3)), left(tmp_path, records(3, 10), number=2)]
    shipping.fill(others=frozenset())
    for segment in segments:
        aged(segment)
    shipping.outbox.sweep()
    fresh = Shipping(tmp_path)
    fresh.outbox.sweep()
    assert [0, 1, 2, 10, 11, 12] == fresh.run()
    assert [] == quarantine.entries(tmp_path)


def test_a_torn_line_of_a_process_that_is_gone_is_set_aside(shipping, tmp_path):
    """Nobody ends it."""
    left(tmp_path, records(2), tail=b'{"id": "00')
    shipping.run()
    shipping.outbox.sweep()
    assert ["quarantine"] == names(tmp_path)
    [entry] = quarantine.entries(tmp_path)
    assert (2 * SIZE, None, '{"id": "00') == (entry.offset, entry.record, entry.line)
    assert entry.why.startswith("damaged: cut off")


def test_a_torn_line_that_is_all_there_is(shipping, tmp_path):
    """Of a whole segment of junk without a newline, too."""
    left(tmp_path, [], tail=b"\0" * 100_000)
    shipping.outbox.sweep()
    assert ["quarantine"] == names(tmp_path)
    assert 4096 == len(quarantine.entries(tmp_path)[0].line)


def test_a_line_that_is_being_written_is_left_alone(shipping, tmp_path):
    """Its process is alive."""
    with written(tmp_path, records(2)) as segment:
        with segment.path.open("ab") as file:
            file.write(b'{"id": "00')
        shipping.run()
        aged(segment)
        shipping.outbox.sweep()
        assert segment.path.exists()
        assert [] == quarantine.entries(tmp_path)


def test_a_segment_that_was_cut_off_begins_anew(shipping, tmp_path):
    """What is written there from then on is new."""
    with written(tmp_path, records(5)) as segment:
        shipping.run()
        os.truncate(segment.path, 0)
        shipping.outbox.sweep()
        segment.path.write_bytes(text_of(records(2, 10)))
        assert [0, 1, 2, 3, 4, 10, 11] == shipping.run()
        assert Cursor(2 * SIZE, 2) == cursor_of(segment)


def test_a_cursor_behind_the_end_of_its_segment_is_not_believed(tmp_path):
    """The segment was cut off while nobody looked: all that is there is sent again."""
    segment = left(tmp_path, records(2))
    cursors.write(cursors.path_of(segment), Cursor(5 * SIZE, 5))
    assert [0, 1] == Shipping(tmp_path).run()


def test_a_destination_that_is_removed_with_lines_under_way(shipping, tmp_path):
    """What comes after it is shipped as ever."""
    home = tmp_path / "home"
    shipping = Shipping(home)
    left(home, records(3))
    shipping.fill()
    shutil.rmtree(home)
    shipping.send()
    shipping.outbox.sweep()
    left(home, records(2, 10), owner=ANOTHER)
    assert [0, 1, 2, 10, 11] == shipping.run()
    assert shipping.outbox.save()


@pytest.mark.parametrize("kind", ["directory", "link", "pipe"])
def test_what_is_no_file_is_no_segment(kind, shipping, tmp_path):
    """It is neither read nor waited for nor deleted."""
    path = journal.segment(tmp_path, ANOTHER, 1).path
    if kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    left(tmp_path, records(2))
    assert [0, 1] == shipping.run()
    shipping.outbox.sweep()
    assert [path.name] == names(tmp_path)


def test_junk_is_set_aside_and_costs_no_record(shipping, tmp_path):
    """Zeros, binary, HTML, other JSON, a line twice: all of it is passed."""
    junk = [b"\0" * 512, b"\xff\xfe", b"<html>", b"[1]", b"", b"7", b"{", b"}"]
    left(tmp_path, [*records(1), *junk, *records(1, 1)])
    assert [0, 1] == shipping.run()
    shipping.outbox.sweep()
    assert ["quarantine"] == names(tmp_path)
    assert 7 == len(quarantine.entries(tmp_path))
