"""The SDK's routes: a request in, records to the collector, an answer that the SDK understands.

Its versions until 0.1 post to `/sessions`, `/events` and `/agents` and show their key each time;
those of 0.2 and 0.3 post to `/v2/...` and show a token that they got for it (see `tickets`). From
0.4 on it posts spans, as every SDK of OpenTelemetry does (see agentlog.server.otlp); here it only
gets a token for them, which is its key, and leaves the text of its log.

The rule: an answer is a JSON object, whatever its status, and 200 means that what it counts as
accepted is stored. The SDK never sends a batch again that was answered, so one for which there is
no room at the moment is held for a while before it is told so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentlog.server import bodies
from agentlog.server.agentops import tickets, values
from agentlog.server.agentops.events import event_records
from agentlog.server.agentops.sessions import FIRST, agent_record, log_record, session_record
from agentlog.server.agentops.tickets import Ticket
from agentlog.server.auth import bearer_of
from agentlog.server.intake import Found
from agentlog.server.receiving import receipt_json
from agentlog.server.writer import Busy
from agentlog.store import Receipt, Refusal

MOST_EVENTS: Final = 50_000
"""Of a batch: so many as a queue may hold that was told to hold many, as it stops for good when it
is full.
"""

_AT_ONCE: Final = 500
"""Records that are handed on together: who hands them on has other things to do as well."""

PATIENCE: Final = 8.0
"""Seconds that a batch is held when the collector is busy; the SDK waits for 20."""

_SMALL: Final = 64 << 10
_SMALL_ONES: Final = 32
"""Bodies of so many bytes, and how many of them are in memory as values at once; of larger ones it
is one, as values take many times their bytes.
"""

_KEYS: Final = ("x-agentops-auth", "x-agentops-api-key")
_LONGEST_KEY: Final = 64 << 10
"""Bytes of a request of which nobody knows yet whose it is."""

_NO_KEY: Final = "none"
_UNKNOWN: Final = "This key is not known here, or there is none."
_NO_ENCODING: Final = "The SDK's requests are taken as it sends them."
_NO_UUID: Final = "without a session_id that is a UUID"
_NO_AGENT: Final = "without an id and a session_id that are UUIDs"

_UNREAD: Final = {"Connection": "close"}
"""For an answer before the body is read, which would be taken for the next request."""


Submit = Callable[[str, Sequence[Found]], Awaitable[Receipt]]
"""Stores what was found for a project; returns after the commit, and may raise `Busy`."""

ProjectOfKey = Callable[[str | None], str | None]
"""Says which project a key, or none, writes to; None: none."""


class BodyOf(Protocol):
    """Reads the body of a request, within bounds; its bytes are accounted for in the block."""

    def __call__(self, request: Request, *, most: int = ...) -> AbstractAsyncContextManager[bytes]:
        """Read a body of so many bytes at most."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Whose a request is.

    Attributes:
        project: Where it may write to.
        key: The key that it showed, if it did.
        session: The session of its token, if it showed one.

    """

    project: str
    key: str | None
    session: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a request once it has been read.

    Attributes:
        by: Whose it is.
        body: What it sent, as it came.
        said: The same, parsed.
        arrived: When it came, in milliseconds since the epoch.
        until: How long there may be no room for it, by the monotonic clock.

    """

    by: Shown
    body: bytes
    said: Mapping[str, object]
    arrived: int
    until: float


Said = Mapping[str, object]
Answer = Callable[[Asked], Awaitable[Said]]


def routes(submit: Submit, project_of_key: ProjectOfKey, body_of: BodyOf) -> list[Route]:
    """Return the routes of every version of the SDK.

    Args:
        submit: Stores the records of a project.
        project_of_key: Says which project a key writes to. It is asked here and nowhere else: the
            tokens of 0.2 and 0.3 look like keys that nobody knows.
        body_of: Reads the body of a request.

    An error is raised as an `HTTPException`: whoever serves the routes makes it `{"detail"}`.
    """
    lineage = _Lineage(submit, project_of_key, body_of)
    answers: dict[str, Answer] = {
        "/sessions": lineage.session,
        "/events": lineage.events,
        "/agents": lineage.agent,
        "/v2/create_session": lineage.new_session,
        "/v2/reauthorize_jwt": lineage.token,
        "/v2/update_session": lineage.session,
        "/v2/create_events": lineage.events,
        "/v2/create_agent": lineage.agent,
    }
    return [
        *(_route(path, partial(lineage.answer, answer)) for path, answer in answers.items()),
        _route("/v3/auth/token", lineage.key),
        _route("/v4/logs/upload/", lineage.log),
    ]


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, endpoint, methods=["POST"], name=f"agentops{path.replace('/', '.')}")


class _Lineage:
    """Answers requests."""

    def __init__(self, submit: Submit, project_of_key: ProjectOfKey, body_of: BodyOf) -> None:
        self._submit = submit
        self._project_of_key = project_of_key
        self._body_of = body_of
        self._small, self._large = asyncio.Semaphore(_SMALL_ONES), asyncio.Semaphore(1)

    async def key(self, request: Request) -> Response:
        """Give the token for a key: it is the key, which nobody has to look up then."""
        if request.headers.get("content-encoding", "identity") != "identity":
            raise HTTPException(415, _NO_ENCODING, _UNREAD)
        async with self._body_of(request, most=_LONGEST_KEY) as body:
            key = values.text(_said(body).get("api_key"))
        project = self._project_of_key(key)
        if project is None:
            raise HTTPException(401, _UNKNOWN)
        told = {"token": key or _NO_KEY, "project_id": project or _NO_KEY}
        return JSONResponse({**told, "project_prem_status": "pro"})

    async def log(self, request: Request) -> Response:
        """Take the text of a log."""
        arrived, until = int(time.time() * 1000), time.monotonic() + PATIENCE
        shown = _shown(request, self._project_of_key)
        trace = request.headers.get("trace-id", "")
        async with self._body_of(request) as body, self._turn(body):
            found = await run_in_threadpool(log_record, body, trace, arrived)
            if found is None:
                raise HTTPException(400, "A log has the number of its trace in Trace-Id.")
            await patiently(self._submit, shown.project, [found], until)
            return JSONResponse({"url": "", "size": len(body)})

    async def answer(self, answer: Answer, request: Request) -> Response:
        """Read a request, and answer it in one of the ways below."""
        arrived, until = int(time.time() * 1000), time.monotonic() + PATIENCE
        shown = _shown(request, self._project_of_key)
        async with self._body_of(request) as body, self._turn(body):
            said = await run_in_threadpool(_said, body)
            return JSONResponse(await answer(Asked(shown, body, said, arrived, until)))

    def _turn(self, body: bytes) -> asyncio.Semaphore:
        """Return where a body waits for its turn to be parsed."""
        return self._small if len(body) <= _SMALL else self._large

    async def session(self, asked: Asked) -> Said:
        """Take what a request knows of its session."""
        found = session_record(_session(asked), asked.arrived)
        return await self._stored(asked, [found or _NO_UUID])

    async def new_session(self, asked: Asked) -> Said:
        """Take the start of a session, and give the token for it."""
        found = session_record(_session(asked), FIRST)
        if found is None:
            raise HTTPException(400, f"A session {_NO_UUID}.")
        jwt = str(Ticket(asked.by.key, str(found["session_id"])))
        return {**await self._stored(asked, [found]), "jwt": jwt}

    async def token(self, asked: Asked) -> Said:
        """Give the token for a session that was started elsewhere."""
        session = values.session_id(asked.said.get("session_id"))
        if session is None:
            raise HTTPException(400, f"A session {_NO_UUID}.")
        return {"jwt": str(Ticket(asked.by.key, session))}

    async def agent(self, asked: Asked) -> Said:
        """Take an agent."""
        found = agent_record(asked.said, asked.by.session, asked.arrived)
        return await self._stored(asked, [found or _NO_AGENT])

    async def events(self, asked: Asked) -> Said:
        """Take a batch of events."""
        told = asked.said.get("events")
        if not isinstance(told, list):
            raise HTTPException(400, 'The body is {"events": [...]}.')
        if len(told) > MOST_EVENTS:
            raise HTTPException(413, f"A batch has at most {MOST_EVENTS} events.")
        session = values.session_id(asked.said.get("session_id")) or asked.by.session
        batch = values.digest(asked.body)
        found = await run_in_threadpool(event_records, told, session, batch, asked.arrived)
        return await self._stored(asked, found)

    async def _stored(self, asked: Asked, found: Sequence[Found]) -> Said:
        """Store what was found, and return the receipt for all of it."""
        accepted, refused = 0, list[Refusal]()
        for start in range(0, len(found), _AT_ONCE):
            some = found[start : start + _AT_ONCE]
            receipt = await patiently(self._submit, asked.by.project, some, asked.until)
            accepted += receipt.accepted
            refused += [replace(one, index=start + one.index) for one in receipt.refused]
        return receipt_json(Receipt(accepted, tuple(refused)))


async def patiently(submit: Submit, project: str, found: Sequence[Found], until: float) -> Receipt:
    """Store records; while the collector is busy, try again until then. Raises `Busy` after it."""
    while True:
        try:
            return await submit(project, found)
        except Busy as busy:
            if time.monotonic() + busy.retry_after > until:
                raise
            await asyncio.sleep(busy.retry_after)


def _session(asked: Asked) -> Said:
    """Return what is told of a session; for one that it cannot write, the SDK sends a text."""
    if "session" not in asked.said:
        raise HTTPException(400, 'The body is {"session": {...}}.')
    told = asked.said["session"]
    return told if isinstance(told, Mapping) else {}


# -- From the request ----------------------------------------------------------------------------


def _shown(request: Request, project_of_key: ProjectOfKey) -> Shown:
    """Say whose a request is, by its headers."""
    token = bearer_of(request.headers) or None
    ticket = tickets.read(token) if token else None
    keys = (request.headers.get(name) for name in _KEYS)
    key = next(filter(None, keys), ticket.key if ticket else token)
    project = project_of_key(key)
    if project is None:
        raise HTTPException(401, _UNKNOWN, _UNREAD)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, _NO_ENCODING, _UNREAD)
    return Shown(project, key, ticket.session_id if ticket else None)


def _said(body: bytes) -> Said:
    if bodies.has_too_many_values(body):
        raise HTTPException(413, f"A body has at most {bodies.MOST_VALUES} values.")
    try:
        said = bodies.read(body)
    except bodies.NotJSONError as error:
        raise HTTPException(400, str(error)) from error
    if not isinstance(said, Mapping):
        raise HTTPException(400, "The body is no JSON object.")
    return said
