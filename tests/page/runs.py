"""Stores for the tests of the pages: long runs and long lists, written past the collector."""

import random

from agentlog.store.sqlite.store import SqliteStore
from tests.server.collector import event_id, record, session_id

START = 1_795_252_458.5


def run(count, *, session=1, depth=12, failing=5, payload=200, seed=1):
    """Return the records of a run of `count` events, as deep as told; the last of them fail.

    The session is event 1. The failures are a chain from the session down, as an error climbs: its
    root cause is the event with the largest id.
    """
    chance = random.Random(seed)
    path, records = [1], [record(1, session=session, event_type="long run")]
    for number in range(2, count - failing + 1):
        down = len(path) < depth - 1 and chance.random() < 0.4
        if not down and len(path) > 1 and chance.random() < 0.5:
            path = path[: chance.randrange(1, len(path)) + 1]
        records.append(_step(number, path[-1], session, chance, payload))
        if down:
            path.append(number)
    for number, parent in zip(
        range(count - failing + 1, count + 1), [1, *range(count - failing + 1, count)], strict=True
    ):
        error = {"type": "ToolError", "message": f"no answer {number}", "traceback": "Traceback"}
        failed = _step(number, parent, session, chance, payload)
        records.append({**failed, "result": "Fail", "error": error})
    records[0] |= {
        "end_timestamp": START + count / 100 + 1,
        "result": "Fail" if failing else "Success",
    }
    return records


def _step(number, parent, session, chance, payload):
    kind = chance.choice(["action", "tool", "llm", "log", "action"])
    start = START + number / 100
    more = (
        {"model": "gpt-4", "prompt_tokens": 812, "completion_tokens": 96} if kind == "llm" else {}
    )
    return record(
        number,
        session=session,
        parent_id=event_id(parent),
        event_type=f"{kind} {chance.randrange(40)}",
        action_type=kind,
        timestamp=start,
        end_timestamp=start if kind == "log" else start + chance.random(),
        params={"text": "x" * payload},
        **more,
    )


def sessions(count):
    """Return the records of so many sessions, the last one newest; every tenth failed."""
    return [
        record(
            session=number,
            event_type=f"program {number}",
            result="Fail" if number % 10 == 0 else "Success",
            tags=["night" if number % 2 else "day", f"t{number % 7}"],
        )
        for number in range(1, count + 1)
    ]


def written(path, records):
    """Write records into a store, by the thousand."""
    with SqliteStore(path) as store:
        for place in range(0, len(records), 1000):
            assert () == store.put(records[place : place + 1000]).refused
    return path


def address(session=1):
    """Return the address of a session's page."""
    return f"/sessions/{session_id(session)}"
