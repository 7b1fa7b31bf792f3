"""The uptake of the journal into the store, with segments written by hand."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentlog.store.home import open_home
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import (
    DamagedLine,
    Uptake,
    damaged_lines,
    forget_damaged,
    is_behind,
    uptake,
)
from tests import warm

REPOSITORY = Path(__file__).parents[3]
OWNER = "0193f2c1a2b3-4242-9f8e7d6c"
SECOND = "0193f2c1a2b4-4243-00000000"
SESSION = "0193f2c1a2b3" + "7" + "a" * 19
INTERRUPTED = {"result": "Indeterminate", "reason": "interrupted"}


@pytest.fixture
def home(tmp_path):
    """Name a home that is not there yet."""
    return tmp_path / "home"


def opened(event_id, timestamp=1.0, **fields):
    """Return an open half."""
    fields = {"event_type": "plan", "parent_id": None} | fields
    return {"id": event_id, "session_id": SESSION, "timestamp": timestamp, **fields}


def closed(event_id, end_timestamp=2.0, **fields):
    """Return a close half."""
    return {"id": event_id, "session_id": SESSION, "end_timestamp": end_timestamp, **fields}


def segment(home, *records, owner=OWNER, number=1, destination="local", tail=b""):
    """Append lines to a segment; bytes are taken as they are."""
    path = home / "journal" / destination / f"{owner}-{number:04d}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines) + tail)
    return path


@contextmanager
def alive(path):
    """Hold the lock of a segment, as the process that writes it does."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def open_home_while_alive(path, home):
    """Open a home whose process ends as soon as that is done."""
    with alive(path):
        store = open_home(home)
    with store:
        yield store


def ids(store):
    """Return the ids of the session's events, by start."""
    return [event["id"] for event in store.session(SESSION)]


def test_only_what_is_new_is_taken_up(home):
    """A line is read once, and one that has no end yet when it has."""
    path = segment(home, opened("a"), tail=b'{"id": "b", ')
    with alive(path), open_home(home) as store:
        assert ["a"] == ids(store)
        assert Uptake() == uptake(store, home)
        segment(home, tail=b'"session_id": "%s"}\n' % SESSION.encode())
        assert Uptake(records=1) == uptake(store, home)
        assert {"a", "b"} == set(ids(store))
        assert 0 == store.stats().damaged


def test_what_is_taken_up_twice_is_there_once(home):
    """A journal that was copied, or a store that has lost its read position, doubles nothing."""
    first = segment(home, opened("a"), closed("a"), b"{", destination="api")
    segment(home, *first.read_bytes().splitlines(), destination="other")
    with open_home(home) as store:
        with store.writing() as connection:
            connection.execute("DELETE FROM positions")
        assert Uptake(records=4, damaged=2) == uptake(store, home)
        assert [opened("a") | closed("a")] == store.session(SESSION)
        assert (1, 2) == (store.stats().events, store.stats().damaged)


def test_segments_of_any_size_are_taken_up(home):
    """Also lines longer than a chunk, and more of them than a chunk holds."""
    long = opened("long", params="x" * 3_000_000)
    path = segment(home, *(opened(f"{n:05}", n) for n in range(20_000)), long)
    with alive(path), open_home(home) as store:
        assert 20_001 == store.stats().events
        assert long == store.event(SESSION, "long")


def test_damaged_lines_are_set_aside(home):
    """Only they; each with its place, and bounded."""
    path = segment(
        home, opened("a"), b"\xff\xfe", b"", b"x" * 10_000, opened("b"), destination="api"
    )
    offset = len(json.dumps(opened("a"))) + 1
    with open_home(home) as store:
        assert ["a", "b"] == ids(store)
        assert 2 == store.stats().damaged
        first, second = damaged_lines(store)
        assert [first] == damaged_lines(store, 1)
    assert DamagedLine("api", path.name, offset, b"\xff\xfe", "not UTF-8") == first
    assert (offset + 4, b"x" * 4096) == (second.offset, second.line)


def test_a_torn_tail_of_a_dead_process_is_damaged_once(home):
    """Nothing will ever complete it."""
    segment(home, opened("a"), tail=b'{"id": "b"', destination="api")
    with open_home(home) as store:
        assert ["a"] == ids(store)
        assert Uptake() == uptake(store, home)
        assert [b'{"id": "b"'] == [found.line for found in damaged_lines(store)]


def test_an_open_event_of_a_living_process_runs(home):
    """It has no outcome; when its process is gone it was interrupted."""
    path = segment(home, opened("a"), opened("b"), closed("b", result="Success"))
    with open_home_while_alive(path, home) as store:
        assert [opened("a"), opened("b") | closed("b", result="Success")] == store.session(SESSION)
        assert None is store.sessions()[0].result
        assert Uptake(deleted=1) == uptake(store, home)
        assert opened("a") | INTERRUPTED == store.event(SESSION, "a")
        assert opened("b") | closed("b", result="Success") == store.event(SESSION, "b")
        assert 1 == store.stats().interrupted
        summary = store.sessions()[0]
        assert INTERRUPTED == {"result": summary.result, "reason": summary.reason}


def test_a_close_half_that_comes_later_counts(home):
    """Whoever brings it: the event was not interrupted after all."""
    segment(home, opened("a"))
    with open_home(home) as store:
        assert INTERRUPTED.items() <= store.event(SESSION, "a").items()
        segment(home, closed("a", result="Success"), owner=SECOND)
        uptake(store, home)
        assert opened("a") | closed("a", result="Success") == store.event(SESSION, "a")
        assert 0 == store.stats().interrupted


def test_any_locked_segment_keeps_its_owner_alive(home):
    """An event that was opened in a segment before runs on; its segment is not deleted."""
    first = segment(home, opened("a"))
    second = segment(home, opened("b"), number=2)
    with alive(second), open_home(home) as store:
        assert [opened("a"), opened("b")] == store.session(SESSION)
        assert first.exists()


def test_an_owner_that_seemed_gone_runs_again(home):
    """A mark of interruption is taken back when its owner is seen alive."""
    path = segment(home, opened("a"), destination="api")
    with open_home(home) as store:
        assert INTERRUPTED.items() <= store.event(SESSION, "a").items()
        with alive(path):
            uptake(store, home)
        assert opened("a") == store.event(SESSION, "a")


@pytest.mark.parametrize(("destination", "reason"), [("api", "shipped"), ("local", "interrupted")])
def test_an_event_whose_segment_was_deleted_has_no_end_here(home, destination, reason):
    """A shipper deletes what it has delivered, and the end of the event may have been in it."""
    path = segment(home, opened("a"), destination=destination)
    with open_home_while_alive(path, home) as store:
        path.unlink()
        uptake(store, home)
        assert opened("a") | INTERRUPTED | {"reason": reason} == store.event(SESSION, "a")
        (session,) = store.sessions()
        assert ("Indeterminate", reason) == (session.result, session.reason)
        assert (reason == "interrupted") == store.stats().interrupted


def test_that_a_segment_was_shipped_is_remembered_while_its_owner_lives(home):
    """The end of an event may have been in it, however long its process goes on in another."""
    first = segment(home, opened("a"), destination="api")
    second = segment(home, opened("b"), number=2, destination="api")
    with open_home_while_alive(second, home) as store, alive(second):
        first.unlink()
        uptake(store, home)
        assert opened("a") == store.event(SESSION, "a")
    with open_home(home) as store:
        assert opened("a") | INTERRUPTED | {"reason": "shipped"} == store.event(SESSION, "a")


def test_the_journal_tells_the_owner_of_what_a_collector_had_before(home):
    """Records that were posted first and read from their segment afterwards can be interrupted."""
    segment(home, opened("a"), destination="api")
    with SqliteStore(home / "store.db") as store:
        store.put([opened("a")])
        uptake(store, home)
        assert opened("a") | INTERRUPTED == store.event(SESSION, "a")


def test_an_event_belongs_to_who_opened_it(home):
    """Not to who brought something of it besides."""
    late = segment(home, closed("a", result="Success"), closed("b"), owner=SECOND)
    path = segment(home, opened("b"), opened("c"))
    with alive(late), open_home(home) as store:
        owners = "SELECT id, owner FROM events ORDER BY id"
        with store.reading() as connection:
            assert [("a", None), ("b", OWNER), ("c", OWNER)] == list(connection.execute(owners))
    assert not path.exists()


def test_a_running_session_is_not_pruned(home):
    """However long it has said nothing; an interrupted one is."""
    path = segment(home, opened("a"))
    with open_home_while_alive(path, home) as store:
        assert 0 == store.prune(1e12)
        uptake(store, home)
        assert 1 == store.prune(1e12)


def test_an_event_that_was_put_by_a_collector_is_never_interrupted():
    """It has no owner whose lock could be looked at."""
    with SqliteStore() as store:
        store.put([opened("a")])
        assert [opened("a")] == store.session(SESSION)


def test_segments_of_dead_processes_are_deleted(home):
    """Of the local destination: the shipper deletes the others. Their read positions go too."""
    segment(home, opened("a"))
    segment(home, opened("b"), owner=SECOND, tail=b"{")
    living = segment(home, opened("c"), owner="0193f2c1a2b5-1-00000000")
    api = segment(home, opened("d"), destination="api")
    segment(home, owner="0193f2c1a2b6-1-00000000")
    with alive(living), open_home(home) as store:
        assert list("abcd") == ids(store)
        with store.reading() as connection:
            kept = connection.execute("SELECT destination FROM positions ORDER BY 1").fetchall()
    assert [living] == list((home / "journal" / "local").iterdir())
    assert [api] == list((home / "journal" / "api").iterdir())
    assert [("api",), ("local",)] == kept


def test_other_files_are_left_alone(home):
    """What is not named like a segment is neither read nor deleted."""
    path = segment(home, opened("a"), owner="notes")
    with open_home(home) as store:
        assert [] == store.sessions()
    assert path.exists()


def test_a_destination_may_have_any_name(home):
    """Also one that is no text."""
    segment(home, opened("a"), b"damaged", destination=os.fsdecode(b"\xff"))
    with open_home(home) as store:
        assert ["a"] == ids(store)
        assert Uptake() == uptake(store, home)


def test_hostile_lines_stop_nothing(home):
    """Surrogates, huge numbers, doubled keys, control characters, depth: all others are there."""
    prefix = b'{"session_id": "%s", "timestamp": 1, ' % SESSION.encode()
    segment(
        home,
        opened("a"),
        prefix + rb'"id": "b", "event_type": "\ud800", "tags": ["\udfff"], "params": "\u0000"}',
        prefix + b'"id": "c", "timestamp": 1%s, "prompt_tokens": 9%s}' % (b"0" * 300, b"9" * 300),
        prefix + b'"id": "d", "id": "e"}',
        prefix + b'"id": "f", "params": %s%s}' % (b"[" * 5000, b"]" * 5000),
        opened("z"),
    )
    with open_home(home) as store:
        assert {"a", "b", "c", "e", "z"} == set(ids(store))
        assert 1 == store.stats().damaged
        json.dumps([store.session(SESSION), store.search("plan")], ensure_ascii=False).encode()
        assert 5 == store.sessions()[0].events


TAKE_UP = """
import sys
from pathlib import Path
from agentlog.store.home import open_home
print("ready", flush=True)
sys.stdin.readline()
with open_home(Path(sys.argv[1])) as store:
    print(store.stats().events, store.stats().damaged, store.stats().interrupted)
"""


def test_several_commands_at_once_agree(home):
    """On a journal that nobody has read: each sees all of it, and nothing is doubled or lost."""
    for number in range(8):
        halves = [half(f"{number}-{n}") for n in range(1000) for half in (opened, closed)]
        owner = f"0193f2c1a2b3-{number}-9f8e7d6c"
        segment(home, *halves, b"damaged", opened(f"{number}-open"), owner=owner)
        segment(home, *halves, owner=owner, destination="api")
    processes = [
        warm.Popen(
            [sys.executable, "-c", TAKE_UP, home],
            env=warm.ENVIRON,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert "ready\n" == process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    expected = ("8008 8 8\n", "", 0)
    assert [expected] * 4 == [(*p.communicate(), p.returncode) for p in processes]
    assert [] == list((home / "journal" / "local").iterdir())
    with open_home(home) as store:
        assert opened("3-7") | closed("3-7") == store.event(SESSION, "3-7")


KILLED = """
import os, signal, sys
from pathlib import Path
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import uptake
store = SqliteStore(Path(sys.argv[1]) / "store.db")
with store.reading() as connection:
    connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
uptake(store, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("steps", [100, 3_000, 30_000, 300_000, 1_000_000])
def test_a_command_that_is_killed_loses_nothing(home, steps):
    """At whatever step: the next one completes the work."""
    segment(home, *(half(f"{n}") for n in range(5000) for half in (opened, closed)), b"damaged")
    command = [sys.executable, "-c", KILLED, home, str(steps)]
    killed = warm.run(command, env=warm.ENVIRON)
    assert -signal.SIGKILL == killed.returncode
    with open_home(home) as store:
        assert (5000, 1) == (store.stats().events, store.stats().damaged)
        assert opened("77") | closed("77") == store.event(SESSION, "77")


def test_nobody_who_has_nothing_to_write_waits_for_a_writer(home):
    """Neither for what runs, what was interrupted, a torn line, nor what cannot be read."""
    living = segment(home, opened("a"), tail=b'{"id": "b", ')
    segment(home, opened("c"), owner=SECOND, destination="api")
    with (
        alive(living),
        open_home(home) as store,
        store.writing(),
        SqliteStore(store.path, patience=0.0) as reader,
    ):
        assert Uptake() == uptake(reader, home)
        assert [opened("a"), opened("c") | INTERRUPTED] == reader.session(SESSION)


def test_a_store_in_memory_deletes_nothing(home):
    """What it has taken up is kept nowhere else."""
    path = segment(home, opened("a"))
    with SqliteStore() as store:
        assert Uptake(records=1) == uptake(store, home)
        assert Uptake() == uptake(store, home)
    assert path.exists()


def test_damaged_lines_are_forgotten_by_the_age_of_their_process(home):
    """A segment is named by the moment when its process began."""
    segment(home, b"old", owner=OWNER)
    segment(home, b"new", owner=SECOND)
    with open_home(home) as store:
        began = int(OWNER[:12], 16) / 1000
        assert 0 == forget_damaged(store, began)
        assert 1 == forget_damaged(store, began + 0.001)
        assert [b"new"] == [found.line for found in damaged_lines(store)]
        assert 0 == forget_damaged(store, -1e12)
        assert Uptake() == uptake(store, home)


def test_it_is_known_whether_the_journal_has_more(home):
    """A line without its end is nothing yet; to ask changes nothing."""
    with SqliteStore(home / "store.db") as store:
        assert not is_behind(store, home)
        path = segment(home, tail=b'{"id": "b", ')
        with alive(path):
            assert not is_behind(store, home)
            segment(home, tail=b'"session_id": "%s"}\n' % SESSION.encode())
            assert is_behind(store, home)
            assert [] == ids(store)
            uptake(store, home)
            assert not is_behind(store, home)


def test_somebody_else_may_write_between_two_transactions(home):
    """So that a collector's clients do not wait for all of a journal."""
    segment(home, *[opened(f"{n}", params="x" * 400_000) for n in range(8)])
    seen = []

    def between():
        with store.writing() as connection:
            seen.append(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    with SqliteStore(home / "store.db") as store:
        assert 8 == uptake(store, home, between=between).records
    assert 0 == seen[0]
    assert len(seen) > 2
    assert sorted(seen) == seen
