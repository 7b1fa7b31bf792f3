"""The pages' addresses, and how a browser gets the cookie that opens them.

The rule: a secret stands in an address once at most. The address that `agentlog serve` prints
carries the token, and that of any page may; its answer sets the cookie and sends the browser to the
same place without it. Who has none gets a form at that very place.
"""

from contextlib import suppress
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agentlog.errors import StoreError
from agentlog.server.guard import Endpoint, Gate
from agentlog.server.incoming import Incoming
from agentlog.server.pages import Pages, login
from agentlog.server.reading import Reading
from agentlog.server.settings import ServeConfig

_A_YEAR: Final = 365 * 86_400
_LARGEST_FORM: Final = 4096
_LONGEST: Final = 10.0
"""Seconds for a form: whoever sends it has not shown a secret yet."""

_MOST_FIELDS: Final = 8


class Visiting:
    """What a browser asks for."""

    def __init__(
        self,
        config: ServeConfig,
        gate: Gate,
        pages: Pages,
        incoming: Incoming,
        reading: Reading,
    ) -> None:
        self._config = config
        self._gate = gate
        self._pages = pages
        self._incoming = incoming
        self._reading = reading

    def page(self, name: str) -> Endpoint:
        """Return what answers at the address of a page, of which `name` is the shell."""

        async def visited(request: Request) -> Response:
            if request.method == "POST":
                return await self._enter(request)
            token = request.query_params.get("token")
            if token and self._gate.access.is_token(token):  # no link opens a stranger's project
                return self._welcome(request, token)
            request.state.project = self._gate.reader(request)
            if request.state.project is None:
                return self._login(was_wrong=bool(token))
            return self._pages.shell(name, request, is_there=await self._is_there(request))

        return visited

    async def _is_there(self, request: Request) -> bool:
        """Say whether the sessions of an address are there; if nobody knows, the page will tell."""
        ids = list(request.path_params.values())
        with suppress(StoreError):
            return not ids or await self._reading.ask(
                request, lambda store: all(map(store.count_of, ids))
            )
        return True

    async def _enter(self, request: Request) -> Response:
        """Answer the form with the key."""
        async with self._incoming.body(request, most=_LARGEST_FORM, longest=_LONGEST) as body:
            secret = _key_in(body)
        if self._gate.access.project_of(secret) is None:
            return self._login(was_wrong=True)
        return self._welcome(request, secret)

    def _login(self, *, was_wrong: bool) -> Response:
        wanted = "token or key" if self._config.is_open else "key"
        return login(self._config.root_path, wanted, was_wrong=was_wrong)

    def _welcome(self, request: Request, secret: str) -> Response:
        rest = [
            (name, value) for name, value in request.query_params.multi_items() if name != "token"
        ]
        root = self._config.root_path
        path = request.scope["path"]
        path = path.removeprefix(root) if path.startswith(f"{root}/") else path
        where = root + quote(path) + (f"?{urlencode(rest)}" if rest else "")
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
