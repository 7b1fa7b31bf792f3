"""What stands before everything else: it looks at whoever comes, and at every answer that goes.

The rule: no answer leaves without the security headers, and no request gets to a route that
hosts.py has not let through. Who may read or write is the route's own question, put to auth.py.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentlog.server.auth import Access, Secrets, secrets_of
from agentlog.server.hosts import Hosts

Endpoint = Callable[[Request], Awaitable[Response]]

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with none at all, our own form would be of no origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer; a page brings a Content-Security-Policy of its own."""


class Guard:
    """The outermost application: asks hosts.py, and puts the security headers on what comes back.

    Args:
        app: What answers whoever may come in.
        hosts: Who may.
        root_path: Where the collector is below a proxy, which may leave that away or not.

    """

    def __init__(self, app: ASGIApp, *, hosts: Hosts, root_path: str) -> None:
        self._app = app
        self._hosts = hosts
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stranger = self._hosts.stranger(scope["method"], scope["headers"])
        app = self._app
        if stranger:
            # Nobody reads its body: where that ends is what may be in doubt.
            app = problem(stranger.status, stranger.detail, {"Connection": "close"})
        elif self._root_path and scope["path"] == self._root_path:
            asked = scope["query_string"].decode("latin-1")
            app = RedirectResponse(f"{self._root_path}/" + (f"?{asked}" if asked else ""), 308)
        await app({**scope, "root_path": self._root_path}, receive, _secured(send))


def _secured(send: Send) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return secured


class Gate:
    """Lets those to a route who may use it; the project is then in `request.state.project`."""

    def __init__(self, access: Access, cookie: str) -> None:
        self.access = access
        self._cookie = cookie

    def reading(self, endpoint: Endpoint) -> Endpoint:
        """Wrap a route for those who may read."""
        return self._asking(endpoint, self.reader)

    def writing(self, endpoint: Endpoint) -> Endpoint:
        """Wrap a route for those who may write."""
        return self._asking(endpoint, self.writer)

    def watching(self, endpoint: Endpoint) -> Endpoint:
        """Wrap a route that is open where only this machine can come."""
        return endpoint if self.access.is_open else self.reading(endpoint)

    def reader(self, request: Request) -> str | None:
        """Return the project that a request reads, None if it may not."""
        return self.access.reader(self._secrets_of(request))

    def writer(self, request: Request) -> str | None:
        """Return the project that a request writes to, None if it may not."""
        return self.access.writer(self._secrets_of(request))

    def _secrets_of(self, request: Request) -> Secrets:
        return secrets_of(request.headers, request.cookies, self._cookie)

    def _asking(self, endpoint: Endpoint, who: Callable[[Request], str | None]) -> Endpoint:
        async def asked(request: Request) -> Response:
            project = who(request)
            if project is None:
                raise unauthorized(self.access)
            request.state.project = project
            return await endpoint(request)

        return asked


def unauthorized(access: Access) -> HTTPException:
    """Return what says what is missing."""
    wanted = "the token of the address that `agentlog serve` printed" if access.is_open else "a key"
    return HTTPException(
        401, f"this asks for {wanted}: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"}
    )


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return what every error looks like."""
    return JSONResponse({"detail": detail}, status, headers)


def body_of_problem(detail: str) -> bytes:
    """Return the body of an error for where there is no application yet."""
    return json.dumps({"detail": detail}).encode()
