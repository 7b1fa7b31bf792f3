"""The connections of a collector: uvicorn's HTTP/1.1, with an eye on the clock and on how many.

The rule: of a connection's first request, and of each whose beginning is there, the whole head has
to come within `PATIENCE` seconds; a body that nobody waits for gets as much, an answer that is not
taken `STUCK` seconds. One that was answered may be idle for longer. But there are `MOST` of them:
who comes then takes the place of the one that has been idle longest, else of the one that has kept
us waiting longest for a head. And a body in chunks has few of them for what is in it, as each costs
work, be it of one byte.

What is no HTTP is answered in the same words and under the same headers as everything else.
"""

import asyncio
import re
import socket
import struct
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentlog.server.guard import SECURITY_HEADERS, body_of_problem

MOST: Final = 500
PATIENCE: Final = 10.0
STUCK: Final = 30.0
LONGEST_HEAD: Final = 16 << 10
_SLOW_HEAD: Final = 2.0
"""Seconds after which a head that is not there has to make room for another connection."""


_ABSOLUTE: Final = re.compile(rb"https?://(?P<host>[^/?#]+)(?P<path>/.*)?", re.IGNORECASE)

_FREE_CHUNKS: Final = 10_000
_LEAST_OF_A_CHUNK: Final = 256
"""Bytes that those beyond have on average."""


class _Http(h11.Connection):
    """HTTP as h11 reads it, but for what it lets through: other versions, and tiny chunks."""

    def __init__(self, longest_head: int) -> None:
        super().__init__(h11.SERVER, longest_head)
        self._chunks = self._size = 0

    def next_event(self) -> Any:
        """Return what comes next; raises `h11.RemoteProtocolError`."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._size = 0
            if event.http_version not in (b"1.0", b"1.1"):
                raise h11.RemoteProtocolError("HTTP is 1.1 here, or 1.0")
            return _of_origin_form(event)
        if isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._size += len(event.data)
            if self._chunks > _FREE_CHUNKS + self._size // _LEAST_OF_A_CHUNK:
                raise h11.RemoteProtocolError("the chunks of the body are too small")
        return event


def _of_origin_form(request: h11.Request) -> h11.Request:
    """Return a request with the path alone for its target, as all but proxies write it.

    A host that stands in the target counts instead of the header's (RFC 9112, section 3.2.2).
    """
    whole = _ABSOLUTE.fullmatch(request.target)
    if whole is None:
        return request
    headers = [(name, value) for name, value in request.headers if name != b"host"]
    return h11.Request(
        method=request.method,
        target=whole["path"] or b"/",
        headers=[(b"host", whole["host"]), *headers],
        http_version=request.http_version,
    )


class Connection(H11Protocol):
    """One connection of a client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = _Http(LONGEST_HEAD)
        self._waiting: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self.quiet_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, in the place of an idle one if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST and not self._took_a_place():
            self._answer(503, "there are too many connections: come again")
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._stop_watching()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        try:
            super().data_received(data)
        except UnicodeDecodeError:  # h11 lets bytes beyond ASCII through in a path
            self.send_400_response("Invalid HTTP request received.")
        if self._has_request():
            self._stop_watching()
        elif self._waiting is None:
            self._watch()

    def on_response_complete(self) -> None:
        """Go on with what the client has sent meanwhile."""
        self.quiet_since = self.loop.time()
        super().on_response_complete()
        # The rest of a body that nobody wanted any more is read for as long as a head.
        if self.conn.their_state is h11.SEND_BODY and not self._has_request():
            self._watch()

    def pause_writing(self) -> None:
        """Wait for the client to take what was sent, but not for ever."""
        super().pause_writing()
        self._stuck = self.loop.call_later(STUCK, self._cut)

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was not used for long."""
        self._give_up()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        if self._has_request():
            self.cycle.disconnected = True  # its body was broken off: it is not answered any more
            self.cycle.message_event.set()
        self._answer(400, msg)

    def _took_a_place(self) -> bool:
        """Close the connection that has had nothing to do for longest, if there is one."""
        others = (
            one
            for one in self.connections
            if isinstance(one, Connection) and one is not self and one.may_go()
        )
        longest = min(others, key=lambda one: (not one.is_idle(), one.quiet_since), default=None)
        if longest is None:
            return False
        self.connections.discard(longest)  # it counts no more from now on
        longest.transport.abort()
        return True

    def may_go(self) -> bool:
        """Say whether there is no request here that should be waited for."""
        if self._has_request() or self.transport.is_closing():
            return False
        return self.is_idle() or self.loop.time() - self.quiet_since > _SLOW_HEAD

    def is_idle(self) -> bool:
        """Say whether all was answered, and nothing of another request is there."""
        is_between = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        return self.cycle is not None and is_between and not self._has_request()

    def _answer(self, status: int, detail: str) -> None:
        body = body_of_problem(detail)
        head = {
            **SECURITY_HEADERS,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        try:
            response = h11.Response(status_code=status, headers=list(head.items()))
            for part in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        except h11.LocalProtocolError:
            pass  # an answer is on its way already
        self.transport.close()

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        self._stop_watching()
        self._waiting = self.loop.call_later(PATIENCE, self._give_up)

    def _stop_watching(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _cut(self) -> None:
        """Reset the connection: neither we nor the system keep what was not taken."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _give_up(self) -> None:
        self._waiting = None
        if self.transport.get_write_buffer_size():
            self._cut()  # to close it would wait for the client to take the rest
        elif not self.transport.is_closing():
            self.transport.close()
