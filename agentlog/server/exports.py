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
from agentlog.store import Store


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
        found = await self._turns.have(
            lambda: self._reading.ask_slow(request, lambda store: exported(store, session_id, form))
        )
        if found is None:
            raise HTTPException(404, "there is no such session")
        name, file = found
        answer = Long(file, kind.media_type)
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind.ending}"'
        return answer


def exported(store: Store, session_id: str, form: str) -> tuple[str, IO[bytes]] | None:
    """Write a session into a file, None if there is none; say what the file may be called, too."""
    summary = store.summary(session_id)
    if summary is None:
        return None
    file = spooled(lambda file: export.write(store, session_id, form.replace("-", "_"), file))
    name = f"{_plain(summary.event_type or 'session')}-{_plain(session_id)[:10]}"
    return (name, file) if file else None


def _plain(text: str) -> str:
    """Return a text as every file system and every header takes it."""
    return re.sub("[^0-9A-Za-z.-]+", "_", text)[:60].lstrip(".-")
