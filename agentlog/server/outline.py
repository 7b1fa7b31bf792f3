"""What a page draws a session of: `GET /v1/sessions/{session_id}/outline`.

The rule: what it answers says up to which change of the store it has all, `at`; the changes behind
that come by live.py, so that nothing is missed in between, and what comes twice changes nothing.
"""

import json
from collections.abc import Callable, Iterable
from typing import IO

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentlog.server.reading import Reading
from agentlog.server.spooled import Long, spooled
from agentlog.store.outline import FIELDS
from agentlog.store.sqlite import SqliteStore


class Outlines:
    """The route of outlines.

    Args:
        reading: Asks stores.
        at: Says which change of the store was the last one.

    """

    def __init__(self, reading: Reading, at: Callable[[], str]) -> None:
        self._reading = reading
        self._at = at

    async def outline(self, request: Request) -> Response:
        """Answer `GET /v1/sessions/{session_id}/outline`."""
        session_id = request.path_params["session_id"]
        at = self._at()  # before it is read: what changes meanwhile is told again
        file = await self._reading.ask_whole(
            request, session_id, lambda store: outline_of(store, session_id, at)
        )
        if file is None:
            raise HTTPException(404, "there is no such session")
        return Long(file)


def outline_of(store: SqliteStore, session_id: str, at: str) -> IO[bytes] | None:
    """Write the outline of a session of a store, None if there is none."""
    is_silent = store.is_silent(session_id)
    with store.outline(session_id) as parts:
        return outline_file(parts, session_id, at, is_silent=is_silent)


def outline_file(
    parts: Iterable[str], session_id: str, at: str, *, is_silent: bool = False
) -> IO[bytes] | None:
    """Write an outline as it goes over the wire, None if it has no rows."""
    head = {"session_id": session_id, "at": at, "is_silent": is_silent, "fields": FIELDS}

    def write(file: IO[bytes]) -> None:
        before = f'{json.dumps(head)[:-1]},"rows":['
        for part in parts:
            file.write((before + part).encode())
            before = ","
        if file.tell():
            file.write(b"]}")

    return spooled(write)
