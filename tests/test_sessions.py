"""Sessions of a context: `with client.session()`, nested, side by side, left in every way."""

import asyncio
import contextlib
import contextvars
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

import agentlog as ao
from agentlog import Event
from agentlog.recording import context
from agentlog.testing import capture_events


@pytest.fixture
def captured():
    """Capture what the test records, in a context where nothing was left open."""
    context.current.set(None)
    with capture_events() as captured:
        yield captured


@pytest.fixture
def client(captured):
    """Return the client whose events are captured."""
    return captured.client


def ends(captured):
    """Return how the sessions ended, in the order of their starts."""
    return [(one.get("result"), one.get("reason")) for one in captured.sessions]


def sessions_of(captured):
    """Return for each event the number of its session, in the order of the sessions' starts."""
    order = [one["session_id"] for one in captured.sessions]
    return {one["event_type"]: order.index(one["session_id"]) for one in captured.events}


def test_a_scoped_session_is_a_success_at_its_end(client, captured):
    """And the session of its context until then."""
    with client.session(["x"]) as session:
        assert session is ao.current_session()
        client.record(Event("a"))
    assert ao.current_session() is None
    assert {"a": 0} == sessions_of(captured)
    assert [("Success", None)] == ends(captured)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_scoped_session_fails_if_it_raises(client, captured, asynchronous):
    """With the error, which goes on untouched and without a frame of ours."""
    error = ValueError("x")

    def block():
        with client.session():
            raise error

    async def async_block():
        async with client.session():
            raise error

    with pytest.raises(ValueError, match="x") as raised:
        asyncio.run(async_block()) if asynchronous else block()
    assert raised.value is error
    assert error.__context__ is None
    assert not [f for f in traceback.extract_tb(error.__traceback__) if "/agentlog/" in f.filename]
    assert [("Fail", None)] == ends(captured)
    assert ("ValueError", "x") == tuple(
        captured.sessions[0]["error"][k] for k in ("type", "message")
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncio.CancelledError, "cancelled"),
        (KeyboardInterrupt, "interrupted"),
        (SystemExit, "exit"),
        (GeneratorExit, "abandoned"),
    ],
)
def test_a_scoped_session_that_is_broken_off_is_no_failure(client, captured, error, reason):
    """It is Indeterminate, with the reason."""
    with pytest.raises(error), client.session():
        raise error
    assert [("Indeterminate", reason)] == ends(captured)


def test_nested_sessions_give_back_the_outer(client, captured):
    """They are sessions side by side, none a child of the other."""
    client.start_session()
    client.record(Event("process"))
    with client.session() as outer:
        client.record(Event("outer"))
        with client.action("action"):
            with client.session() as inner:
                assert inner is ao.current_session()
                client.record(Event("inner"))
            assert outer is ao.current_session()
            client.record(Event("in action"))
        client.record(Event("outer again"))
    client.record(Event("process again"))
    assert {
        "process": 0, "outer": 1, "action": 1, "inner": 2, "in action": 1, "outer again": 1,
        "process again": 0,
    } == sessions_of(captured)  # fmt: skip
    assert [None] * 3 == [one["parent_id"] for one in captured.sessions]
    assert captured.one("action")["id"] == captured.one("in action")["parent_id"]


def test_several_sessions_at_once_in_tasks(client, captured):
    """Each task, with the tasks that it starts, has its own."""

    async def work(name, gate):
        async with client.session([name]):
            await gate.wait()
            client.record(Event(f"{name} 1"))
            await asyncio.create_task(child(name))

    async def child(name):
        async with client.action(f"{name} 2"):
            await asyncio.sleep(0)

    async def main():
        gate = asyncio.Event()
        tasks = [asyncio.create_task(work(name, gate)) for name in "abc"]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert {f"{name} {n}": i for i, name in enumerate("abc") for n in (1, 2)} == sessions_of(
        captured
    )
    assert [("Success", None)] * 3 == ends(captured)


def test_several_sessions_at_once_in_threads(client, captured):
    """Each has its own context."""
    barrier = threading.Barrier(4, timeout=10)

    def work(n):
        with client.session([f"{n}"]) as session:
            barrier.wait()
            client.record(Event(f"{n}"))
            barrier.wait()
            return session.session_id

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(work, range(4)))
    assert ids == [captured.one(f"{n}")["session_id"] for n in range(4)]
    assert 4 == len(set(ids))


def test_work_that_outlives_its_session_still_belongs_to_it(client, captured):
    """A task that runs on, and what it opens and records, whatever session the process has."""

    async def work(go_on):
        await go_on.wait()
        client.record(Event("late"))
        with client.action("late action"):
            client.record(Event("in it"))

    async def main():
        go_on = asyncio.Event()
        client.start_session()
        with client.session():
            task = asyncio.create_task(work(go_on))
            await asyncio.sleep(0)
        go_on.set()
        await task

    asyncio.run(main())
    assert {"late": 1, "late action": 1, "in it": 1} == sessions_of(captured)
    assert [(None, None), ("Success", None)] == ends(captured)


def test_what_is_injected_there_is_where_events_belong(client, captured):
    """In work that has outlived its session, not the session of the process."""
    client.start_session()
    with client.session() as session:
        inside = contextvars.copy_context()
    headers = {}
    inside.run(ao.inject, headers)
    inside.run(client.record, Event("late"))
    assert captured.one("late")["session_id"] == session.session_id
    current = inside.run(ao.current_session)
    assert current is None or current is session
    assert {} == headers or session.session_id in headers["traceparent"]


def test_a_scope_used_again_is_another_session(client, captured):
    """After it, within it, and at once in tasks; each is left by its own exit."""
    scope = client.session(["x"])
    with scope as first:
        with contextlib.suppress(KeyError), scope as second:
            raise KeyError
        client.record(Event("first"))

    async def work(gate, error):
        with contextlib.suppress(KeyError), scope as mine:
            await gate.wait()
            if error:
                raise KeyError
        return mine.session_id

    async def main():
        gates = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(work(gates[n], n == 0)) for n in (0, 1)]
        for gate, task in zip(gates, tasks, strict=True):
            await asyncio.sleep(0)
            gate.set()
            await task
        return [task.result() for task in tasks]

    failed, succeeded = asyncio.run(main())
    results = {one["session_id"]: one["result"] for one in captured.sessions}
    assert {
        first.session_id: "Success",
        second.session_id: "Fail",
        failed: "Fail",
        succeeded: "Success",
    } == results
    assert {"first": 0} == sessions_of(captured)


def test_sessions_left_out_of_order(client, captured):
    """The outer one first: what follows belongs to the one that is still open."""
    outer, inner = client.session(), client.session()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    client.record(Event("inner"))
    inner.__exit__(None, None, None)
    client.start_session()
    assert {"inner": 1} == sessions_of(captured)
    assert [("Success", None)] * 2 == ends(captured)[:2]


def test_what_was_left_out_of_order_is_no_place_for_later_events(client, captured):
    """They belong to the session of the process, as where nothing was ever open."""
    sessions = client.session(), client.session()
    for scope in sessions:
        scope.__enter__()
    for scope in sessions:
        scope.__exit__(None, None, None)
    client.start_session()
    client.record(Event("after sessions"))
    scope, action = client.session(), client.action("a")
    scope.__enter__()
    action.__enter__()
    scope.__exit__(None, None, None)
    action.__exit__(None, None, None)
    client.record(Event("after both"))
    assert {"after sessions": 2, "a": 3, "after both": 2} == sessions_of(captured)


def test_another_clients_session_is_not_the_current_one(client):
    """Though it has closed where this one records: the session is the default client's."""
    with capture_events() as other:
        scope = other.client.session()
        inside = contextvars.copy_context()
        inside.run(scope.__enter__)
        scope.__exit__(None, None, None)
    session = client.start_session()
    assert session is inside.run(ao.current_session)


def test_a_session_left_where_another_is_open(client, captured):
    """In another context, it takes nothing away there."""
    scope = client.session()
    contextvars.copy_context().run(scope.__enter__)
    with client.session(), client.action("a") as action:
        scope.__exit__(None, None, None)
        client.record(Event("b"))
        assert action is ao.current_action()
    assert {"a": 1, "b": 1} == sessions_of(captured)


def test_a_scope_misused_harms_nothing(client, captured):
    """Left without being entered, left twice, left in another context."""
    client.session().__exit__(None, None, None)
    assert [] == captured.everything
    scope = client.session()
    contextvars.copy_context().run(scope.__enter__)
    scope.__exit__(None, None, None)
    scope.__exit__(KeyError, KeyError(), None)
    client.record(Event("after"))
    assert {"after": 1} == sessions_of(captured)
    assert ("Success", None) == ends(captured)[0]
