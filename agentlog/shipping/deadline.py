"""A deadline for all of a request, which neither requests nor urllib3 has.

They have timeouts for each connect and each recv, so a server that sends a byte now and then holds
a caller for hours; and http.client reads status and headers in that way too, before anybody outside
gets a response to watch. A watchdog that shuts the socket down from another thread would be a
second thread for each shipper, and would not know the socket before the headers are there.

So the deadline is put where every byte passes, in the two seams that http.client has for it:
`HTTPConnection.send`, which sends in slices here, and `response_class`, which reads through
`_Timed`. Each sets the socket's timeout to what is left. This works alike for plain sockets, for
TLS, whose objects take no socket of ours, and for the answer of a proxy to CONNECT.

A TLS handshake is one call of OpenSSL, with one timeout for all of it. Two things no timeout
reaches: the resolver, which is the C library's, and a name with several dead addresses, each of
which has the time of a connect. They hold up a daemon thread, and never an exit.
"""

import contextvars
import http.client
import io
import math
import os
import socket
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from agentlog import journal

_SLICE = 16 << 10


@dataclass(frozen=True, slots=True)
class _Allowance:
    """The time that a request has.

    Attributes:
        until: When it has to be over, by `time.monotonic`.
        patience: Seconds for one read or write.

    """

    until: float
    patience: float

    def left(self) -> float:
        """Return the seconds for the next read or write; raises TimeoutError if there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, self.patience)


_OUTSIDE = _Allowance(math.inf, 10.0)
_allowance: contextvars.ContextVar[_Allowance] = contextvars.ContextVar("agentlog_allowance")
"""What the request of this context has; a connection outlives the request that opened it."""


@contextmanager
def by_deadline(seconds: float, patience: float) -> Iterator[None]:
    """Have what is sent and read inside, through `POOLS`, be over by then.

    Args:
        seconds: For all of it.
        patience: For one read or write.

    """
    token = _allowance.set(_Allowance(time.monotonic() + seconds, patience))
    try:
        yield
    finally:
        _allowance.reset(token)


class _Timed(io.RawIOBase):
    """Reads a socket; each read waits as long as it may and no longer than there is time."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        super().__init__()
        self._sock, self._raw = sock, raw
        self._file = journal.file_id(os.fstat(sock.fileno()))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if _is_lost(self._sock, self._file):
            raise ConnectionResetError
        self._sock.settimeout(_allowance.get(_OUTSIDE).left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer that is read by the deadline, and not taken for given before it is final."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock, sock.makefile("rb", buffering=0)))

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status line; every interim answer is passed over as 100 is."""
        version, status, reason = super()._read_status()  # type: ignore[misc]
        interim = 100 < status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS  # noqa: PLR2004
        return version, http.HTTPStatus.CONTINUE if interim else status, reason


class _OwnSend:
    """Sends by the deadline, in slices, and to no other than the server.

    urllib3 gives all of a body the time that a connect has, which a slow line is not done in. And
    where a host closes descriptors that are not its own, the next that it opens may get the number
    of our socket: neither key nor records may go there, and it is not ours to close.
    """

    response_class: Any = _TimedResponse
    debuglevel = 0  # where a host turns it on for all of http.client, our headers are not printed
    _sock: Any = None
    _file: journal.FileId | None = None

    @property
    def sock(self) -> Any:
        """The socket; None if there is none, or no longer ours."""
        if self._sock is not None and _is_lost(self._sock, self._file):
            self._sock = None
        return self._sock

    @sock.setter
    def sock(self, sock: Any) -> None:
        self._sock = sock
        if sock is not None:
            self._file = journal.file_id(os.fstat(sock.fileno()))
            _connected.add(self)

    def send(self, data: Any) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _SLICE):
            if self._sock is not None:
                if self.sock is None:  # what is left of a request must not begin another
                    raise ConnectionResetError
                self.sock.settimeout(_allowance.get(_OUTSIDE).left())
            super().send(view[start : start + _SLICE])  # type: ignore[misc]


def _is_lost(sock: Any, file: journal.FileId | None) -> bool:
    """Say whether a socket was closed under us; then its number is left to whoever has it."""
    if journal.status_of(sock.fileno(), file) is not None:
        return False
    sock.detach()
    return True


_connected: "weakref.WeakSet[_OwnSend]" = weakref.WeakSet()


def _close_inherited() -> None:
    """In a forked child: close the parent's connections, which would stay open as long as it lives.

    Not by urllib3, of which another thread may have held a lock when the program forked.
    """
    for connection in list(_connected):
        sock, connection.sock = connection.sock, None
        if sock is not None:
            os.close(sock.detach())


os.register_at_fork(after_in_child=_close_inherited)


class _Connection(_OwnSend, HTTPConnection):
    pass


class _TlsConnection(_OwnSend, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOLS: Final[dict[str, Any]] = {"http": _Pool, "https": _TlsPool}
"""What a pool manager of urllib3 takes as its `pool_classes_by_scheme`."""
