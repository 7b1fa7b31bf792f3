"""The engine behind its door (tests/store/chdb_server.py), to be killed and started again."""

import json
import os
import signal
import subprocess
import sys
from itertools import count

from agentlog.store import where
from tests.store.contract.engines import CHDB_SERVER


class Server:
    """One engine over one directory, at one port as long as this is there."""

    def __init__(self, directory, *options, password=""):
        self._directory = directory
        directory.mkdir(exist_ok=True)
        self._options = ("--password", password, *options)
        self._log = directory / "asked.jsonl"
        self._numbers = count()
        self._port = 0
        self.start()

    def start(self):
        """Start it, over what is there."""
        options = ("--port", str(self._port), "--log", self._log, *self._options)
        self._process = subprocess.Popen(
            [sys.executable, CHDB_SERVER, self._directory / "engine", *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._port = int(self._process.stdout.readline())

    def kill(self):
        """Kill it: it ends without a word."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    def where(self, database=None):
        """Return where a store may be; an empty one, if no database is named."""
        database = database or f"store{next(self._numbers)}"
        return where.find(f"clickhouse://127.0.0.1:{self._port}/{database}")

    def asked(self):
        """Return the statements that it was asked since the last time."""
        statements = [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]
        self._log.write_text("", "utf-8")
        return statements
