"""Who writes a store: one collector, or any number of commands."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agentlog.errors import StoreError
from agentlog.store.home import open_home, read_home, read_store
from agentlog.store.sqlite import lock
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import Uptake, uptake
from tests import warm

REPOSITORY = Path(__file__).parents[3]
RECORD = {"id": "a", "session_id": "s", "event_type": "plan", "timestamp": 1.0}
HOLD = """
import sys
from pathlib import Path
from agentlog.store.sqlite import lock
held = lock.claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path):
    """The path of a store with one event."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as opened:
        opened.put([RECORD])
    return path


@pytest.fixture
def served(store):
    """The path of a store that another process serves."""
    with warm.Popen(
        [sys.executable, "-c", HOLD, store],
        env=warm.ENVIRON,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert b"held\n" == process.stdout.readline()
        yield store
        process.kill()


def test_one_collector_serves_a_store(served):
    """A second one is refused at once, and told why; so is one in the same process."""
    with pytest.raises(StoreError) as raised:
        lock.claim(served)
    assert f"{served} is served by another collector, which alone writes to it." == str(
        raised.value
    )
    assert lock.is_served(served)


def test_a_store_is_free_when_its_collector_is_gone(store):
    """However it ended; there is nothing to be tidied up."""
    with warm.Popen(
        [sys.executable, "-c", HOLD, store],
        env=warm.ENVIRON,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.kill()
    assert not lock.is_served(store)
    held = lock.claim(store)
    assert lock.is_served(store)
    held.release()
    held.release()
    assert not lock.is_served(store)


def test_a_store_that_is_not_there_is_not_served(tmp_path):
    """And to ask makes nothing; a collector makes its directory."""
    path = tmp_path / "new" / "store.db"
    assert not lock.is_served(path)
    assert [] == list(tmp_path.iterdir())
    lock.claim(path).release()
    assert [path.with_name("store.db.lock")] == list(path.parent.iterdir())


def test_commands_write_side_by_side_and_a_collector_waits_for_them(store):
    """For a moment; who does not let go is told of."""
    with lock.writing(store), lock.writing(store):
        assert not lock.is_served(store)
        with pytest.raises(StoreError, match="is in use by a command that does not let go of it"):
            lock.claim(store, patience=0.01)
    lock.claim(store).release()


def test_nobody_writes_a_store_that_is_served(served):
    """Neither records nor what a command deletes; it is read as ever."""
    with SqliteStore(served) as store:
        for write in (lambda: store.put([RECORD]), lambda: store.prune(9e9)):
            with pytest.raises(StoreError) as raised:
                write()
            assert (
                f"{served} is served by a collector, which alone writes to it;"
                " `agentlog serve --keep` deletes what is old." == str(raised.value)
            )
        assert [RECORD] == store.session("s")


def test_a_home_that_is_served_is_only_read(served):
    """Its journal is the collector's; a command that has to write is told so."""
    with read_home(served.parent).store as store:
        assert [RECORD] == store.session("s")
    with read_store(served) as store:
        assert [RECORD] == store.session("s")
        with pytest.raises(StoreError, match="served by a collector"):
            store.put([RECORD])
    segment = served.parent / "journal" / "local" / "0193f2c1a2b3-4242-9f8e7d6c-0001.jsonl"
    segment.parent.mkdir(parents=True)
    segment.write_text(json.dumps({**RECORD, "id": "b"}) + "\n", "utf-8")
    with open_home(served.parent) as store:
        assert Uptake() == uptake(store, served.parent)
        assert [RECORD] == store.session("s")
    with open_home(served.parent) as store, pytest.raises(StoreError, match="served by"):
        store.prune(9e9)


def test_a_store_by_another_path_is_the_same_store(served, tmp_path):
    """A link to it, or to its directory: who serves it is known by what the path leads to."""
    link, directory = tmp_path / "link.db", tmp_path / "elsewhere"
    link.symlink_to(served)
    directory.symlink_to(served.parent, target_is_directory=True)
    for path in (link, directory / served.name):
        assert lock.is_served(path)
        with pytest.raises(StoreError, match="served by another collector"):
            lock.claim(path)
        with SqliteStore(path) as store, pytest.raises(StoreError, match="served by a collector"):
            store.prune(9e9)
    assert not link.with_name("link.db.lock").exists()


def test_a_link_that_leads_nowhere_yet_makes_a_private_store(tmp_path):
    """The store is made where the link leads, and its lock beside it; size tells of its files."""
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "made" / "store.db")
    with SqliteStore(link) as store:
        store.put([RECORD])
        assert 0o600 == stat.S_IMODE((tmp_path / "made" / "store.db").stat().st_mode)
        assert (tmp_path / "made" / "store.db-wal").stat().st_size < store.stats().size
    assert (tmp_path / "made" / "store.db.lock").exists()


def test_a_link_to_itself_is_no_store(tmp_path):
    """That is said in a sentence."""
    loop = tmp_path / "loop.db"
    loop.symlink_to(loop)
    for opened in (SqliteStore, read_store):
        with pytest.raises(StoreError, match=r"loop\.db"):
            opened(loop)


def test_a_store_of_several_names_is_written_by_none(served, tmp_path):
    """SQLite keeps a log beside each name: two of them would damage it, at once or in turn."""
    other = tmp_path / "other.db"
    other.hardlink_to(served)
    for opened in (SqliteStore, lock.claim, read_store):
        with pytest.raises(StoreError, match="has 2 names"):
            opened(other)
    assert not list(tmp_path.glob("other.db?*"))
    with read_store(served) as store:
        assert [RECORD] == store.session("s")
    other.unlink()
    with read_store(served) as store:
        assert [RECORD] == store.session("s")


def test_a_store_that_gets_another_name_is_written_no_more(store, tmp_path):
    """Also by who had it open."""
    with SqliteStore(store) as opened:
        (tmp_path / "other.db").hardlink_to(store)
        with pytest.raises(StoreError, match="has 2 names"):
            opened.put([RECORD])


def test_a_store_beside_no_journal_is_opened_by_its_path(store, tmp_path):
    """One that is not there is not made."""
    with read_store(store) as opened:
        assert [RECORD] == opened.session("s")
    with pytest.raises(StoreError, match="is not there: `agentlog serve --store FILE` makes"):
        read_store(tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()
