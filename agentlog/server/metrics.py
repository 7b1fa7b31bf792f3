"""`/healthz` and `/metrics`.

The rule: a number has no label that a client can choose, so that neither ids nor names of projects
get in, and there is always the same, small number of them.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
"""

import os
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentlog._version import __version__
from agentlog.server.writer import Writer

KIND: Final = "text/plain; version=0.0.4; charset=utf-8"
_NO_TOTALS = ("queued", "behind", "size", "connections", "running", "seconds_since")


class Metrics:
    """Counts answers by their class, and gives that with the writer's own numbers."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._began = time.time()
        self._answers = dict.fromkeys(("1xx", "2xx", "3xx", "4xx", "5xx"), 0)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application to count its answers."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._answers[f"{message['status'] // 100}xx"] += 1
                await send(message)

            await app(scope, receive, sending)

        return counted

    async def health(self, _request: Request) -> Response:
        """Answer `GET /healthz`."""
        is_well = self._writer.is_well
        status = "ok" if is_well else "the store cannot be written"
        return JSONResponse({"status": status}, 200 if is_well else 503)

    async def metrics(self, _request: Request) -> Response:
        """Answer `GET /metrics`."""
        return Response("\n".join(self._lines()) + "\n", media_type=KIND)

    def _lines(self) -> list[str]:
        lines = [
            "# TYPE agentlog_info gauge",
            f'agentlog_info{{version="{__version__}"}} 1',
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self._began:.3f}",
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {sum(os.times()[:2]):.2f}",
            "# TYPE agentlog_responses_total counter",
            *(
                f'agentlog_responses_total{{class="{name}"}} {count}'
                for name, count in self._answers.items()
            ),
        ]
        for name, value in self._writer.figures().items():
            is_gauge = any(word in name for word in _NO_TOTALS)
            full = f"agentlog_{name}" if is_gauge else f"agentlog_{name}_total"
            lines += [f"# TYPE {full} {'gauge' if is_gauge else 'counter'}", f"{full} {value}"]
        return lines
