"""Faults of the pen: its file taken from under it, or no room; every record is kept or counted."""

import os
import resource
import shutil
import socket
import subprocess
import sys

import pytest

from agentlog import journal
from agentlog.recording.writer import RING_SIZE
from agentlog.testing import ManualClock
from tests.recording.journals import REPOSITORY, busy_switching, file_size_limit, warned
from tests.recording.writers import THREADS, in_threads, line, numbers, total, write, writers


@pytest.fixture
def clock():
    """A clock that moves when it is told to."""
    return ManualClock(100.0)


@pytest.fixture
def directory(tmp_path):
    """Name the directory of the local destination, which is not there yet."""
    return tmp_path / "journal" / "local"


@pytest.fixture
def new_writer(directory, clock):
    """Make writers that are closed at the end of the test."""
    yield from writers(directory, clock)


# -- The file, taken from under us -----------------------------------------------------------------


def test_a_home_removed_while_running_is_noticed_within_a_second(new_writer, directory, clock):
    """A second later the lines go to a new segment, and those between are counted as lost."""
    writer = new_writer()
    write(writer, line(0))
    clock.advance(2)
    writer.look_after()
    shutil.rmtree(directory.parent)
    for number in range(1, 4):
        write(writer, line(number))
        assert number + 1 == total(writer)
    clock.advance(1.01)
    write(writer, line(4))
    write(writer, line(5))
    assert [5] == numbers(directory)
    assert (2, 0, {"journal removed": 4}) == writer.counts()


def test_a_removed_home_is_noticed_by_flush_and_close(new_writer, directory):
    """Looking after the file at once finds the loss, whatever the clock says."""
    for notice in ("look_after", "close"):
        writer = new_writer()
        write(writer, line(0))
        shutil.rmtree(directory.parent)
        getattr(writer, notice)()
        assert (0, 0, {"journal removed": 1}) == writer.counts()


def test_a_home_that_becomes_a_file_keeps_the_lines(new_writer, directory, clock):
    """While a file is in the way lines wait in memory; they are written when it is gone."""
    directory.parent.parent.mkdir(exist_ok=True)
    directory.parent.touch()
    writer = new_writer()
    with warned() as warnings:
        for number in range(3):
            write(writer, line(number))
            assert (0, number + 1, {}) == writer.counts()
    assert 1 == len(warnings)
    assert str(directory) in str(warnings[0].message)
    directory.parent.unlink()
    clock.advance(1.01)
    write(writer, line(3))
    assert [0, 1, 2, 3] == numbers(directory)
    assert (4, 0, {}) == writer.counts()


def test_a_descriptor_closed_under_us_is_opened_anew(new_writer, directory):
    """Code that closes all descriptors costs no line: the next one opens a segment."""
    writer = new_writer()
    for number in range(3):
        write(writer, line(number))
        os.close(writer.process.pen.fd)
    assert [0, 1, 2] == numbers(directory)
    assert (3, 0, {}) == writer.counts()


def test_descriptors_closed_under_many_threads_lose_nothing(new_writer, directory):
    """Eight threads that all meet the closed descriptor open one segment, and lose no line."""
    writer = new_writer()
    write(writer, line(0))
    for attempt in range(20):
        os.close(writer.process.pen.fd)
        first = 1 + attempt * THREADS
        with busy_switching():
            in_threads(lambda n, first=first: write(writer, line(first + n)))
    assert list(range(1 + 20 * THREADS)) == sorted(numbers(directory))
    assert (1 + 20 * THREADS, 0, {}) == writer.counts()
    assert 21 <= len(journal.segments(directory))


@pytest.mark.parametrize("how", ["look", "rotate", "mend"])
def test_a_file_of_the_host_that_got_our_number_is_left_alone(
    new_writer, directory, clock, tmp_path, how
):
    """Looking, rotating and mending neither replace nor write a file of the host's."""
    host = tmp_path / "host.txt"
    host.write_text("the host's own")
    writer = new_writer(segment_size=100)
    write(writer, line(0))
    number = writer.process.pen.fd
    if how == "mend":
        with file_size_limit(0), warned():
            write(writer, line(1))
    with host.open("r+b") as file:
        os.dup2(file.fileno(), number)
        if how == "rotate":
            writer.process.pen.size = 1000
        clock.advance(1.01)
        writer.look_after()
        assert host.stat().st_ino == os.fstat(number).st_ino
    write(writer, line(2))
    os.close(number)
    assert "the host's own" == host.read_text()
    assert ([0, 1, 2] if how == "mend" else [0, 2]) == numbers(directory)


def _read_end_and_write_end(kind, path):
    """Open what a host may have: where it reads what arrived, and the number it writes to."""
    if kind == "socket":
        ends = socket.socketpair()
        ends[0].setblocking(False)
        ends[1].setblocking(False)
        return ends[0].detach(), ends[1].detach()
    if kind == "pipe":
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        return read_end, write_end
    mode = os.O_CREAT | os.O_WRONLY | (os.O_APPEND if kind == "log file" else 0)
    write_end = os.open(path, mode)
    return os.open(path, os.O_RDONLY), write_end


@pytest.mark.parametrize("kind", ["file", "log file", "socket", "pipe"])
def test_what_the_host_opens_at_our_number_gets_not_one_byte(new_writer, directory, tmp_path, kind):
    """The very next record goes to a segment of its own, whatever the number is by now."""
    writer = new_writer()
    write(writer, line(0))
    ours = writer.process.pen.fd
    read_end, write_end = _read_end_and_write_end(kind, tmp_path / "host")
    os.dup2(write_end, ours)
    write(writer, line(1))
    assert not _can_read(read_end)
    for number in (read_end, write_end, ours):
        os.close(number)
    assert [0, 1] == numbers(directory)
    assert (2, 0, {}) == writer.counts()


def test_a_number_that_is_another_clients_by_now(new_writer, tmp_path):
    """Closed under us and opened again for another journal: each line goes to its own."""
    writers = [new_writer(path=tmp_path / name) for name in ("one", "other")]
    for number, writer in enumerate(writers):
        write(writer, line(number))
    for writer in writers:
        os.close(writer.process.pen.fd)
    for number, writer in enumerate(reversed(writers), 2):
        write(writer, line(number))
    assert [[0, 3], [1, 2]] == [numbers(tmp_path / name) for name in ("one", "other")]


def _can_read(number):
    try:
        return os.read(number, 100)
    except BlockingIOError:
        return b""


CLOSES_ALL = """
import os, sys
from pathlib import Path
from agentlog.recording.writer import Writer
from tests.recording.writers import write
directory, host = map(Path, sys.argv[1:])
writer = Writer(directory / "local", 1 << 30)
write(writer, '{"id":"1"}\\n')
os.closerange(3, 65536)
files = [os.open(host / f"{number}", os.O_WRONLY | os.O_CREAT) for number in range(200)]
write(writer, '{"id":"2"}\\n')
print(writer.counts())
"""


def test_all_descriptors_closed_and_opened_by_the_host(tmp_path):
    """After `closerange` the host's next files get not one byte of ours, and nothing is lost."""
    host = tmp_path / "host"
    host.mkdir()
    command = [sys.executable, "-W", "error", "-c", CLOSES_ALL, str(tmp_path), str(host)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert ("(2, 0, {})\n", "") == (done.stdout, done.stderr)
    assert {0} == {path.stat().st_size for path in host.iterdir()}
    assert [1, 2] == numbers(tmp_path / "local")


# -- A full disk -----------------------------------------------------------------------------------


def test_a_full_disk_keeps_the_lines_until_there_is_room(new_writer, directory, clock):
    """One warning, no exception; then every line is there in order, none behind a torn one."""
    writer = new_writer()
    with file_size_limit(300), warned() as warnings:
        for number in range(10):
            write(writer, line(number, "x" * 20))
            assert number + 1 == total(writer)
    assert writer.counts()[1] > 5
    assert 1 == len(warnings)
    clock.advance(1.01)
    write(writer, line(10))
    assert list(range(11)) == numbers(directory)
    assert (11, 0, {}) == writer.counts()


def test_the_order_survives_attempts_that_fail(new_writer, directory, clock):
    """A line that still cannot be written stays the oldest of those that wait."""
    writer = new_writer()
    with file_size_limit(0), warned():
        for number in range(5):
            write(writer, line(number))
            clock.advance(1.01)
    clock.advance(1.01)
    writer.look_after()
    assert [0, 1, 2, 3, 4] == numbers(directory)


def test_attempts_that_fail_leave_no_files(new_writer, directory, clock):
    """A disk that is full for an hour does not fill the directory with empty segments."""
    writer = new_writer()
    with file_size_limit(0), warned():
        for number in range(20):
            write(writer, line(number))
            clock.advance(1.01)
    assert len(list(directory.iterdir())) <= 2


def test_every_record_is_counted_at_every_moment(new_writer, directory):
    """Also amid an attempt to write what waits, no returned record is missing from the counts."""
    moments = []
    returned = 0
    seconds = iter(range(1, 10_000, 2))

    def look():
        if returned:
            moments.append(total(writer) - returned)
        return float(next(seconds))

    writer = new_writer(clock=look)
    with file_size_limit(0), warned():
        for number in range(5):
            write(writer, line(number))
            returned += 1
    shutil.rmtree(directory)
    write(writer, line(5))
    assert set(moments) <= {0, 1}
    assert 6 == total(writer)


def test_the_ring_is_bounded_and_the_oldest_give_way(new_writer, clock):
    """8 MiB wait in memory; what gave way is counted."""
    writer = new_writer()
    size = 1 << 20
    with file_size_limit(0), warned():
        for number in range(20):
            write(writer, line(number, "x" * size))
    waiting = RING_SIZE // len(line(0, "x" * size))
    assert (0, waiting, {"not writable": 20 - waiting}) == writer.counts()
    clock.advance(1.01)
    writer.look_after()
    assert list(range(20 - waiting, 20)) == numbers(writer.directory)


def test_the_ring_is_exact_under_threads(new_writer):
    """Eight threads that cannot write: what waits and what was dropped add up, within the bound."""
    writer = new_writer()
    each = 40
    with file_size_limit(0), warned(), busy_switching():
        in_threads(lambda _: [write(writer, line(1, "x" * 65536)) for _ in range(each)])
        ring = writer.process.ring
        assert sum(map(len, ring)) == writer.process.ring_size <= RING_SIZE
        assert THREADS * each == total(writer)


def test_drops_are_counted_exactly_under_threads(new_writer):
    """Every record that eight threads lose at once is counted."""
    writer = new_writer()
    each = 20_000
    with busy_switching():
        in_threads(lambda _: [writer.drop("journal limit") for _ in range(each)])
    assert THREADS * each == total(writer)


def test_a_real_disk_that_is_full(tmp_path, new_writer, clock):
    """On a file system without room lines wait, and come when there is room again."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "agentlog", str(tmp_path)]
    may_mount = shutil.which("mount") and not subprocess.call(mount, stderr=subprocess.DEVNULL)
    if not may_mount:
        pytest.skip("may not mount a file system")
    writer = new_writer(path=tmp_path / "local")
    try:
        filler = tmp_path / "filler"
        filler.write_bytes(b"x" * 40_000)
        with warned() as warnings:
            for number in range(60):
                write(writer, line(number, "x" * 1000))
                assert number + 1 == total(writer)
        assert 1 == len(warnings)
        assert writer.counts()[1] > 0
        filler.unlink()
        clock.advance(1.01)
        for number in range(60, 200):
            write(writer, line(number))
            clock.advance(1.01)
        assert 200 == total(writer)
        on_disk = writer.counts()[0]
        assert list(range(on_disk)) == numbers(tmp_path / "local")
        assert on_disk >= 60
    finally:
        writer.close()
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_line_that_waits_while_all_is_well_is_written(new_writer, directory, clock):
    """A thread that saw the fault, and keeps its line just behind the mending, does not lose it."""
    writer = new_writer()
    write(writer, line(1))
    late = line(2).encode()
    writer.process.ring.append(late)
    writer.process.ring_size += len(late)
    clock.advance(1.01)
    write(writer, line(3))
    assert {1, 2, 3} == set(numbers(directory))
    assert (3, 0, {}) == writer.counts()


def test_a_process_without_descriptors_goes_on_with_the_full_segment(new_writer, directory):
    """Where no next segment can be opened, the one that is open takes the lines."""
    writer = new_writer(segment_size=200)
    write(writer, line(0))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        for number in range(1, 50):
            write(writer, line(number))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert list(range(50)) == numbers(directory)
    assert (50, 0, {}) == writer.counts()
