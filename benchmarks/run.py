"""What it all costs; `make bench` writes the tables into benchmarks/README.md.

The first table is made here, and is of recording and replaying; shipping.py makes the second, and
collecting.py the third.

A recording call is given as a ratio to the floor and to OpenTelemetry's SDK. All subjects run in
one process and take turns, a round each, so that a machine that slows down slows all of them. A
figure is the median of the rounds, in CPU time of the thread. The floor is what no recorder can do
without: a context variable set and reset, two clocks, an id, one dict and one append.
"""

import gc
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import ChainMap, deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import collecting
import shipping
import structlog
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from table import Row, formatted, write

import agentlog as ao
from agentlog.bridges.otel import EventSpanProcessor

ROUNDS, CALLS = 40, 250

QUERY = "how do agents find documents?"
QUESTION = "Say in two sentences, with what the documents have about it and no more, " + QUERY
PARAMS = {"query": QUERY, "limit": 10, "lang": "en"}
RULE = ao.select.level("error") | ao.select.has("tool") & ~ao.select.event("retry*")
PLAIN = ("The quick brown fox jumps over the lazy dog near the river, then sleeps. " * 140)[:10_000]
PROSE = ("See https://example.com/a/b?c=d for the token of the key, and more of it there. " * 130)[
    :10_000
]

Call = Callable[[], object]


# -- The subjects ----------------------------------------------------------------------------------


def floor() -> Call:
    variable: ContextVar[Any] = ContextVar("floor", default=None)
    events: deque[dict[str, Any]] = deque(maxlen=1000)
    bits = random.Random().getrandbits

    def call() -> None:
        token = variable.set("parent")
        started = time.time()
        event = {
            "id": f"{bits(64):016x}",
            "event_type": "plan",
            "timestamp": started,
            "params": {"query": QUERY, "limit": 10, "lang": "en"},
        }
        event["duration"] = time.perf_counter()
        events.append(event)
        variable.reset(token)

    return call


def opentelemetry() -> Call:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("bench")
    calls = iter(range(1, 1 << 60))

    def call() -> None:
        with tracer.start_as_current_span(
            "plan", attributes={"query": QUERY, "limit": 10, "lang": "en"}
        ):
            pass
        if next(calls) % 1000 == 0:
            exporter.clear()

    return call


def with_block(client: ao.Client) -> Call:
    def call() -> None:
        with client.action("plan", params={"query": QUERY, "limit": 10, "lang": "en"}):
            pass

    return call


def decorated(client: ao.Client) -> Call:
    @client.record_action("plan")
    def plan(query: str, limit: int) -> int:
        return limit

    return lambda: plan(QUERY, 10)


def span(
    processor: SpanProcessor, started: dict[str, Any], ended: dict[str, Any] | None = None
) -> Call:
    """A span with what it says when it starts, and when it ends."""
    provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("bench")
    late = (ended or {}).items()

    def call() -> None:
        with tracer.start_as_current_span("plan", attributes=started) as span:
            for name, value in late:
                span.set_attribute(name, value)

    return call


def chat(count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What OpenInference's instrumentation of OpenAI says when a call starts, and when it ends."""
    roles = ["system", *("user", "assistant") * count][:count]
    messages = [{"role": role, "content": f"{at}: {QUESTION}"} for at, role in enumerate(roles)]
    asked = {"model": "gpt-4o", "temperature": 0.2}
    answer = {"role": "assistant", "content": "They search an index by words and by meaning."}
    usage = {"completion_tokens": 12, "prompt_tokens": 50, "total_tokens": 62}
    choice = {"finish_reason": "stop", "index": 0, "logprobs": None, "message": answer}
    answered = {"id": "chatcmpl-b1027cff6da1", "choices": [choice], "usage": usage}
    said = (("input", messages), ("output", [answer]))
    spread = [
        {f"llm.{side}_messages.{at}.message.{name}": text for name, text in message.items()}
        for side, told in said
        for at, message in enumerate(told)
    ]
    started = {
        "openinference.span.kind": "LLM",
        "llm.system": "openai",
        "input.value": json.dumps({**asked, "messages": messages}),
        "input.mime_type": "application/json",
    }
    ended = {
        "output.value": json.dumps(answered),
        "output.mime_type": "application/json",
        "llm.invocation_parameters": json.dumps(asked),
        **dict(ChainMap(*spread)),
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.token_count.total": 62,
        "llm.token_count.prompt": 50,
        "llm.token_count.completion": 12,
        "llm.finish_reason": "stop",
        "openinference.span.kind": "LLM",
    }
    return started, ended


ASKED_SHORTLY = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.model_name": "gpt-4o",
    "input.value": QUERY,
    "input.mime_type": "text/plain",
}
ANSWERED_SHORTLY = {
    "output.value": "They search an index by words and by meaning.",
    "output.mime_type": "text/plain",
    "llm.token_count.prompt": 12,
    "llm.token_count.completion": 8,
    "llm.token_count.total": 20,
}
GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.2,
}
GENAI_AT_END = {
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 8,
}
REQUEST = {
    "http.request.method": "GET",
    "url.full": "https://api.example.com/v1/documents?page=2",
    "http.response.status_code": 200,
    "server.address": "api.example.com",
    "network.protocol.version": "1.1",
}


SPANS = (
    ("span that becomes an event", ({},), 15),
    ("the same with 3 attributes", (PARAMS,), 15),
    ("span of a request, 5 attributes with a URL", (REQUEST,), 0),
    ("span of a call, 10 attributes of OpenInference's", (ASKED_SHORTLY, ANSWERED_SHORTLY), 0),
    ("span of a call, 8 attributes of GenAI's", (GENAI, GENAI_AT_END), 0),
    ("span of a call with 2 messages", chat(2), 0),
    ("span of a call with 20 messages", chat(20), 0),
)
"""What spans say when they start and when they end, and the most that they may cost more."""


def text_param(client: ao.Client, text: str) -> Call:
    event = ao.Event("read", params={"text": text})
    return lambda: client.record(event)


def log_line(*ways: ao.EventProcessor, logger: Any = None, **line: Any) -> Call:
    log = structlog.wrap_logger(
        logger or structlog.testing.ReturnLogger(),
        processors=[structlog.stdlib.add_log_level, *ways, drop],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return lambda: log.info("searched", query=QUERY, limit=10, **line)


def plain_line(handler: logging.Handler) -> Call:
    log = logging.Logger("bench", logging.INFO)  # noqa: LOG001 - one of its own
    log.addHandler(handler)
    return lambda: log.info("searched %s", QUERY)


def drop(_logger: Any, _method: str, _line: Any) -> str:
    raise structlog.DropEvent


# -- Measuring -------------------------------------------------------------------------------------


def medians(subjects: dict[str, Call]) -> dict[str, float]:
    """Return the microseconds of a call of each subject, measured in turns."""
    rounds: dict[str, list[float]] = {name: [] for name in subjects}
    for call in subjects.values():
        once(call)
    gc.disable()
    for _ in range(ROUNDS):
        for name, call in subjects.items():
            rounds[name].append(once(call))
        gc.collect()
    gc.enable()
    return {name: statistics.median(figures) for name, figures in rounds.items()}


def once(call: Call) -> float:
    before = time.thread_time_ns()
    for _ in range(CALLS):
        call()
    return (time.thread_time_ns() - before) / CALLS / 1000


def recording() -> Iterator[Row]:
    client = ao.Client()
    subjects = {"floor": floor(), "otel": opentelemetry()}
    with client.session(), client.action("run"):
        figures = medians(
            subjects
            | {
                "with": with_block(client),
                "decorated": decorated(client),
                "plain": text_param(client, PLAIN),
                "prose": text_param(client, PROSE),
                "line": log_line(),
                "unselected": log_line(ao.EventProcessor(client)),
                "by rule": log_line(ao.EventProcessor(client, select=RULE)),
                "handed on": log_line(ao.EventProcessor(client), logger=logging.getLogger()),
                "marked": log_line(event_type="search"),
                "selected": log_line(ao.EventProcessor(client), event_type="search"),
                "plain line": plain_line(logging.NullHandler()),
                "handled": plain_line(ao.EventHandler(client)),
            }
        )
    one, otel = figures["floor"], figures["otel"]
    yield Row("the floor", f"{one:.2f} µs", "", met=True)
    yield Row("OpenTelemetry's span", f"{otel / one:.1f} × the floor", "", met=True)
    for name, what in (
        ("with", "`with action(...)`, 3 params"),
        ("decorated", "decorated call, 2 params"),
    ):
        by_floor, by_otel = figures[name] / one, figures[name] / otel
        yield Row(
            what,
            f"{by_floor:.1f} × the floor, {by_otel:.2f} × OTel",
            "10 × the floor and 0.5 × OTel",
            by_floor <= 10 and by_otel <= 0.5,
        )
    traced = ao.Client()  # a client of their own: with spans, actions and lines look for those, too
    with traced.session(), traced.action("run"):
        figures |= medians(
            subjects
            | {name: span(SpanProcessor(), *said) for name, said, _ in SPANS}
            | {f"{name} event": span(EventSpanProcessor(traced), *said) for name, said, _ in SPANS}
        )
    one = figures["floor"]
    for name, _, most in SPANS:
        added = figures[f"{name} event"] - figures[name]
        figure = (
            f"{added:.1f} µs, {added / figures[name]:.2f} × the span, {added / one:.0f} × the floor"
        )
        limit = f"{most} µs" if most else ""
        yield Row(f"{name}, added", figure, limit, not most or added <= most)
    line = figures["line"]
    for what, added, most in (
        ("structlog line selected, added", figures["selected"] - figures["marked"], 7),
        ("structlog line not selected, added", figures["unselected"] - line, 1),
        ("the same, by a rule of three parts", figures["by rule"] - line, 1),
        ("the same, on its way to logging", figures["handed on"] - line, 1),
        ("plain line not selected, added", figures["handled"] - figures["plain line"], 0),
        ("10 kB text without a hint of a secret", figures["plain"], 250),
    ):
        yield Row(
            what,
            f"{added / one:.2f} × the floor",
            f"{most} × the floor" if most else "",
            not most or added <= most * one,
        )
    yield Row(
        "10 kB of prose with URLs, token, key",
        f"{figures['prose']:.0f} µs",
        "1 ms",
        figures["prose"] <= 1000,
    )


def imports() -> Iterator[Row]:
    code = (
        "import structlog, sys, time; t = time.perf_counter(); import agentlog; "
        "print((time.perf_counter() - t) * 1000, "
        "*{'requests', 'sqlite3', 'opentelemetry', 'starlette'} & set(sys.modules))"
    )
    runs = [python("-c", code).split() for _ in range(9)]
    took = statistics.median(float(run[0]) for run in runs)
    heavy = runs[0][1:]
    yield Row("import over structlog's", f"{took:.1f} ms", "15 ms", took <= 15)
    yield Row("heavy modules it imports", ", ".join(heavy) or "none", "none", not heavy)


def memory() -> Iterator[Row]:
    code = (
        "import agentlog as ao\n"
        "def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6\n"
        "client = ao.Client()\n"
        "def run(n):\n"
        "    for i in range(n):\n"
        "        with client.action('step', params={'i': i, 'name': f'step {i}'}): pass\n"
        "run(1000); before = rss(); run(200_000); print(rss() - before)"
    )
    grown = float(python("-c", code))
    yield Row("memory over 200,000 events", f"{grown:.1f} MB", "10 MB", grown <= 10)


def replaying() -> Iterator[Row]:
    code = (
        "import agentlog as ao\n"
        "client = ao.Client()\n"
        "with client.session():\n"
        "    for i in range(100):\n"
        "        with client.action(f'part {i}'):\n"
        "            for j in range(99):\n"
        "                with client.action('step', params={'j': j, 'name': f'step {j}'}): pass"
    )
    python("-c", code)
    first = timed(lambda: python("-m", "agentlog", "replay", "last"))
    again = statistics.median(
        timed(lambda: python("-m", "agentlog", "replay", "last", "--all")) for _ in range(5)
    )
    yield Row("replay of 10,000 events, first uptake", f"{first:.2f} s", "3 s", first <= 3)
    yield Row("replay of 10,000 events, once taken up", f"{again:.2f} s", "1 s", again <= 1)


def timed(call: Call) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def python(*arguments: str) -> str:
    """Run Python in a process of its own, with bytecode, as an installed package has it."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout


# -- The tables ------------------------------------------------------------------------------------


def recorded() -> Iterator[Row]:
    for part in (recording, imports, memory, replaying):
        with tempfile.TemporaryDirectory() as home:
            os.environ["AGENTLOG_HOME"] = home
            yield from part()


def shipped() -> Iterator[Row]:
    for part in shipping.PARTS:
        yield from part()


def collected() -> Iterator[Row]:
    for part in collecting.PARTS:
        yield from part()


TABLES = (
    (recorded, "recording", "at most"),
    (shipped, "shipping", "limit"),
    (collected, "collecting", "limit"),
)


def main() -> int:
    met = True
    for made, mark, limit in TABLES:
        rows = list(made())
        text = formatted(rows, limit)
        print(text, end="\n\n")
        write(text, mark)
        met = met and all(row.met for row in rows)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
