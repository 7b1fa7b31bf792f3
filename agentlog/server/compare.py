"""Two sessions side by side: `GET /v1/compare/{one}/{other}`.

The rule: a comparison has both sessions in memory, so what is too large for that is refused with
the command that can do it. There is one at a time, and while it is made nobody has the store open.
"""

import json
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentlog.replay import diff_json
from agentlog.replay.diff import compare
from agentlog.replay.tree import Node, forest
from agentlog.server.reading import Reading
from agentlog.server.turns import Turns, aside
from agentlog.store import Store
from agentlog.store.state import shown

MOST_EVENTS: Final = 20_000
MOST_TEXT: Final = 64 << 20
"""Of a session."""

_SIDES: Final = ("one", "other")


class _Side(NamedTuple):
    """A session as it is read."""

    texts: list[str]
    is_silent: bool


class Comparing:
    """The route of comparisons."""

    def __init__(self, reading: Reading, turns: Turns) -> None:
        self._reading = reading
        self._turns = turns

    async def compare(self, request: Request) -> Response:
        """Answer `GET /v1/compare/{one}/{other}`."""

        async def work() -> bytes:
            sides = await self._reading.ask_slow(
                request,
                lambda store: [side_of(store, request.path_params[name]) for name in _SIDES],
            )
            return await aside(lambda: compared(*sides))

        return Response(await self._turns.have(work), media_type="application/json")


def side_of(store: Store, session_id: str) -> _Side:
    """Read a session; raises a 404 or a 422."""
    found: list[str] = []
    room = MOST_TEXT
    with store.texts_of(session_id) as lists:
        for texts in lists:
            found += texts
            room -= sum(map(len, texts))
            if len(found) > MOST_EVENTS or room < 0:
                raise HTTPException(
                    422, "this is too large to be compared here; `agentlog diff` can compare it"
                )
    if not found:
        raise HTTPException(404, "there is no such session")
    return _Side(found, store.is_silent(session_id))


def compared(one: _Side, other: _Side) -> bytes:
    """Return a comparison as it goes over the wire."""
    found = compare(_roots(one), _roots(other))
    return json.dumps(diff_json.document(found), allow_nan=False, separators=(",", ":")).encode()


def _roots(side: _Side) -> list[Node]:
    return forest(shown(map(json.loads, side.texts), is_silent=side.is_silent))
