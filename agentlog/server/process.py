"""The process of a collector: its listener and its signals.

The rule: it is told to stop once, and stops within seconds, whoever is still sending or reading;
told twice, it waits for nobody. What was acknowledged is stored already; what is queued is stored
after this file is done, and what is being read is broken off then, by `Readers.close`.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from agentlog.errors import ConfigurationError
from agentlog.server.log import forwarding
from agentlog.server.protocol import LONGEST_HEAD, Connection

GRACE: Final = 3
"""Seconds that requests get to end once the collector stops."""

KEEP_ALIVE: Final = 75
_BACKLOG: Final = 512

_TURN: Final = 0.001
"""Seconds that a thread may keep the interpreter from others. Who parses a body keeps it as long as
it can, and the writer asks for it after each statement (store/sqlite/rows.py): with Python's 5 ms
a batch would wait for others many times over.
"""

_OPTIONS: Final[dict[str, Any]] = {
    "http": Connection,
    "ws": "none",
    "loop": "asyncio",
    "interface": "asgi3",
    "lifespan": "on",
    "log_config": None,
    "access_log": False,
    "proxy_headers": False,
    "server_header": False,
    "backlog": _BACKLOG,
    "h11_max_incomplete_event_size": LONGEST_HEAD,
    "timeout_keep_alive": KEEP_ALIVE,
    "timeout_graceful_shutdown": GRACE,
}
"""What uvicorn is told."""


def listen(host: str, port: int) -> socket.socket:
    """Bind the port; raises `ConfigurationError` if it cannot be had."""
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(f"--host {host} cannot be used: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise ConfigurationError(
            f"port {port} of {host} cannot be had: {why}. Does a collector run there? --port takes"
            " another, --port 0 any"
        ) from error
    return listener


def run(
    app: ASGIApp,
    listener: socket.socket,
    log: FilteringBoundLogger,
    up: Callable[[], None],
    down: Callable[[], None],
) -> int:
    """Serve until a signal comes; return its number.

    Args:
        app: What is served.
        listener: Where.
        log: Gets what uvicorn has to say.
        up: Called when requests are answered.
        down: Called when it is told to stop: ends answers that would not end by themselves.

    """
    sys.setswitchinterval(_TURN)
    server = _Server(uvicorn.Config(app, **_OPTIONS), up, down)
    with forwarding(log):
        server.run(sockets=[listener])
    return server.stopped_by


class _Server(uvicorn.Server):
    """Uvicorn's, which keeps its signals for itself and tells when it is up."""

    def __init__(
        self, config: uvicorn.Config, up: Callable[[], None], down: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.stopped_by = 0
        self._up = up
        self._down = down

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._up()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on signals, and end like a program that is done: uvicorn would raise them again."""
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup has it ignored
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _stop(self, number: int) -> None:
        if self.should_exit:
            self.force_exit = True
            for connection in list(self.server_state.connections):
                connection.transport.abort()  # from Python 3.12 on they are waited for otherwise
        self.should_exit = True
        self._down()
        self.stopped_by = self.stopped_by or number
