"""Two sessions side by side: `GET /v1/compare/{one}/{other}`.

The rule: a comparison has both sessions in memory, so what is too large for that is refused with
the command that can do it, and there is one at a time.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentlog.replay import diff_json
from agentlog.replay.diff import compare
from agentlog.replay.tree import Node, forest
from agentlog.server.reading import Reading
from agentlog.store.merge import Event
from agentlog.store.sqlite import SqliteStore
from agentlog.store.state import shown

MOST_EVENTS: Final = 20_000
MOST_TEXT: Final = 64 << 20
"""Of a session."""


class Comparing:
    """The route of comparisons."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._turn = asyncio.Semaphore(1)

    async def compare(self, request: Request) -> Response:
        """Answer `GET /v1/compare/{one}/{other}`."""
        one, other = request.path_params["one"], request.path_params["other"]
        async with self._turn:
            body = await self._reading.ask_slow(request, lambda store: compared(store, one, other))
        return Response(body, media_type="application/json")


def compared(store: SqliteStore, one: str, other: str) -> bytes:
    """Return a comparison as it goes over the wire; raises a 404 or a 422."""
    found = compare(_roots(store, one), _roots(store, other))
    return json.dumps(diff_json.document(found), allow_nan=False, separators=(",", ":")).encode()


def _roots(store: SqliteStore, session_id: str) -> list[Node]:
    roots = forest(shown(_events(store, session_id), is_silent=store.is_silent(session_id)))
    if not roots:
        raise HTTPException(404, "there is no such session")
    return roots


def _events(store: SqliteStore, session_id: str) -> Iterator[Event]:
    events, room = 0, MOST_TEXT
    with store.texts_of(session_id) as lists:
        for texts in lists:
            events, room = events + len(texts), room - sum(map(len, texts))
            if events > MOST_EVENTS or room < 0:
                raise HTTPException(
                    422, "this is too large to be compared here; `agentlog diff` can compare it"
                )
            yield from map(json.loads, texts)
