"""A home that is none, or that is taken away: nobody is harmed, and what can be kept is kept."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.faults.accounts import accounted, names, whole
from tests.scripts import recorded, run

NOBODY = 65534
HEAD = """
import os, shutil, sys
from pathlib import Path
from tests.faults.host import SMALL, Host, joined, our_descriptors
home = Path(os.environ["AGENTLOG_HOME"])
"""
UNUSABLE = """
host = Host()
with host.action("during"):
    for _ in range(50):
        host.event("step")
        host.sure()
host.a_second_later()
assert 0 == host.sure().delivered == host.client.flush(0.1).delivered
"""
USABLE_AGAIN = """
host.a_second_later()
with host.action("after"):
    host.event("last")
assert 0 == host.sure().pending
host.end()
"""

IN_THE_WAY = {
    "a file": "home.write_text('theirs')",
    "a link to nowhere": "home.symlink_to(home / 'nowhere')",
    "a link to a link to itself": "home.symlink_to(home)",
    "a pipe": "os.mkfifo(home)",
    "a file as its journal": "(home := home / 'journal').parent.mkdir(); home.touch()",
    "a pipe as its destination":
        "(home := home / 'journal' / 'local').parent.mkdir(parents=True); os.mkfifo(home)",
    "below a file": "(home := home.parent).symlink_to('/dev/null')",
}  # fmt: skip


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_a_home_that_is_none_is_waited_for(tmp_path, what):
    """Something is in its place: one warning, and all is there when that has gone."""
    home = str(tmp_path / "home" / "home" if what == "below a file" else tmp_path / "home")
    program = HEAD + IN_THE_WAY[what] + UNUSABLE + "home.unlink()" + USABLE_AGAIN
    ran = run(tmp_path, program, AGENTLOG_HOME=home)
    if what == "below a file":
        ran = ran.__class__(ran.status, ran.stdout, ran.stderr, recorded(tmp_path / "home"))
    assert ran.stderr.startswith(f"agentlog: cannot write to {home}/journal/local: ")
    assert 1 == ran.stderr.count("\n")
    assert 50 == accounted(ran, stderr=ran.stderr)["step"]
    whole(ran.captured)


@pytest.mark.parametrize("home", ["/dev/null", "/proc/self/home"])
def test_a_home_that_can_never_be_is_none(tmp_path, home):
    """One warning, and the program does what it does."""
    ran = run(tmp_path, HEAD + UNUSABLE, AGENTLOG_HOME=home)
    assert (0, 1) == (ran.status, ran.stderr.count("\n")), ran.stderr
    assert ran.stderr.startswith("agentlog: cannot write to ")


@pytest.fixture
def reachable():
    """Make a directory to which every user gets."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_home_that_may_not_be_written_is_waited_for(reachable):
    """As a user who may not, until he may."""
    (reachable / "home").mkdir()
    (reachable / "home").chmod(0o555)
    if not os.getuid():
        os.chown(reachable / "home", NOBODY, NOBODY)
    program = (
        HEAD
        + f"if not os.getuid():\n    os.setgroups([])\n    os.setuid({NOBODY})\n"
        + UNUSABLE
        + "home.chmod(0o700)"
        + USABLE_AGAIN
    )
    ran = run(reachable, program)
    assert "Permission denied" in ran.stderr
    assert 50 == accounted(ran, stderr=ran.stderr)["step"]
    whole(ran.captured)


# -- Taken away ------------------------------------------------------------------------------------

REMOVALS = {
    "home": "shutil.rmtree(home)",
    "journal": "shutil.rmtree(home / 'journal')",
    "segment": "[path.unlink() for path in home.glob('journal/*/*.jsonl')]",
    "home, for a file": "shutil.rmtree(home); home.write_text('theirs')",
}
REMOVED = """
host = Host()
host.event("before")
host.a_second_later()
host.event("before")
REMOVAL
for _ in range(10):
    host.event("between")
    host.sure()
host.a_second_later()
host.event("noticed")
assert {"journal removed": 11} == host.sure().reasons, host.sure()
if home.is_file():
    assert "theirs" == home.read_text()
    home.unlink()
"""


@pytest.mark.parametrize("what", REMOVALS)
def test_what_is_removed_is_made_again(tmp_path, what):
    """What was in it is lost, and counted; what comes a second later is in a new one."""
    ran = run(tmp_path, HEAD + REMOVED.replace("REMOVAL", REMOVALS[what]) + USABLE_AGAIN)
    found = accounted(ran, stderr=ran.stderr, removed=3, journal_removed=11)
    assert {"after": 1, "last": 1, "end": 1} == found
    assert ("for a file" in what) == bool(ran.stderr)


def test_a_removed_home_is_noticed_within_a_second(tmp_path):
    """By the real clock, while the program records on."""
    program = """
import time
host = Host(clock=time.perf_counter)
host.event("before")
shutil.rmtree(home)
removed = time.perf_counter()
while True:
    began = time.perf_counter()
    host.event("between")
    if host.sure().dropped:
        break
    assert began < removed + 1
for _ in range(10):
    host.event("after")
os._exit(0)
"""
    ran = run(tmp_path, HEAD + program)
    assert (0, "", {"after": 10}) == (ran.status, ran.stderr, names(ran.captured))


def test_a_home_that_is_moved_loses_nothing(tmp_path):
    """The open segment goes with it, and what comes after it is in a new one."""
    program = """
host = Host(segment_size=SMALL)
host.event("before")
home.rename(home.with_name("moved"))
for _ in range(100):
    host.event("step", pad="x" * 1000)
    host.sure()
host.end()
shutil.copytree(home.with_name("moved"), home, dirs_exist_ok=True)
"""
    ran = run(tmp_path, HEAD + program)
    assert 100 == accounted(ran)["step"]
    whole(ran.captured)
