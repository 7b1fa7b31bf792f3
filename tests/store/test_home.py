"""A home that is opened, also by those who may only read it, or not even that."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agentlog.errors import StoreError
from agentlog.store.home import open_home, read_home
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import Uptake, uptake
from tests.store.sqlite.test_uptake import SECOND, closed, ids, opened, segment

REPOSITORY = Path(__file__).parents[2]
NOBODY = 54321


@pytest.fixture
def home(tmp_path):
    """Name a home that is not there yet."""
    return tmp_path / "home"


def test_reading_makes_no_home(home):
    """Where nothing was recorded the store is empty, and nothing is created."""
    with open_home(home) as store:
        assert [] == store.sessions()
        assert Uptake() == uptake(store, home)
    assert not home.exists()


def test_a_home_is_opened_with_its_journal(home):
    """Every destination's."""
    segment(home, opened("a"))
    segment(home, opened("b"), destination="api.example.com-1f2e3d4c")
    with open_home(home) as store:
        assert ["a", "b"] == ids(store)
        assert home / "store.db" == store.path
    with open_home(home) as store:
        assert ["a", "b"] == ids(store)


def test_a_home_whose_store_is_damaged_is_told(home):
    """And its journal is left alone."""
    path = segment(home, opened("a"))
    (home / "store.db").write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match="is damaged"):
        open_home(home)
    assert path.exists()


# -- By somebody else ------------------------------------------------------------------------------

READ = f"""
import os, sys
from pathlib import Path
from agentlog.store.home import read_home
Path("/").as_uri()  # imports more, where nobody may not read Python itself
os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
reading = read_home(Path(sys.argv[1]))
with reading.store as store:
    print(*(event["id"] for found in store.sessions() for event in store.session(found.id)))
    print(*reading.notes, sep="\\n")
"""


def run_by_nobody(home, modes):
    """Read a home as a user to whom it does not belong, and see that nothing of it changes."""
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for name, mode in modes.items():
        next(home.rglob(name)).chmod(mode)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    done = subprocess.run(
        [sys.executable, "-c", READ, home],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert before == {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    return done


def read_by_nobody(home, **modes):
    """Return the ids of the events that somebody else sees, and what he is told."""
    done = run_by_nobody(home, modes)
    assert "" == done.stderr
    events, *notes = done.stdout.splitlines()
    return events.split(), [note for note in notes if note]


@pytest.fixture
def reachable():
    """A home to which every user gets; only who may become another user can try what he sees."""
    if os.getuid():
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "home"


def note_of(home):
    """Return what is told of a home that may not be written."""
    return f"{home} cannot be written: it is shown as it can be read."


def test_a_home_of_somebody_else_is_read_with_its_journal(reachable):
    """What was taken up, and what was not: nothing of it is changed."""
    segment(reachable, opened("a"), closed("a"))
    open_home(reachable).close()
    segment(reachable, opened("b"))
    assert (["a", "b"], [note_of(reachable)]) == read_by_nobody(reachable)


def test_a_journal_without_a_store_is_read(reachable):
    """As where a run was recorded and nobody has looked at it yet."""
    segment(reachable, opened("a"))
    assert (["a"], [note_of(reachable)]) == read_by_nobody(reachable)


def test_a_store_that_somebody_has_open_is_read(reachable):
    """Together with what is only in its log; the copy that is made needs no write lock."""
    segment(reachable, opened("a"))
    with open_home(reachable) as store, store.writing():
        assert (["a"], [note_of(reachable)]) == read_by_nobody(reachable)


def test_a_store_that_was_not_closed_is_read(reachable):
    """What a process that was killed has left in the log beside the store belongs to it."""
    segment(reachable, opened("a"))
    with open_home(reachable) as store:
        log = store.path.with_name("store.db-wal").read_bytes()
        main = store.path.read_bytes()
    (reachable / "store.db-wal").write_bytes(log)
    (reachable / "store.db").write_bytes(main)
    assert (["a"], [note_of(reachable)]) == read_by_nobody(reachable)


def test_what_cannot_be_read_is_named(reachable):
    """The first of it, with the reason, and where more is to be learnt."""
    one, two = segment(reachable, opened("a")), segment(reachable, opened("b"), owner=SECOND)
    events, notes = read_by_nobody(reachable, **{one.name: 0})
    assert ["b"] == events
    why = "cannot be read: Permission denied"
    assert [note_of(reachable), f"{one} {why}. Ask `agentlog doctor`."] == notes
    events, notes = read_by_nobody(reachable, **{one.name: 0, two.name: 0})
    assert ([], [f"{one} {why}, and 1 more. Ask `agentlog doctor`."]) == (events, notes)
    for directory in ("journal", "local"):
        _, [note] = read_by_nobody(reachable, **{directory: 0})
        assert f"{directory} {why}. Ask" in note


def test_a_store_that_cannot_be_read_is_told(reachable):
    """It is no empty one."""
    segment(reachable, opened("a"))
    open_home(reachable).close()
    done = run_by_nobody(reachable, {"store.db": 0})
    expected = (
        f"agentlog.errors.StoreError: {reachable}/store.db cannot be read: Permission denied."
    )
    assert expected == done.stderr.splitlines()[-1]


def test_a_home_that_may_be_written_is_read_without_a_note(home):
    """And its journal is taken up for good."""
    path = segment(home, opened("a"))
    reading = read_home(home)
    with reading.store as store:
        assert (["a"], ()) == (ids(store), reading.notes)
    assert not path.exists()
    assert not home.with_name("absent").exists()
    reading = read_home(home.with_name("absent"))
    with reading.store as store:
        assert ([], ()) == (store.sessions(), reading.notes)
    assert not home.with_name("absent").exists()


def test_a_copy_is_checked_as_a_store_is(tmp_path):
    """What is no store, or of a newer version, is not taken for one because it is copied."""
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE mine (x)")
    with SqliteStore() as store, pytest.raises(StoreError, match="other is no agentlog store"):
        store.load(other, "other")
    other.close()
