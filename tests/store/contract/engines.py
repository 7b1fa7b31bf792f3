"""The engines that the contract is tested with: each gives places for stores of its own.

A ClickHouse is the engine itself, chDB, behind a server of the tests (tests/store/chdb_server.py);
or a real server, where AGENTLOG_TEST_CLICKHOUSE=host:port names one.
"""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from secrets import token_hex

from agentlog.store import where

SERVER = os.environ.get("AGENTLOG_TEST_CLICKHOUSE")
"""Read at once: a test has no variables of this name."""

CHDB_SERVER = Path(__file__).parents[1] / "chdb_server.py"


class Sqlite:
    """Files of SQLite: one collector has one."""

    is_shared = False

    def __init__(self, directory):
        self._directory = directory
        self._numbers = count()

    def where(self):
        """Return where an empty store may be."""
        return where.find(str(self._directory / str(next(self._numbers)) / "store.db"))

    def close(self):
        """Leave the files to pytest."""


class ClickHouse:
    """Databases of a ClickHouse: several collectors may have one."""

    is_shared = True
    options = ()

    def __init__(self, directory):
        self._directory, self._port = directory, "0"
        self._server = None
        self._address = f"clickhouse://{SERVER}"
        if not SERVER:
            self.start()
            self._address = f"clickhouse://127.0.0.1:{self._port}"

    def where(self):
        """Return where an empty store may be."""
        return where.find(f"{self._address}/test_{token_hex(6)}")

    def start(self):
        """Start the server where it was, and wait until it answers."""
        self._server = subprocess.Popen(
            [sys.executable, CHDB_SERVER, self._directory, "--port", self._port, *self.options],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._port = self._server.stdout.readline().strip()

    def hang(self):
        """Have it answer nobody, and close no connection."""
        self._server.send_signal(signal.SIGSTOP)

    def close(self):
        """Kill the server, if it is ours."""
        if self._server:
            self._server.kill()
            self._server.wait()
            self._server.stdout.close()


class Cluster(ClickHouse):
    """The same on a cluster, which is one server: what is asked goes through Distributed tables."""

    options = ("--cluster", "agent-log")

    def where(self):
        """Return where an empty store may be."""
        return super().where().on_cluster("agent-log")


WANTED = ("clickhouse_connect",) if SERVER else ("clickhouse_connect", "chdb")
MISSING = [package for package in WANTED if find_spec(package) is None]
"""What a ClickHouse takes and is not installed here."""

ENGINES = {"sqlite": Sqlite} | ({} if MISSING else {"clickhouse": ClickHouse, "cluster": Cluster})
