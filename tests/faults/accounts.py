"""What is true after every fault: the rest is recorded and whole, and all is accounted for."""

import json
from collections import Counter

from agentlog.store.merge import merged
from tests.recording.journals import strict


def accounted(ran, *, stderr="", removed=0, **dropped):
    """Check a program's accounts and those of its children; return the names of its events.

    Its own account and agentlog's are equal, and what is delivered is in the journal: but for as
    many records as were there, and were removed by somebody.
    """
    assert (0, stderr) == (ran.status, ran.stderr), ran.stderr
    accounts = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert accounts, "the program did not come to its end"
    made, lost, delivered = Counter(), Counter(), 0
    for account in accounts:
        assert sum(account["made"].values()) == account["accepted"], account
        assert 0 == account["pending"], account
        made += Counter(account["made"])
        lost += Counter(account["dropped"])
        delivered += account["delivered"]
    assert {reason.replace("_", " "): n for reason, n in dropped.items()} == lost
    assert delivered - removed == len(ran.captured.records)
    found = names(ran.captured)
    assert found <= made
    if not lost:
        assert found == Counter({name: n for name, n in made.items() if name in found})
        assert {"session", "end", *found} >= set(made)
    return found


def names(captured):
    """Return how many events of each name there are, sessions left out."""
    return Counter(event.get("event_type", "end") for event in captured.events)


def whole(captured, *, running=0):
    """Check that what is recorded is whole; return its events.

    Every line is strict JSON, every half is there once, every parent is there, no duration is
    negative, and but for as many as are still running, every event has its end.
    """
    records = [strict(line) for line in captured.records]
    halves = Counter()
    for record in records:
        halves[record["id"], "open"] += "event_type" in record
        halves[record["id"], "close"] += "end_timestamp" in record
    assert 1 == max(halves.values())
    events = list(merged(records).values())
    ids = {None, *(event["id"] for event in events)}
    assert [] == [event for event in events if "event_type" not in event]
    assert [] == [event for event in events if event["parent_id"] not in ids]
    ended = [event for event in events if "end_timestamp" in event]
    assert len(events) - running <= len(ended)
    assert [] == [event for event in ended if event["end_timestamp"] < event["timestamp"]]
    return events
