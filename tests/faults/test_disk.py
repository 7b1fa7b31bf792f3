"""A disk that cannot be written for a while: every record waits, and is there afterwards."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.faults.disks import MAY_NOT
from tests.scripts import run

HEAD = """
import sys
from tests.faults.disks import Disk
from tests.faults.host import SMALL, Host
fault, when = sys.argv[1:]
disk = Disk()
if when == "first":
    getattr(disk, fault)()
host = Host(segment_size=SMALL)
host.event("before")
if when == "later":
    getattr(disk, fault)()
"""
UNTIL_IT_IS_WELL = """
with host.action("during"):
    for n in range(100):
        host.event("step", pad="x" * (n * 97 % 3000))
        host.sure()
        if not n % 10:
            host.a_second_later()
disk.mend(fault)
host.a_second_later()
with host.action("after"):
    host.event("last")
assert 0 == host.sure().pending
host.end()
disk.keep()
"""
UNTIL_THE_END = """
for n in range(150):
    host.event("step", pad="x" * 100_000)
    stats = host.sure()
print(stats.pending, stats.dropped, stats.reasons)
"""

FULL, READ_ONLY = "No space left on device", "Read-only file system"
FAULTS = {
    ("full", "first"): FULL,
    ("full", "later"): FULL,
    ("without_inodes", "first"): FULL,
    ("without_inodes", "later"): "",  # the segment that is open takes it all
    ("read_only", "first"): READ_ONLY,
    ("read_only", "later"): "",  # as above
    ("file_size_limit", "first"): FULL,  # which took a part of a line
    ("file_size_limit", "later"): "File too large",
}


def on_a_disk(tmp_path, program, *arguments):
    """Run a program with its home on a disk of its own."""
    ran = run(tmp_path, HEAD + program, *arguments, AGENTLOG_HOME=str(tmp_path / "disk" / "home"))
    if ran.status == MAY_NOT:
        pytest.skip(ran.stderr.splitlines()[-1])
    return ran


def said(tmp_path, why):
    """Return what a program says, once, on stderr of a journal that it cannot write."""
    return why and (
        f"agentlog: cannot write to {tmp_path}/disk/home/journal/local: {why}. Records wait in "
        "memory, the last 8 MiB of them, until it can be written again.\n"
    )


@pytest.mark.parametrize(("fault", "when"), FAULTS)
def test_what_a_disk_does_not_take_is_there_when_it_does(tmp_path, fault, when):
    """From the first record on, or later: every record is counted throughout, none lost or torn."""
    ran = on_a_disk(tmp_path, UNTIL_IT_IS_WELL, fault, when)
    assert 100 == accounted(ran, stderr=said(tmp_path, FAULTS[fault, when]))["step"]
    whole(ran.captured)


def test_a_disk_that_stays_full_harms_nobody(tmp_path):
    """To the end of the program: what does not fit into the memory for it is counted."""
    ran = on_a_disk(tmp_path, UNTIL_THE_END, "full", "first")
    assert (0, said(tmp_path, FULL)) == (ran.status, ran.stderr)
    pending, dropped, reasons = ran.stdout.split(maxsplit=2)
    assert 152 == int(pending) + int(dropped)
    assert 80 < int(pending) < 90
    assert f"{{'not writable': {dropped}}}\n" == reasons
