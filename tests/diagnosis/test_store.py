"""What the doctor says of a collector's store."""

from agentlog import keys
from agentlog.cli import main
from agentlog.diagnosis import store as diagnosis
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


def test_one_thing_is_looked_at(tmp_path, capsys):
    """A store, or a program."""
    assert 2 == main(["doctor", "--store", "x.db", "--structlog", "os:getcwd"])
    assert "not allowed with" in capsys.readouterr().err
