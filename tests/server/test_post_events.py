"""`POST /v1/events`, asked of a real collector over real sockets."""

import gzip
import http.client
import json
import random
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from agentlog.store.merge import merged
from tests.busy import up_to
from tests.server.bombs import bomb
from tests.server.collector import PATIENCE, event_id, record, session_id, without

SUITE = Path(__file__).parents[3] / "shared" / "corpora" / "jsontestsuite.zip"
JSON = {"Content-Type": "application/json"}
GZIP = {**JSON, "Content-Encoding": "gzip"}


def post(collector, body, headers=None):
    """Send a body as it is."""
    return collector.ask("POST", "/v1/events", body, headers or JSON)


def events_of(collector, session):
    """Return all events of a session."""
    found = collector.get(f"/v1/sessions/{session}").json
    return [found["session"], *found["events"]]


def at_once(work, count):
    """Do something in so many threads at once; return what came of it."""
    outcomes = []
    everybody = threading.Barrier(count)

    def one(number):
        everybody.wait(PATIENCE)
        outcomes.append(work(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == len(outcomes)
    return outcomes


def test_a_batch_gets_its_receipt(collector):
    """After the commit: it is read at once; plain and gzip, once and again."""
    records = [record(n, session=10) for n in range(1, 4)]
    for packed in (False, True, True):
        answer = collector.post(records, packed=packed)
        assert (200, {"accepted": 3, "refused": []}) == (answer.status, answer.json)
    assert records == events_of(collector, session_id(10))


def test_a_bad_record_is_refused_and_its_neighbours_are_kept(collector):
    """By its place, with the reason."""
    bad = [7, {}, without(record(2, session=11), "session_id"), record(3, session=11, result=1)]
    answer = collector.post([record(1, session=11), *bad, record(4, session=11)])
    expected = [
        {"index": 1, "id": None, "why": "not an object"},
        {"index": 2, "id": None, "why": "without session_id"},
        {"index": 3, "id": event_id(2), "why": "without session_id"},
        {"index": 4, "id": event_id(3), "why": "result is not a text"},
    ]
    assert (200, {"accepted": 2, "refused": expected}) == (answer.status, answer.json)
    found = events_of(collector, session_id(11))
    assert [event_id(1), event_id(4)] == [event["id"] for event in found]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b'{"records": []}', JSON, 400),
        (b'{"events": [' + b"[" * 100_000, JSON, 400),
        (json.dumps({"events": [1] * 5001}).encode(), JSON, 413),
        (b" " * (20 << 20) + b" ", JSON, 413),
        (gzip.compress(b" " * (20 << 20) + b" ", mtime=0), GZIP, 413),
        (b"no gzip", GZIP, 400),
        (gzip.compress(b'{"events": []}', mtime=0)[:-4], GZIP, 400),
        (b'{"events": []}', {**JSON, "Content-Encoding": "br"}, 415),
        (b'{"events": []}', {"Content-Type": "text/plain"}, 415),
        (b"\xff\xfe", JSON, 400),
    ],
)
def test_a_body_that_cannot_be_taken_is_told(collector, body, headers, status):
    """Each has an answer of its own."""
    answer = post(collector, body, headers)
    assert status == answer.status, answer.text
    assert answer.json["detail"]


def test_the_suite_of_json_texts(collector):
    """As a body and in a record: never an error of the collector's, and it goes on."""
    if not SUITE.exists():
        pytest.skip(f"{SUITE} is not there")
    with zipfile.ZipFile(SUITE) as suite:
        texts = {name: suite.read(name) for name in suite.namelist() if name.endswith(".json")}
    head, tail = json.dumps(record(1, session=12, params=0)).encode().split(b'"params": 0')
    for name, text in texts.items():
        inside = b'{"events": [' + head + b'"params": ' + text + tail + b"]}"
        for body in (text, inside):
            answer = post(collector, body)
            assert answer.status in (200, 400, 413), (name, answer.text)
            is_taken = answer.status == 200 and answer.json["accepted"]
            assert not (is_taken and name.rpartition("/")[2].startswith("n_")), name
            assert is_taken or body is text or not name.rpartition("/")[2].startswith("y_"), name
    assert 200 == collector.get(f"/v1/sessions/{session_id(12)}").status


@pytest.mark.parametrize("unit", [b"\0", b"[", b'{"a":', b"{},"])
def test_a_bomb_costs_less_than_a_second(collector, unit):
    """And hardly any memory."""
    body = bomb(unit, 512 << 20, b'{"events":[')
    before = memory(collector)
    began = time.perf_counter()
    answer = post(collector, body, GZIP)
    assert time.perf_counter() - began < up_to(1)
    assert 413 == answer.status
    assert memory(collector) - before < 100


def test_many_large_batches_at_once_have_room(collector):
    """60 connections of 1 MiB: who is not taken is told when to come again, and then is."""
    took = []
    records = [record(n, session=13, params="x" * 500) for n in range(1, 1400)]
    body = json.dumps({"events": records}).encode()
    assert len(body) > 1 << 20

    def send(_number):
        began = time.monotonic()
        while (answer := post(collector, body)).status == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            took.append(time.monotonic() - began)
            time.sleep(0.1)  # less than it asks for: this is a crowd
            began = time.monotonic()
        took.append(time.monotonic() - began)
        return answer.status

    assert [200] * 60 == at_once(send, 60)
    assert memory(collector) < 400
    assert max(took) < 15


def test_halves_come_in_any_order_from_several_connections(collector):
    """Doubled and torn apart: the events are those that merging the records gives."""
    chance = random.Random(3)
    records = []
    for number in range(1, 200):
        whole = record(number, session=14, tags=[f"{number}"])
        opened = without(whole, "end_timestamp", "result")
        closed = without(whole, "event_type", "action_type", "parent_id", "timestamp")
        records += [opened, {**closed, "tags": ["late"]}]
    sent = records * 3
    chance.shuffle(sent)
    parts = [sent[place::12] for place in range(12)]
    answers = at_once(lambda number: collector.post(parts[number], packed=True), 12)
    assert Counter({200: 12}) == Counter(answer.status for answer in answers)
    found = events_of(collector, session_id(14))
    assert merged(records) == {(event["session_id"], event["id"]): event for event in found}


def test_a_connection_is_used_again(collector):
    """After a receipt, and after a refusal of one batch."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=PATIENCE)
    for body, status in ((b'{"events": []}', 200), (b"[]", 400), (b'{"events": []}', 200)):
        connection.request("POST", "/v1/events", body, JSON)
        answer = connection.getresponse()
        answer.read()
        assert status == answer.status
    connection.close()


def test_a_search_follows_within_a_second(collector):
    """When nothing else is to be done."""
    collector.post([record(1, session=15, params="verylastword")])
    until = time.monotonic() + up_to(1)
    while not (found := collector.get("/v1/search?q=verylast").json["results"]):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert [session_id(15)] == [event["session_id"] for event in found]


def memory(collector):
    """Return the MB that it has had at most."""
    status = Path(f"/proc/{collector.process.pid}/status").read_text("utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1000
