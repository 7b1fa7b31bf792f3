"""What collecting costs: the third table of `make bench`.

    python benchmarks/collecting.py [intake] [full] [spans] [reading] [start]

measures it alone, or just these parts of it, and writes nothing; `full` fills a store with
5,000,000 records first, which takes some minutes, and is not done unless it is asked for. The
collector is `agentlog serve` in a process of its own, asked over real sockets; client and collector
share the machine. Batches are made before the clock runs, so that the figures are the collector's.
"""

import http.client
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import spans_in
from table import Row, formatted

from agentlog.store.intake import entry_of_record
from agentlog.store.sqlite.store import SqliteStore

RECORDS, BATCH, CONNECTIONS = 100_000, 500, 2
LEAST_RATE, LEAST_SPANS, MOST_LATE, MOST_MEMORY = 25_000, 10_000, 250, 150
FULL = 5_000_000
SEARCHED = 1_000_000
LARGE_SESSION = 10_000
EVENTS_OF_A_SESSION = 1_000

_random = random.Random(7)
_WORDS = [
    head + tail
    for head in ("search", "doc", "plan", "answer", "weather", "agent", "token", "river")
    for tail in ("", "s", "ing", "ed", "er", "ment", "able", "ful")
]


# -- Records ---------------------------------------------------------------------------------------


def records(count: int, *, of_a_session: int = EVENTS_OF_A_SESSION) -> Iterator[dict]:
    """Make the records of a program: a third are of actions, in two halves, the others whole."""
    now, made = 1_795_252_458.5, 0
    while made < count:
        session = f"{int(now * 1000):012x}7{_random.getrandbits(76):019x}"
        root = f"{_random.getrandbits(64):016x}"
        half = {"id": root, "session_id": session}
        yield {**half, "parent_id": None, **_opened("agent.py", "session", now)}
        made += 1
        for _ in range(of_a_session):
            now += 0.01
            for record in _event({"session_id": session, "parent_id": root}, now):
                yield record
                made += 1
        yield {**half, "end_timestamp": now, "result": "Success"}


def _event(place: dict, now: float) -> Iterator[dict]:
    address = {"id": f"{_random.getrandbits(64):016x}", **place}
    params = {"query": " ".join(_random.choices(_WORDS, k=8)), "limit": 10, "lang": "en"}
    opened = {**address, **_opened("search_documents", "tool", now), "params": params}
    closed = {"end_timestamp": now + 0.005, "result": "Success"}
    if _random.random() < 0.5:
        yield opened
        yield {"id": address["id"], "session_id": address["session_id"], **closed}
    else:
        yield {**opened, **closed}


def _opened(name: str, kind: str, now: float) -> dict:
    return {"event_type": name, "action_type": kind, "timestamp": now}


def bodies(count: int) -> list[bytes]:
    """Make batches as the shipper sends them."""
    made = records(count)
    return [_packed([next(made) for _ in range(BATCH)]) for _ in range(count // BATCH)]


def _packed(batch: list[dict]) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    text = json.dumps({"events": batch}, separators=(",", ":"))
    return packer.compress(text.encode()) + packer.flush()


def fill(path: Path, count: int, *, of_a_session: int = EVENTS_OF_A_SESSION) -> None:
    """Put so many records into a store, and into its index."""
    with SqliteStore(path) as store:
        made = records(count, of_a_session=of_a_session)
        for _ in range(0, count, 5_000):
            with store.writing():
                store.put_entries([entry_of_record(next(made)) for _ in range(5_000)])
        store.index_all()


# -- The collector ---------------------------------------------------------------------------------


class Collector:
    """`agentlog serve` in a process of its own."""

    def __init__(self, process: subprocess.Popen, address: str) -> None:
        parts = urlsplit(address)
        self._process = process
        self.port = parts.port
        self.token = parse_qs(parts.query)["token"][0]

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def get(self, path: str) -> tuple[float, bytes]:
        """Read; return the seconds that it took, and the answer."""
        connection = self.connection()
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        connection.close()
        assert answer.status == 200, body
        return took, body

    def memory(self, *, peak: bool = False) -> float:
        """Return the MB that it has, or has had at most."""
        name = "VmHWM:" if peak else "VmRSS:"
        lines = Path(f"/proc/{self._process.pid}/status").read_text("utf-8").splitlines()
        (line,) = (line for line in lines if line.startswith(name))
        return int(line.split()[1]) * 1024 / 1e6


@contextmanager
def collector(store: Path | str, home: Path | None = None) -> Iterator[Collector]:
    environment = {name: value for name, value in os.environ.items() if "AGENTLOG" not in name}
    environment |= {
        "AGENTLOG_HOME": str(home or store.parent / "home"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    command = [sys.executable, "-m", "agentlog", "serve", "--port", "0", "--no-browser"]
    with subprocess.Popen(
        [*command, "--store", store],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        try:
            yield Collector(process, process.stdout.readline().strip())
        finally:
            process.terminate()


@contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@dataclass(frozen=True)
class Way:
    """How batches are sent, and what says that all of one is stored."""

    path: str
    kind: str
    size: int
    receipt: bytes


RECORDS_IN = Way(
    "/v1/events",
    "application/json",
    BATCH,
    json.dumps({"accepted": BATCH, "refused": []}, separators=(",", ":")).encode(),
)
SPANS_IN = Way("/v1/traces", "application/x-protobuf", spans_in.BATCH, b"")


def shipped(
    server: Collector,
    batches: list[bytes],
    way: Way = RECORDS_IN,
    connections: int = CONNECTIONS,
) -> tuple[float, list[float]]:
    """Send batches over some connections at once; return events a second, and what each took."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in batches:
        waiting.put(body)
    took: list[float] = []
    senders = [
        threading.Thread(target=_send, args=(server.connection(), waiting, took, way))
        for _ in range(connections)
    ]
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(took) == len(batches)
    return way.size * len(batches) / (time.perf_counter() - began), sorted(took)


def _send(
    connection: http.client.HTTPConnection,
    waiting: "queue.SimpleQueue[bytes]",
    took: list[float],
    way: Way,
) -> None:
    headers = {"Content-Type": way.kind, "Content-Encoding": "gzip"}
    while not waiting.empty():
        began = time.perf_counter()
        connection.request("POST", way.path, waiting.get(), headers)
        receipt = connection.getresponse().read()
        took.append(time.perf_counter() - began)
        assert receipt == way.receipt, receipt


# -- Rows ------------------------------------------------------------------------------------------


def intake() -> Iterator[Row]:
    with directory() as path:
        fill(path / "store.db", RECORDS)
        yield from _rates(path / "store.db", f"a store of {RECORDS:,}", LEAST_RATE)


def full() -> Iterator[Row]:
    with directory() as path:
        fill(path / "store.db", FULL)
        yield from _rates(path / "store.db", f"a store of {FULL:,}", LEAST_RATE * 2 // 3)


def _rates(store: Path, where: str, least: int) -> Iterator[Row]:
    batches = bodies(RECORDS)
    with collector(store) as server:
        shipped(server, bodies(10 * BATCH))
        rate, took = shipped(server, batches)
        memory = server.memory(peak=True)
        behind = _seconds_behind(server)
    late = took[int(0.99 * len(took))] * 1000
    what = f"{RECORDS:,} records into {where}"
    yield Row(what, f"{rate:,.0f}/s", f"at least {least:,}/s", rate >= least)
    yield Row("a batch of it, p99", f"{late:.0f} ms", f"at most {MOST_LATE} ms", late <= MOST_LATE)
    yield Row(
        "memory, at its peak",
        f"{memory:.0f} MB",
        f"at most {MOST_MEMORY} MB",
        memory <= MOST_MEMORY,
    )
    yield Row("until a search finds all of it", f"{behind:.1f} s", "", met=True)


def spans() -> Iterator[Row]:
    with directory() as path:
        fill(path / "store.db", RECORDS)
        with collector(path / "store.db") as server:
            shipped(server, spans_in.bodies(10), SPANS_IN)
            rate, took = shipped(server, spans_in.bodies(100), SPANS_IN)
            memory = server.memory(peak=True)
    late = took[int(0.99 * len(took))] * 1000
    what = f"{100 * spans_in.BATCH:,} spans into a store of {RECORDS:,}"
    yield Row(what, f"{rate:,.0f}/s", f"at least {LEAST_SPANS:,}/s", rate >= LEAST_SPANS)
    yield Row(
        f"a batch of {spans_in.BATCH} of them, p99",
        f"{late:.0f} ms",
        f"at most {MOST_LATE} ms",
        late <= MOST_LATE,
    )
    enough = memory <= MOST_MEMORY
    yield Row("memory, at its peak", f"{memory:.0f} MB", f"at most {MOST_MEMORY} MB", enough)


def _seconds_behind(server: Collector) -> float:
    """Send one more record, and wait until a search finds it."""
    (record,) = (next(records(1)) for _ in range(1))
    connection = server.connection()
    body = json.dumps({"events": [{**record, "params": "verylastword"}]})
    began = time.perf_counter()
    connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()
    while not json.loads(server.get("/v1/search?q=verylastword")[1])["results"]:
        time.sleep(0.02)
    return time.perf_counter() - began


def reading() -> Iterator[Row]:
    with directory() as path:
        store = path / "store.db"
        fill(store, SEARCHED)
        fill(store, LARGE_SESSION * 2, of_a_session=LARGE_SESSION)
        with SqliteStore(store) as opened:
            sessions = opened.sessions()
            (large, *_) = (one for one in sessions if one.events > LARGE_SESSION)
        with collector(store) as server:
            yield _timed(server, f"a session of {large.events:,}", f"/v1/sessions/{large.id}", 0.3)
            yield _timed(server, "a list of 100 sessions", "/v1/sessions?limit=100", 0.1)
            for what, text in (
                ("a word of every event", "search_documents"),
                ("two words of many", "rivers+token"),
                ("a letter", "a"),
                ("a word of none", "nowhere"),
            ):
                searched = f"a search over {SEARCHED:,} records, {what}"
                yield _timed(server, searched, f"/v1/search?q={text}", 0.1)


def _timed(server: Collector, what: str, path: str, most: float) -> Row:
    took = statistics.median(server.get(path)[0] for _ in range(5))
    limit = f"at most {most * 1000:.0f} ms"
    return Row(what, f"{took * 1000:.0f} ms", limit, took <= most)


def start() -> Iterator[Row]:
    took, memory = [], []
    with directory() as path:
        for _ in range(6):
            began = time.perf_counter()
            with collector(path / "store.db") as server:
                server.get("/v1/sessions")
                took.append(time.perf_counter() - began)
                memory.append(server.memory())
    first, most = statistics.median(took[1:]), max(memory)
    yield Row("until the first request is answered", f"{first:.2f} s", "0.6 s", first <= 0.6)
    yield Row("memory then", f"{most:.0f} MB", "at most 60 MB", most <= 60)


# -- Alone -----------------------------------------------------------------------------------------

PARTS = (start, intake, spans, reading)


def main() -> int:
    chosen = set(sys.argv[1:])
    wanted = [part for part in (*PARTS, full) if part.__name__ in chosen] or PARTS
    rows = []
    for part in wanted:
        for row in part():
            rows.append(row)
            print(row, file=sys.stderr)
    print(formatted(rows, "limit"))
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
