"""Claim: one shipper at a time has a destination, and knows whether another had it meanwhile."""

import os
import shutil
import signal

import pytest

from agentlog.shipping.claim import Claim
from tests import scripts


@pytest.fixture
def two(tmp_path):
    """Two that want the same destination."""
    return Claim(tmp_path), Claim(tmp_path)


def test_one_at_a_time(two):
    """The second gets it when the first lets go, and taking twice is taking once."""
    first, second = two
    assert (True, True, False) == (first.take(), first.take(), second.take())
    assert (True, False) == (first.held, second.held)
    first.let_go()
    assert (False, True, False) == (first.held, second.take(), first.take())


def test_letting_go_of_nothing_is_nothing(two):
    """Also twice, and by one that never had it."""
    first, second = two
    first.take()
    second.let_go()
    assert first.held
    first.let_go()
    first.let_go()
    assert second.take()


def test_destinations_are_claimed_each_by_itself(tmp_path):
    """A shipper of one is in no other's way."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert Claim(tmp_path / name).take()


def test_a_destination_that_is_not_there(tmp_path):
    """It cannot be had, and is not made."""
    assert not Claim(tmp_path / "none").take()
    assert [] == list(tmp_path.iterdir())


def test_who_had_it_last_knows(two):
    """One that takes it again is undisturbed, unless another has had it in between."""
    first, second = two
    first.take()
    assert [False, True] == [first.is_undisturbed() for _ in range(2)]
    first.let_go()
    first.take()
    assert first.is_undisturbed()
    first.let_go()
    second.take()
    assert not second.is_undisturbed()
    second.let_go()
    first.take()
    assert [False, True] == [first.is_undisturbed() for _ in range(2)]


def test_it_is_private(two, tmp_path):
    """Nobody else reads or takes it, whatever the umask."""
    before = os.umask(0)
    try:
        two[0].take()
        two[0].is_undisturbed()
    finally:
        os.umask(before)
    assert 0o600 == (tmp_path / "shipper").stat().st_mode & 0o777


def test_a_killed_process_has_it_no_more(tmp_path):
    """`kill -9` frees it at once."""
    process = scripts.started(
        tmp_path,
        """
        import sys
        from pathlib import Path
        from agentlog.shipping.claim import Claim
        claim = Claim(Path(sys.argv[1]))
        print(claim.take() and "taken", flush=True)
        sys.stdin.read()
        """,
        str(tmp_path),
    )
    assert "taken\n" == process.stdout.readline()
    assert not Claim(tmp_path).take()
    process.send_signal(signal.SIGKILL)
    scripts.ended(process, tmp_path)
    assert Claim(tmp_path).take()


def test_a_child_with_the_same_descriptor_keeps_it_from_nobody(two):
    """One that was forked by code that tells Python nothing of it has the descriptor too."""
    first, second = two
    reader, writer = os.pipe()
    first.take()
    pid = os.fork()
    if not pid:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    first.let_go()
    try:
        assert second.take()
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(pid, 0)


def test_a_number_that_another_file_has_by_now_is_left_alone(two, tmp_path):
    """Somebody closed all descriptors, and opened a file of his own."""
    first, second = two
    first.take()
    inode = (tmp_path / "shipper").stat().st_ino
    [taken] = [fd for fd in range(256) if inode == _inode(fd)]
    with (tmp_path / "other").open("w") as other:
        os.dup2(other.fileno(), taken)
        assert not first.held
        first.let_go()
        assert os.fstat(taken).st_ino == os.fstat(other.fileno()).st_ino
        assert (True, False) == (second.take(), first.take())
    os.close(taken)


def _inode(fd):
    try:
        return os.fstat(fd).st_ino
    except OSError:
        return None


def test_one_whose_file_was_removed_is_nobodys(tmp_path):
    """With the home, under a shipper at work: of those that come then, one gets it, too."""
    home = tmp_path / "home"
    home.mkdir()
    first, second = Claim(home), Claim(home)
    first.take()
    shutil.rmtree(home)
    home.mkdir()
    assert (False, True, False) == (first.held, second.take(), first.take())


@pytest.mark.parametrize("kind", ["directory", "link", "missing/target"])
def test_what_is_no_file_is_an_error(kind, tmp_path):
    """It is the shipper's to say so."""
    path = tmp_path / "shipper"
    if kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / kind)
    with pytest.raises(OSError, match=r"directory|symbolic"):
        Claim(tmp_path).take()
    assert not (tmp_path / "link").exists()


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"\xff" * 63])
def test_whatever_the_file_holds(content, two, tmp_path):
    """That says nothing of who had it, and is left alone."""
    (tmp_path / "shipper").write_bytes(content)
    first, _ = two
    first.take()
    assert [False, True] == [first.is_undisturbed() for _ in range(2)]
    assert content == (tmp_path / "shipper").read_bytes()
