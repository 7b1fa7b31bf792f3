"""What a store in a ClickHouse costs, with many events in place.

    python benchmarks/scale.py [--events 5000000] [--directory DIR] [--collector]

It fills a store, measures how fast more goes in, what is asked of it and what it takes on disk, and
prints a table; it takes minutes, and `make bench` leaves it out. With `--directory` what was filled
stays there, for the next time; with `--collector` it is sent to a collector, too. The engine is
chDB behind the server of the tests, or what AGENTLOG_TEST_CLICKHOUSE=host:port names. Batches are
made before the clock runs; of several rounds the best counts, the median stands beside it, and what
was worse than its limit is marked as **missed**.
"""

import argparse
import itertools
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import collecting

from agentlog.store import SessionFilter, where
from agentlog.store.clickhouse.link import Link
from agentlog.store.engine import Portion
from agentlog.store.intake import entry_of_record

BATCH, OF_A_SESSION, ROUNDS = 5_000, 400, 5
LEAST_RATE, LEAST_COLLECTED, MOST_BYTES = 60_000, 20_000, 200
MOST_SESSION, MOST_LIST, MOST_SEARCH = 50, 50, 500
SENDERS = 2

SHIPPERS = 8
"""Programs that ship at once: whoever needs a ClickHouse has many."""

_random = random.Random(11)
_PARTS = [first + last for first in "bcdfghjklmnprst" for last in "aeiou"]
_VOCABULARY = sorted(
    {"".join(_random.choices(_PARTS, k=_random.choice((2, 2, 3, 3, 4)))) for _ in range(20_000)},
    key=lambda word: (len(word), word),
)
_WEIGHTS = list(itertools.accumulate(1 / (place + 10) for place in range(len(_VOCABULARY))))


# -- Records ---------------------------------------------------------------------------------------


def text(words):
    """Make a text of words that are as common and as rare as those of a language."""
    return " ".join(_random.choices(_VOCABULARY, cum_weights=_WEIGHTS, k=words))


def records(sessions, now):
    """Make the records of sessions: half of their events in two halves, one in ten an LLM's."""
    for _ in range(sessions):
        session = f"{int(now * 1000):012x}7{_random.getrandbits(76):019x}"
        root = {"id": f"{_random.getrandbits(64):016x}", "session_id": session}
        opened = {"event_type": "agent.py", "action_type": "session", "timestamp": round(now, 6)}
        yield {**root, "parent_id": None, **opened, "tags": ["prod", _random.choice(("eu", "us"))]}
        for _ in range(OF_A_SESSION - 1):
            now += _random.random() * 0.02
            yield from _event(session, root["id"], round(now, 6))
        yield {
            **root,
            "end_timestamp": round(now, 6),
            "result": _random.choice(("Success", "Fail")),
        }


def _event(session, parent, now):
    address = {"id": f"{_random.getrandbits(64):016x}", "session_id": session}
    whole = {**address, "parent_id": parent, "timestamp": now, "end_timestamp": round(now + 0.5, 6)}
    kind = _random.random()
    if kind < 0.5:
        params = {"query": text(8), "limit": 10, "lang": "en"}
        named = {"event_type": "search_documents", "action_type": "tool", "timestamp": now}
        yield {**address, "parent_id": parent, **named, "params": params}
        yield {**address, "end_timestamp": whole["end_timestamp"], "result": "Success",
               "returns": [text(5)]}  # fmt: skip
    elif kind < 0.6:
        tokens = {"prompt_tokens": _random.randrange(3000), "completion_tokens": 100}
        named = {"event_type": "ChatCompletion", "action_type": "llm", "result": "Success"}
        prompt = [{"role": "user", "content": text(30)}]
        yield {**whole, **named, "model": "gpt-4", "prompt": prompt, "returns": text(30), **tokens}
    else:
        line = {"action_type": "log", "level": "info", "logger": "agent.search"}
        yield {**whole, "event_type": text(3), **line, "params": {"query": text(4)}}


def batches(count, now):
    """Make so many batches of entries."""
    made = records(10**9, now)
    for _ in range(count):
        yield [entry_of_record(record) for record in itertools.islice(made, BATCH)]


# -- The engine ------------------------------------------------------------------------------------


@contextmanager
def server(directory):
    """Start the engine, or take the one that is named; give its address."""
    named = os.environ.get("AGENTLOG_TEST_CLICKHOUSE")
    if named:
        yield named
        return
    program = Path(__file__).parents[1] / "tests" / "store" / "chdb_server.py"
    with subprocess.Popen(
        [sys.executable, program, directory / "engine"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def put(place, made):
    """Put batches from some threads; return the seconds that it took."""
    waiting = queue.SimpleQueue()
    for batch in made:
        waiting.put(batch)
    sinks = [place.sink() for _ in range(SENDERS)]
    threads = [threading.Thread(target=_send, args=(sink, waiting)) for sink in sinks]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    for sink in sinks:
        sink.close()
    return took


def _send(sink, waiting):
    while True:
        try:
            batch = waiting.get_nowait()
        except queue.Empty:
            return
        sink.put([Portion("", batch, time.time())])


def fill(place, events):
    """Bring a store to so many events, if it has fewer."""
    with place.open() as store:
        there = store.stats().events
    began, now, rate = time.perf_counter(), 1_795_000_000.0 + there, 0.0
    while there < events:
        made = list(batches(40, now))
        took = put(place, made)
        rate = 40 * BATCH / took
        now += 40 * BATCH / OF_A_SESSION * 4
        there += int(40 * BATCH / 1.5)
        print(f"  {there:>10,} events, {rate:>8,.0f} records/s", end="\r", flush=True)
    print(f"\nfilled in {time.perf_counter() - began:.0f} s")
    return now


# -- The figures -----------------------------------------------------------------------------------


def asked(name, most, question):
    """Ask several times; print what it took, and whether that is more than it may take."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = question()
        took.append((time.perf_counter() - began) * 1000)
    figure = f"{min(took):.0f} ms (median {statistics.median(took):.0f})"
    bound = f"<= {most} ms" if most else ""
    told(name, figure, bound, found, met=not most or min(took) <= most)


def told(name, figure, bound, found="", *, met):
    missed = "" if met else "**missed**"
    print(f"| {name:<44} | {figure:>26} | {bound:>12} | {missed:<10} | {found}", flush=True)


def rated(name, rates, least):
    figure = f"{max(rates):,.0f}/s (median {statistics.median(rates):,.0f})"
    told(name, figure, f">= {least:,}/s" if least else "", met=max(rates) >= least)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--collector", action="store_true", help="measure one, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = given.directory or Path(temporary)
        with server(directory) as address:
            place = where.find(f"clickhouse://{address}/scale")
            place.sink().close()
            now = fill(place, given.events)
            inserted(place, now)
            read(place)
            if given.collector:
                collected(directory, address)


def inserted(place, now):
    """Measure how fast more goes in."""
    rates = []
    for part in range(ROUNDS):
        made = list(batches(20, now + part * 10_000))
        rates.append(len(made) * BATCH / put(place, made))
    rated(f"insert, batches of {BATCH:,}", rates, LEAST_RATE)


def settle(place):
    """Wait until what was put is merged, as most of it is in a store at any time."""
    link = Link(place)
    while link.rows("SELECT 1 FROM system.merges"):
        time.sleep(1)
    link.close()


def read(place):
    """Measure what a person asks for."""
    settle(place)
    with place.open() as store:
        stats = store.stats()
        size = stats.size / stats.events
        told("on disk", f"{size:.0f} bytes/event", f"<= {MOST_BYTES}",
             f"{stats.events:,} events in {stats.sessions:,}", met=size <= MOST_BYTES)  # fmt: skip
        newest = [one.id for one in store.sessions(SessionFilter(limit=200))]
        some = itertools.cycle(newest)
        asked("a session of 400 events", MOST_SESSION, lambda: len(store.session(next(some))))
        asked("its outline", MOST_SESSION, lambda: outlined(store, next(some)))
        with ExitStack() as stack:
            new = iter([stack.enter_context(place.open()) for _ in range(ROUNDS)])
            asked("the list, 50 sessions, for the first time", MOST_LIST,
                  lambda: len(next(new).sessions(SessionFilter(limit=50))))  # fmt: skip
        asked("the list, 50 sessions, again", MOST_LIST,
              lambda: len(store.sessions(SessionFilter(limit=50))))  # fmt: skip
        asked("the list, those that failed, again", MOST_LIST,
              lambda: len(store.sessions(SessionFilter(limit=50, result="Fail"))))  # fmt: skip
        asked("the list, a tag that none has", MOST_LIST,
              lambda: len(store.sessions(SessionFilter(limit=50, tag="nowhere"))))  # fmt: skip
        asked("what 50 sessions cost", None, lambda: len(list(store.calls(newest[:50]))))
        common, rare, rarer = _VOCABULARY[0], _VOCABULARY[len(_VOCABULARY) // 2], _VOCABULARY[-1]
        for name, wanted in (
            ("a common word", common),
            ("a rare word", rare),
            ("a rarer word", rarer),
            ("two common words", f"{common} {_VOCABULARY[1]}"),
            ("a common and a rare word", f"{common} {rare}"),
            ("a beginning", rare[:4]),
            ("a letter", "a"),
            ("a word that is nowhere", "zzqqxx"),
            ("the name of a field", "params"),
        ):
            asked(f"search: {name}", MOST_SEARCH, lambda wanted=wanted: len(store.search(wanted)))


def outlined(store, session_id):
    with store.outline(session_id) as parts:
        return sum(map(len, parts))


def collected(directory, address):
    """Measure what goes through one collector, from a program that ships and from many."""
    bodies = collecting.bodies(collecting.RECORDS)
    with collecting.collector(f"clickhouse://{address}/scale", directory / "home") as collector:
        for shippers, least in ((1, 0), (SHIPPERS, LEAST_COLLECTED)):
            rates = [
                collecting.shipped(collector, bodies, connections=shippers)[0] for _ in range(3)
            ]
            rated(f"through one collector, from {shippers} at once", rates, least)


if __name__ == "__main__":
    main()
