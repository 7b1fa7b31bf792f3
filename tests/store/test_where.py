"""Where a store is: which engine an address names, and what is wrong with one."""

import subprocess
import sys
from pathlib import Path

import pytest

from agentlog.cli import main
from agentlog.errors import ConfigurationError
from agentlog.store import where
from agentlog.store.where import ClickHouse, SqliteFile


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("store.db", "store.db"),
        ("sqlite:store.db", "store.db"),
        ("sqlite:/var/store.db", "/var/store.db"),
        ("sqlite:///var/store.db", "/var/store.db"),
        ("./clickhouse:x", "clickhouse:x"),
    ],
)
def test_a_path_is_a_file_of_sqlite(address, path):
    """With `sqlite:` before it or without; it is told as it was typed."""
    found = where.find(address)
    assert isinstance(found, SqliteFile)
    assert Path(path) == found.path
    assert path == str(found)
    assert str(Path.cwd() / path) == found.option()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "clickhouse://anna@db.example.com:8124/logs",
            ClickHouse(host="db.example.com", port=8124, user="anna", database="logs"),
        ),
        ("clickhouse://localhost", ClickHouse(host="localhost", port=8123)),
        ("clickhouses://db/", ClickHouse(host="db", port=8443, is_secure=True)),
        (
            "CLICKHOUSE://a%40b@[::1]:1/x_1",
            ClickHouse(host="::1", port=1, user="a@b", database="x_1"),
        ),
    ],
)
def test_a_clickhouse_is_named_by_its_scheme(address, expected):
    """What is left out is as ClickHouse has it, and the database is agentlog's."""
    assert expected == where.find(address)
    assert expected == where.find(str(expected))
    assert str(expected) == expected.option()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sqlite:",
        "postgres://host/database",
        "http://host:8123/agentlog",
        "clickhouse:host",
        "ClickHouses:/host:8443/agentlog",
        "clickhouse://",
        "clickhouse:///agentlog",
        "clickhouse://host:many/agentlog",
        "clickhouse://host:99999/agentlog",
        "clickhouse://host:0/agentlog",
        "clickhouse://no such host/agentlog",
        "clickhouse://host/agentlog?secure=1",
        "clickhouse://[host/agentlog",
    ],
)
def test_what_is_no_address_is_told_what_one_is(address):
    """A file, and an example of a ClickHouse."""
    with pytest.raises(ConfigurationError, match=r"a FILE, or .* clickhouse://user@host:8123"):
        where.find(address)


@pytest.mark.parametrize("name", ["a/b", "a;b", "agent-log", "7", "%41", "naïve", "x" * 65])
def test_a_name_that_no_database_has_is_told(name):
    """With what one may have in it."""
    with pytest.raises(ConfigurationError, match="letters of ASCII, digits and _ only"):
        where.find(f"clickhouse://host/{name}")


def test_a_password_is_not_taken_from_an_address_nor_repeated(capsys):
    """Others see the commands of a machine."""
    address = "clickhouse://anna:s3cret@host/agentlog"
    assert 2 == main(["sessions", "--store", address])
    err = capsys.readouterr().err
    assert "AGENTLOG_CLICKHOUSE_PASSWORD" in err
    assert "s3cret" not in err


@pytest.mark.parametrize(
    "address",
    [
        *(f"clickhouse://agentlog:s3{sign}cret@host/agentlog" for sign in "/#?@"),
        "clickhouse://agentlog:12/s3cret@host/agentlog",
        f"clickhouse://agentlog:s3/{'x' * 60}cret@host/agentlog",
        "clickhouse:agentlog:s3cret@host/agentlog",
        "https://agentlog:s3cret@host/agentlog",
    ],
)
def test_of_what_is_no_address_a_password_is_not_repeated(address):
    """Whatever stands before an @ may be one, or have a part of it."""
    with pytest.raises(ConfigurationError) as raised:
        where.find(address)
    told = str(raised.value)
    assert not [part for part in ("s3", "cret", "xx") if part in told]
    assert "host/agentlog" in told or "AGENTLOG_CLICKHOUSE_PASSWORD" in told


@pytest.mark.parametrize("database", ["system", "INFORMATION_SCHEMA"])
def test_the_servers_own_database_is_no_store(database):
    """The tables would stand among those of the server."""
    with pytest.raises(ConfigurationError, match="such as agentlog"):
        where.find(f"clickhouse://host/{database}")


def test_a_cluster_is_of_a_clickhouse(tmp_path, capsys):
    """By its name; a file is on one machine."""
    found = where.find("clickhouse://host/agentlog")
    for name in ("logs", "2-logs_eu"):
        assert name == found.on_cluster(name).cluster
    assert found == found.on_cluster(None)
    for name in ("a'b", ""):
        with pytest.raises(ConfigurationError, match="is a name of letters"):
            found.on_cluster(name)
    assert 1 == main(["serve", "--store", str(tmp_path / "store.db"), "--cluster", "logs"])
    assert "clickhouse://user@host" in capsys.readouterr().err


def test_an_address_imports_no_engine():
    """Neither SQLite nor a client of ClickHouse, until a store is opened."""
    code = (
        "import sys\n"
        "from agentlog.store import where\n"
        "where.find('clickhouse://host'), where.find('store.db')\n"
        "print(*sys.modules.keys() & {'sqlite3', 'clickhouse_connect'})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "" == done.stdout.strip()


WITHOUT = """
import sys
sys.modules["clickhouse_connect"] = None
from agentlog.cli import main
sys.exit(main(["sessions", "--store", "clickhouse://127.0.0.1:9/agentlog"]))
"""


def test_a_client_that_is_not_installed_is_told():
    """With the extra that brings it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], check=False, capture_output=True, text=True
    )
    assert 1 == done.returncode
    assert "pip install 'agentlog[clickhouse]'" in done.stderr
    assert 1 == len(done.stderr.splitlines())
