"""The file of keys beside a store: whose it is, and that it is replaced as a whole."""

import os
import re
import stat
import subprocess
import sys

import pytest

from agentlog import keys
from agentlog.errors import ConfigurationError
from agentlog.store.sqlite.keyfile import KeyFile
from agentlog.store.sqlite.store import SqliteStore
from tests.cli.commandline import AGENTLOG, environ
from tests.warm import Popen

FULL = """
import resource, sys
from pathlib import Path
from agentlog import keys
from agentlog.store.sqlite.keyfile import KeyFile
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
keys.add(KeyFile(Path(sys.argv[1])), "bert")
"""


@pytest.fixture
def store(tmp_path):
    """Where a store may be."""
    return tmp_path / "made" / "store.db"


def test_root_leaves_the_keys_to_the_owner_of_the_store(store):
    """Whoever runs the collector can still read them."""
    if os.geteuid():
        pytest.skip("only root makes files for others")
    SqliteStore(store).close()
    os.chown(store, 65534, 65534)
    keys.add(KeyFile(store), "anna")
    path = KeyFile(store).path
    assert (65534, 0o600) == (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode))


def test_keys_that_cannot_be_read_are_told(store):
    """Nobody is let in then, and why that is so is told once; they are tried again each time."""
    anna = keys.add(KeyFile(store), "anna")
    path, aside, told = KeyFile(store).path, store.with_name("aside"), []
    ring = keys.Ring(KeyFile(store), told.append)
    path.rename(aside)
    path.mkdir()
    assert [None, None] == [ring.name_of(anna), ring.name_of("b")]
    (why,) = told
    assert "cannot be read" in why
    path.rmdir()
    aside.rename(path)
    assert "anna" == ring.name_of(anna)


def test_a_file_of_several_names_is_not_given_away(store):
    """Whose it is under its other name nobody knows: it stays as it is."""
    victim = store.with_name("victim")
    store.parent.mkdir(exist_ok=True)
    victim.write_text("precious")
    KeyFile(store).path.with_name("store.db.keys.new").hardlink_to(victim)
    with pytest.raises(ConfigurationError, match="several names"):
        keys.add(KeyFile(store), "anna")
    assert "precious" == victim.read_text()


def test_a_file_that_is_none_of_ours_is_not_overwritten(store):
    """It is named instead."""
    keys.add(KeyFile(store), "anna")
    path = KeyFile(store).path
    path.write_text("something else")
    with pytest.raises(ConfigurationError, match=re.escape(str(path))):
        keys.add(KeyFile(store), "bert")
    assert "something else" == path.read_text()


def test_the_keys_of_a_store_are_the_same_by_every_link(store, tmp_path):
    """They are beside the store itself."""
    key = keys.add(KeyFile(store), "anna")
    link = tmp_path / "link.db"
    link.symlink_to(store)
    assert "anna" == keys.Ring(KeyFile(link)).name_of(key)
    KeyFile(link).revoke("anna")
    assert [] == KeyFile(store).load()


def test_on_a_full_disk_the_keys_stay(store):
    """What does not fit is told, whether a part of it was written or nothing."""
    key = keys.add(KeyFile(store), "anna")
    size = KeyFile(store).path.stat().st_size
    for room in (size, 10, 0):
        done = subprocess.run(
            [sys.executable, "-c", FULL, store, str(room)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert "cannot be written: File too large" in done.stderr.splitlines()[-1]
        assert "anna" == keys.Ring(KeyFile(store)).name_of(key)
    keys.add(KeyFile(store), "bert")
    assert ["anna", "bert"] == [known.name for known in KeyFile(store).load()]


def test_keys_that_are_added_at_once_are_all_there(store):
    """Commands wait for each other."""
    names = [f"key{number}" for number in range(6)]
    processes = [
        Popen(
            [*AGENTLOG, "keys", "add", name, "--store", str(store)],
            env=environ(),
            stdout=subprocess.PIPE,
        )
        for name in names
    ]
    printed = [process.communicate(timeout=60)[0].decode().strip() for process in processes]
    assert sorted(names) == sorted(key.name for key in KeyFile(store).load())
    assert names == [keys.Ring(KeyFile(store)).name_of(key) for key in printed]
