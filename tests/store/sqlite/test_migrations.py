"""How a store file gets the tables of this version."""

import gzip
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agentlog.errors import StoreError
from agentlog.store.sqlite import migrations
from agentlog.store.sqlite.store import SqliteStore
from tests import warm

REPOSITORY = Path(__file__).parents[3]
RECORD = {"id": "a", "session_id": "s", "event_type": "plan", "timestamp": 1.0}
OPEN = """
import sys
from pathlib import Path
from agentlog.store.sqlite.store import SqliteStore
print("ready", flush=True)
sys.stdin.readline()
with SqliteStore(Path(sys.argv[1])) as store:
    store.put([{"id": sys.argv[2], "session_id": "s", "event_type": "plan", "timestamp": 1.0}])
"""


def execute(path, *statements):
    """Return the first row of each statement, as another program sees it."""
    connection = sqlite3.connect(path)
    try:
        return [connection.execute(statement).fetchone() for statement in statements]
    finally:
        connection.commit()
        connection.close()


def test_a_new_file_has_the_newest_version(tmp_path):
    """And says that it is ours."""
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    expected = [(len(migrations.MIGRATIONS),), (migrations.APPLICATION_ID,), ("wal",)]
    assert expected == execute(
        path, "PRAGMA user_version", "PRAGMA application_id", "PRAGMA journal_mode"
    )


def test_an_older_file_is_migrated_and_keeps_its_events(tmp_path, monkeypatch):
    """Only the migrations that it lacks are applied."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([RECORD])

    def next_step(connection):
        connection.execute("ALTER TABLE events ADD COLUMN colour TEXT DEFAULT 'blue'")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, next_step))
    for _ in range(2):
        with SqliteStore(path) as store:
            assert [RECORD] == store.session("s")
    expected = [("blue",), (len(migrations.MIGRATIONS),)]
    assert expected == execute(path, "SELECT colour FROM events", "PRAGMA user_version")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """The version and the tables change together or not at all."""
    path = tmp_path / "store.db"
    SqliteStore(path).close()

    def broken(connection):
        connection.execute("CREATE TABLE half_way (x)")
        connection.execute("CREATE TABLE events (x)")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, broken))
        with pytest.raises(StoreError, match="table events already exists"):
            SqliteStore(path)
    assert [(0,)] == execute(path, "SELECT count(*) FROM sqlite_master WHERE name = 'half_way'")
    SqliteStore(path).close()


def test_a_newer_file_is_refused(tmp_path):
    """The error names both versions and the remedy."""
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    execute(path, "PRAGMA user_version = 99")
    with pytest.raises(StoreError) as raised:
        SqliteStore(path)
    known = len(migrations.MIGRATIONS)
    expected = (
        f"{path} was written by a newer agentlog (format 99, this one knows {known}):"
        " update agentlog to read it."
    )
    assert expected == str(raised.value)


def test_a_database_of_another_program_is_refused(tmp_path):
    """And not touched."""
    path = tmp_path / "store.db"
    execute(path, "CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is no agentlog store"):
        SqliteStore(path)
    assert before == path.read_bytes()


def test_an_empty_file_becomes_a_store(tmp_path):
    """As one that a process left that was killed while it made it."""
    path = tmp_path / "store.db"
    path.touch()
    with SqliteStore(path) as store:
        store.put([RECORD])
        assert [RECORD] == store.session("s")


def test_several_processes_may_make_the_same_store(tmp_path):
    """All open it, none is refused, and what each puts is there."""
    path = tmp_path / "home" / "store.db"
    processes = [
        warm.Popen(
            [sys.executable, "-c", OPEN, path, str(number)],
            env=warm.ENVIRON,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    for process in processes:
        assert "ready\n" == process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [("", 0)] * 6 == [(p.communicate()[1], p.returncode) for p in processes]
    with SqliteStore(path) as store:
        assert list("012345") == [event["id"] for event in store.session("s")]


# -- Files that an older agentlog wrote ----------------------------------------------------------

FILES = Path(__file__).parent / "files"
SESSION, OTHER = "01a1fd6294527cafe6a87e85c35fe6ce", "01a1fd6294537cafe6a87e85c35fe6ce"


def test_there_is_a_file_of_every_older_version():
    """Whoever adds a migration adds the file that it was made for."""
    versions = range(1, len(migrations.MIGRATIONS))
    assert [f"version-{n}.db.gz" for n in versions] == sorted(f.name for f in FILES.iterdir())


@pytest.mark.parametrize("name", sorted(file.name for file in FILES.iterdir()))
def test_a_file_of_an_older_version_is_read_as_it_was(tmp_path, name):
    """Its sessions, events and words; whose events were interrupted; how far a journal was read."""
    path = tmp_path / "store.db"
    path.write_bytes(gzip.decompress((FILES / name).read_bytes()))
    for _ in range(2):
        with SqliteStore(path) as store:
            other, session = store.sessions()
            assert (SESSION, "agent.py", "Success", 2, 1, 3, ("nightly",)) == (
                *(session.id, session.event_type, session.result, session.events),
                *(session.failures, session.prompt_tokens, session.tags),
            )
            assert (OTHER, "Indeterminate", "interrupted") == (other.id, other.result, other.reason)
            assert ["agent.py", "forecast"] == [e["event_type"] for e in store.session(SESSION)]
            assert ["forecast"] == [e["event_type"] for e in store.search("ångström")]
            assert (2, 3, 1, 1) == (
                *(store.stats().sessions, store.stats().events),
                *(store.stats().damaged, store.stats().interrupted),
            )
            with store.reading() as connection:
                assert (77,) == connection.execute("SELECT offset FROM positions").fetchone()
    assert [("ok",)] == execute(path, "PRAGMA integrity_check")


def test_a_file_of_an_older_version_grows_on(tmp_path):
    """What comes after the migration is merged with what was there before."""
    path = tmp_path / "store.db"
    path.write_bytes(gzip.decompress((FILES / "version-1.db.gz").read_bytes()))
    end = {"id": f"{1:016}", "session_id": OTHER, "end_timestamp": 1795252471.0, "result": "Fail"}
    with SqliteStore(path) as store:
        store.put([end])
        other = store.sessions()[0]
        assert (OTHER, "other.py", "Fail", 1, 1) == (
            *(other.id, other.event_type, other.result, other.events, other.failures),
        )


def test_a_file_of_an_older_version_is_not_migrated_by_who_only_reads(tmp_path):
    """It says so instead."""
    path = tmp_path / "store.db"
    path.write_bytes(gzip.decompress((FILES / "version-1.db.gz").read_bytes()))
    before = path.read_bytes()
    with pytest.raises(StoreError, match="was written by an older agentlog"):
        SqliteStore(path, read_only=True)
    assert before == path.read_bytes()
