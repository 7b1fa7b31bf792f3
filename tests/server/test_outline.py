"""A session in outline: what its rows say, in which order, and how quickly they are there."""

import json
import shlex
import time

import pytest

from agentlog.server.outline import outline_file
from agentlog.store.outline import FIELDS
from agentlog.store.sqlite.store import SqliteStore
from tests.cli.commandline import agentlog
from tests.page.runs import run, written
from tests.server.collector import Collector, event_id, record, session_id, without


def outline(collector, session=1, secret=None):
    """Return the rows of a session, each by the names of its fields."""
    answer = collector.get(f"/v1/sessions/{session_id(session)}/outline", secret)
    assert 200 == answer.status, answer.text
    told = answer.json
    assert list(FIELDS) == told["fields"]
    assert session_id(session) == told["session_id"]
    return [dict(zip(told["fields"], row, strict=True)) for row in told["rows"]]


def test_a_row_has_everything_but_the_payloads(collector):
    """What an event does not say is null."""
    said = {"model": "gpt-4", "tags": ["a", "b"], "prompt_tokens": 3, "completion_tokens": 4}
    collector.post([record(), record(2, **said, params={"text": "long"}, returns="long")])
    _, row = outline(collector)
    known = {name: record(2, **said).get(name) for name in FIELDS}
    assert known == row


def test_rows_are_in_the_order_of_the_tree(collector):
    """By start, then by id; what says no time comes first."""
    moments = {1: 5.0, 2: 7.0, 3: 6.0, 4: 6.0}
    collector.post(
        [record(n, session=2, timestamp=at, end_timestamp=9.0) for n, at in moments.items()]
    )
    collector.post([without(record(5, session=2), "timestamp")])
    assert [event_id(n) for n in (5, 1, 3, 4, 2)] == [row["id"] for row in outline(collector, 2)]


def test_times_are_exact(collector):
    """To the last digit that was sent."""
    collector.post([record(session=3, timestamp=1795252458.1234567, end_timestamp=1795252459)])
    (row,) = outline(collector, 3)
    assert (1795252458.1234567, 1795252459) == (row["timestamp"], row["end_timestamp"])


def test_a_log_line_has_its_level_and_logger(collector):
    """And no other event has; of a wrong type they are null."""
    log = {"action_type": "log", "level": "info", "logger": "agent"}
    collector.post(
        [
            record(session=4),
            record(2, session=4, **log),
            record(3, session=4, level="info", logger="agent"),
        ]
    )
    _, line, other = outline(collector, 4)
    assert ("info", "agent") == (line["level"], line["logger"])
    assert (None, None) == (other["level"], other["logger"])


def test_what_runs_has_no_end_and_what_was_cut_off_says_so(tmp_path):
    """As the store says it of whole events."""
    with SqliteStore(tmp_path / "store.db") as store:
        opened = without(record(), "end_timestamp", "result")
        store.put([opened, {**opened, "id": event_id(2)}])
        with store.writing() as connection:
            connection.execute("UPDATE events SET interrupted = 1 WHERE id = ?", (event_id(2),))
        with store.outline(session_id()) as parts:
            (rows,) = parts
    ends = [
        [row[FIELDS.index(name)] for name in ("end_timestamp", "result", "reason")]
        for row in json.loads(f"[{rows}]")
    ]
    assert [[None, None, None], [None, "Indeterminate", "interrupted"]] == ends


def test_a_few_rows_cost_no_more_in_a_long_session(tmp_path):
    """However long it is; and they are none of another session."""
    with SqliteStore(tmp_path / "store.db") as store:
        store.put([record(session=2), *(record(number) for number in range(2, 5000))])
        steps = []
        with store.reading() as connection:
            connection.set_progress_handler(lambda: steps.append(1), 100)
        with store.outline(session_id(), [event_id(n) for n in (1, 40, 50)]) as parts:
            (rows,) = parts
    assert [event_id(40), event_id(50)] == [row[0] for row in json.loads(f"[{rows}]")]
    assert len(steps) < 50


def test_it_says_what_became_of_the_session(collector):
    """As a list does: one of which nobody hears is silent."""
    root = without(record(session=7), "end_timestamp", "result")
    for fields, is_silent in (({}, True), ({"timestamp": time.time()}, False)):
        collector.post([{**root, **fields}])
        answer = collector.get(f"/v1/sessions/{session_id(7)}/outline")
        assert is_silent == answer.json["is_silent"]


def test_it_says_how_a_command_reads_the_session(tmp_path):
    """Of a store that is not the home's, and of a project; a path is told to this machine alone."""
    told = []
    for store, *options in (["a store.db"], [None], ["b.db", "--allow-host", "example.com"]):
        collector = Collector(tmp_path, *options, store=store)
        anna = collector.key("anna")
        with collector:
            for key in (anna, None)[: 1 if options else 2]:
                collector.post([record()], key)
                path = f"/v1/sessions/{session_id()}/outline"
                told.append(collector.get(path, key).json["options"])
    file = f" --store {shlex.quote(str(tmp_path / 'a store.db'))}"
    assert [f"{file} --project anna", file, " --project anna", "", " --project anna"] == told
    printed = agentlog("replay", session_id(), *shlex.split(told[0]))
    assert (0, "") == (printed.returncode, printed.stderr)


def test_an_outline_that_is_not_there_is_404(collector):
    """Whatever its id looks like."""
    for name in (session_id(99), "last", "%00", "a'b"):
        assert 404 == collector.get(f"/v1/sessions/{name}/outline").status


def test_a_stranger_gets_none(collector):
    """The token opens it, as all that reads."""
    collector.post([record()])
    assert 401 == collector.get(f"/v1/sessions/{session_id()}/outline", "").status


def test_a_run_that_is_too_long_to_be_joined_says_the_same(tmp_path, monkeypatch):
    """It comes in parts, of the same rows."""
    written(tmp_path / "store.db", run(2_500))
    with SqliteStore(tmp_path / "store.db", read_only=True) as store:
        with store.outline(session_id()) as parts:
            (rows,) = parts
        monkeypatch.setattr("agentlog.store.sqlite.outline.SHORT", 0)
        with store.outline(session_id()) as parts:
            found = list(parts)
    assert 3 == len(found)
    assert rows == ",".join(found)


@pytest.mark.parametrize(
    ("count", "most"), [(10_500, 0.3), pytest.param(100_000, 3.0, marks=pytest.mark.soak)]
)
def test_a_long_run_is_there_at_once(count, most, tmp_path):
    """It takes a twentieth of the time that its payloads would, on a machine that is not busy."""
    written(tmp_path / "store.db", run(count, payload=500))
    with SqliteStore(tmp_path / "store.db", read_only=True) as store:
        began = time.process_time()
        with (
            store.outline(session_id()) as parts,
            outline_file(parts, {"at": "0-0"}) as file,
        ):
            assert time.process_time() - began < most
            file.seek(0)
            assert count == len(json.load(file)["rows"])
