"""A real collector for tests: `agentlog serve` in a process of its own, asked over real sockets.

with Collector(tmp_path) as collector:
    collector.post([record])
    assert 200 == collector.get("/v1/sessions").status
"""

import gzip
import http.client
import io
import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from agentlog.cli import main
from tests.cli.commandline import AGENTLOG, environ
from tests.warm import Popen

PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def text(self):
        """The body, decoded."""
        return self.body.decode()


class Collector:
    """`agentlog serve` for a `with` block; its log is in `log()`, its token in `token`.

    `store` is the name of a file in the directory, or an address; None is the home's own.
    """

    def __init__(self, directory: Path, *options: str, store: str | None = "store.db", **variables):
        self.home = directory / "home"
        self.store = self.home / "store.db" if store is None else _store_in(directory, store)
        chosen = [] if store is None else ["--store", str(self.store)]
        self._command = [*AGENTLOG, "serve", *chosen, "--port", "0", *options]
        self._environ = environ(AGENTLOG_HOME=str(self.home), **variables)
        self._lines: queue.Queue[str] = queue.Queue()
        self._log: list[str] = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self._end()

    def start(self):
        """Start it, and wait until it answers."""
        self._log.clear()
        self.process = Popen(
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self._end()
            raise AssertionError(f"it did not start: {self.log()}")
        parts = urlsplit(self.url)
        self.port, self.token = parts.port, parse_qs(parts.query).get("token", [None])[0]
        self.base = f"http://127.0.0.1:{self.port}"

    def stop(self, number=signal.SIGTERM):
        """Send a signal, wait for the end, and return the exit status."""
        self.process.send_signal(number)
        return self._end()

    def _end(self):
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def _read_log(self):
        for line in self.process.stderr:
            self._log.append(line)
            self._lines.put(line)

    def log(self):
        """What it has logged."""
        return "".join(self._log)

    def logged(self, event):
        """Wait for a line of the log of this event; return it parsed."""
        until = time.monotonic() + PATIENCE
        while True:
            line = self._lines.get(timeout=until - time.monotonic())
            if line.startswith("{") and json.loads(line)["event"] == event:
                return json.loads(line)

    # -- Asking ------------------------------------------------------------------------------------

    def ask(self, method, path, body=None, headers=None):
        """Send a request over a connection of its own; nothing is added but Host and the length."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, secret=None, **headers):
        """Read as somebody with a secret, who has the token if nothing else is said."""
        secret = self.token if secret is None else secret
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {secret}"} if secret else {}
        return self.ask("GET", path, headers={**given, **named})

    def until_found(self, word, count):
        """Wait until a search finds so many events: that is a while after they are stored."""
        found = []
        while len(found) < count:
            found = self.get(f"/v1/search?q={word}&limit=10000").json["results"]

    def post(self, records, key=None, *, packed=False, **headers):
        """Ship records."""
        body = json.dumps({"events": records}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {key}"} if key else {}
        if packed:
            body, given["Content-Encoding"] = gzip.compress(body), "gzip"
        return self.ask(
            "POST", "/v1/events", body, {"Content-Type": "application/json", **given, **named}
        )

    def raw(self, data):
        """Send bytes as they are; return all that comes back until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            sock.sendall(data)
            received = b""
            while more := sock.recv(65536):
                received += more
            return received

    def key(self, name):
        """Add a key to its store."""
        return self.command("keys", "add", name).strip()

    def command(self, *arguments):
        """Run another command on its store, here; return what it prints."""
        out, err = io.StringIO(), io.StringIO()
        home = {"AGENTLOG_HOME": str(self.home)}
        with patch.dict(os.environ, home), redirect_stdout(out), redirect_stderr(err):
            status = main([*arguments, "--store", str(self.store)])
        assert (0, "") == (status, err.getvalue())
        return out.getvalue()


def _store_in(directory, store):
    return store if "://" in store else directory / store


# -- Records ---------------------------------------------------------------------------------------


def session_id(number=1):
    """Return the id of a session."""
    return f"01a1fd6294527{number:019x}"


def event_id(number=1):
    """Return the id of an event."""
    return f"{number:016x}"


def record(number=1, *, session=1, **fields):
    """Return a whole record; number 1 is the session's own."""
    own = {"action_type": "session", "parent_id": None, "event_type": f"program {session}"}
    other = {"action_type": "action", "parent_id": event_id(1), "event_type": f"step {number}"}
    moment = 1_795_252_458.5 + session + number / 1000
    return {
        "id": event_id(number),
        "session_id": session_id(session),
        **(own if number == 1 else other),
        "timestamp": moment,
        "end_timestamp": moment,
        "result": "Success",
        **fields,
    }


def without(record, *names):
    """Return a record without some of its fields."""
    return {name: value for name, value in record.items() if name not in names}
