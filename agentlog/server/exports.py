"""A session as a file to keep: `GET /v1/sessions/{session_id}/export/{form}`.

The rule: it is what `agentlog export` writes, to the byte, and never a page of the collector's: a
browser saves it. There is one at a time, made part by part.
"""

import re
from typing import IO, Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentlog import export
from agentlog.server.reading import Reading
from agentlog.server.spooled import Long, spooled
from agentlog.server.turns import Turns
from agentlog.store.sqlite import SqliteStore


class _Kind(NamedTuple):
    """The media type of a form, and how the name of a file ends."""

    media_type: str
    ending: str


FORMS: Final = {
    "html": _Kind("text/html; charset=utf-8", "html"),
    "jsonl": _Kind("application/jsonl", "jsonl"),
    "otlp-json": _Kind("application/jsonl", "otlp.jsonl"),
    "chrome-trace": _Kind("application/json", "trace.json"),
    "csv": _Kind("text/csv; charset=utf-8", "csv"),
}


class Exports:
    """The route of exports."""

    def __init__(self, reading: Reading, turns: Turns) -> None:
        self._reading = reading
        self._turns = turns

    async def export(self, request: Request) -> Response:
        """Answer `GET /v1/sessions/{session_id}/export/{form}`."""
        session_id, form = request.path_params["session_id"], request.path_params["form"]
        kind = FORMS.get(form)
        if kind is None:
            raise HTTPException(404, f"there is no such form: it is one of {', '.join(FORMS)}")
        file = await self._turns.have(
            lambda: self._reading.ask_slow(
                request, lambda store: exported_file(store, session_id, form)
            )
        )
        if file is None:
            raise HTTPException(404, "there is no such session")
        answer = Long(file, kind.media_type)
        name = re.sub("[^0-9A-Za-z-]", "_", session_id)[:64]
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind.ending}"'
        return answer


def exported_file(store: SqliteStore, session_id: str, form: str) -> IO[bytes] | None:
    """Write a session into a file, None if there is none."""
    if store.summary(session_id) is None:
        return None
    name = form.replace("-", "_")
    return spooled(lambda file: export.write(store, session_id, name, file))
