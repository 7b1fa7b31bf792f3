"""The embedded store: merging, reading, finding, pruning, and its file."""

import json
import os
import sqlite3
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.errors import SessionNotFoundError, StoreError
from agentlog.store import Receipt, Refusal, Store
from agentlog.store.merge import merged
from agentlog.store.sqlite import SqliteStore

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


def test_the_sqlite_store_is_a_store():
    """Whoever asks for a Store may be given a SqliteStore."""
    store: Store = SqliteStore()
    store.close()


def test_an_event_is_the_merge_of_its_halves(store):
    """The close half, put later and alone, completes the event."""
    store.put([opened("a", params={"q": 1}, tags=["x"])])
    store.put([closed("a", returns=[1], tags=["y"])])
    expected = opened("a", params={"q": 1}) | closed("a", returns=[1], tags=["y"])
    assert expected == store.event(SESSION, "a")
    assert [expected] == store.session(SESSION)


def test_a_record_that_is_no_half_replaces_none(store):
    """Whenever it comes, and however large its text is."""
    nameless = {"id": "a", "session_id": SESSION, "zzz": "~"}
    for event_id, order in (("a", (0, 1)), ("b", (1, 0))):
        pair = opened(event_id), {**nameless, "id": event_id}
        for place in order:
            store.put([pair[place]])
        assert opened(event_id) == store.event(SESSION, event_id)


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


def test_a_running_event_has_no_outcome(store):
    """An open half of which nobody knows the process is as it was put."""
    store.put([opened("a")])
    assert opened("a") == store.event(SESSION, "a")


def test_what_is_not_there_is_none(store):
    """An unknown event is None and an unknown session has no events."""
    assert store.event(SESSION, "a") is None
    assert [] == store.session(SESSION)


def test_events_of_a_session_come_by_start(store):
    """Whatever the order of the records."""
    store.put([opened("b", 3.0), opened("c", 2.0), opened("a", 1.0)])
    assert ["a", "c", "b"] == [event["id"] for event in store.session(SESSION)]


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


def test_an_id_may_be_used_in_two_sessions(store):
    """The address of an event is its session and its id."""
    store.put([opened("a", model="m"), opened("a", session_id=OTHER, model="n")])
    assert ("m", "n") == (store.event(SESSION, "a")["model"], store.event(OTHER, "a")["model"])


def test_put_answers_with_a_receipt(store):
    """Records that cannot be stored are refused one by one, the others are accepted, every time."""
    endless = []
    endless.append(endless)
    batch = [
        opened("a"),
        {"id": "b"},
        opened("c", params={"x": float("nan")}),
        opened("d", params=endless),
        opened("e", params=object()),
        closed("a"),
    ]
    receipt = store.put(batch)
    assert 2 == receipt.accepted
    assert [(1, "b"), (2, "c"), (3, "d"), (4, "e")] == [(r.index, r.id) for r in receipt.refused]
    assert Refusal(1, "b", "without id or session_id") == receipt.refused[0]
    assert receipt == store.put(batch)
    assert Receipt(0) == store.put([])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip
_fields = st.dictionaries(
    st.sampled_from(
        (
            *("event_type", "timestamp", "end_timestamp", "parent_id", "result", "reason", "tags"),
            *("prompt_tokens", "completion_tokens", "notes", "action_type", "rating", "model"),
        )
    ),
    _json,
)
_records = st.lists(
    st.builds(
        lambda place, fields: {**place, **fields},
        st.fixed_dictionaries(
            {"session_id": st.sampled_from([SESSION, OTHER]), "id": st.sampled_from(["a", "b"])}
        ),
        _fields,
    ),
    max_size=6,
)


@given(_records, st.data())
def test_order_repetition_and_division_never_show(records, data):
    """Records that are shuffled, doubled and split over several puts give what merge gives."""
    shuffled = data.draw(st.permutations(records + records))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    with SqliteStore() as store:
        for start, end in zip([0, *cuts], [*cuts, None], strict=True):
            store.put(shuffled[start:end])
        store.sessions()
        events = store.session(SESSION) + store.session(OTHER)
    assert merged(records) == {(event["session_id"], event["id"]): event for event in events}


def test_fields_of_a_wrong_type_do_no_harm(store):
    """They are kept in the event and left out of the list; so are integers beyond 64 bit."""
    odd = opened("a", event_type=["x"], parent_id=7, tags={"a": 1}, model=True) | {
        "timestamp": "now"
    }
    huge = closed("b", 10**400, prompt_tokens=10**30, completion_tokens=1.5)
    many = [closed(f"c{n}", prompt_tokens=2**63 - 1) for n in range(3)]
    store.put([odd, huge, *many])
    assert odd == store.event(SESSION, "a")
    assert huge == store.event(SESSION, "b")
    assert 5 == store.sessions()[0].events


def test_half_a_surrogate_pair_is_mended(store):
    """What UTF-8 cannot say becomes a replacement character, and a whole pair stays whole."""
    store.put([opened("a", params={"bad": "x\ud800y", "good": "\U0001f600"})])
    assert {"bad": "x\ufffdy", "good": "\U0001f600"} == store.event(SESSION, "a")["params"]
    assert None is store.event(SESSION, "\ud800")
    assert [] == store.session("\ud800")


def test_any_part_of_an_event_can_be_searched(store):
    """Names, payloads and their keys, errors, models, tags; by words or their beginning."""
    store.put(
        [
            opened(
                "a", event_type="search_documents", params={"query": ["Ångström"]}, model="gpt-4"
            ),
            closed("a", returns={"n": 42}, error={"type": "ValueError", "message": "line\nbreak"}),
            opened("b", prompt="find the needle", tags=["blue"]),
        ]
    )
    for text in ("search_doc", "QUERY ångs", "gpt-4", "42", "ValueErr", "break", "docum value"):
        assert ["a"] == [event["id"] for event in store.search(text)], text
    assert ["b"] == [event["id"] for event in store.search("needle blue")]
    for text in ("", "  ", "absent", "needle gpt", '"', "Success"):
        assert [] == store.search(text), text


def test_a_search_reaches_the_oldest_and_the_newest(store):
    """However many events are indexed for the first time."""
    store.put([opened(f"{n:05}", n) for n in range(20_001)])
    for place in (0, 9_999, 10_000, 20_000):
        store.put([closed(f"{place:05}", returns="needle")])
    assert ["20000", "10000", "09999", "00000"] == [event["id"] for event in store.search("needle")]


def test_the_texts_that_a_search_finds_come_in_parts(store):
    """The newest first, whenever they were put, and those of one project alone."""
    store.put([opened(event_id, float(event_id)) for event_id in "35142"])
    store.for_project("anna").put([opened("6", 6.0)])
    with store.texts_found("plan", limit=4, most=3) as found:
        parts = [[json.loads(text)["id"] for text in part] for part in found]
    assert [["5", "4", "2"], ["1"]] == parts


def test_a_search_prefers_the_very_words(store):
    """Where there are enough of them; else what begins so is found, too."""
    store.put([opened(f"{n}", n, params="step" if n % 2 else "steps") for n in range(8)])
    assert ["7", "5"] == [event["id"] for event in store.search("step", limit=2)]
    assert list("76543") == [event["id"] for event in store.search("step", limit=5)]


def test_a_search_finds_what_came_after_the_last_search(store):
    """The index follows the store; an event is found once, by its newest text."""
    store.put([opened("a", params="early", timestamp=1.0)])
    assert 1 == len(store.search("early"))
    store.put([closed("a", returns="late"), opened("b", params="early", timestamp=5.0)])
    assert ["b", "a"] == [event["id"] for event in store.search("early")]
    assert ["b"] == [event["id"] for event in store.search("early", limit=1)]
    assert ["a"] == [event["id"] for event in store.search("late")]


@given(
    st.text(st.characters(codec=None), max_size=40) | st.text('"*^:(){}+- ANDORNEAR\0', max_size=40)
)
def test_no_text_is_search_syntax(text):
    """Whatever is typed is looked for."""
    with SqliteStore() as store:
        store.put([opened("a", params="text AND more")])
        store.search(text)
        store.search(f"{text} " * 500)


def test_a_prefix_names_a_session(store):
    """As long as it fits one; the whole id always does, and `last` is the newest by start."""
    store.put([opened("a", 5.0), opened("a", 1.0, session_id=OTHER)])
    assert SESSION == store.resolve(SESSION[:12])
    assert OTHER == store.resolve(OTHER)
    assert SESSION == store.resolve("last")
    store.put([opened("a", 0.0, session_id=OTHER[:20])])
    assert OTHER[:20] == store.resolve(OTHER[:20])


def test_a_prefix_of_several_sessions_names_them(store):
    """The error lists what may have been meant, as far as a list of sessions writes them."""
    store.put([opened("a"), opened("a", session_id=OTHER)])
    with pytest.raises(SessionNotFoundError) as raised:
        store.resolve("0193")
    assert "Several sessions begin with '0193': 0193f2c1a2b3, 0193f2c1ffff." == str(raised.value)
    store.put([opened("a", session_id=f"0193{number:028}") for number in range(5)])
    with pytest.raises(SessionNotFoundError) as raised:
        store.resolve("0193")
    assert str(raised.value).endswith(f", 0193{4:028}, …")
    assert 5 == str(raised.value).count(", 0193") + 1


def test_a_prefix_may_be_in_capitals(store):
    """As tools write hexadecimal digits; an id that has capitals itself is found first."""
    store.put([opened("a"), opened("a", session_id="0193F2")])
    assert SESSION == store.resolve(SESSION.upper())
    assert SESSION == store.resolve("0193F2C1")
    assert "0193F2" == store.resolve("0193F2")


def test_a_long_prefix_is_not_repeated_at_length(store):
    """Its first sixty characters tell what it was."""
    with pytest.raises(SessionNotFoundError) as raised:
        store.resolve("a" * 5000)
    assert f"No session begins with '{'a' * 60}'…." == str(raised.value)


@pytest.mark.parametrize("prefix", ["f", "", "%", "\ud800", "\x1b[31m"])
def test_a_prefix_of_no_session_is_not_found(store, prefix):
    """And is told in ASCII, whatever it holds."""
    store.put([opened("a")])
    with pytest.raises(SessionNotFoundError, match=r"\ANo session begins with '[ -~]*'\.\Z"):
        store.resolve(prefix)


def test_there_is_no_last_session_in_an_empty_store(store):
    """It is said in words of its own."""
    with pytest.raises(SessionNotFoundError, match="Nothing has been recorded yet"):
        store.resolve("last")


def test_prune_deletes_sessions_that_said_nothing_since(store):
    """A session goes whole, with what a search knew of it, or stays whole."""
    store.put([opened("a", 1.0, params="needle"), closed("a", 9.0), opened("b", 2.0)])
    store.put(
        [opened("a", 1.0, session_id=OTHER, params="needle"), closed("a", 3.0, session_id=OTHER)]
    )
    assert 2 == len(store.search("needle"))
    assert 0 == store.prune(3.0)
    assert 1 == store.prune(4.0)
    assert [SESSION] == [summary.id for summary in store.sessions()]
    assert ["a", "b"] == [event["id"] for event in store.session(SESSION)]
    assert [SESSION] == [event["session_id"] for event in store.search("needle")]
    assert 1 == store.prune(10.0)
    assert (0, 0) == (store.stats().sessions, store.stats().events)


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


def test_threads_may_share_a_store(store):
    """Puts and reads of many threads meet on one connection."""

    def work(thread):
        for number in range(20):
            store.put([opened(f"{thread}-{number}")])
            store.session(SESSION)
            store.search("plan")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 80 == store.stats().events


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
