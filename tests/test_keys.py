"""`agentlog keys`: what it keeps, what it prints, and what it refuses."""

import os
import re
import stat
import uuid

import pytest

from agentlog import keys
from agentlog.cli import main
from agentlog.errors import ConfigurationError
from agentlog.store.sqlite.keyfile import KeyFile


@pytest.fixture
def store(tmp_path):
    """Where a store may be."""
    return tmp_path / "made" / "store.db"


def test_a_key_is_printed_once_and_alone(store, capsys):
    """It is a UUID, as AgentOps' SDK wants it; what is kept does not have it."""
    assert 0 == main(["keys", "add", "anna", "--store", str(store)])
    out, err = capsys.readouterr()
    key = str(uuid.UUID(out.strip()))
    assert (f"{key}\n", "") == (out, err)
    path = KeyFile(store).path
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert not re.search(key[:8], path.read_text())
    assert "anna" == keys.Ring(KeyFile(store)).name_of(key)
    assert keys.Ring(KeyFile(store)).name_of(str(uuid.uuid4())) is None


def test_a_store_is_made_where_there_is_none(store, capsys):
    """So that a collector can be started behind it; it is ours alone."""
    assert 0 == main(["keys", "add", "anna", "--store", str(store)])
    assert 0o600 == stat.S_IMODE(store.stat().st_mode)
    assert 0 == main(["sessions", "--store", str(store)])


def test_keys_are_listed_by_name(store, capsys):
    """With the time when they were added, and nothing of the key."""
    for name in ("anna", "bert"):
        main(["keys", "add", name, "--store", str(store)])
    printed = capsys.readouterr().out.split()
    assert 0 == main(["keys", "list", "--store", str(store)])
    listed = capsys.readouterr().out
    assert ["anna", "bert"] == [line.split()[0] for line in listed.splitlines()]
    assert not any(key in listed for key in printed)


def test_a_revoked_key_is_none(store, capsys):
    """The others stay, and the name is free again."""
    anna, bert = keys.add(KeyFile(store), "anna"), keys.add(KeyFile(store), "bert")
    ring = keys.Ring(KeyFile(store))
    assert ["anna", "bert"] == [ring.name_of(key) for key in (anna, bert)]
    assert 0 == main(["keys", "revoke", "anna", "--store", str(store)])
    assert [None, "bert"] == [ring.name_of(key) for key in (anna, bert)]
    assert "anna" == ring.name_of(keys.add(KeyFile(store), "anna"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "anna"],
        ["revoke", "nobody"],
        ["add", "a/b"],
        ["add", "\x1b[1m"],
    ],
    ids=str,
)
def test_what_is_wrong_is_one_line(arguments, store, capsys):
    """A name that is taken, unknown or none."""
    keys.add(KeyFile(store), "anna")
    assert 1 == main(["keys", *arguments, "--store", str(store)])
    out, err = capsys.readouterr()
    assert ("", 1) == (out, len(err.splitlines()))
    assert "\x1b" not in err
    assert ["anna"] == [key.name for key in KeyFile(store).load()]


@pytest.mark.parametrize("action", ["add", "revoke"])
def test_a_name_is_asked_for(action, store, capsys):
    """It is missing, which is wrong usage."""
    assert 2 == main(["keys", action, "--store", str(store)])
    assert "NAME" in capsys.readouterr().err


@pytest.mark.parametrize(
    "order", ["--store {} add anna", "add --store {} anna", "add anna --store {}"]
)
def test_options_may_stand_anywhere(order, store):
    """Before the action, behind it, and behind the name."""
    assert 0 == main(["keys", *(word.format(store) for word in order.split())])
    assert ["anna"] == [key.name for key in KeyFile(store).load()]


def test_what_is_not_there_is_told_and_makes_no_file(tmp_path, capsys):
    """Neither a list nor a revocation makes a file of keys."""
    store = tmp_path / "none.db"
    assert 0 == main(["keys", "list", "--store", str(store)])
    assert "there is no key" in capsys.readouterr().err
    assert 1 == main(["keys", "revoke", "anna", "--store", str(store)])
    assert [] == list(tmp_path.iterdir())


def test_a_name_that_is_not_accepted_makes_no_store(tmp_path):
    """It is looked at before anything is made."""
    assert 1 == main(["keys", "add", "a/b", "--store", str(tmp_path / "new.db")])
    assert [] == list(tmp_path.iterdir())


def test_root_leaves_a_home_to_its_owner(tmp_path, monkeypatch):
    """Directories too, so that he gets into it."""
    if os.geteuid():
        pytest.skip("only root makes files for others")
    os.chown(tmp_path, 65534, 65534)
    monkeypatch.setenv("AGENTLOG_HOME", str(tmp_path / "deep" / "home"))
    assert 0 == main(["keys", "add", "anna"])
    assert {65534} == {path.stat().st_uid for path in tmp_path.rglob("*")}


@pytest.mark.parametrize("name", ["", "-a", "a" * 65, "é", "a b"])
def test_a_name_that_is_not_accepted_is_told_what_one_is(name, store):
    """All of it: how it begins, what is in it, and how long it is."""
    with pytest.raises(ConfigurationError, match=r"begins with a letter .* ASCII.* at most 64"):
        keys.add(KeyFile(store), name)
