"""An outage of days: the journal keeps to its limit, nodes outlive payloads, and all is counted."""

import pytest

from tests.shipping.faults.lab import events_of
from tests.shipping.server import Server, answering, collecting

SEGMENT = 8 << 20
DISK = 2 << 20
LIMIT = 12 << 20
LONG = """
ao.init(max_wait=0.05)
for k in range(12):
    events(1000, 1000 * k, pad="0123456789" * 300)
    say(during=figures(ao.stats()))
say(full=figures(ao.stats()))
asked()
flush(40)
"""


def test_at_the_limit_nodes_are_kept_without_payload(lab):
    """The journal is hardly larger than its limit, and every record is pending, then delivered."""
    with Server(answering(503)) as server:
        program = lab.start(LONG, server.url, AGENTLOG_JOURNAL_LIMIT=str(LIMIT))
        assert {"pending": 12_001} == program.said("full")
        assert [1000 * k + 1001 for k in range(12)] == [
            figures["pending"] for figures in program.all_said("during")
        ]
        assert sum(segment.size for segment in lab.segments()) <= LIMIT + SEGMENT
        server.behaviours = [collecting()]
        program.tell().end()
    assert [{"delivered": 12_001}] == program.all_said("flush")
    nodes = [event for event in events_of(server) if event["event_type"] == "event"]
    assert 12_000 == len(nodes)
    bare = [event for event in nodes if "params" not in event]
    assert {1} == {event["notes"]["dropped"] for event in bare}
    assert 1000 < len(bare) < 11_000


TINY = """
ao.init(max_wait=0.05)
events(3000, 10_000 * int(sys.argv[1]))
say(full=figures(ao.stats()))
asked()
flush(20)
"""


def test_what_is_dropped_is_counted_to_the_record(lab):
    """At twice the limit, in two processes at once: dropped and delivered are all there were."""
    with Server(answering(503)) as server:
        programs = [
            lab.start(TINY, server.url, number, AGENTLOG_JOURNAL_LIMIT="100000") for number in "01"
        ]
        full = [program.said("full") for program in programs]
        server.behaviours = [collecting()]
        for program in programs:
            program.tell()
        for program in programs:
            program.end(stderr=None)
    delivered = sum(figures.get("pending", 0) for figures in full)
    assert delivered > 0
    for figures, program in zip(full, programs, strict=True):
        assert 3001 == sum(figures.values())
        there = {"delivered": figures.pop("pending")} if "pending" in figures else {}
        assert [there | figures] == program.all_said("flush")
    there = [event for event in events_of(server) if "event_type" in event]
    assert delivered == len(there)


SMALL_DISK = """
import pathlib, re
from tests.faults.disks import Disk

def peak():
    # not getrusage, whose figure a child inherits
    return int(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

try:
    disk = Disk()
except SystemExit:
    say(disk="may not mount a disk")
    raise
say(disk="")
ao.init(max_wait=0.05)
events(30_000, text="x" * 300)
say(full=figures(ao.stats()), memory=peak())
asked()
flush(4)
"""


def test_an_outage_on_a_small_disk(lab):
    """One warning says so, memory stays bounded, and what has no room is counted.

    When the server is back, what is on the disk goes, and makes room for what waits in memory.
    """
    with Server(answering(503)) as server:
        home = lab.directory / "disk" / "home"
        program = lab.start(SMALL_DISK, server.url, AGENTLOG_HOME=str(home))
        if why := program.said("disk"):
            pytest.skip(why)
        full = program.said("full")
        assert 30_001 == sum(full.values())
        assert {"pending", "not writable"} == set(full)
        server.behaviours = [collecting()]
        program.tell().end(stderr=None)
    assert 150_000 > program.all_said("memory")[0]
    (warning,) = program.stderr.splitlines()
    assert warning.startswith(f"agentlog: cannot write to {home}")
    (told,) = program.all_said("flush")
    assert full["not writable"] == told["not writable"]
    assert 30_001 == sum(told.values())
    assert told["delivered"] * len("x" * 300) > DISK
