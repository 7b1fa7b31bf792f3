"""What is read over HTTP: its form, its order, its pages, and what is asked for wrongly."""

import asyncio
import itertools
import json
import resource
import threading
import time
from contextlib import closing
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from agentlog.server.outline import Outlines
from agentlog.server.reading import MANY, MOST_FOUND, MOST_NAMED, Reading, found_text
from agentlog.store.engine import MOST_READERS
from agentlog.store.sqlite.readers import SqliteReaders
from agentlog.store.sqlite.store import SqliteStore
from tests.busy import up_to
from tests.cli.commandline import agentlog
from tests.documents import ROOT
from tests.server.collector import Collector, event_id, record, session_id, without

WORDS = ("id", "event_type", "timestamp", "end_timestamp", "last", "result", "reason", "rating")
COUNTS = ("tags", "events", "failures", "prompt_tokens", "completion_tokens", "state")


@pytest.fixture(scope="module")
def full(collector):
    """A collector with five sessions: well, failed, running, silent, and one without its root."""
    now = time.time()
    running = without(record(session=3), "end_timestamp", "result")
    silent = without(record(session=4), "end_timestamp", "result")
    collector.post(
        [
            record(session=1, tags=["night", "blue"]),
            record(2, session=1, params={"question": "where is the heron"}),
            record(session=2, result="Fail", reason="no luck", event_type="heron hunt"),
            record(2, session=2, result="Fail", error={"type": "ValueError", "message": "heron"}),
            {**running, "timestamp": now, "tags": ["night"]},
            silent,
            record(2, session=5),
        ]
    )
    return collector


def listed(collector, **asked):
    """Return the numbers of the sessions that a list has, in its order."""
    answer = collector.get(f"/v1/sessions?{urlencode(asked)}")
    assert 200 == answer.status, answer.text
    return [int(one["id"][-3:], 16) for one in answer.json["sessions"]]


def test_a_list_has_the_newest_first(full):
    """Each session as the store sums it up, and what became of it in one word."""
    assert [3, 5, 4, 2, 1] == listed(full)
    sessions = full.get("/v1/sessions").json["sessions"]
    assert {*WORDS, *COUNTS} == set(sessions[0])
    states = [one["state"] for one in sessions]
    assert ["running", "unknown", "silent", "failed", "succeeded"] == states
    assert (2, 2, "heron hunt", "no luck") == tuple(
        sessions[3][name] for name in ("events", "failures", "event_type", "reason")
    )


def test_a_list_comes_in_pages(full):
    """`next` asks for what is behind a page, until there is no more."""
    for limit in (1, 2, 5, 6):
        pages, asked = [], {"limit": limit}
        while True:
            page = full.get(f"/v1/sessions?{urlencode(asked)}").json
            pages.append([one["id"] for one in page["sessions"]])
            if page["next"] is None:
                break
            asked["before"] = page["next"]
        assert [session_id(number) for number in (3, 5, 4, 2, 1)] == [*itertools.chain(*pages)]
        assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"tag": "night"}, [3, 1]),
        ({"tag": "nigh"}, []),
        ({"state": "failed"}, [2]),
        ({"state": "running"}, [3]),
        ({"state": "silent"}, [4]),
        ({"state": "succeeded"}, [1]),
        ({"state": "unknown"}, [5]),
        ({"q": "hunt"}, [2]),
        ({"q": session_id(4)}, [4]),
        ({"q": "nowhere"}, []),
        ({"q": "%_'\"*\0"}, []),
        ({"q": ""}, [3, 5, 4, 2, 1]),
        ({"tag": "night", "state": "succeeded", "limit": 1}, [1]),
    ],
    ids=str,
)
def test_a_list_is_narrowed(asked, expected, full):
    """By a tag, a state, and words of name, tags or id."""
    assert expected == listed(full, **asked)


def test_a_session_has_all_its_events(full):
    """Its own event, and all others by their start, in the form of `agentlog replay --json`."""
    session = full.get(f"/v1/sessions/{session_id(2)}").json
    assert ("heron hunt", [event_id(2)]) == (
        session["session"]["event_type"],
        [event["id"] for event in session["events"]],
    )
    printed = json.loads(full.command("replay", session_id(2), "--json"))
    assert printed == session
    assert full.get(f"/v1/sessions/{session_id(5)}").json["session"] is None


def test_an_event_is_merged(full):
    """One event alone, as all its records have made it."""
    assert record(2, session=1, params={"question": "where is the heron"}) == (
        full.get(f"/v1/events/{session_id(1)}/{event_id(2)}").json
    )


def test_what_is_not_there_is_404(full):
    """Whatever its id looks like."""
    for path in (
        f"/v1/sessions/{session_id(99)}",
        "/v1/sessions/%00",
        "/v1/sessions/last",
        f"/v1/events/{session_id(1)}/{event_id(99)}",
        f"/v1/events/{session_id(99)}/{event_id(1)}",
        "/v1/sessions/",
        "/v1",
    ):
        answer = full.get(path)
        assert 404 == answer.status
        assert {"detail"} == set(answer.json)


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"/v1/sessions?limit={limit}"
            for limit in ("0", "-1", "10001", "a", "", "1.5", "%D9%A3")
        ),
        *(f"/v1/sessions?before={before}" for before in ("x", "1", "1_", "nan_a", "%00")),
        "/v1/sessions?session=1&before=x",
        "/v1/sessions?state=dancing",
        "/v1/search",
        "/v1/search?q=",
        "/v1/search?q=%20",
        "/v1/search?q=a&limit=0",
    ],
)
def test_what_is_asked_wrongly_is_422(path, full):
    """The detail says what is right."""
    answer = full.get(path)
    assert 422 == answer.status
    assert {"detail"} == set(answer.json)


def test_a_search_finds_any_text(full):
    """In names, params and errors, across sessions, the newest first."""

    def found():
        results = full.get("/v1/search?q=heron").json["results"]
        return [(event["session_id"], event["id"]) for event in results]

    expected = [
        (session_id(2), event_id(2)),
        (session_id(2), event_id(1)),
        (session_id(1), event_id(2)),
    ]
    until = time.monotonic() + 10
    while found() != expected and time.monotonic() < until:
        threading.Event().wait(0.05)  # only the collector knows when its index has followed
    assert expected == found()
    assert 1 == len(full.get("/v1/search?q=heron&limit=1").json["results"])
    one = full.get(f"/v1/search?q=heron&session={session_id(1)}").json["results"]
    assert [(session_id(1), event_id(2))] == [(event["session_id"], event["id"]) for event in one]
    assert [] == full.get("/v1/search?q=heron&session=nowhere").json["results"]


def test_a_search_reads_no_more_than_is_answered():
    """However much it finds."""
    endless = itertools.repeat([f'"{"x" * 999_997}"'])
    results = json.loads(found_text(endless))["results"]
    assert MOST_FOUND // 1_000_000 == len(results)


def test_a_large_search_keeps_nobody_waiting(tmp_path):
    """It finds as much as fits into 32 MiB, the newest, and others are answered meanwhile."""
    with Collector(tmp_path) as collector:
        text = "common " * 100 + "y" * 10_000
        for start in range(1, 4001, 500):
            numbers = range(start, start + 500)
            collector.post([record(number, params={"text": text}) for number in numbers])
        while "agentlog_indexed_behind 0" not in collector.get("/metrics").text.splitlines():
            threading.Event().wait(0.05)
        waited, over = [], threading.Event()

        def ask_others():
            while not over.is_set():
                began = time.monotonic()
                assert 200 == collector.get("/healthz").status
                waited.append(time.monotonic() - began)

        thread = threading.Thread(target=ask_others)
        thread.start()
        answer = collector.get("/v1/search?q=common&limit=10000")
        over.set()
        thread.join()
        assert 30 << 20 < len(answer.body) < 33 << 20
        found = [event["id"] for event in answer.json["results"]]
        assert [event_id(number) for number in range(4000, 4000 - len(found), -1)] == found
        assert max(waited) < up_to(0.5)


@pytest.mark.parametrize("is_outline", [False, True])
def test_a_short_session_waits_for_no_long_one(is_outline, tmp_path):
    """However many of those are read, compared or exported, it is answered; so is its outline."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([record(), *(record(number, session=2) for number in range(MANY + 1))])
    with closing(SqliteReaders(path)) as readers, closing(Reading(readers)) as reading:
        route = (
            Outlines(reading, lambda: "0-0", lambda _: "").outline
            if is_outline
            else reading.session
        )

        async def asked(number):
            path_params = {"session_id": session_id(number)}
            scope = {"type": "http", "path_params": path_params, "state": {"project": ""}}
            answer, sent = await route(Request(scope)), []

            async def send(message):
                sent.append(message)

            await answer(scope, None, send)
            return sent[0]["status"]

        async def ask():
            over = threading.Event()
            try:
                threads = (reading._of_long, reading._of_slow) * 2
                busy = [some.submit(over.wait, 30) for some in threads]
                long = asyncio.create_task(asked(2))
                assert 200 == await asyncio.wait_for(asked(1), 20)
                assert not any(one.done() for one in (long, *busy))
            finally:
                over.set()
            assert 200 == await long

        asyncio.run(ask())


def test_a_list_waits_for_no_search(tmp_path):
    """However many look through everything, which may take seconds."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([record()])

    def request(query):
        return Request({"type": "http", "state": {"project": ""}, "query_string": query})

    with closing(SqliteReaders(path)) as readers, closing(Reading(readers)) as reading:

        async def ask():
            over = threading.Event()
            try:
                for _ in range(2):
                    reading._of_slow.submit(over.wait, 30)
                searches = [
                    asyncio.create_task(reading.search(request(b"q=program")))
                    for _ in range(MOST_READERS)
                ]
                answer = await asyncio.wait_for(reading.sessions(request(b"")), 20)
                assert (200, 0) == (answer.status_code, sum(one.done() for one in searches))
            finally:
                over.set()
            assert {200} == {(await one).status_code for one in searches}

        asyncio.run(ask())


@pytest.mark.parametrize("part", ["", "/outline", "/export/jsonl"])
def test_a_full_disk_costs_one_answer(part, tmp_path):
    """What finds no room is a 507, as often as it is asked for, and later it is read."""
    with Collector(tmp_path) as collector:
        collector.post([record(event_type="x" * (9 << 20))])  # SQLite itself needs no disk for one
        path, pid = f"/v1/sessions/{session_id()}{part}", collector.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        for _ in range(4):
            answer = collector.get(path)
            assert (507, {"detail"}) == (answer.status, set(answer.json))
            assert "30" == answer.headers["Retry-After"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert 200 == collector.get(path).status
        assert 0 == collector.stop()
        assert "Traceback" not in collector.log()


def test_a_head_is_answered_without_a_body(full):
    """As HTTP has it."""
    answer = full.ask("HEAD", "/healthz")
    assert (200, b"") == (answer.status, answer.body)


def test_the_commands_read_a_store_that_is_served(full):
    """`sessions` and `replay` take `--store`; `prune` leaves it to `serve --keep`."""
    printed = full.command("sessions")
    assert [] == [number for number in range(1, 6) if session_id(number) not in printed]
    assert "heron hunt" in full.command("replay", session_id(2))
    assert "silent" in full.command("sessions")
    assert "silent" in full.command("replay", session_id(4))
    pruned = agentlog("prune", "--older-than", "1d", "--store", str(full.store))
    assert (1, "") == (pruned.returncode, pruned.stdout)
    assert "--keep" in pruned.stderr


def test_the_commands_read_one_project(tmp_path):
    """`--project` names it; what is not there is said to be not there."""
    collector = Collector(tmp_path)
    anna = collector.key("anna")
    with collector:
        collector.post([record(session=1)], anna)
        collector.post([record(session=2)])
    assert session_id(2)[:8] in collector.command("sessions")
    assert "program 1" in collector.command("sessions", "--project", "anna")
    assert "program 2" in collector.command("replay", "last")
    assert "program 1" in collector.command("replay", "last", "--project", "anna")
    nobody = agentlog("sessions", "--store", str(collector.store), "--project", "nobody")
    assert (0, "") == (nobody.returncode, nobody.stdout)
    assert f"with the key 'nobody' in {collector.store}" in nobody.stderr
    missing = agentlog("sessions", "--store", str(tmp_path / "nowhere.db"))
    assert (1, 1) == (missing.returncode, len(missing.stderr.splitlines()))
    assert not (tmp_path / "nowhere.db").exists()
    pruned = [
        collector.command("prune", "--older-than", age, *project)
        for age, *project in (
            ("520w",),
            ("0s", "--project", "nobody"),
            ("0s", "--project", "anna"),
            ("0s",),
        )
    ]
    assert [
        f"{deleted} deleted\n" for deleted in ("no sessions",) * 2 + ("1 session",) * 2
    ] == pruned


def test_costs_are_asked_for_by_the_ids_of_sessions(tmp_path):
    """A session without tokens, or that is not there, is not among them; nor any without prices."""
    pytest.importorskip("genai_prices")
    spent = {"model": "my-own", "prompt_tokens": 812, "completion_tokens": 96}
    asked = urlencode([("session", session_id(number)) for number in (1, 2, 3)])
    with Collector(tmp_path, PYTHONPATH=str(ROOT)) as collector:
        collector.post([record(session=1), record(2, session=1, **spent), record(session=2)])
        costs = collector.get(f"/v1/costs?{asked}").json["costs"]
    assert [session_id(1)] == list(costs)
    told = {"tokens_in": 812, "tokens_out": 96, "dollars": None}
    assert told.items() <= costs[session_id(1)].items()
    with Collector(tmp_path) as collector:
        assert {"costs": {}} == collector.get(f"/v1/costs?{asked}").json


def test_sessions_are_asked_for_by_their_ids(full):
    """Those that are there, as they stand in the list."""
    asked = urlencode([("session", session_id(number)) for number in (2, 99)])
    page = full.get(f"/v1/sessions?{asked}").json
    listed = full.get("/v1/sessions").json["sessions"]
    expected = [session for session in listed if session["id"] == session_id(2)]
    assert {"sessions": expected, "next": None} == page
    many = urlencode([("session", session_id(2))] * (MOST_NAMED + 1))
    assert 422 == full.get(f"/v1/sessions?{many}").status


@pytest.mark.parametrize("count", [0, MOST_NAMED + 1])
def test_not_more_costs_than_a_page_shows_are_told_at_once(count, collector):
    """Nor those of none."""
    asked = urlencode([("session", session_id(1))] * count)
    answer = collector.get(f"/v1/costs?{asked}")
    assert 422 == answer.status
    assert "session is there 1 to 200 times" in answer.json["detail"]
