"""A real HTTP server on a loopback port that does what it is told: answer, lie, hang, cut, reset.

`Server(*behaviours)` gives each request to the next behaviour; the last one stays. A behaviour is a
function of a `Request`: it reads as much of it as it likes and sends what it likes. What came in is
in `server.requests`, the records that a collector took in `server.records`.

    with Server(answering(503), collecting()) as server:
        Transport(server.url).post(lines)
"""

import gzip
import json
import re
import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""For localhost and 127.0.0.1, signed by itself, with its key."""

PACE = 0.005
"""Seconds between the bytes of what drips."""


@dataclass
class Request:
    """What came in: the body is read when it is asked for."""

    server: "Server"
    sock: socket.socket
    file: object
    connection: int
    method: str
    path: str
    headers: dict = field(default_factory=dict)
    at: float = field(default_factory=time.monotonic)

    @cached_property
    def raw(self):
        """The body as it came over the wire."""
        return self.file.read(int(self.headers.get("content-length", 0)))

    @cached_property
    def body(self):
        """The body, decompressed."""
        packed = self.headers.get("content-encoding") == "gzip"
        return gzip.decompress(self.raw) if packed else self.raw

    @property
    def events(self):
        """The records of a batch."""
        return json.loads(self.body)["events"]

    def send(self, data):
        """Send bytes, as they are."""
        self.sock.sendall(data)

    def drip(self, data):
        """Send bytes one by one, as long as anybody reads and the server is there."""
        for byte in data:
            self.send(bytes([byte]))
            if self.server.over.wait(PACE):
                return


class Server:
    """A server for a `with` block: threads, plain sockets, and no opinion of its own."""

    def __init__(self, *behaviours, tls=False, port=0):
        self.behaviours = list(behaviours)
        self.requests = []
        self.records = {}
        self.connections = 0
        self.over = threading.Event()
        self._news = threading.Condition()
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._sockets = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for sock in [self._listener, *self._sockets]:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    def sees(self, holds, seconds=20):
        """Wait until something holds that requests bring about; say whether it does."""
        with self._news:
            return self._news.wait_for(holds, seconds)

    def _listen(self):
        with suppress(OSError):
            while not self.over.is_set():
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._sockets.append(sock)
                thread = threading.Thread(
                    target=self._serve, args=(sock, self.connections), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock, connection):
        """Serve a connection until somebody closes it; a behaviour that returns False does."""
        with suppress(OSError, ValueError):
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            with sock.makefile("rb") as file:
                while request := self._read(sock, file, connection):
                    self.requests.append(request)
                    self._tell_news()
                    if self._next()(request) is False:
                        break
                    _ = request.raw
                    self._tell_news()
        self._tell_news()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _read(self, sock, file, connection):
        line = file.readline()
        if not line:
            return None
        method, path, _ = line.decode().split()
        headers = {}
        while (line := file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Request(self, sock, file, connection, method, path, headers)

    def _tell_news(self):
        with self._news:
            self._news.notify_all()

    def _next(self):
        return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]


# -- Answers ---------------------------------------------------------------------------------------


def response(status, body=b"", **headers):
    """Return the bytes of an answer; `retry_after="3"` is the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Content-Length", len(body))
    lines = [f"HTTP/1.1 {status} Because", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answering(status, body=b"", **headers):
    """Read the request, and answer with this."""

    def behave(request):
        _ = request.raw
        request.send(response(status, body, **headers))

    return behave


def receipt_for(events, refused=None):
    """Return the body of a receipt; `refused` gives reasons by index."""
    entries = [
        {"index": index, "id": events[index].get("id"), "why": why}
        for index, why in (refused or {}).items()
    ]
    return json.dumps({"accepted": len(events) - len(entries), "refused": entries}).encode()


def collecting(refuse=(), **headers):
    """Be a collector: keep the records by id, but not those in `refuse`, and give a receipt."""

    def behave(request):
        events = request.events
        refused = {
            index: "poison" for index, event in enumerate(events) if event["id"] in set(refuse)
        }
        for index, event in enumerate(events):
            if index not in refused:
                request.server.records.setdefault(event["id"], []).append(event)
        request.send(response(200, receipt_for(events, refused), **headers))

    return behave


def no_larger_than(size, behave, *, packed=False):
    """Answer 413 above a size of the body, counted as it came or decompressed."""

    def limited(request):
        if len(request.raw if packed else request.body) > size:
            request.send(response(413))
        else:
            behave(request)

    return limited


# -- Faults ----------------------------------------------------------------------------------------


def hanging(request):
    """Take the request and never answer."""
    _ = request.raw
    request.server.over.wait()
    return False


def deaf(request):
    """Take the headers and never read the body."""
    request.server.over.wait()
    return False


def closing(request):
    """Take the request and close the connection without an answer."""
    _ = request.raw
    return False


def resetting(request):
    """Reset the connection in the middle of the body."""
    request.file.read(10)
    return reset(request)


def reset(request):
    """Reset the connection just now."""
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.file.close()
    request.sock.close()
    return False


def sending(data, *, drip=False, close=False):
    """Send these bytes for an answer, whatever they are."""

    def behave(request):
        _ = request.raw
        (request.drip if drip else request.send)(data)
        return not close

    return behave


def trickling(head, forever):
    """Send a beginning, and then the same bytes again and again."""

    def behave(request):
        _ = request.raw
        request.send(head)
        while not request.server.over.is_set():
            request.drip(forever)
        return False

    return behave


@contextmanager
def closed_port():
    """Give the address of a port at which nobody listens."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server may take its place
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


# -- Proxies ---------------------------------------------------------------------------------------


def tunnelling(request):
    """Be a proxy: connect to where CONNECT says, and pass bytes on in both directions."""
    host, port = re.fullmatch(r"(.+):(\d+)", request.path).groups()
    with socket.create_connection((host, int(port))) as onward:
        request.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = threading.Thread(target=_pass_on, args=(onward, request.sock), daemon=True)
        back.start()
        _pass_on(request.sock, onward)
        back.join(5)
    return False


def _pass_on(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
