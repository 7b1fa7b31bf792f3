"""The pen of a process: a line is on disk when its call returns, in its process's segment."""

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentlog import journal
from agentlog.testing import ManualClock
from tests.recording.journals import REPOSITORY, busy_switching, umask
from tests.recording.writers import (
    THREADS,
    in_child,
    in_threads,
    line,
    numbers,
    total,
    write,
    writers,
)


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


# -- One line, and many ----------------------------------------------------------------------------


def test_a_line_is_on_disk_when_its_call_returns(new_writer, directory):
    """Nothing waits in a buffer: each returned write can be read by others."""
    writer = new_writer()
    for number in range(5):
        write(writer, line(number))
        assert list(range(number + 1)) == numbers(directory)
    assert (5, 0, {}) == writer.counts()


def test_nothing_is_made_before_the_first_line(new_writer, directory):
    """A writer that never writes, and is looked after and closed, leaves no trace."""
    writer = new_writer()
    writer.look_after()
    writer.close()
    assert not directory.parent.exists()


@pytest.mark.parametrize("mask", [0, 0o777])
def test_permissions_under_any_umask(new_writer, directory, mask):
    """Directories are 0700 and segments 0600, those after a rotation too."""
    writer = new_writer(segment_size=100)
    with umask(mask):
        for number in range(5):
            write(writer, line(number))
    assert 0o700 == directory.stat().st_mode & 0o7777
    assert {0o600} == {path.stat().st_mode & 0o7777 for path in directory.iterdir()}


def test_many_first_lines_make_one_segment(tmp_path, new_writer):
    """Threads that all write the first line of a process lose none, and write one segment."""
    for attempt in range(20):
        directory = tmp_path / f"attempt-{attempt}"
        writer = new_writer(path=directory)
        with busy_switching():
            in_threads(lambda number, writer=writer: write(writer, line(number)))
        assert list(range(THREADS)) == sorted(numbers(directory))
        assert 1 == sum(segment.size > 0 for segment in journal.segments(directory))
        assert (THREADS, 0, {}) == writer.counts()


def test_rotation_under_threads_loses_nothing(new_writer, directory):
    """Eight threads write across many rotations: each line is there once, whole, and is counted."""
    writer = new_writer(segment_size=4096)
    each = 400

    def work(thread):
        for number in range(thread * each, (thread + 1) * each):
            write(writer, line(number, "x" * (number % 100)))

    with busy_switching():
        in_threads(work)
    assert list(range(THREADS * each)) == sorted(numbers(directory))
    assert (THREADS * each, 0, {}) == writer.counts()
    assert len(journal.segments(directory)) > 5
    assert {writer.process.owner} == {found.owner for found in journal.segments(directory)}


def test_a_segment_ends_soon_behind_its_size(new_writer, directory):
    """The next segment begins with the line after the one that reached the size."""
    writer = new_writer(segment_size=1000)
    for number in range(50):
        write(writer, line(number, "x" * 100))
    sizes = [found.size for found in journal.segments(directory)]
    assert all(1000 <= size < 1300 for size in sizes[:-1])
    assert list(range(50)) == numbers(directory)


def test_only_the_last_segment_is_locked(new_writer, directory):
    """Segments that are finished let go of their lock; their owner is alive by the last one."""
    writer = new_writer(segment_size=100)
    for number in range(4):
        write(writer, line(number))
    writer.look_after()
    *finished, last = journal.segments(directory)
    assert journal.owners_alive(directory) == {last.owner}
    assert not journal.delete(last)
    assert all(journal.delete(found) for found in finished)


def test_a_pen_stays_open_while_a_thread_holds_it(new_writer, directory):
    """A thread that is stopped just before it writes still writes; then the segment is let go."""
    writer = new_writer(segment_size=100)
    write(writer, line(0))
    held = writer.process.pen
    for number in range(1, 5):
        write(writer, line(number))
    held.write(line(99).encode())
    first, *_ = journal.segments(directory)
    assert not journal.delete(first)
    assert 99 in numbers(directory)
    del held
    writer.look_after()
    assert journal.delete(first)


def test_a_closed_writer_lets_go_and_opens_anew(new_writer, directory):
    """After close its owner is gone; a later line goes to the next segment."""
    writer = new_writer()
    write(writer, line(1))
    writer.close()
    assert frozenset() == journal.owners_alive(directory)
    write(writer, line(2))
    assert [1, 2] == numbers(directory)
    assert 2 == len(journal.segments(directory))
    assert (2, 0, {}) == writer.counts()


def test_closing_while_others_write_loses_nothing(new_writer, directory):
    """Threads that write while the client is closed, over and over, lose no line."""
    writer = new_writer()
    each = 300
    done = threading.Event()

    def close():
        while not done.is_set():
            writer.close()

    closing = threading.Thread(target=close)
    with busy_switching():
        closing.start()
        try:
            in_threads(lambda n: [write(writer, line(n * each + i)) for i in range(each)], 4)
        finally:
            done.set()
            closing.join()
    writer.look_after()
    assert (4 * each, 0, {}) == writer.counts()
    assert list(range(4 * each)) == sorted(numbers(directory))


def test_a_line_under_way_never_lands_in_another_journal(new_writer, tmp_path):
    """A thread inside a write, when its client is closed and another one opened, keeps its own."""
    first, second = new_writer(path=tmp_path / "first"), new_writer(path=tmp_path / "second")
    write(first, line(1))
    pen = first.process.pen
    first.close()
    write(second, line(2))
    first._append(first.process, pen, line(3).encode())
    assert [2] == numbers(tmp_path / "second")
    assert 2 == total(first)
    assert [1, 3] == numbers(tmp_path / "first")


# -- Processes -------------------------------------------------------------------------------------


def test_a_forked_child_writes_its_own_segment(new_writer, directory):
    """Parent and child write segments of their own, and each counts its own records."""
    writer = new_writer()
    write(writer, line(1))

    def child():
        write(writer, line(2))
        return 0 if writer.counts() == (1, 0, {}) else 1

    assert 0 == in_child(child)
    write(writer, line(3))
    owners = [found.owner for found in journal.segments(directory)]
    assert 2 == len(set(owners))
    assert [1, 2, 3] == sorted(numbers(directory))
    assert (2, 0, {}) == writer.counts()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc's fork")
def test_a_fork_that_python_does_not_see_is_noticed_by_the_pid(new_writer, directory):
    """A child of a C library's fork, where no hook ran, writes a segment of its own too."""
    writer = new_writer()
    write(writer, line(1))
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        try:
            write(writer, line(2))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert [[1], [2]] == [
        [int(json.loads(one)["id"], 16) for one in found.path.read_bytes().splitlines()]
        for found in journal.segments(directory)
    ]


def test_a_child_keeps_no_lock_of_its_parent(new_writer, directory):
    """Once the parent lets go, its owner is gone, although its child lives."""
    writer = new_writer()
    write(writer, line(1))
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    alive = journal.owners_alive(directory)
    writer.close()
    gone = journal.owners_alive(directory)
    os.write(go[1], b"x")
    os.waitpid(pid, 0)
    for descriptor in (*ready, *go):
        os.close(descriptor)
    assert (1, 0) == (len(alive), len(gone))


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_fork_amid_rotation_inherits_no_segment(new_writer, directory):
    """However the parent's threads stand when it forks, the child holds none of its segments."""
    writer = new_writer(segment_size=200)
    stop = threading.Event()

    def work(_):
        while not stop.is_set():
            write(writer, line(1))

    def inherited():
        held = 0
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                held += link.readlink().parent.is_relative_to(directory)
        return held

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(work, n) for n in range(2)]
        try:
            assert {0} == {in_child(inherited) for _ in range(25)}
        finally:
            stop.set()
    assert [None, None] == [one.result() for one in writing]


KILLED = """
import os, sys
from pathlib import Path
from agentlog.recording.writer import Writer
from tests.recording.writers import write
writer = Writer(Path(sys.argv[1]), 1 << 30, segment_size=2000)
for number in range(10 ** 9):
    write(writer, '{"id":"%016x","params":{"pad":"%s"}}\\n' % (number, "x" * (number % 300)))
    os.write(1, b"%d\\n" % number)
"""


def test_a_kill_loses_nothing_whose_call_had_returned(tmp_path):
    """SIGKILL at any moment, amid rotations too: every call that had returned is on disk, whole."""
    running = []
    for attempt in range(6):
        directory = tmp_path / f"attempt-{attempt}"
        command = [sys.executable, "-c", KILLED, str(directory)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY)
        running.append((process, directory, 1 + attempt * 1013))
    for process, directory, enough in running:
        told = b""
        while len(told) < enough:
            told += os.read(process.stdout.fileno(), 997) or pytest.fail("it ended by itself")
        process.kill()
        told += process.communicate()[0]
        returned = told.count(b"\n")
        assert list(range(returned)) == numbers(directory)[:returned]
        assert frozenset() == journal.owners_alive(directory)
