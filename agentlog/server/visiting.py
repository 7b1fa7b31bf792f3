"""The page's routes: the list of sessions, and how a browser gets the cookie that opens it.

The rule: a secret stands in an address once at most. The address that `agentlog serve` prints
carries the token; its answer sets the cookie and sends the browser to the same place without it.
"""

from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agentlog.server import page
from agentlog.server.guard import Gate
from agentlog.server.incoming import Incoming
from agentlog.server.reading import Reading
from agentlog.server.settings import ServeConfig
from agentlog.store import SessionFilter
from agentlog.store.sqlite import SqliteStore

_LISTED: Final = 100
_A_YEAR: Final = 365 * 86_400
_LARGEST_FORM: Final = 4096
_LONGEST: Final = 10.0
"""Seconds for a form: whoever sends it has not shown a secret yet."""

_MOST_FIELDS: Final = 8


class Visiting:
    """What a browser asks for."""

    def __init__(
        self, config: ServeConfig, gate: Gate, reading: Reading, incoming: Incoming
    ) -> None:
        self._config = config
        self._gate = gate
        self._reading = reading
        self._incoming = incoming

    async def index(self, request: Request) -> Response:
        """Answer `GET /`."""
        token = request.query_params.get("token")
        if token and self._gate.access.is_token(token):  # no link opens a stranger's project
            return self._welcome(request, token)
        project = self._gate.reader(request)
        if project is None:
            return self._login(was_wrong=bool(token))
        request.state.project = project
        return _html(await self._reading.ask(request, self._list))

    async def login(self, request: Request) -> Response:
        """Answer `POST /login`, the form with the key."""
        async with self._incoming.body(request, most=_LARGEST_FORM, longest=_LONGEST) as body:
            secret = _key_in(body)
        if self._gate.access.project_of(secret) is None:
            return self._login(was_wrong=True)
        return self._welcome(request, secret)

    def _list(self, store: SqliteStore) -> str:
        found = store.sessions(SessionFilter(limit=_LISTED))
        return page.sessions(found, self._config.root_path)

    def _login(self, *, was_wrong: bool) -> Response:
        wanted = "token or key" if self._config.is_open else "key"
        return _html(page.login(self._config.root_path, wanted, was_wrong=was_wrong), 401)

    def _welcome(self, request: Request, secret: str) -> Response:
        rest = [
            (name, value) for name, value in request.query_params.multi_items() if name != "token"
        ]
        where = f"{self._config.root_path}/" + (f"?{urlencode(rest)}" if rest else "")
        answer = RedirectResponse(where, 303)
        answer.set_cookie(
            self._config.cookie,
            secret,
            max_age=_A_YEAR,
            path=f"{self._config.root_path}/",
            secure=_is_secure(request),
            httponly=True,
            samesite="lax",
        )
        return answer


def _key_in(form: bytes) -> str:
    try:
        fields = parse_qs(form.decode(errors="replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return fields.get("key", [""])[0].strip()


def _is_secure(request: Request) -> bool:
    """Say whether the browser came by https, which behind a proxy only its Origin tells."""
    origin = request.headers.get("origin", "")
    return origin.startswith("https://") or request.headers.get("x-forwarded-proto") == "https"


def _html(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, {"Content-Security-Policy": page.POLICY})
