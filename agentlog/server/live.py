"""What changes, as it changes: `GET /v1/live`, server-sent events.

The rule: a message holds what has changed as it is now, and says in its `id` up to which change of
the store that is; so a message that is lost or comes twice does no harm. Messages are few (four in
a second), whatever happens; who does not take them is told later, of more at once. All streams tell
at the same moments: what is the same for many is asked and written once. A stream ends as soon as
the collector stops or its reader may not read any more.

`event: rows` has rows of an outline, `event: sessions` sessions as a list has them, and `event:
reload` says that more has changed than can be told. Without data an `id` alone comes from time to
time, so that whoever is between knows that the stream lives.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentlog.errors import StoreError
from agentlog.server.guard import Gate
from agentlog.server.hub import Ear, Hub
from agentlog.server.reading import Reading
from agentlog.store import Store

MOST: Final = 100
"""Streams at once."""

HEARTBEAT: Final = 15.0
PAUSE: Final = 0.25
"""Seconds between two moments at which streams tell."""

_RETRY: Final = 1000
_KIND: Final = "text/event-stream; charset=utf-8"
_LAST_WORD: Final = 0.2

Telling = Callable[[bytes], Awaitable[None]]


class Live:
    """The route of streams.

    Args:
        hub: Tells what changes.
        reading: Asks stores.
        gate: Knows who may read.
        closing: Set once the collector stops.

    """

    def __init__(self, hub: Hub, reading: Reading, gate: Gate, closing: asyncio.Event) -> None:
        self._hub = hub
        self._reading = reading
        self._gate = gate
        self._closing = closing
        self._streams = 0
        self._asked: dict[Hashable, asyncio.Task[bytes]] = {}

    async def live(self, request: Request) -> Response:
        """Answer `GET /v1/live`."""
        if request.method == "HEAD":
            return Response(media_type=_KIND)
        if self._streams >= MOST or self._closing.is_set():
            raise HTTPException(503, "there are too many streams: come again", {"Retry-After": "5"})
        self._streams += 1
        return _Stream(lambda send: self._tell(request, send), self._closing, self._leave)

    def _leave(self) -> None:
        self._streams -= 1

    async def _tell(self, request: Request, send: Telling) -> None:
        """Send messages until the reader may not read any more."""
        session_id = request.query_params.get("session")
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        name = b"sessions" if session_id is None else b"rows"
        with self._hub.listening(request.state.project, session_id, after) as ear:
            # Who says up to where he knows all is not told that he knows more.
            place = b"" if after else b"id: %b\n" % self._hub.at.encode()
            await send(b"retry: %d\n%b\n" % (_RETRY, place))
            while await self._is_reader(request, ear, send):
                at = self._hub.at.encode()
                waiting, is_deaf = ear.take()
                data = b"{}" if is_deaf else await self._news(request, session_id, waiting)
                kind = b"reload" if is_deaf else name
                await send(b"event: %b\nid: %b\ndata: %b\n\n" % (kind, at, data))

    async def _is_reader(self, request: Request, ear: Ear, send: Telling) -> bool:
        """Wait for the moment to tell of what is new; say whether it may still be told."""
        while not ear.news.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ear.news.wait(), HEARTBEAT)
                break
            if not self._may_read(request):
                return False
            await send(b"id: %b\n\n" % self._hub.at.encode())
        await asyncio.sleep(PAUSE - asyncio.get_running_loop().time() % PAUSE)
        return self._may_read(request)

    def _may_read(self, request: Request) -> bool:
        return bool(self._gate.reader(request) == request.state.project)

    async def _news(
        self, request: Request, session_id: str | None, waiting: Collection[str]
    ) -> bytes:
        """Ask the store for what has changed; who asks for the same meanwhile gets the same."""
        same = request.state.project, session_id, self._hub.at, frozenset(waiting)
        asked = self._asked.get(same)
        if asked is None:
            ask = self._reading.ask(request, partial(_written, session_id, waiting))
            asked = self._asked[same] = asyncio.create_task(ask)
            asked.add_done_callback(lambda _: self._asked.pop(same))
        return await asyncio.shield(asked)  # whoever leaves does not take it along


def _written(session_id: str | None, waiting: Collection[str], store: Store) -> bytes:
    """Write what has changed as it goes over the wire: events of a session, or else sessions."""
    if session_id is None:
        found = store.summaries(waiting)
        return json.dumps([*map(asdict, found)], separators=(",", ":")).encode()
    with store.outline(session_id, waiting) as parts:
        return b'{"rows":[%b]}' % ",".join(parts).encode()


class _Stream(Response):
    """An answer that goes on until it is told to end, or nobody takes it any more."""

    def __init__(
        self,
        tell: Callable[[Telling], Awaitable[None]],
        closing: asyncio.Event,
        leave: Callable[[], None],
    ) -> None:
        super().__init__(media_type=_KIND, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._tell = tell
        self._closing = closing
        self._leave = leave

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await self._send(receive, send)
        finally:
            self._leave()

    async def _send(self, receive: Receive, send: Send) -> None:
        async def part(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        ends = {
            asyncio.ensure_future(end)
            for end in (self._tell(part), self._closing.wait(), _left(receive))
        }
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            outcomes = await asyncio.gather(*ends, return_exceptions=True)
        for outcome in outcomes:
            # A store that cannot be read is told who comes again.
            if isinstance(outcome, Exception) and not isinstance(outcome, StoreError):
                raise outcome
        with suppress(TimeoutError):  # whoever takes nothing gets no last word
            async with asyncio.timeout(_LAST_WORD):
                await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    """Wait until the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
