"""inject and attach: a parent that is carried to another process or over HTTP."""

import asyncio
import collections
import contextvars
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentlog as ao
from agentlog.recording.context import read_header
from agentlog.testing import capture_events
from tests.recording.running import record

SESSION, EVENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{SESSION}-{EVENT}-01"


def place(captured, name):
    """Return session and parent of the only event of a name."""
    one = captured.one(name)
    return one["session_id"], one["parent_id"]


def test_inject_names_the_innermost_open_place(captured):
    """An action, else the session; in the W3C form."""
    ao.start_session()
    in_session, in_action = {}, {"other": "x"}
    ao.inject(in_session)
    with ao.action("a") as action:
        ao.inject(in_action)
    session = ao.current_session()
    assert {"traceparent": f"00-{session.session_id}-{session.id}-01"} == in_session
    assert {"other": "x", "traceparent": f"00-{session.session_id}-{action.id}-01"} == in_action


def test_inject_without_an_open_session_adds_nothing(captured):
    """Neither before the first event nor after the end."""
    headers = {}
    ao.inject(headers)
    ao.start_session()
    ao.end_session()
    ao.inject(headers)
    with ao.session():
        pass
    ao.inject(headers)
    assert {} == headers


def test_inject_replaces_a_header_of_any_spelling(captured):
    """There is one traceparent afterwards."""
    with ao.action("a") as action:
        headers = {"TraceParent": "old", "TRACEPARENT": "old"}
        ao.inject(headers)
        assert {"traceparent": f"00-{action.session_id}-{action.id}-01"} == headers
        again = collections.UserDict(headers)
        ao.inject(again)
        assert 1 == len(again)


@pytest.mark.parametrize(
    "headers", [{1: 2}, {b"traceparent": b"x"}, {None: None}, MappingProxyType({})], ids=repr
)
def test_inject_never_raises(captured, headers):
    """Whatever the headers are."""
    with ao.action("a"):
        ao.inject(headers)


def test_attach_is_the_parent_of_what_happens_inside(captured):
    """It starts no session, and after it things are as before."""
    with ao.attach({"traceparent": HEADER}):
        record("a")
        with ao.action("b") as b:
            record("c")
    assert [] == captured.sessions
    assert (SESSION, EVENT) == place(captured, "a") == (b.session_id, b.parent_id)
    assert (SESSION, b.id) == place(captured, "c")
    record("after")
    (session,) = captured.sessions
    assert (session["session_id"], session["id"]) == place(captured, "after")


def test_attach_within_local_work_goes_to_the_remote_parent(captured):
    """And gives the local one back."""
    with ao.action("local") as local:
        with ao.attach({"traceparent": HEADER}):
            record("remote")
            headers = {}
            ao.inject(headers)
        record("local again")
    assert (SESSION, EVENT) == place(captured, "remote")
    assert {"traceparent": HEADER} == headers
    assert (local.session_id, local.id) == place(captured, "local again")


def test_the_current_session_is_the_one_that_events_belong_to(captured):
    """Under a remote parent that is not a local one."""
    with ao.session() as session:
        assert session is ao.current_session()
        with ao.attach({"traceparent": HEADER}):
            assert getattr(ao.current_session(), "session_id", SESSION) == SESSION
            assert getattr(ao.current_action(), "session_id", SESSION) == SESSION


def test_an_exception_goes_through_attach_untouched(captured):
    """The very object, without a frame of ours."""
    for headers in ({"traceparent": HEADER}, {}):
        error = StopIteration(5)
        with pytest.raises(StopIteration) as raised, ao.attach(headers):
            raise error
        assert raised.value is error
        assert error.__context__ is None
        assert [Path(__file__)] == [Path(entry.path) for entry in raised.traceback]
    record("after")
    assert SESSION != captured.one("after")["session_id"]


def test_attach_left_in_another_context_harms_nothing(captured):
    """As a fixture of an async test does."""
    attached = ao.attach({"traceparent": HEADER})
    elsewhere = contextvars.copy_context()
    elsewhere.run(attached.__enter__)
    with ao.action("open") as action:
        attached.__exit__(None, None, None)
        elsewhere.run(record, "there")
        record("here")
    assert SESSION not in {one["session_id"] for one in captured.events}
    assert action.id == captured.one("here")["parent_id"]


def test_tasks_of_a_server_attach_side_by_side(captured):
    """Each request has its own parent."""

    async def handle(n, gate):
        with ao.attach({"traceparent": f"00-{SESSION}-{n:016x}-01"}):
            await gate.wait()
            async with ao.action(f"{n}"):
                await asyncio.sleep(0)

    async def main():
        gate = asyncio.Event()
        tasks = [asyncio.create_task(handle(n, gate)) for n in range(1, 4)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert [f"{n:016x}" for n in range(1, 4)] == [one["parent_id"] for one in captured.events]


def test_what_runs_after_attach_has_closed_is_local(captured):
    """A callback that was scheduled inside hangs under what is still open."""

    async def main():
        with ao.action("local") as local:
            with ao.attach({"traceparent": HEADER}):
                task = asyncio.create_task(late())
            await task
        return local

    async def late():
        record("late")

    assert asyncio.run(main()).id == captured.one("late")["parent_id"]


def test_a_name_in_any_case_and_bytes_are_read():
    """As WSGI, ASGI and HTTP libraries give them."""
    for headers in (
        {"TraceParent": HEADER},
        {"TRACEPARENT": f" {HEADER}\t"},
        {b"traceparent": HEADER.encode()},
        {"x": "y", "traceparent": f"00-{SESSION}-{EVENT}-00"},
        {"traceparent": f"cc-{SESSION}-{EVENT}-01-what-the-future-brings"},
        {"traceparent": f"01-{SESSION}-{EVENT}-ff"},
    ):
        remote = read_header(headers)
        assert (SESSION, EVENT) == (remote.session_id, remote.id)


@pytest.mark.parametrize(
    "value",
    [
        "", "x", f"00-{SESSION}-{EVENT}", f"{HEADER}-more", f"ff-{SESSION}-{EVENT}-01",
        f"00-{'0' * 32}-{EVENT}-01", f"00-{SESSION}-{'0' * 16}-01", HEADER.upper(),
        f"00-{SESSION[:-1]}-{EVENT}-01", f"00-{SESSION}-{EVENT}-0g", f"01-{SESSION}-{EVENT}-01.x",
        f"{HEADER}\n{HEADER}", f"{HEADER},{HEADER}", None, 5, [HEADER], b"\xff",
    ],
    ids=repr,
)  # fmt: skip
def test_a_malformed_header_is_ignored(captured, value):
    """The work goes to the local session, and nothing raises."""
    with ao.attach({"traceparent": value}):
        record("a")
    (session,) = captured.sessions
    assert (session["session_id"], session["id"]) == place(captured, "a")


@pytest.mark.parametrize("headers", [None, 5, [], "traceparent", {"a": 1}, {1: 2}], ids=repr)
def test_headers_that_are_none_are_ignored(captured, headers):
    """The work goes to the local session."""
    with ao.attach(headers):
        record("a")
    assert 1 == len(captured.sessions)


def test_two_headers_of_different_spelling_name_no_parent():
    """Nobody knows which one is meant. Source: W3C, a single traceparent."""
    assert read_header({"traceparent": HEADER, "Traceparent": HEADER}) is None


@given(st.dictionaries(st.text() | st.binary(), st.text() | st.binary() | st.none()))
def test_reading_headers_never_raises(headers):
    """Whatever came over the network."""
    read_header({**headers, "traceparent": next(iter(headers.values()), None)})


def test_nothing_happens_without_a_client():
    """Before `init` headers stay as they are, and what is attached is not recorded."""
    with capture_events(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("agentlog.default._client", None)
        headers = {}
        ao.inject(headers)
        assert {} == headers
        assert ao.current_session() is None
