"""The application: joins the routes, and says who may use which.

The rule: a route is open, for readers, for writers or for those who watch, and that stands here.
What comes to none of them is a 404, and every error is `{"detail"}`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from agentlog.errors import StoreError
from agentlog.keys import Ring
from agentlog.server import agentops, openapi, otlp
from agentlog.server.auth import Access, Secrets
from agentlog.server.compare import Comparing
from agentlog.server.exports import Exports
from agentlog.server.guard import Endpoint, Gate, Guard, problem
from agentlog.server.hosts import Hosts
from agentlog.server.hub import Hub
from agentlog.server.incoming import Incoming
from agentlog.server.live import Live
from agentlog.server.metrics import Metrics
from agentlog.server.outline import Outlines
from agentlog.server.pages import Pages
from agentlog.server.reading import Reading
from agentlog.server.receiving import Receiving, not_kept
from agentlog.server.settings import ServeConfig
from agentlog.server.turns import Turns
from agentlog.server.visiting import Visiting
from agentlog.server.writer import NotKept, Writer
from agentlog.store.engine import Readers


def create_app(
    config: ServeConfig,
    writer: Writer,
    readers: Readers,
    hub: Hub,
    log: FilteringBoundLogger | None = None,
) -> Starlette:
    """Return the application of a collector.

    Args:
        config: What it was told.
        writer: Stores what comes; it is stopped by whoever made it.
        readers: Give what is stored.
        hub: Tells those who listen what has changed.
        log: Told of each batch.

    """
    log = log or structlog.get_logger()
    ring = Ring(config.store.keys(), lambda why: log.warning("keys cannot be read", why=why))
    access = Access(ring, is_open=config.is_open, token=config.token)
    gate = Gate(access, config.cookie)
    metrics = Metrics(writer)
    reading, closing = Reading(readers), asyncio.Event()
    incoming = Incoming()
    receiving = Receiving(incoming, writer, log)
    pages = Pages()
    visiting = Visiting(config, gate, pages, incoming, reading)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        hub.open()
        yield
        receiving.close()
        reading.close()

    app = Starlette(
        routes=[
            *_pages(visiting),
            Route("/page/{name}", pages.file),
            Route("/healthz", metrics.health),
            Route("/openapi.json", _description(config)),
            Route("/metrics", gate.watching(metrics.metrics)),
            Route("/v1/events", gate.writing(receiving.events), methods=["POST"]),
            otlp.route(gate, receiving, log),
            *_for_readers(gate, reading, hub, config, closing),
            *_lineage(access, receiving, incoming),
        ],
        exception_handlers=_HANDLERS,
        lifespan=lifespan,
    )
    app.state.metrics, app.state.close = metrics, closing.set
    app.router.redirect_slashes = False  # a redirect would name a host that a client has chosen
    return app


def guarded(app: Starlette, config: ServeConfig) -> ASGIApp:
    """Put the guard before an application: this is what is served."""
    hosts = Hosts(config.allow_hosts, is_open=config.is_open)
    guard = Guard(app, hosts=hosts, root_path=config.root_path)
    metrics: Metrics = app.state.metrics
    return metrics.counting(guard)


def _pages(visiting: Visiting) -> list[BaseRoute]:
    """Return the addresses of the pages."""
    shells = {
        "/": "sessions.html",
        "/sessions/{session_id}": "session.html",
        "/compare/{one}/{other}": "compare.html",
    }
    return [
        Route(path, visiting.page(shell), methods=["GET", "POST"]) for path, shell in shells.items()
    ]


def _for_readers(
    gate: Gate, reading: Reading, hub: Hub, config: ServeConfig, closing: asyncio.Event
) -> list[BaseRoute]:
    """Return the routes that give what is stored."""
    endpoints = {
        "/v1/sessions": reading.sessions,
        "/v1/costs": reading.costs,
        "/v1/sessions/{session_id}": reading.session,
        "/v1/sessions/{session_id}/outline": Outlines(
            reading, lambda: hub.at, config.options
        ).outline,
        "/v1/sessions/{session_id}/export/{form}": Exports(reading, Turns(closing)).export,
        "/v1/events/{session_id}/{event_id}": reading.event,
        "/v1/compare/{one}/{other}": Comparing(reading, Turns(closing)).compare,
        "/v1/live": Live(hub, reading, gate, closing).live,
        "/v1/search": reading.search,
    }
    return [Route(path, gate.reading(endpoint)) for path, endpoint in endpoints.items()]


def _lineage(access: Access, receiving: Receiving, incoming: Incoming) -> list[BaseRoute]:
    """Return the routes of AgentOps' SDK."""

    def project_of_key(key: str | None) -> str | None:
        return access.writer(Secrets(header=key))

    return list(agentops.routes(receiving.submit, project_of_key, incoming.body))


def _description(config: ServeConfig) -> Endpoint:
    document = openapi.document(config)

    async def described(_request: Request) -> Response:
        return JSONResponse(document)

    return described


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return problem(500, "this should not have happened")
    headers = dict(error.headers or {})
    if error.status_code in (204, 304):
        return Response(status_code=error.status_code, headers=headers)
    return problem(error.status_code, error.detail, headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return problem(500, "this should not have happened: the collector's log says more")


_HANDLERS: Final[dict[Any, Any]] = {
    HTTPException: _refused,
    StoreError: not_kept,
    NotKept: not_kept,
    Exception: _failed,
}
