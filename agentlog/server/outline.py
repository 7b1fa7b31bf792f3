"""What a page draws a session of: `GET /v1/sessions/{session_id}/outline`.

The rule: what it answers says up to which change of the store it has all, `at`; the changes behind
that come by live.py, so that nothing is missed in between, and what comes twice changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import IO

from starlette.requests import Request
from starlette.responses import Response

from agentlog.server.reading import Reading
from agentlog.server.spooled import spooled
from agentlog.store import Store
from agentlog.store.outline import FIELDS


class Outlines:
    """The route of outlines.

    Args:
        reading: Asks stores.
        at: Says which change of the store was the last one.
        options: Says what a command needs to read a project here.

    """

    def __init__(
        self, reading: Reading, at: Callable[[], str], options: Callable[[str], str]
    ) -> None:
        self._reading = reading
        self._at = at
        self._options = options

    async def outline(self, request: Request) -> Response:
        """Answer `GET /v1/sessions/{session_id}/outline`."""
        head = {
            "session_id": request.path_params["session_id"],
            "at": self._at(),  # before it is read: what changes meanwhile is told again
            "options": self._options(request.state.project),
        }
        return await self._reading.whole(request, partial(outline_of, head))


def outline_of(head: Mapping[str, object], store: Store, session_id: str) -> IO[bytes] | None:
    """Write the outline of a session of a store, None if there is none."""
    head = {**head, "is_silent": store.is_silent(session_id), "fields": FIELDS}
    with store.outline(session_id) as parts:
        return outline_file(parts, head)


def outline_file(parts: Iterable[str], head: Mapping[str, object]) -> IO[bytes] | None:
    """Write an outline as it goes over the wire, None if it has no rows."""

    def write(file: IO[bytes]) -> None:
        before = f'{json.dumps(head)[:-1]},"rows":['
        for part in parts:
            file.write((before + part).encode())
            before = ","
        if file.tell():
            file.write(b"]}")

    return spooled(write)
