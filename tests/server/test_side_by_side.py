"""Several collectors over one store, without a word between them.

Each test asks them in turn, as a load balancer does, or picks the one that makes it hard.
"""

import http.client
import json
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from itertools import count

import pytest

from tests.busy import up_to
from tests.page.runs import run
from tests.server.collector import PATIENCE, Collector, event_id, record, session_id, without
from tests.server.streams import Stream
from tests.store.contract.engines import MISSING, SERVER, ClickHouse

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"{', '.join(MISSING)} not installed: `make test-clickhouse` has it"
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """A ClickHouse."""
    started = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    yield started
    started.close()


@pytest.fixture
def pair(engine, tmp_path):
    """Two collectors of one store, on this machine."""
    with both(engine, tmp_path) as found:
        yield found


@pytest.fixture
def strangers(engine, tmp_path):
    """Two that ask for keys, behind a proxy of one name."""
    with both(engine, tmp_path, "--allow-host", "logs.example.com", key="anna") as found:
        yield found


@pytest.fixture
def alone(tmp_path):
    """A ClickHouse of one test, and a collector that has stored a record there."""
    engine = ClickHouse(tmp_path / "clickhouse")
    with closing(engine), Collector(tmp_path, store=str(engine.where())) as collector:
        assert 200 == collector.post([record()]).status
        yield engine, collector


class both(ExitStack):  # noqa: N801 - it is used as a function
    """Start two collectors of a store that is theirs alone."""

    def __init__(self, engine, directory, *options, key=None):
        super().__init__()
        store = str(engine.where())
        self.collectors = [Collector(directory, *options, store=store) for _ in range(2)]
        self.anna = self.collectors[0].key(key) if key else None

    def __enter__(self):
        super().__enter__()
        for collector in self.collectors:
            self.enter_context(collector)
        return self


# -- Storing and reading ---------------------------------------------------------------------------


def test_what_one_has_taken_all_show(pair):
    """At once: the receipt says that it is stored. What is sent to both is there once."""
    one, other = pair.collectors
    for collector in (one, other):
        assert {"accepted": 2, "refused": []} == collector.post([record(), record(2)]).json
    opened = {name: record(3)[name] for name in record(3) if "end" not in name and name != "result"}
    ended = {"id": event_id(3), "session_id": session_id(), "end_timestamp": 2e9, "result": "Fail"}
    assert 200 == one.post([ended]).status
    assert 200 == other.post([opened]).status
    answers = [collector.get(f"/v1/sessions/{session_id()}").json for collector in (one, other)]
    assert answers[0] == answers[1]
    assert {event_id(2), event_id(3)} == {event["id"] for event in answers[0]["events"]}
    lists = [collector.get("/v1/sessions").json["sessions"] for collector in (one, other)]
    assert [[(3, "succeeded")]] * 2 == [[(s["events"], s["state"]) for s in one] for one in lists]


def test_live_pages_learn_of_what_another_took(pair):
    """Of a session, and of the list of sessions."""
    one, other = pair.collectors
    one.post([record()])
    with Stream(other, session=session_id()) as page, Stream(other) as sessions:
        one.post([record(2)])
        assert event_id(2) == page.rows(event_id(2))[event_id(2)][0]
        told = sessions.next()
        assert ("sessions", [session_id()]) == (told.event, [row["id"] for row in told.data])
        other.post([record(3)])
        page.rows(event_id(3))


def test_who_read_from_one_can_listen_to_another(pair):
    """Nothing is missed in between, and nothing has to be read anew."""
    one, other = pair.collectors
    one.post([record()])
    at = one.get(f"/v1/sessions/{session_id()}/outline").json["at"]
    one.post([record(2)])
    with Stream(other, session=session_id(), after=at) as page:
        other.post([record(3)])
        page.rows(event_id(2), event_id(3))  # which fails if it is told to read anew
        last = page.id
    one.post([record(4)])
    with Stream(one, session=session_id(), last_id=last) as page:
        page.rows(event_id(4))


def questions():
    """Return the addresses of all that is read, for two sessions of a run."""
    one, other = session_id(1), session_id(2)
    forms = ("html", "jsonl", "otlp-json", "chrome-trace", "csv")
    return [
        "/v1/sessions?limit=2",
        "/v1/sessions?tag=night",
        "/v1/sessions?state=failed",
        "/v1/sessions?q=long",
        f"/v1/sessions?session={one}&session={session_id(99)}",
        f"/v1/costs?session={one}&session={other}",
        f"/v1/sessions/{one}",
        f"/v1/sessions/{one}/outline",
        *(f"/v1/sessions/{one}/export/{form}" for form in forms),
        f"/v1/events/{one}/{event_id(7)}",
        f"/v1/compare/{one}/{other}",
        "/v1/search?q=ToolError&limit=100",
        f"/v1/search?q=llm&limit=1000&session={other}",
        f"/sessions/{one}",
        f"/sessions/{session_id(99)}",
        f"/v1/sessions/{session_id(99)}",
        f"/v1/events/{one}/{event_id(9999)}",
    ]


def test_every_answer_is_the_same_whatever_the_store(engine, tmp_path):
    """Of a collector over a file, and of one over this engine."""
    records = [*run(300), *run(200, session=2, seed=2), record(session=3, tags=["night"])]
    halves = [
        half
        for whole in records
        for half in (without(whole, "end_timestamp", "result", "error"), whole)
    ]
    answers = []
    for store in ("store.db", str(engine.where())):
        with Collector(tmp_path, store=store) as collector:
            assert {"accepted": len(halves), "refused": []} == collector.post(halves).json
            assert comes(lambda at: len(found(at)), collector, 5)
            answers.append({path: collector.get(path) for path in questions()})
    file, other = answers
    for path in questions():
        assert file[path].status == other[path].status, path
        assert alike(file[path]) == alike(other[path]), path


def found(collector):
    """Return what a search finds: over a file it follows soon."""
    return collector.get("/v1/search?q=ToolError&limit=5").json["results"]


def alike(answer):
    """Return what two collectors answer alike.

    An outline says which one's it is, and a page that is one file has its data packed in parts.
    """
    if "html" in str(answer.headers["Content-Disposition"]):
        return answer.headers["Content-Disposition"]
    if answer.headers.get_content_type() != "application/json":
        return answer.body
    return {name: value for name, value in answer.json.items() if name not in {"at", "options"}}


# -- Keys and cookies ------------------------------------------------------------------------------


def test_a_cookie_that_one_gave_opens_all(strangers):
    """It is the key itself, by a name that they have in common."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Host": "logs.example.com"}
    one, other = strangers.collectors
    welcome = one.ask("POST", "/", f"key={strangers.anna}", form)
    assert 303 == welcome.status
    cookie = welcome.headers["Set-Cookie"].partition(";")[0]
    other.post([record()], strangers.anna)
    for collector in (one, other):
        answer = collector.ask("GET", "/v1/sessions", headers={"Cookie": cookie})
        assert [session_id()] == [session["id"] for session in answer.json["sessions"]]


def test_keys_come_and_go_for_all(strangers):
    """Soon after they were added or revoked."""
    one, other = strangers.collectors
    bert = one.key("bert")
    for collector in (one, other):
        assert comes(lambda where: where.post([record()], bert).status, collector, 200)
    one.command("keys", "revoke", "bert")
    for collector in (one, other):
        assert comes(lambda where: where.get("/v1/sessions", bert).status, collector, 401)


def comes(ask, collector, expected):
    """Say whether an answer comes, soon."""
    until = time.monotonic() + up_to(5)
    while ask(collector) != expected:
        if time.monotonic() > until:
            return False
    return True


# -- Death -----------------------------------------------------------------------------------------


class Sender:
    """Sends batches, each until somebody acknowledges it: if not this collector, the next one."""

    BATCH = 50

    def __init__(self, collectors, lanes=3):
        self._collectors = collectors
        self._numbers = count(1)
        self._stopping = threading.Event()
        self._has_come = threading.Semaphore(0)
        self.acknowledged = []
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(lanes)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_for(self, batches):
        """Wait until so many more batches were acknowledged."""
        for _ in range(batches):
            assert self._has_come.acquire(timeout=up_to(PATIENCE))

    def _send(self, lane):
        turn = count(lane)
        while not self._stopping.is_set():
            start = next(self._numbers) * self.BATCH
            numbers = range(start, start + self.BATCH)
            body = json.dumps({"events": [record(n) for n in numbers]})
            while not self._is_taken(body, self._collectors[next(turn) % 2].port):
                if self._stopping.is_set():
                    return
            self.acknowledged += map(event_id, numbers)
            self._has_come.release()

    def _is_taken(self, body, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status == 200 and json.loads(answer.read())["accepted"] == self.BATCH
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()


@pytest.mark.skipif(bool(SERVER), reason="a server that is not ours is not killed")
def test_while_the_store_is_away_nothing_is_acknowledged(alone):
    """A load balancer sees it by itself; once the store is back all goes on, with all that was."""
    engine, collector = alone
    engine.close()
    assert comes(lambda at: at.get("/healthz").status, collector, 503)
    answer = collector.post([record(2)])
    assert (503, True) == (answer.status, "Retry-After" in answer.headers)
    assert 503 == collector.get("/v1/sessions").status
    engine.start()
    assert comes(lambda at: at.get("/healthz").status, collector, 200)
    assert 200 == collector.post([record(3)]).status
    events = collector.get(f"/v1/sessions/{session_id()}").json["events"]
    assert [event_id(3)] == [event["id"] for event in events]


@pytest.mark.skipif(bool(SERVER), reason="a server that is not ours is not stopped")
def test_a_store_that_hangs_is_told_and_nobody_waits_for_it(alone):
    """Neither a load balancer, nor who stops the collector while somebody sends and reads."""
    engine, collector = alone
    engine.hang()
    asking = [lambda: collector.post([record(2)]), lambda: collector.get("/v1/sessions")]
    waiting = [threading.Thread(target=_left_alone, args=(ask,)) for ask in asking]
    for thread in waiting:
        thread.start()
    assert comes(lambda at: at.get("/healthz").status, collector, 503)
    began = time.monotonic()
    assert 0 == collector.stop()
    assert time.monotonic() - began < up_to(6)
    for thread in waiting:
        thread.join()


@pytest.mark.skipif(bool(SERVER), reason="a server that is not ours is not stopped")
def test_who_sends_when_a_collector_stops_is_told_to_come_again(alone):
    """Though its batch is under way to a store that hangs, and within ten seconds."""
    engine, collector = alone
    engine.hang()
    said = []
    sending = threading.Thread(target=lambda: said.append(collector.post([record(2)])))
    sending.start()
    assert comes(lambda at: "agentlog_queued_bytes 0" in at.get("/metrics").text, collector, False)
    began = time.monotonic()
    assert 0 == collector.stop()
    assert time.monotonic() - began < up_to(10)
    sending.join()
    assert [503] == [one.status for one in said]


def _left_alone(ask):
    """Ask somebody who may end meanwhile."""
    with suppress(OSError, http.client.HTTPException):
        ask()


def test_any_of_them_may_die_at_any_moment(pair):
    """Under load, killed and started again in turn: all that was acknowledged is there, once."""
    pair.collectors[0].post([record()])
    with Sender(pair.collectors) as sender:
        for turn in range(4):
            sender.wait_for(5)
            dying = pair.collectors[turn % 2]
            dying.stop(signal.SIGKILL)
            sender.wait_for(5)  # the other one goes on
            dying.start()
        sender.wait_for(5)
    for collector in pair.collectors:
        found = collector.get(f"/v1/sessions/{session_id()}").json["events"]
        times = Counter(event["id"] for event in found)
        assert set(sender.acknowledged) <= times.keys()
        assert {1} == set(times.values())
        (listed,) = collector.get("/v1/sessions").json["sessions"]
        assert 1 + len(times) == listed["events"]
