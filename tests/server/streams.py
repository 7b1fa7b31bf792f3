"""A listener to `GET /v1/live`: a real connection, read as a browser's EventSource does."""

import http.client
import json
import queue
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.server.collector import PATIENCE


@dataclass(frozen=True, slots=True)
class Message:
    """One message: what it is called, its data, its id, and when it came."""

    event: str
    data: object
    id: str
    came: float


class Stream:
    """Listens for a `with` block; None in `messages` is the end, `has_ended` that it was told."""

    def __init__(self, collector, secret=None, *, last_id=None, **asked):
        secret = collector.token if secret is None else secret
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self._connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=PATIENCE)
        self._connection.request("GET", f"/v1/live?{urlencode(asked)}", headers=headers)
        self.response = self._connection.getresponse()
        self.status = self.response.status
        self.id = ""
        self.has_ended = False
        self.messages: queue.Queue[Message | None] = queue.Queue()
        if self.status != 200:  # it is no stream
            self.response.read()
            self._connection.close()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self._began = threading.Event()
        self._thread.start()
        assert self._began.wait(PATIENCE)  # from now on it is told of everything
        return self

    def __exit__(self, *_):
        self.leave()

    def leave(self):
        """Close the connection."""
        if self._connection.sock is not None:
            with suppress(OSError):  # it has ended already
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self.response.close()
        self._connection.close()

    def _listen(self):
        fields = {}
        try:
            while line := self.response.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                    continue
                self._began.set()
                self.id = fields.get("id", self.id)
                if "data" in fields:
                    data = json.loads(fields["data"])
                    self.messages.put(Message(fields["event"], data, self.id, time.monotonic()))
                fields = {}
            self.has_ended = True
        except (OSError, http.client.HTTPException):
            pass  # the connection was closed
        self._began.set()
        self.messages.put(None)

    def next(self):
        """Wait for a message; None is the end."""
        return self.messages.get(timeout=PATIENCE)

    def rows(self, *ids):
        """Wait until rows of all these events have come; return them by id, the last of each."""
        found = {}
        while not set(ids) <= found.keys():
            message = self.next()
            assert message is not None
            assert "rows" == message.event
            assert message.data["rows"]
            found |= {row[0]: row for row in message.data["rows"]}
        return found

    def having(self, value):
        """Wait for a message with a row in which a value stands; return the message."""
        while True:
            message = self.next()
            assert message is not None
            if any(value in row for row in message.data["rows"]):
                return message
