"""The embedded store: merging, reading, finding, pruning, and its file."""

import json
import os
import sqlite3
import stat

import pytest

from agentlog.errors import StoreError
from agentlog.store.sqlite.store import SqliteStore

SESSION = "0193f2c1a2b3" + "7" + "a" * 19
OTHER = "0193f2c1ffff" + "7" + "b" * 19


@pytest.fixture
def store(tmp_path):
    """Open a store in a file."""
    with SqliteStore(tmp_path / "home" / "store.db") as opened:
        yield opened


def opened(event_id, timestamp=1.0, session_id=SESSION, **fields):
    """Return an open half."""
    fields = {"event_type": "plan", "action_type": "action", "parent_id": None} | fields
    return {"id": event_id, "session_id": session_id, "timestamp": timestamp, **fields}


def closed(event_id, end_timestamp=2.0, session_id=SESSION, **fields):
    """Return a close half."""
    fields = {"result": "Success"} | fields
    return {"id": event_id, "session_id": session_id, "end_timestamp": end_timestamp, **fields}


def test_what_a_search_finds_is_read_by_its_number(store):
    """And not among all events of the project."""
    asked = []
    store.put([opened("a")])
    with store.reading() as connection:
        connection.set_trace_callback(asked.append)
        assert [opened("a")] == store.search("plan")
        connection.set_trace_callback(None)
        for question in asked[-2:]:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {question}")]
            assert "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)" in plan
            assert "SCAN events" not in " ".join(plan)
    assert "TEMP B-TREE" not in " ".join(plan)  # halves are not sorted, which would copy them all


def test_the_texts_of_a_session_are_its_events(store):
    """In the same order, in parts; what came in one record is as it came."""
    whole = opened("c", 3.0, end_timestamp=3.0)
    store.put([opened("a"), closed("a"), opened("b", 2.0, tags=["é"]), whole, closed("d")])
    with store.writing() as connection:
        connection.execute("UPDATE events SET interrupted = 1 WHERE id IN ('a', 'b')")
    with store.texts_of(SESSION, most=3) as found:
        parts = list(found)
    assert [3, 1] == [len(part) for part in parts]
    texts = [text for part in parts for text in part]
    assert store.session(SESSION) == [json.loads(text) for text in texts]
    assert json.dumps(whole) in texts
    assert "interrupted" == store.event(SESSION, "b")["reason"]
    assert 4 == store.count_of(SESSION)
    with store.texts_of(OTHER) as found:
        assert [] == list(found)
    assert 0 == store.count_of(OTHER)


def test_a_search_reaches_the_oldest_and_the_newest(store):
    """However many events are indexed for the first time."""
    store.put([opened(f"{n:05}", n) for n in range(20_001)])
    for place in (0, 9_999, 10_000, 20_000):
        store.put([closed(f"{place:05}", returns="needle")])
    assert ["20000", "10000", "09999", "00000"] == [event["id"] for event in store.search("needle")]


def test_prune_gives_space_back(store):
    """The file is smaller afterwards."""
    store.put([opened(f"{n}", params="x" * 1000) for n in range(1000)])
    before = store.stats().size
    store.prune(100.0)
    assert store.stats().size < before / 4


def test_stats_count(store):
    """Sessions, events, and the bytes of all files of the store."""
    store.put([opened("a"), opened("b"), opened("a", session_id=OTHER)])
    stats = store.stats()
    assert (2, 3, 0, 0) == (stats.sessions, stats.events, stats.damaged, stats.interrupted)
    assert sum(file.stat().st_size for file in store.path.parent.iterdir()) == stats.size


def test_a_store_outlives_its_process(tmp_path):
    """What was put is there when it is opened again, and halves keep the text they came in."""
    with SqliteStore(tmp_path / "store.db") as store:
        store.put([opened("a")])
    with SqliteStore(tmp_path / "store.db") as store:
        assert [opened("a")] == store.session(SESSION)
    connection = sqlite3.connect(tmp_path / "store.db")
    (text,) = connection.execute("SELECT open FROM events").fetchone()
    connection.close()
    assert json.dumps(opened("a")) == text


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_nobody_else_may_read_a_store(tmp_path, umask):
    """Files are 0600 and directories 0700 under any umask."""
    before = os.umask(umask)
    try:
        with SqliteStore(tmp_path / "state" / "home" / "store.db") as store:
            store.put([opened("a")])
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    finally:
        os.umask(before)
    files = {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    files["store.db.lock"] = 0o600
    assert {"state": 0o700, "home": 0o700} | files == modes


def test_a_failed_transaction_leaves_nothing(store):
    """What was put before the failure is not there, and the store goes on."""

    def fail():
        with store.writing() as connection:
            connection.execute("INSERT INTO events (session, id) VALUES (1, 2)")
            connection.execute("DELETE FROM missing")

    with pytest.raises(StoreError, match="cannot be used: no such table: missing"):
        fail()
    assert 0 == store.stats().events
    store.put([opened("a")])
    assert 1 == store.stats().events


def test_a_writer_that_does_not_let_go_is_told(store):
    """After its patience another process gets one sentence."""
    impatient = SqliteStore(store.path, patience=0.01)
    with store.writing(), pytest.raises(StoreError, match="is in use by another process"):
        impatient.put([opened("a")])
    impatient.close()


def test_readers_do_not_wait_for_the_writer(store):
    """They see what was committed."""
    store.put([opened("a")])
    with SqliteStore(store.path, patience=0.0) as reader, store.writing() as connection:
        connection.execute("DELETE FROM events")
        assert 1 == len(reader.session(SESSION))


def test_a_path_below_a_file_is_told(tmp_path):
    """What the file system says arrives as one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"store\.db cannot be made: File exists\.\Z"):
        SqliteStore(tmp_path / "file" / "store.db")
