"""What is told as it happens: how soon, to whom, from where on, and how it ends."""

import asyncio
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing

import pytest
from starlette.requests import Request

from agentlog.server import hub, live
from agentlog.server.reading import Reading
from agentlog.store.engine import Marks
from agentlog.store.sqlite.readers import SqliteReaders
from agentlog.store.sqlite.store import SqliteStore
from tests.busy import up_to
from tests.cli.commandline import environ
from tests.server.collector import PATIENCE, Collector, event_id, record, session_id, without
from tests.server.streams import Stream
from tests.warm import Popen

SOON = 1.0
PROGRAM = """
import time
import agentlog as ao

client = ao.init()
with client.session() as session:
    print(session.session_id, flush=True)
    for _ in range(int(input())):
        with client.action("step"):
            print(time.monotonic(), flush=True)
            input()
"""


@pytest.fixture
def program(tmp_path):
    """A program that records into the home of `tmp_path`, step by step; nobody posts anything."""
    process = Popen(
        [sys.executable, "-c", PROGRAM],
        env=environ(AGENTLOG_HOME=str(tmp_path / "home")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def at_of(collector, session=1):
    """Return up to where an outline has everything."""
    return collector.get(f"/v1/sessions/{session_id(session)}/outline").json["at"]


def test_an_event_that_is_posted_is_told_within_a_second(collector):
    """As a row of an outline, to who listens to its session."""
    collector.post([record(session=11)])
    at = at_of(collector, 11)
    with Stream(collector, session=session_id(11), after=at) as stream:
        for number in range(2, 6):
            began = time.monotonic()
            collector.post([record(number, session=11)])
            rows = stream.rows(event_id(number))
            assert time.monotonic() - began < up_to(SOON)
            assert f"step {number}" == rows[event_id(number)][2]


def test_an_event_in_the_journal_is_told_within_a_second(program, tmp_path):
    """Written by another process, which has never heard of a collector."""
    with Collector(tmp_path, store=None) as collector:
        session = program.stdout.readline().strip()
        with Stream(collector, session=session) as stream:
            for answer in ("3", "", ""):
                print(answer, file=program.stdin, flush=True)
                began = float(program.stdout.readline())
                assert stream.having("step").came - began < up_to(SOON)


def test_what_was_cut_off_is_told_too(program, tmp_path):
    """A process that is killed says nothing; that it was interrupted is news all the same."""
    with Collector(tmp_path, store=None) as collector:
        session = program.stdout.readline().strip()
        with Stream(collector, session=session) as stream:
            print(1, file=program.stdin, flush=True)
            program.stdout.readline()
            stream.having("step")
            program.kill()
            stream.having("interrupted")


def test_the_list_is_told_of_sessions(collector):
    """Of each that is new or has become another, as the list has it."""
    with Stream(collector) as stream:
        opened = without(record(session=12), "end_timestamp", "result")
        collector.post([opened])
        (told,) = stream.next().data
        assert (session_id(12), None, 1) == (told["id"], told["end_timestamp"], told["events"])
        collector.post([record(2, session=12, result="Fail"), record(session=12)])
        (told,) = stream.next().data
        assert (2, 1, "succeeded") == (told["events"], told["failures"], told["state"])
        assert told in collector.get("/v1/sessions").json["sessions"]


def test_what_was_missed_is_told_afterwards(collector):
    """To who says what came last, be it in the header of a browser that comes again."""
    collector.post([record(session=13)])
    with Stream(collector, session=session_id(13)) as stream:
        collector.post([record(2, session=13)])
        stream.rows(event_id(2))
    collector.post([record(3, session=13), record(4, session=13)])
    asked = {"session": session_id(13)}
    for again in (
        Stream(collector, last_id=stream.id, **asked),
        Stream(collector, after=stream.id, **asked),
        Stream(collector, last_id=stream.id, **asked, after="from before"),
    ):
        with again:
            assert {event_id(3), event_id(4)} <= again.rows(event_id(3), event_id(4)).keys()
    with Stream(collector, last_id=again.id, **asked) as last:
        collector.post([record(5, session=13)])
        assert [event_id(5)] == [row[0] for row in last.next().data["rows"]]


def test_nothing_is_missed_between_the_outline_and_the_stream(collector):
    """Whatever comes in between is told, as the outline says up to where it has everything."""
    collector.post([record(session=14)])
    at = at_of(collector, 14)
    collector.post([record(2, session=14)])
    with Stream(collector, session=session_id(14), after=at) as stream:
        assert event_id(2) in stream.rows(event_id(2))


@pytest.mark.parametrize("place", ["0123abcd-1", "x", "-1", "0-0", "%00", "9" * 30])
@pytest.mark.parametrize("asked", [{}, {"session": session_id(15)}], ids=["all", "one"])
def test_who_comes_from_elsewhere_is_told_to_read_anew(asked, place, collector):
    """What says a place that nobody here has given has everything to learn."""
    with Stream(collector, last_id=place, **asked) as stream:
        assert "reload" == stream.next().event


def test_after_a_restart_it_is_told_to_read_anew(tmp_path):
    """Nobody remembers what was told before; from the new outline on it goes on."""
    collector = Collector(tmp_path)
    with collector:
        collector.post([record()])
        with Stream(collector, session=session_id()) as stream:
            collector.post([record(2)])
            stream.rows(event_id(2))
            collector.stop()
            assert stream.next() is None
        collector.start()
        for _ in range(5):  # more changes than there were before
            collector.post([record(3, params={"time": time.monotonic()})])
        with Stream(collector, session=session_id(), last_id=stream.id) as stream:
            assert "reload" == stream.next().event
            rows = collector.get(f"/v1/sessions/{session_id()}/outline").json["rows"]
            assert [event_id(1), event_id(2), event_id(3)] == [row[0] for row in rows]
            collector.post([record(4)])
            assert event_id(4) in stream.rows(event_id(4))


def test_a_burst_is_told_in_few_messages(collector):
    """At most four in a second, with all that came until then."""
    collector.post([record(session=16)])
    with Stream(collector, session=session_id(16)) as stream:
        began = time.monotonic()
        for number in range(2, 202):
            collector.post([record(number, session=16)])
        found, messages = set(), 0
        while len(found) < 200:
            found |= {row[0] for row in stream.next().data["rows"]} - {event_id(1)}
            messages += 1
            if event_id(201) in found:
                break
        assert {event_id(number) for number in range(2, 202)} <= found
        assert messages <= 2 + (time.monotonic() - began) / live.PAUSE


def test_what_is_news_to_many_is_asked_once(tmp_path):
    """Who asks for the same at the same time gets the same text."""
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([record(), record(2), record(session=2)])
    with closing(SqliteReaders(path)) as readers, closing(Reading(readers)) as reading:
        streams = live.Live(hub.Hub(Marks("e")), reading, None, asyncio.Event())
        request = Request({"type": "http", "state": {"project": ""}})

        async def asked():
            for place, waiting in (
                (None, {session_id(), session_id(2)}),
                (session_id(), {event_id(1), event_id(2)}),
            ):
                news = [streams._news(request, place, set(waiting)) for _ in range(100)]
                assert 1 == len({id(text) for text in await asyncio.gather(*news)})
                assert {} == streams._asked

        asyncio.run(asked())


def test_too_much_at_once_makes_who_listens_read_anew(tmp_path):
    """There is an end to what waits for one listener."""
    with Collector(tmp_path) as collector:
        collector.post([record()])
        at = at_of(collector)
        for start in range(2, hub.REMEMBERED + 3, 5000):
            collector.post([record(number) for number in range(start, start + 5000)])
        with Stream(collector, session=session_id(), after=at) as stream:
            assert "reload" == stream.next().event


# -- Who is told -----------------------------------------------------------------------------------


def test_a_stranger_hears_nothing(collector):
    """Without the token, or with another."""
    for secret in ("", "wrong"):
        assert 401 == Stream(collector, secret).status
        assert 401 == Stream(collector, secret, session=session_id()).status


def test_a_head_has_no_stream(collector):
    """It is answered, and done."""
    headers = {"Authorization": f"Bearer {collector.token}"}
    answer = collector.ask("HEAD", "/v1/live", headers=headers)
    assert (200, "text/event-stream; charset=utf-8") == (
        answer.status,
        answer.headers["Content-Type"],
    )


@pytest.fixture
def shared(tmp_path):
    """A collector with a key each for Anna and Bert."""
    collector = Collector(tmp_path, "--allow-host", "logs.example.com")
    collector.anna, collector.bert = collector.key("anna"), collector.key("bert")
    with collector:
        yield collector


def test_a_project_hears_of_itself_alone(shared):
    """The same session of two projects is two; neither hears of the other, not even afterwards."""
    shared.post([record()], shared.anna)
    path = f"/v1/sessions/{session_id()}/outline"
    at = shared.get(path, shared.anna).json["at"]
    asked = {"session": session_id()}
    with (
        Stream(shared, shared.anna, **asked) as one,
        Stream(shared, shared.anna) as every,
    ):
        shared.post([record(2), record(session=2)], shared.bert)
        shared.post([record(3)], shared.anna)
        assert {event_id(1), event_id(3)} >= one.rows(event_id(3)).keys()
        told = [session["id"] for session in every.next().data]
        assert [session_id()] == told
    with Stream(shared, shared.anna, **asked, after=at) as again:
        assert {event_id(1), event_id(3)} >= again.rows(event_id(3)).keys()
    with Stream(shared, shared.bert, **asked, after=at) as his:
        assert {event_id(2)} == his.rows(event_id(2)).keys()


def test_who_may_not_read_any_more_hears_no_more(shared):
    """A key that is revoked ends its streams with the next that there would be to tell."""
    with Stream(shared, shared.bert) as stream:
        shared.command("keys", "revoke", "bert")
        # Stored under his name by somebody whose key was made anew.
        shared.post([record()], shared.key("bert"))
        assert stream.next() is None


# -- How it ends -----------------------------------------------------------------------------------


def test_a_stop_does_not_wait_for_streams(tmp_path):
    """They end at once, well, and nothing is logged about it."""
    with Collector(tmp_path) as collector:
        collector.post([record()])
        with (
            Stream(collector) as every,
            Stream(collector, session=session_id()) as one,
            Stream(collector, session=session_id(2)) as none,
        ):
            began = time.monotonic()
            assert 0 == collector.stop()
            assert time.monotonic() - began < up_to(2)
            assert [None] * 3 == [stream.next() for stream in (every, one, none)]
            assert every.has_ended
            assert one.has_ended
            assert none.has_ended
    assert "Error" not in collector.log()
    assert "error" not in collector.log()


def test_there_is_an_end_to_those_that_come_at_once(tmp_path):
    """As many are accepted as of those who come one after the other."""
    with Collector(tmp_path, "--no-token") as collector, ExitStack() as stack:
        address = "127.0.0.1", collector.port
        sockets = [
            stack.enter_context(socket.create_connection(address, PATIENCE))
            for _ in range(2 * live.MOST)
        ]
        for sock in sockets:
            sock.sendall(b"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        statuses = [sock.recv(1 << 16).split()[1] for sock in sockets]
    assert {b"200": live.MOST, b"503": live.MOST} == Counter(statuses)


def test_there_is_an_end_to_streams(collector):
    """Who comes then is told to come again; who leaves makes room at once."""
    streams = [Stream(collector).__enter__() for _ in range(live.MOST)]
    late = Stream(collector)
    assert (503, "5") == (late.status, late.response.headers["Retry-After"])
    for stream in streams:
        stream.leave()
    until = time.monotonic() + 10
    while (late := Stream(collector)).status != 200 and time.monotonic() < until:
        pass
    assert 200 == late.status
    with late:
        pass
    assert "rror" not in collector.log()
