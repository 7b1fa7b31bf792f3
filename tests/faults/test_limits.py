"""A journal at its limit: the oldest ended runs go, then payloads, then records; all is counted."""

import json

from agentlog import journal, losses
from tests.faults.accounts import accounted, whole
from tests.scripts import run, segments, started

PROGRAM = """
import sys
from tests.faults.host import SMALL, Host
name, records, pad = sys.argv[1], int(sys.argv[2]), "x" * int(sys.argv[3])
host = Host(segment_size=SMALL)
with host.action(name):
    for n in range(records):
        host.event(name, n=n, pad=pad)
        host.sure()
        if not n % 10:
            host.a_second_later()
if name == "running":
    sys.stdin.read()
host.end()
"""
LIMIT = 200_000


def test_the_oldest_ended_runs_give_way_to_new_ones(tmp_path):
    """Run after run: the newest is whole, the oldest are gone and counted, one that runs stays."""
    running = started(tmp_path, PROGRAM, "running", "10", "100", AGENTLOG_JOURNAL_LIMIT=str(LIMIT))
    made = 0
    for name in "abcd":
        ran = run(tmp_path, PROGRAM, name, "60", "1000", AGENTLOG_JOURNAL_LIMIT=str(LIMIT))
        assert (0, "") == (ran.status, ran.stderr)
        account = json.loads(ran.stdout)
        assert (64, 64, {}) == (account["accepted"], account["delivered"], account["dropped"])
        made += 64
        left = [
            record["event_type"]
            for record in map(json.loads, ran.captured.records)
            if record.get("event_type") in tuple("abcd")
        ]
        assert 61 == left.count(name)
        assert sorted(left) == left
        assert journal.size_of(tmp_path / "home" / "journal" / "local") < LIMIT + 21_000
    running.communicate(timeout=60)
    left = [record for lines in segments(tmp_path) for record in lines]
    lost = losses.noted(tmp_path / "home" / "journal" / "local")
    assert {"journal limit": made + 14 - len(left)} == lost
    assert 11 == [record.get("event_type") for record in left].count("running")


def test_in_one_run_nodes_outlive_payloads_and_then_records_are_dropped(tmp_path):
    """Its own segments do not go: at the limit it loses payloads, at twice the limit records."""
    arguments = "long", "2000", "300"
    ran = run(tmp_path, PROGRAM, *arguments, AGENTLOG_JOURNAL_LIMIT=str(LIMIT))
    account = json.loads(ran.stdout)
    dropped = account["dropped"]["journal limit"]
    assert 500 < dropped
    found = accounted(ran, journal_limit=dropped)
    assert found["long"] + dropped >= 2001
    events = [event for event in whole(ran.captured, running=2) if "n" in event.get("params", {})]
    bare = [event for event in ran.captured.events if "dropped" in event.get("notes", {})]
    assert [300] * len(events) == [len(event["params"]["pad"]) for event in events]
    assert 200 < len(events) < len(bare)
    assert max(event["timestamp"] for event in events) <= bare[0]["timestamp"]
    assert {1} == {event["notes"]["dropped"] for event in bare}
    size = journal.size_of(tmp_path / "home" / "journal" / "local")
    assert 2 * LIMIT <= size < 2 * LIMIT + 21_000
    assert {"journal limit": dropped} == losses.noted(tmp_path / "home" / "journal" / "local")
