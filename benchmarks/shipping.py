"""What shipping costs: the second table of `make bench`.

    python benchmarks/shipping.py [burst] [calls] [backlogs] [spans] [idle]

measures it alone, or just these parts of it, and writes nothing. Everything is measured in
processes of its own (programs.py), and ships into a sink on loopback (sink.py), which counts what
arrives.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from table import Row, formatted

HERE = Path(__file__).parent

EVENTS = 200_000
BACKLOGS = (200_000, 1_000_000)
LEAST_RATE = 30_000
SPANS, LEAST_SPANS = (40_000, 200_000), 10_000
"""Of OTLP."""
PAIRS, SECONDS = 10, 4
"""Of paced runs, one with an endpoint and one without, and how long each is measured."""


# -- Rows ------------------------------------------------------------------------------------------


def burst() -> Iterator[Row]:
    with sink() as server, home() as without, home() as shipped:
        server.open()
        local = program("burst", EVENTS, home=without)
        there = program("burst", EVENTS, home=shipped, endpoint=server.endpoint)
        lost = EVENTS - server.totals()["serials"]
    rate, more = EVENTS / there["took"], there["peak"] - local["peak"]
    explain(without=local, shipped=there, sink=server.last)
    yield rated(f"{EVENTS:,} events, recorded and delivered", rate)
    yield Row("of them lost", f"{lost}", "none", lost == there["left"] == 0)
    yield Row("memory, added by the endpoint", f"{more:.1f} MB", "at most 30 MB", more <= 30)


def calls() -> Iterator[Row]:
    with sink() as server:
        server.open()
        pairs = [pair(server.endpoint) for _ in range(PAIRS)]
    explain(pairs=pairs)
    for kind in ("median", "mean"):
        alone = statistics.median(without[kind] for without, _ in pairs)
        added = statistics.median(shipped[kind] / without[kind] for without, shipped in pairs) - 1
        yield Row(
            f"recording call, 2,000 a second, {kind}, added by the endpoint",
            f"{round(100 * added)}% of {alone:.1f} µs",
            "at most 15%",
            added <= 0.15,
        )
    late = statistics.median(shipped["late"] - without["late"] for without, shipped in pairs)
    yield Row("how much later the calls are made, mean", f"{late:.0f} µs", "", met=True)


def pair(endpoint: str) -> tuple[dict, dict]:
    """Record at the same time without and with an endpoint.

    One after the other will not do: a process that sleeps between its calls is at the mercy of the
    machine, and two runs of the very same program differed by a third. At the same time the medians
    of ten pairs of it were 4% apart at most.
    """
    with home() as local, home() as sent:
        without = start("paced", SECONDS, home=local)
        shipped = start("paced", SECONDS, home=sent, endpoint=endpoint)
        return result(without), result(shipped)


def backlogs() -> Iterator[Row]:
    peaks = []
    for count in BACKLOGS:
        with sink() as server, home() as kept:
            figures, took = shipped_backlog(server, kept, count)
        lost = count - server.last["serials"]
        explain(ship=figures, sink=server.last)
        peaks.append(figures["peak"])
        yield rated(f"`agentlog ship`, a backlog of {count:,}", count / took)
        yield Row("of them lost", f"{lost}", "none", lost == figures["status"] == 0)
        yield Row("memory of the command, at its peak", f"{peaks[-1]:.1f} MB", "", met=True)
    more = peaks[-1] - peaks[0]
    yield Row("the same, added by the larger backlog", f"{more:.1f} MB", "at most 5 MB", more <= 5)


def spans() -> Iterator[Row]:
    peaks = []
    for count in SPANS:
        with sink() as server, home() as kept:
            figures, took = shipped_backlog(server, kept, count, "actions", "otlp+")
        lost = count - server.last["serials"]
        explain(ship=figures, sink=server.last)
        peaks.append(figures["peak"])
        yield rated(f"the same by OTLP, a backlog of {count:,} actions", count / took, LEAST_SPANS)
        yield Row("of them lost", f"{lost}", "none", lost == figures["status"] == 0)
        yield Row("memory of the command, at its peak", f"{peaks[-1]:.1f} MB", "", met=True)
    more = peaks[-1] - peaks[0]
    yield Row("the same, added by the larger backlog", f"{more:.1f} MB", "at most 5 MB", more <= 5)


def shipped_backlog(
    server: "Sink", kept: str, count: int, of: str = "backlog", form: str = ""
) -> tuple[dict, float]:
    """Record while the server is down, then ship; return the command's figures and its seconds."""
    endpoint = form + server.endpoint
    environment = {"home": kept, "endpoint": endpoint, "journal_limit": str(1 << 34)}
    left = program(of, count, **environment)
    assert not left["dropped"]
    server.open()
    started = time.perf_counter()
    figures = program("ship", **environment)
    took = time.perf_counter() - started
    server.totals()
    return figures, took


def idle() -> Iterator[Row]:
    with sink() as server, home() as fresh:
        server.open()
        figures = program("idle", 4, home=fresh, endpoint=server.endpoint)
    share = figures["share"]
    assert not figures["left"]
    yield Row("CPU while there is nothing to ship", f"{share:.2%}", "under 2%", share < 0.02)


def rated(what: str, rate: float, least: int = LEAST_RATE) -> Row:
    return Row(what, f"{rate:,.0f}/s", f"at least {least:,}/s", rate >= least)


# -- Processes -------------------------------------------------------------------------------------


class Sink:
    """A sink in a process of its own; `last` is what it said when it was asked last."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self._port = int(process.stdout.readline())
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.last: dict = {}

    def open(self) -> None:
        """Have it take connections; until then it refuses them."""
        self._process.stdin.write("open\n")
        self._process.stdin.flush()

    def totals(self) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        connection.request("GET", "/count")
        self.last = json.load(connection.getresponse())
        connection.close()
        return self.last


@contextmanager
def sink() -> Iterator[Sink]:
    with subprocess.Popen(
        [sys.executable, HERE / "sink.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Sink(process)


@contextmanager
def home() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as path:
        yield path


def program(name: str, *arguments: int, **settings: str) -> dict:
    """Run one of programs.py with these settings; return what it has measured."""
    return result(start(name, *arguments, **settings))


def start(name: str, *arguments: int, **settings: str) -> subprocess.Popen:
    """Start one of programs.py with these settings and no others.

    A proxy of the environment is left out too: this is loopback.
    """
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("AGENTLOG_") and not key.lower().endswith("_proxy")
    }
    environment |= {f"AGENTLOG_{key.upper()}": value for key, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, HERE / "programs.py", name, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "PYTHONDONTWRITEBYTECODE": ""},
    )


def result(process: subprocess.Popen) -> dict:
    """Wait for a program's end; return what it has measured."""
    output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return json.loads(output.splitlines()[-1])


# -- Alone -----------------------------------------------------------------------------------------

PARTS = (burst, calls, backlogs, spans, idle)


def explain(**figures: object) -> None:
    """Print what is behind the rows, when this is run alone: there somebody looks for the time."""
    if __name__ == "__main__":
        for name, figure in figures.items():
            print(f"{name}: {figure}", file=sys.stderr)


def main() -> int:
    chosen = set(sys.argv[1:])
    rows = [row for part in PARTS if not chosen or part.__name__ in chosen for row in part()]
    print(formatted(rows, "limit"))
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
