"""What a person is told when a store file cannot be used."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agentlog.errors import StoreError
from agentlog.store.sqlite.store import SqliteStore

REPOSITORY = Path(__file__).parents[3]
RECORD = {"id": "a", "session_id": "s", "event_type": "plan", "timestamp": 1.0}
WRITE = f"""
import os, sys
from pathlib import Path
from agentlog.errors import StoreError
from agentlog.store.sqlite.store import SqliteStore
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    SqliteStore(Path(sys.argv[1])).put([{RECORD!r}])
except StoreError as error:
    print(error)
"""


def test_a_file_of_something_else_is_told(tmp_path):
    """Text, or noise, is no store, and is left as it is."""
    path = tmp_path / "store.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="is damaged or is no agentlog store"):
        SqliteStore(path)
    assert b"no database" * 1000 == path.read_bytes()


def test_a_damaged_store_is_told(tmp_path):
    """In one sentence that names the file."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([RECORD | {"id": f"{n}"} for n in range(1000)])
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError) as raised, SqliteStore(path) as store:
        store.session("s")
    assert f"{path} is damaged." == str(raised.value)
    assert isinstance(raised.value.__cause__, sqlite3.DatabaseError)


def test_a_directory_in_the_place_of_the_store_is_told(tmp_path):
    """It is not a file."""
    with pytest.raises(StoreError, match="cannot be opened as a file"):
        SqliteStore(tmp_path)


def test_a_read_only_store_is_told():
    """Somebody who may read the file and not write it gets a sentence."""
    home = Path(tempfile.mkdtemp())
    try:
        path = home / "store.db"
        SqliteStore(path).close()
        path.chmod(0o444)
        home.chmod(0o755)
        told = subprocess.run(
            [sys.executable, "-c", WRITE, path],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            check=False,
        )
    finally:
        shutil.rmtree(home)
    assert ("", f"{path} cannot be written: it is read-only.\n") == (told.stderr, told.stdout)
