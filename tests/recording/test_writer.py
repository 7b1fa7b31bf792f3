"""The pen of a process: every line is on disk when its call returns, or is counted."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentlog import journal
from agentlog.recording.writer import RING_SIZE, Writer
from agentlog.testing import ManualClock
from tests.recording.journals import busy_switching, file_size_limit, umask, warned, written

REPOSITORY = Path(__file__).parents[2]
ENDED = "0193f2c1a2b3-4242-9f8e7d6c"
THREADS = 8
PLENTY = 1 << 30


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
    made = []

    def make(*, limit=PLENTY, path=directory, clock=clock.time, **options):
        made.append(Writer(path, limit, clock=clock, **options))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


def line(number, pad=""):
    """Return the line of a record with a payload."""
    record = {"id": f"{number:016x}", "event_type": "x", "params": {"pad": pad}}
    return json.dumps(record).encode() + b"\n"


def numbers(directory):
    """Return the numbers of the lines on disk, in their order."""
    return [int(json.loads(one)["id"], 16) for one in written(directory)]


def total(writer):
    """Return how many records are accounted for."""
    on_disk, waiting, dropped = writer.counts()
    return on_disk + waiting + sum(dropped.values())


def in_threads(function, count=THREADS):
    """Run a function of the thread's number in many threads that begin together."""
    together = threading.Barrier(count)

    def run(number):
        together.wait()
        function(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def in_child(function):
    """Run a function in a forked child, and return its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = function() or 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- One line, and many ----------------------------------------------------------------------------


def test_a_line_is_on_disk_when_its_call_returns(new_writer, directory):
    """Nothing waits in a buffer: each returned write can be read by others."""
    writer = new_writer()
    for number in range(5):
        writer.write(line(number))
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
            writer.write(line(number))
    assert 0o700 == directory.stat().st_mode & 0o7777
    assert {0o600} == {path.stat().st_mode & 0o7777 for path in directory.iterdir()}


def test_many_first_lines_make_one_segment(tmp_path, new_writer):
    """Threads that all write the first line of a process lose none, and one segment remains."""
    for attempt in range(20):
        directory = tmp_path / f"attempt-{attempt}"
        writer = new_writer(path=directory)
        with busy_switching():
            in_threads(lambda number, writer=writer: writer.write(line(number)))
        assert list(range(THREADS)) == sorted(numbers(directory))
        assert 1 == len(journal.segments(directory))
        assert (THREADS, 0, {}) == writer.counts()


def test_rotation_under_threads_loses_nothing(new_writer, directory):
    """Eight threads write across many rotations: each line is there once, whole, and is counted."""
    writer = new_writer(segment_size=4096)
    each = 400

    def write(thread):
        for number in range(thread * each, (thread + 1) * each):
            writer.write(line(number, "x" * (number % 100)))

    with busy_switching():
        in_threads(write)
    assert list(range(THREADS * each)) == sorted(numbers(directory))
    assert (THREADS * each, 0, {}) == writer.counts()
    assert len(journal.segments(directory)) > 20
    assert {writer.process.owner} == {found.owner for found in journal.segments(directory)}


def test_a_segment_ends_soon_behind_its_size(new_writer, directory):
    """The next segment begins with the line after the one that reached the size."""
    writer = new_writer(segment_size=1000)
    for number in range(50):
        writer.write(line(number, "x" * 100))
    sizes = [found.size for found in journal.segments(directory)]
    assert all(1000 <= size < 1300 for size in sizes[:-1])
    assert list(range(50)) == numbers(directory)


def test_only_the_last_segment_is_locked(new_writer, directory):
    """Segments that are finished let go of their lock; their owner is alive by the last one."""
    writer = new_writer(segment_size=100)
    for number in range(4):
        writer.write(line(number))
    *finished, last = journal.segments(directory)
    assert journal.owners_alive(directory) == {last.owner}
    assert not journal.delete(last)
    assert all(journal.delete(found) for found in finished)


def test_rotation_keeps_the_number_of_the_descriptor(new_writer):
    """A thread that is about to write never holds a number that is closed."""
    writer = new_writer(segment_size=100)
    writer.write(line(0))
    before = writer.process.pen.fd
    for number in range(10):
        writer.write(line(number))
    assert before == writer.process.pen.fd


def test_a_closed_writer_lets_go_and_opens_anew(new_writer, directory):
    """After close its owner is gone; a later line goes to the next segment."""
    writer = new_writer()
    writer.write(line(1))
    writer.close()
    assert frozenset() == journal.owners_alive(directory)
    writer.write(line(2))
    assert [1, 2] == numbers(directory)
    assert 2 == len(journal.segments(directory))
    assert (2, 0, {}) == writer.counts()


def test_closing_while_others_write_loses_nothing(new_writer, directory):
    """Threads that write while the client is closed, over and over, neither raise nor lose a line."""
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
            in_threads(lambda n: [writer.write(line(n * each + i)) for i in range(each)], 4)
        finally:
            done.set()
            closing.join()
    assert list(range(4 * each)) == sorted(numbers(directory))
    assert 4 * each == total(writer)


def test_a_line_under_way_never_lands_in_another_journal(new_writer, tmp_path):
    """A thread inside a write, when its client is closed and another one opened, keeps its own."""
    first, second = new_writer(path=tmp_path / "first"), new_writer(path=tmp_path / "second")
    first.write(line(1))
    pen = first.process.pen
    first.close()
    second.write(line(2))
    first._append(first.process, pen, line(3))
    assert [2] == numbers(tmp_path / "second")
    assert 2 == total(first)
    assert [1, 3] == numbers(tmp_path / "first")


# -- Processes -------------------------------------------------------------------------------------


def test_a_forked_child_writes_its_own_segment(new_writer, directory):
    """Parent and child write segments of their own, and each counts its own records."""
    writer = new_writer()
    writer.write(line(1))

    def child():
        writer.write(line(2))
        return 0 if writer.counts() == (1, 0, {}) else 1

    assert 0 == in_child(child)
    writer.write(line(3))
    owners = [found.owner for found in journal.segments(directory)]
    assert 2 == len(set(owners))
    assert [1, 2, 3] == sorted(numbers(directory))
    assert (2, 0, {}) == writer.counts()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc's fork")
def test_a_fork_that_python_does_not_see_is_noticed_by_the_pid(new_writer, directory):
    """A child of a C library's fork, where no hook ran, writes a segment of its own too."""
    writer = new_writer()
    writer.write(line(1))
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        try:
            writer.write(line(2))
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
    writer.write(line(1))
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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_fork_amid_rotation_inherits_no_segment(new_writer, directory):
    """However the threads of the parent stand when it forks, the child holds none of its segments."""
    writer = new_writer(segment_size=50)
    stop = threading.Event()

    def write(_):
        while not stop.is_set():
            writer.write(line(1))

    def held():
        names = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]]
        return min(sum(str(directory) in name for name in names), 98)

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write, n) for n in range(2)]
        try:
            assert {0} == {in_child(held) for _ in range(40)}
        finally:
            stop.set()
    assert [None, None] == [one.result() for one in writing]


KILLED = """
import os, sys
from pathlib import Path
from agentlog.recording.writer import Writer
writer = Writer(Path(sys.argv[1]), 1 << 30, segment_size=2000)
for number in range(10 ** 9):
    writer.write(b'{"id":"%016x","params":{"pad":"%s"}}\\n' % (number, b"x" * (number % 300)))
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
            told += os.read(process.stdout.fileno(), 997)
        process.kill()
        told += process.communicate()[0]
        returned = told.count(b"\n")
        assert list(range(returned)) == numbers(directory)[:returned]
        assert frozenset() == journal.owners_alive(directory)


# -- The file, taken from under us -----------------------------------------------------------------


def test_a_home_removed_while_running_is_noticed_within_a_second(new_writer, directory, clock):
    """A second later the lines go to a new segment, and those between are counted as lost."""
    writer = new_writer()
    writer.write(line(0))
    clock.advance(2)
    writer.look_after()
    shutil.rmtree(directory.parent)
    for number in range(1, 4):
        writer.write(line(number))
        assert number + 1 == total(writer)
    clock.advance(1.01)
    writer.write(line(4))
    writer.write(line(5))
    assert [5] == numbers(directory)
    assert (2, 0, {"journal removed": 4}) == writer.counts()


def test_a_removed_home_is_noticed_by_flush_and_close(new_writer, directory):
    """Looking after the file at once finds the loss, whatever the clock says."""
    for notice in ("look_after", "close"):
        writer = new_writer()
        writer.write(line(0))
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
            writer.write(line(number))
            assert (0, number + 1, {}) == writer.counts()
    assert 1 == len(warnings)
    assert str(directory) in str(warnings[0].message)
    directory.parent.unlink()
    clock.advance(1.01)
    writer.write(line(3))
    assert [0, 1, 2, 3] == numbers(directory)
    assert (4, 0, {}) == writer.counts()


def test_a_descriptor_closed_under_us_is_opened_anew(new_writer, directory):
    """Code that closes all descriptors costs no line: the next one opens a segment."""
    writer = new_writer()
    for number in range(3):
        writer.write(line(number))
        os.close(writer.process.pen.fd)
    assert [0, 1, 2] == numbers(directory)
    assert (3, 0, {}) == writer.counts()


def test_descriptors_closed_under_many_threads_lose_nothing(new_writer, directory):
    """Eight threads that all meet the closed descriptor open one segment, and lose no line."""
    writer = new_writer()
    writer.write(line(0))
    for attempt in range(20):
        os.close(writer.process.pen.fd)
        first = 1 + attempt * THREADS
        with busy_switching():
            in_threads(lambda n, first=first: writer.write(line(first + n)))
    assert list(range(1 + 20 * THREADS)) == sorted(numbers(directory))
    assert (1 + 20 * THREADS, 0, {}) == writer.counts()
    assert 21 == len(journal.segments(directory))


@pytest.mark.parametrize("how", ["look", "rotate", "mend"])
def test_a_file_of_the_host_that_got_our_number_is_left_alone(
    new_writer, directory, clock, tmp_path, how
):
    """Looking, rotating and mending neither replace nor write a file of the host's."""
    host = tmp_path / "host.txt"
    host.write_text("the host's own")
    writer = new_writer(segment_size=100)
    writer.write(line(0))
    number = writer.process.pen.fd
    if how == "mend":
        with file_size_limit(0), warned():
            writer.write(line(1))
    with host.open("r+b") as file:
        os.dup2(file.fileno(), number)
        if how == "rotate":
            writer.process.pen.size = 1000
        clock.advance(1.01)
        writer.look_after()
        assert host.stat().st_ino == os.fstat(number).st_ino
    writer.write(line(2))
    os.close(number)
    assert "the host's own" == host.read_text()
    assert ([0, 1, 2] if how == "mend" else [0, 2]) == numbers(directory)


CLOSES_ALL = """
import os, sys
from pathlib import Path
from agentlog.recording.writer import Writer
directory, host = map(Path, sys.argv[1:])
writer = Writer(directory / "local", 1 << 30)
writer.write(b'{"id":"1"}\\n')
os.closerange(3, 65536)
files = [os.open(host / f"{number}", os.O_WRONLY | os.O_CREAT) for number in range(200)]
writer.write(b'{"id":"2"}\\n')
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
            writer.write(line(number, "x" * 20))
            assert number + 1 == total(writer)
    assert writer.counts()[1] > 5
    assert 1 == len(warnings)
    clock.advance(1.01)
    writer.write(line(10))
    assert list(range(11)) == numbers(directory)
    assert (11, 0, {}) == writer.counts()


def test_the_order_survives_attempts_that_fail(new_writer, directory, clock):
    """A line that still cannot be written stays the oldest of those that wait."""
    writer = new_writer()
    with file_size_limit(0), warned():
        for number in range(5):
            writer.write(line(number))
            clock.advance(1.01)
    clock.advance(1.01)
    writer.look_after()
    assert [0, 1, 2, 3, 4] == numbers(directory)


def test_attempts_that_fail_leave_no_files(new_writer, directory, clock):
    """A disk that is full for an hour does not fill the directory with empty segments."""
    writer = new_writer()
    with file_size_limit(0), warned():
        for number in range(20):
            writer.write(line(number))
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
            writer.write(line(number))
            returned += 1
    shutil.rmtree(directory)
    writer.write(line(5))
    assert set(moments) <= {0, 1}
    assert 6 == total(writer)


def test_the_ring_is_bounded_and_the_oldest_give_way(new_writer, clock):
    """8 MiB wait in memory; what gave way is counted."""
    writer = new_writer()
    size = 1 << 20
    with file_size_limit(0), warned():
        for number in range(20):
            writer.write(line(number, "x" * size))
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
        in_threads(lambda _: [writer.write(line(1, "x" * 65536)) for _ in range(each)])
        ring = writer.process.ring
        assert sum(map(len, ring)) == writer.process.ring_size <= RING_SIZE
        assert THREADS * each == total(writer)


def test_drops_are_counted_exactly_under_threads(new_writer):
    """Every record that eight threads lose at once is counted."""
    writer = new_writer()
    each = 3000
    with busy_switching():
        in_threads(lambda _: [writer.drop("journal limit") for _ in range(each)])
    assert THREADS * each == total(writer)


def test_a_real_disk_that_is_full(tmp_path, clock):
    """On a file system without room lines wait, and come when there is room again."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "agentlog", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a file system")
    writer = Writer(tmp_path / "local", PLENTY, clock=clock.time)
    try:
        filler = tmp_path / "filler"
        filler.write_bytes(b"x" * 40_000)
        with warned() as warnings:
            for number in range(60):
                writer.write(line(number, "x" * 1000))
                assert number + 1 == total(writer)
        assert 1 == len(warnings)
        assert writer.counts()[1] > 0
        filler.unlink()
        clock.advance(1.01)
        for number in range(60, 200):
            writer.write(line(number))
            clock.advance(1.01)
        assert 200 == total(writer)
        on_disk = writer.counts()[0]
        assert list(range(on_disk)) == numbers(tmp_path / "local")
        assert on_disk >= 60
    finally:
        writer.close()
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
