"""The file format: names, locks and permissions of segments, and reading them back."""

import fcntl
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import journal
from agentlog.private import make_directory
from tests.recording.journals import umask

OLD = "0193f2c1a2b3-4242-9f8e7d6c"
NEW = "0193f2c1a2b4-4241-00000000"


def segment(directory, owner=OLD, number=1, content=b""):
    """Write a segment by hand, as one of a process that has ended."""
    directory.mkdir(parents=True, exist_ok=True)
    found = journal.segment(directory, owner, number)
    found.path.write_bytes(content)
    return found


@contextmanager
def locked(path, kind=fcntl.LOCK_EX):
    """Hold a lock on a file through a descriptor of our own."""
    with path.open("rb") as file:
        fcntl.flock(file, kind)
        yield


@contextmanager
def created(directory, owner=OLD, number=1):
    """Create a segment as a writer does, and close it at the end."""
    fd, _ = journal.create_segment(directory, owner, number)
    try:
        yield fd
    finally:
        os.close(fd)


def mode(path):
    """Return the permissions of a file or directory."""
    return path.stat().st_mode & 0o7777


def read_all(path, most):
    """Read a file to its end in steps."""
    lines, offset = journal.read_lines(path, 0, most)
    found = list(lines)
    while lines:
        lines, offset = journal.read_lines(path, offset, most)
        found += lines
    return found, offset


# -- Names -----------------------------------------------------------------------------------------


def test_segments_sort_by_start_and_then_by_number(tmp_path):
    """The oldest owner comes first, its segments by number, 10,000 behind 9,999."""
    made = [
        segment(tmp_path, owner, number)
        for owner, number in [(NEW, 1), (OLD, 10000), (OLD, 2), (OLD, 9999), (NEW, 2)]
    ]
    expected = [made[2], made[3], made[1], made[0], made[4]]
    assert expected == journal.segments(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        f"{OLD}-0001.json",
        f"{OLD}-0001.jsonl.cursor",
        f"{OLD}-0001.new",
        f"{OLD}.jsonl",
        f".{OLD}-0001.jsonl",
        "0193F2C1A2B3-4242-9F8E7D6C-0001.jsonl",
        f"{OLD}-0001.jsonl\n",
        "-0001.jsonl",
        "é\udcff.jsonl",
    ],
)
def test_what_is_not_named_like_a_segment_is_not_looked_at(tmp_path, name):
    """Cursors, drafts and other people's files in the directory are no segments."""
    (tmp_path / name).touch()
    assert [] == journal.segments(tmp_path)


def test_destinations_are_directories_sorted(tmp_path):
    """Each directory below `journal` is a destination; files are none."""
    for name in ("zeta-1", "local", "alpha-2"):
        (tmp_path / "journal" / name).mkdir(parents=True)
    (tmp_path / "journal" / "junk").touch()
    expected = ["alpha-2", "local", "zeta-1"]
    assert expected == [path.name for path in journal.destinations(tmp_path)]


def test_a_home_that_is_not_there_has_nothing(tmp_path):
    """Reading an absent home, or one that is a file, finds nothing and creates nothing."""
    (tmp_path / "file").touch()
    for home in (tmp_path / "absent", tmp_path / "file"):
        assert [] == journal.destinations(home)
        assert [] == journal.segments(home)
        assert frozenset() == journal.owners_alive(home)
        assert 0 == journal.size_of(home)
    assert not (tmp_path / "absent").exists()


# -- Creating --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
def test_permissions_under_any_umask(tmp_path, mask):
    """Directories are 0700 and files 0600."""
    directory = tmp_path / "home" / "journal" / "local"
    with umask(mask), created(directory):
        pass
    for path in (directory, directory.parent, directory.parent.parent):
        assert 0o700 == mode(path)
    assert {0o600} == {mode(path) for path in directory.iterdir()}


def test_a_directory_that_was_there_is_left_as_it_is(tmp_path):
    """The permissions of a directory that somebody else made are not ours to change."""
    tmp_path.chmod(0o755)
    make_directory(tmp_path)
    assert 0o755 == mode(tmp_path)


def test_a_directory_that_cannot_be_made_is_an_os_error(tmp_path):
    """A file in the way, a file above, or a dangling link is an OSError for the writer."""
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "dangling"):
        with pytest.raises(OSError, match=r"file|dangling"):
            make_directory(path)


def test_a_segment_is_locked_from_the_moment_it_has_its_name(tmp_path):
    """A new segment is locked by its writer, and its draft is gone."""
    with created(tmp_path):
        assert {OLD} == journal.owners_alive(tmp_path)
        assert not journal.delete(journal.segment(tmp_path, OLD, 1))
        assert [f"{OLD}-0001.jsonl"] == [path.name for path in tmp_path.iterdir()]
    assert frozenset() == journal.owners_alive(tmp_path)


def test_the_descriptor_appends_and_sits_high_and_is_not_inherited(tmp_path):
    """It is out of the way of the usual numbers, O_APPEND, and no other program gets it."""
    with created(tmp_path) as fd:
        assert fd > 100
        assert os.O_APPEND & fcntl.fcntl(fd, fcntl.F_GETFL)
        assert fcntl.FD_CLOEXEC & fcntl.fcntl(fd, fcntl.F_GETFD)
        assert not os.get_inheritable(fd)


def test_few_descriptors_are_enough(tmp_path):
    """Where a process may have few descriptors, a segment opens all the same."""
    program = (
        "import resource, sys; from pathlib import Path; from agentlog import journal\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\n"
        f"fd, _ = journal.create_segment(Path(sys.argv[1]), {OLD!r}, 1)\n"
        "print(fd < 16)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "True\n" == done.stdout


def test_a_segment_that_cannot_be_created_leaves_nothing_open(tmp_path):
    """When publishing fails, neither a descriptor nor a draft stays behind."""
    (tmp_path / f"{OLD}-0001.jsonl").mkdir()
    (tmp_path / f"{OLD}-0001.jsonl" / "x").touch()
    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(OSError, match=OLD):
        journal.create_segment(tmp_path, OLD, 1)
    assert before == len(list(Path("/dev/fd").iterdir()))
    assert [f"{OLD}-0001.jsonl"] == [path.name for path in tmp_path.iterdir()]


# -- Reading ---------------------------------------------------------------------------------------


def test_a_torn_tail_is_not_a_line(tmp_path):
    """What is behind the last newline is read when its newline is there, and not before."""
    path = segment(tmp_path, content=b'{"a":1}\n{"b":').path
    assert ([b'{"a":1}'], 8) == journal.read_lines(path, 0)
    assert ([], 8) == journal.read_lines(path, 8)
    with path.open("ab") as file:
        file.write(b"2}\n")
    assert ([b'{"b":2}'], 16) == journal.read_lines(path, 8)


def test_a_file_that_is_gone_or_no_file_has_no_lines(tmp_path):
    """Reading what was deleted meanwhile, or a directory of that name, gives nothing."""
    assert ([], 7) == journal.read_lines(tmp_path / "gone", 7)
    assert ([], 7) == journal.read_lines(tmp_path, 7)


def test_reading_behind_the_end_finds_nothing(tmp_path):
    """An offset that is larger than the file (a copy cut short) is the end."""
    assert ([], 99) == journal.read_lines(segment(tmp_path, content=b"a\n").path, 99)


def test_a_line_longer_than_a_step_is_read_whole(tmp_path):
    """At least one line is read, however long it is."""
    path = segment(tmp_path, content=b"x" * 5000 + b"\ny\n").path
    assert ([b"x" * 5000, b"y"], 5003) == read_all(path, 100)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_reading_in_steps_gives_each_whole_line_once(tmp_path_factory, content, most):
    """Whatever the bytes and the size of a step, the whole lines come in order, each once."""
    path = tmp_path_factory.mktemp("steps") / "file"
    path.write_bytes(content)
    whole = content[: content.rfind(b"\n") + 1]
    assert (whole.split(b"\n")[:-1], len(whole)) == read_all(path, most)


@given(st.integers(0, 149), st.integers(1, 255))
def test_a_flipped_byte_harms_its_own_line_only(tmp_path_factory, position, flip):
    """One damaged byte costs the line it is in; a damaged newline also the line behind it."""
    lines = [json.dumps({"pad": letter * 38}).encode().ljust(49) for letter in "xyz"]
    content = bytearray(b"\n".join(lines) + b"\n")
    content[position] ^= flip
    path = tmp_path_factory.mktemp("flipped") / "file"
    path.write_bytes(content)
    hurt = {position // 50, position // 50 + 1} if position % 50 == 49 else {position // 50}
    read = read_all(path, 1000)[0]
    assert [line for n, line in enumerate(lines) if n not in hurt] == [
        line for line in read if line in lines
    ]


# -- Owners and deleting ---------------------------------------------------------------------------


def test_an_owner_is_alive_while_one_of_its_segments_is_locked(tmp_path):
    """An owner that has rotated holds the lock of its last segment only, and is alive."""
    for number in (1, 2, 3):
        segment(tmp_path, OLD, number)
    segment(tmp_path, NEW)
    with locked(journal.segment(tmp_path, OLD, 3).path):
        assert {OLD} == journal.owners_alive(tmp_path)


def test_a_reader_that_probes_is_no_owner(tmp_path):
    """A shared lock, as readers take it, does not make a dead owner look alive."""
    with locked(segment(tmp_path).path, fcntl.LOCK_SH):
        assert frozenset() == journal.owners_alive(tmp_path)


def test_deleting_is_refused_while_somebody_uses_the_segment(tmp_path):
    """A segment that is written, or that a reader holds, stays."""
    found = segment(tmp_path)
    for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
        with locked(found.path, kind):
            assert not journal.delete(found)
    assert found.path.exists()


def test_deleting_says_whether_the_segment_is_gone(tmp_path):
    """Deleted, or deleted by somebody else before, it is gone; what is no file is not."""
    found = segment(tmp_path)
    assert journal.delete(found)
    assert not found.path.exists()
    assert journal.delete(found)
    found.path.mkdir()
    assert not journal.delete(found)
