"""`POST /v1/traces`: a request in, spans to the collector, an answer as OTLP has it.

The rule: an answer is in the form of the request, and of an error that is a `google.rpc.Status`.
What a client should send again is 429 or 503, as a client of OTLP throws away what is answered by
any other error. What is refused of a batch it throws away as well, and most do not say so: the log
does.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

import json
from collections.abc import Mapping
from functools import wraps
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from agentlog.errors import StoreError
from agentlog.server.guard import Endpoint, Gate
from agentlog.server.incoming import Refused
from agentlog.server.otlp import intake, wire
from agentlog.server.receiving import Read, Receiving, kind_of, why_not_kept
from agentlog.server.writer import NotKept
from agentlog.store import Receipt

JSON, PROTOBUF = "application/json", "application/x-protobuf"

_READ: Final[Mapping[str, Read]] = {JSON: intake.read_json, PROTOBUF: intake.read_protobuf}
_AGAIN: Final = {408: 503, 507: 503}
"""Errors after which a client would not come again, and what it is answered instead."""

_TOLD: Final = 3
"""How many of those that are refused are told of."""


def route(gate: Gate, receiving: Receiving, log: FilteringBoundLogger) -> Route:
    """Return the route.

    Args:
        gate: Says who may write.
        receiving: Takes the body.
        log: Told what is refused.

    """

    async def traces(request: Request) -> Response:
        kind = kind_of(request)
        if kind not in _READ:
            raise Refused(415, f"the body is Content-Type: {PROTOBUF}, or {JSON}")
        receipt = await receiving.take(request, _READ[kind])
        if receipt.refused:
            log.warning("spans refused", project=request.state.project, why=_why(receipt))
        return Response(_success(receipt, kind), media_type=kind)

    return Route("/v1/traces", _speaking(gate.writing(traces)), methods=["POST"])


def _speaking(endpoint: Endpoint) -> Endpoint:
    """Wrap a route so that its errors are told as clients of OTLP have them."""

    @wraps(endpoint)
    async def spoken(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HTTPException as error:
            why = error
        except (NotKept, StoreError) as error:
            why = why_not_kept(error)
        return _failure(why, kind_of(request))

    return spoken


def _failure(why: HTTPException, kind: str) -> Response:
    """Return an error as a `google.rpc.Status`."""
    status = _AGAIN.get(why.status_code, why.status_code)
    headers = dict(why.headers or {})
    if status != why.status_code:
        headers.setdefault("Retry-After", "1")
    body = wire.field(2, why.detail) if kind == PROTOBUF else json.dumps({"message": why.detail})
    return Response(body, status, headers, PROTOBUF if kind == PROTOBUF else JSON)


def _success(receipt: Receipt, kind: str) -> bytes:
    """Return an `ExportTraceServiceResponse`, which is empty if everything was taken."""
    count, why = len(receipt.refused), _why(receipt)
    if kind == PROTOBUF:
        return wire.field(1, wire.field(1, count) + wire.field(2, why)) if count else b""
    partial = {"partialSuccess": {"rejectedSpans": str(count), "errorMessage": why}}
    return json.dumps(partial if count else {}).encode()


def _why(receipt: Receipt) -> str:
    """Say which spans are refused, and why; the first few of them."""
    some = receipt.refused[:_TOLD]
    more = len(receipt.refused) - len(some)
    said = [f"span {one.index}: {one.why}" for one in some]
    return "; ".join([*said, *([f"and {more} more"] if more else [])])
