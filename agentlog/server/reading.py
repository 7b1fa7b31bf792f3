"""What is read over HTTP: sessions, a session, an event, a search.

The rule: a route asks the store of the one project that its request may read, and of nothing else.
What is asked for wrongly is a 422 that says what is right, what is not there a 404. Stores are read
and answers written in threads of our own, a few at once and each answer part by part, so that
neither who writes nor `/healthz` waits for a reader, nor a short session for a long one, nor a stop
for any. A session may be longer than the memory is large; a search finds as much as fits into an
answer.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import IO, Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agentlog.replay import spending
from agentlog.server.spooled import Long, spooled
from agentlog.store import SessionFilter, SessionSummary, Store
from agentlog.store.engine import MOST_READERS, Readers
from agentlog.store.state import State

MOST: Final = 10_000
FEW: Final = 100
STATES: Final = tuple(state.value for state in State)
CURSOR: Final = re.compile(r"(-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-][0-9]{1,3})?|none)_(.{1,200})")

_JSON = "application/json"
_LONG, _SLOW = 2, 2
_SHORT = MOST_READERS - _LONG - _SLOW
"""Threads for long sessions, for what takes seconds, and for all else, where nobody waits for
those.
"""

MANY: Final = 2000
"""Events that a session has before it is a long one."""

MOST_NAMED: Final = 200
"""Sessions that are asked for at once by their ids."""

MOST_FOUND: Final = 32 << 20
"""Bytes of what a search finds."""

T = TypeVar("T")


class Reading:
    """The routes that read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._of_short = ThreadPoolExecutor(_SHORT, "agentlog-reading")
        self._of_long = ThreadPoolExecutor(_LONG, "agentlog-sessions")
        self._of_slow = ThreadPoolExecutor(_SLOW, "agentlog-slow")

    async def sessions(self, request: Request) -> Response:
        """Answer `GET /v1/sessions`: a page of the list, newest first, or those that are named."""
        wanted = filter_of(request.query_params)
        if named := request.query_params.getlist("session"):
            _bounded(named)
            return _json(await self.ask(request, lambda store: named_text(store, named)))
        return _json(await self.ask(request, lambda store: sessions_text(store, wanted)))

    async def costs(self, request: Request) -> Response:
        """Answer `GET /v1/costs`: what the sessions that are named took."""
        named = request.query_params.getlist("session")
        _bounded(named)
        return _json(await self.ask_slow(request, lambda store: costs_text(store, named)))

    async def session(self, request: Request) -> Response:
        """Answer `GET /v1/sessions/{session_id}`: its own event, and all others by their start."""
        return await self.whole(request, session_of)

    async def event(self, request: Request) -> Response:
        """Answer `GET /v1/events/{session_id}/{event_id}`."""
        place = request.path_params["session_id"], request.path_params["event_id"]
        text = await self.ask(request, lambda store: _text(store.event(*place)))
        if text == b"null":
            raise HTTPException(404, "there is no such event")
        return _json(text)

    async def search(self, request: Request) -> Response:
        """Answer `GET /v1/search`: the newest events in which all words of `q` stand."""
        query = request.query_params
        text, limit = query.get("q", ""), limit_of(query)
        if not text.strip():
            raise HTTPException(422, "q is missing: the words to search for")
        session_id = query.get("session")
        return _json(
            await self.ask_slow(request, lambda store: search_text(store, text, limit, session_id))
        )

    async def ask(self, request: Request, question: Callable[[Store], T]) -> T:
        """Put a question to the store of the request's project, in a thread."""
        return await self._ask(self._of_short, request, question)

    async def whole(
        self, request: Request, write: Callable[[Store, str], IO[bytes] | None]
    ) -> Response:
        """Answer with a whole session: for a long one nobody waits but for another."""
        session_id = request.path_params["session_id"]
        count = await self.ask(request, lambda store: store.count_of(session_id))
        threads = self._of_long if count > MANY else self._of_short
        file = await self._ask(threads, request, lambda store: write(store, session_id))
        if file is None:
            raise HTTPException(404, "there is no such session")
        return Long(file)

    async def ask_slow(self, request: Request, question: Callable[[Store], T]) -> T:
        """Put one that takes seconds: for it nobody waits who asks for a session."""
        return await self._ask(self._of_slow, request, question)

    async def _ask(
        self,
        threads: ThreadPoolExecutor,
        request: Request,
        question: Callable[[Store], T],
    ) -> T:
        project = request.state.project

        def asked() -> T:
            with self._readers.of_project(project) as store:
                return question(store)

        return await asyncio.get_running_loop().run_in_executor(threads, asked)

    def close(self) -> None:
        """Begin nothing more; what is being read, `Readers.close` breaks off."""
        for threads in (self._of_short, self._of_long, self._of_slow):
            threads.shutdown(wait=False, cancel_futures=True)


# -- What is asked for -----------------------------------------------------------------------------


def filter_of(query: Mapping[str, str]) -> SessionFilter:
    """Read what a list is narrowed by; raises a 422."""
    state = query.get("state")
    if state is not None and state not in STATES:
        raise HTTPException(422, f"state is one of: {', '.join(STATES)}")
    return SessionFilter(
        limit=limit_of(query),
        before=_cursor(query.get("before")),
        text=query.get("q") or None,
        tag=query.get("tag"),
        state=state,
    )


def _bounded(named: Sized) -> None:
    """Raise a 422 unless sessions are named, and not too many."""
    if not 1 <= len(named) <= MOST_NAMED:
        raise HTTPException(422, f"session is there 1 to {MOST_NAMED} times: an id")


def limit_of(query: Mapping[str, str]) -> int:
    """Read how many are wanted; raises a 422."""
    text = query.get("limit", str(FEW))
    if not re.fullmatch("[0-9]{1,6}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise HTTPException(422, f"limit is a number from 1 to {MOST}")
    return int(text)


def cursor_behind(page: list[SessionSummary], limit: int | None) -> str | None:
    """Return what asks for the next page; None behind the last one."""
    if not page or len(page) != limit:
        return None
    last = page[-1]
    return f"{'none' if last.timestamp is None else repr(last.timestamp)}_{last.id}"


def _cursor(text: str | None) -> tuple[float | None, str] | None:
    if text is None:
        return None
    parts = CURSOR.fullmatch(text)
    if parts is None:
        raise HTTPException(422, "before is the `next` of the page before")
    return None if parts[1] == "none" else float(parts[1]), parts[2]


# -- What is answered ------------------------------------------------------------------------------


def session_of(store: Store, session_id: str) -> IO[bytes] | None:
    """Write a session as it goes over the wire, None if there is none."""
    with store.texts_of(session_id) as lists:
        return spooled(partial(_write_session, lists))


def _write_session(lists: Iterable[list[str]], file: IO[bytes]) -> None:
    """Put the JSON texts of events together as they are; nothing, if there are none.

    Only what may be the session's own event is parsed.
    """
    own, before = None, '{"events":['
    for texts in lists:
        own = own or next(filter(_is_own, texts), None)
        others = ",".join(text for text in texts if text is not own)
        if others:
            file.write((before + others).encode())
            before = ","
    if own and not file.tell():
        file.write(before.encode())
    if file.tell():
        file.write(f'],"session":{own or "null"}}}'.encode())


def _is_own(text: str) -> bool:
    return '"session"' in text and json.loads(text).get("action_type") == "session"


def sessions_text(store: Store, wanted: SessionFilter) -> bytes:
    """Return a page of the list as it goes over the wire."""
    found = store.sessions(wanted)
    return _page(found, cursor_behind(found, wanted.limit))


def named_text(store: Store, session_ids: Iterable[str]) -> bytes:
    """Return those of these sessions that are there as it goes over the wire."""
    return _page(store.summaries(session_ids), None)


def _page(found: Iterable[SessionSummary], behind: str | None) -> bytes:
    rows = b",".join(_text(asdict(summary)) for summary in found)
    return b'{"sessions":[%b],"next":%b}' % (rows, _text(behind))


def costs_text(store: Store, session_ids: Iterable[str]) -> bytes:
    """Return what sessions took as it goes over the wire; without tokens or prices, nothing."""
    spent = spending.by_session(store.calls(session_ids))
    return _text({"costs": {session_id: asdict(one) for session_id, one in spent.items()}})


def search_text(store: Store, words: str, limit: int, session_id: str | None) -> bytes:
    """Return what a search finds as it goes over the wire."""
    with store.texts_found(words, limit=limit, session_id=session_id) as lists:
        return found_text(lists)


def found_text(lists: Iterable[list[str]]) -> bytes:
    """Put together what a search finds, as much as fits into an answer; more is not read."""
    fitting, room = [], MOST_FOUND
    for text in (text.encode() for texts in lists for text in texts):
        room -= len(text) + 1
        if room < 0:
            break
        fitting.append(text)
    return b'{"results":[%b]}' % b",".join(fitting)


def _text(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _json(text: bytes) -> Response:
    return Response(text, media_type=_JSON)
