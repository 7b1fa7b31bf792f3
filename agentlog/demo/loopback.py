"""Serves an API of a model on loopback: what the fake servers have in common.

Who asks for a model of the name `fail-429` gets that status as an answer; with `fail-429-2`, only
at the first two attempts of a call. `slow-30` thinks for thirty seconds. The rule it keeps: nothing
leaves this machine, and nothing is kept between two requests, so that calls side by side do not see
each other.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Facts = dict[str, Any]
Answer = Facts | Iterable[Facts | str]
"""An object of JSON, or the events of a stream."""
Routes = Mapping[str, Callable[[Facts], Answer]]
"""What answers the body of a request, by method and path."""

ATTEMPT = "X-Stainless-Retry-Count"  # the official clients count the attempts of a call
KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
TOO_MANY, INTERNAL = 429, 500
INTERRUPTED = 130  # the exit status, as shells have it


def main(
    of_whom: str,
    serving: Callable[[int], AbstractContextManager[str]],
    told: Callable[[str], Mapping[str, str]],
) -> int:
    """Serve until interrupted, or for as long as a program runs; `told` are variables for it."""
    parser = argparse.ArgumentParser(
        description=f"Speak the API of {of_whom} on loopback, without a model and without a key.",
        epilog="What a program asks for by the name of the model: fail-429 fails with that status,"
        " fail-429-2 at the first two attempts of a call only, slow-30 takes thirty seconds.",
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen (any free port)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a program to run against it")
    chosen = parser.parse_args()
    with suppress(KeyboardInterrupt), serving(chosen.port) as address:
        settings = {**told(address), "no_proxy": around_proxies()}
        if chosen.command:
            return subprocess.call(chosen.command, env=os.environ | settings)  # noqa: S603 - the user's
        print("export", *(f"{name}={value}" for name, value in settings.items()), flush=True)
        Event().wait()
    return INTERRUPTED


def around_proxies() -> str:
    """Return whom to ask without a proxy: this machine too."""
    proxies = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")  # the small ones come first
    return f"{proxies},127.0.0.1" if proxies else "127.0.0.1"


@contextmanager
def serving(routes: Routes, port: int = 0) -> Iterator[str]:
    """Serve for as long as the block runs, at the address that it gets."""
    with Server(("127.0.0.1", port), type("Handler", (Handler,), {"routes": routes})) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Server(ThreadingHTTPServer):
    """Ends without waiting for whoever reads a stream slowly, or not at all."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong; not that somebody has left before the end of a stream."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers requests; each connection has a thread of its own."""

    routes: Routes
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        """Answer what asks for nothing."""
        self._answer("GET", {})

    def do_POST(self) -> None:
        """Answer what has a body."""
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(raw)
            status = failure(body["model"], int(self.headers.get(ATTEMPT, 0)))
            time.sleep(delay(body["model"]))
        except (KeyError, TypeError, ValueError) as error:
            self._fail(400, f"this is no request for a model: {error!r}")
            return
        if status:
            self._fail(status, f"the model {body['model']} was asked for, so this fails")
        else:
            self._answer("POST", body)

    def _answer(self, method: str, body: Facts) -> None:
        path = self.path.partition("?")[0]
        give = self.routes.get(f"{method} {path}")
        if give is None:
            self._fail(404, f"there is no {method} {path} here")
            return
        try:
            given = give(body)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._fail(400, f"this request is not understood: {error!r}")
            return
        if isinstance(given, dict):
            self._send(given)
        else:
            self._stream(given)

    def _send(self, facts: Facts, status: int = 200) -> None:
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == TOO_MANY or status >= INTERNAL:
            self.send_header("Retry-After-Ms", "1")  # there is nothing to wait for
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, status: int, why: str) -> None:
        kind = KINDS.get(status, "server_error" if status >= INTERNAL else "invalid_request_error")
        error = {"type": kind, "message": why, "param": None, "code": None}
        self._send({"type": "error", "error": error}, status)

    def _stream(self, events: Iterable[Facts | str]) -> None:
        """Send event by event, see https://html.spec.whatwg.org/multipage/server-sent-events.html."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events:
            self.wfile.write(_as_text(event).encode())
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is its class's
        """Print nothing: the terminal is the program's."""


def _as_text(event: Facts | str) -> str:
    if isinstance(event, str):
        return f"data: {event}\n\n"
    named = f"event: {event['type']}\n" if "type" in event else ""
    return f"{named}data: {json.dumps(event)}\n\n"


def delay(model: str) -> float:
    """Return the seconds that a model thinks before it answers.

    >>> delay("slow-30"), delay("gpt-4")
    (30.0, 0.0)
    """
    wanted = re.fullmatch(r"slow-(\d{1,5})", model)
    return float(wanted[1]) if wanted else 0.0


def failure(model: str, attempt: int) -> int | None:
    """Return the status with which a model fails at an attempt; None if it answers.

    >>> failure("fail-429-2", 1), failure("fail-429-2", 2), failure("gpt-4", 0)
    (429, None, None)
    """
    wanted = re.fullmatch(r"fail-([45]\d\d)(?:-(\d+))?", model)
    if wanted is None or (wanted[2] and attempt >= int(wanted[2])):
        return None
    return int(wanted[1])
