"""What the doctor says of a collector's store."""

import sqlite3
from contextlib import closing

from agentlog import keys
from agentlog.cli import main
from agentlog.diagnosis import store as diagnosis
from agentlog.diagnosis.finding import WRONG, is_wrong
from agentlog.store import where
from agentlog.store.sqlite.store import SqliteStore
from tests.server.collector import record


def test_a_store_is_told_by_what_is_in_it(tmp_path, capsys):
    """Sessions and events of all projects, and the names of the keys."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([record(), record(2)])
        store.for_project("anna").put([record()])
    keys.add(where.find(str(path)).keys(), "anna")
    assert 0 == main(["doctor", "--store", str(path)])
    out = " ".join(capsys.readouterr().out.split())
    for told in ("2 sessions, 3 events", "written with keys: anna", "1 key: anna", "no problems"):
        assert told in out


def test_a_store_without_keys_is_no_trouble(tmp_path):
    """It is one for this machine."""
    with SqliteStore(tmp_path / "store.db"):
        pass
    found = diagnosis.examine(where.find(str(tmp_path / "store.db")))
    assert ["agentlog", "store", "keys"] == [each.topic for each in found]


def test_a_store_that_cannot_be_read_is_wrong(tmp_path, capsys):
    """And why is said; nothing is made."""
    assert 1 == main(["doctor", "--store", str(tmp_path / "none.db")])
    assert "is not there" in " ".join(capsys.readouterr().out.split())
    assert [] == list(tmp_path.iterdir())


def test_a_store_that_cannot_be_written_is_wrong(tmp_path):
    """Though it can be read: nothing that comes would be stored."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([record()])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON projects BEGIN SELECT RAISE(FAIL, 'not here'); END"
        )
    _, held, writing, _ = diagnosis.examine(where.find(str(path)))
    assert "1 session, 1 event" in held.text
    assert WRONG == writing.grade
    assert "a collector could not write" in writing.text
    assert "not here" in writing.text


def test_a_store_that_is_served_is_left_to_its_collector(tmp_path):
    """It is read beside that, and not written."""
    place = where.find(str(tmp_path / "store.db"))
    with closing(place.sink()):
        assert not is_wrong(diagnosis.examine(place))


def test_one_thing_is_looked_at(tmp_path, capsys):
    """A store, or a program."""
    assert 2 == main(["doctor", "--store", "x.db", "--structlog", "os:getcwd"])
    assert "not allowed with" in capsys.readouterr().err
