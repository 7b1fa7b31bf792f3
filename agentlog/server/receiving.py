"""Takes in what is posted, as `POST /v1/events` is: the body to the writer and back.

The rule: bodies are parsed one at a time, as what is parsed is many times as large; who would have
to wait for it too long is told at once to come again; and an answer is given after the commit.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from structlog.typing import FilteringBoundLogger

from agentlog.server import intake
from agentlog.server.envelope import Rejection
from agentlog.server.guard import problem
from agentlog.server.incoming import Incoming, Refused
from agentlog.server.writer import Broken, Busy, NotKept, Writer
from agentlog.store import Receipt

WAIT: Final = 5.0
"""Seconds that a body waits for others to be parsed: clients wait ten, and send it again then."""

_JSON: Final = "application/json"

T = TypeVar("T")

Read = Callable[[bytes, str | None], intake.Batch | Rejection]
"""Makes a batch of a body and its `Content-Encoding`."""


class Receiving:
    """The way of a batch from a request to its receipt.

    Args:
        incoming: Reads the body.
        writer: Stores it.
        log: Told of each batch, in a line.

    """

    def __init__(self, incoming: Incoming, writer: Writer, log: FilteringBoundLogger) -> None:
        self._incoming = incoming
        self._writer = writer
        self._log = log
        self._thread = ThreadPoolExecutor(1, "agentlog-intake")

    async def events(self, request: Request) -> Response:
        """Answer `POST /v1/events`."""
        if kind_of(request) != _JSON:
            raise Refused(415, f"the body is JSON: Content-Type: {_JSON}")
        return JSONResponse(receipt_json(await self.take(request, intake.read)))

    async def take(self, request: Request, read: Read) -> Receipt:
        """Store what a way of reading makes of a body; raises `Refused`, and what is not kept."""
        began = time.perf_counter()
        project = request.state.project
        with self._telling(project):
            async with self._incoming.body(request) as body:
                size = len(body)
                encoding = request.headers.get("content-encoding")
                batch = await self._in_thread(lambda: read(body, encoding))
            if isinstance(batch, Rejection):
                raise Refused(batch.status, batch.detail)
            return await self._store(project, batch, began, bytes=size)

    async def submit(self, project: str, found: Sequence[intake.Found]) -> Receipt:
        """Store records that came by another way; raises what the writer raises."""
        began = time.perf_counter()
        with self._telling(project):
            batch = await self._in_thread(lambda: intake.of_records(found))
            return await self._store(project, batch, began)

    def close(self) -> None:
        """Wait for what is being parsed."""
        self._thread.shutdown(cancel_futures=True)

    @contextmanager
    def _telling(self, project: str) -> Iterator[None]:
        """Log for a block why a batch is not kept."""
        try:
            yield
        except (Refused, NotKept) as error:
            why = error.detail if isinstance(error, Refused) else str(error)
            self._log.warning("batch refused", project=project, status=error.status_code, why=why)
            raise

    async def _in_thread(self, work: Callable[[], T]) -> T:
        asked = time.monotonic()

        def timely() -> T:
            if time.monotonic() - asked > WAIT:
                raise Busy(2)
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, timely)

    async def _store(
        self, project: str, batch: intake.Batch, began: float, **more: object
    ) -> Receipt:
        receipt = await self._writer.submit(project, batch)
        self._log.info(
            "batch",
            project=project,
            **more,
            accepted=receipt.accepted,
            refused=len(receipt.refused),
            ms=round((time.perf_counter() - began) * 1000, 1),
        )
        return receipt


def kind_of(request: Request) -> str:
    """Return the media type of a body."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def receipt_json(receipt: Receipt) -> dict[str, object]:
    """Return a receipt as it goes over the wire; `asdict` is slow where much is refused."""
    refused = [{"index": one.index, "id": one.id, "why": one.why} for one in receipt.refused]
    return {"accepted": receipt.accepted, "refused": refused}


async def not_kept(_request: Request, error: Exception) -> Response:
    """Answer that a batch is not kept."""
    told = why_not_kept(error)
    return problem(told.status_code, told.detail, dict(told.headers or {}))


def why_not_kept(error: Exception) -> HTTPException:
    """Say that a batch is not kept, or that the store cannot be used, and when to come again."""
    told = error if isinstance(error, NotKept) else Broken(str(error))
    return HTTPException(told.status_code, str(told), {"Retry-After": str(told.retry_after)})
