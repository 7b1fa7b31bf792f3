"""What a page draws a session of: `GET /v1/sessions/{session_id}/outline`.

The rule: what it answers says up to which change of the store it has all, `at`; the changes behind
that come by live.py, so that nothing is missed in between, and what comes twice changes nothing.
"""

import json
from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentlog.server.reading import Long, Reading
from agentlog.store.outline import FIELDS
from agentlog.store.sqlite import SqliteStore

_IN_MEMORY: Final = 32 << 20


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
        file = await self._reading.ask_long(
            request, lambda store: outline_of(store, session_id, at)
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
    file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever sends it closes it
    head = {"session_id": session_id, "at": at, "is_silent": is_silent, "fields": FIELDS}
    file.write(json.dumps(head)[:-1].encode() + b',"rows":[')
    between = b""
    for part in parts:
        file.write(between + part.encode())
        between = b","
    if not between:
        file.close()
        return None
    file.write(b"]}")
    return file
