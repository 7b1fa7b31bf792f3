"""The with-block used in ways it is not made for: no harm, no wrong parent."""

import asyncio
import contextlib
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentlog import Event, current_action
from agentlog.recording import context
from agentlog.testing import capture_events


def parents(captured):
    """Return the name of each event's parent; a session is None."""
    names = {one["id"]: one["event_type"] for one in captured.events}
    return {one["event_type"]: names.get(one["parent_id"]) for one in captured.events}


def in_thread(function, *args):
    """Call a function in a thread of its own, with an empty context."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result(timeout=10)


def test_left_out_of_order(captured):
    """The outer one first: what follows hangs under what is still open."""
    outer, inner = captured.client.action("outer"), captured.client.action("inner")
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    captured.client.record(Event("between"))
    inner.__exit__(None, None, None)
    captured.client.record(Event("after"))
    assert {"outer": None, "inner": "outer", "between": "inner", "after": None} == parents(captured)
    assert ["Success"] * 2 == [captured.one(name)["result"] for name in ("outer", "inner")]


def test_left_hand_over_hand(captured):
    """Each is left after the next is entered: the chain of the context does not grow."""
    previous = captured.client.action("a").__enter__()
    for _ in range(100):
        following = captured.client.action("a").__enter__()
        previous.__exit__(None, None, None)
        previous = following
    node, length = context.current.get(), 0
    while node is not None:
        node, length = node.outer, length + 1
    previous.__exit__(None, None, None)
    assert length < 10
    assert current_action() is None


def test_entered_and_left_in_different_threads(captured):
    """Neither thread has it as a parent afterwards."""
    action = captured.client.action("a")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(action.__enter__).result()
        captured.client.record(Event("here"))
        action.__exit__(None, None, None)
        pool.submit(captured.client.record, Event("there")).result()
    captured.client.record(Event("later"))
    assert {"a": None, "here": None, "there": None, "later": None} == parents(captured)
    assert "Success" == captured.one("a")["result"]


def test_entered_and_left_in_different_contexts(captured):
    """A ContextVar's token of the one would be an error in the other."""
    action = captured.client.action("a")
    elsewhere = contextvars.copy_context()
    elsewhere.run(action.__enter__)
    captured.client.record(Event("here"))
    elsewhere.run(captured.client.record, Event("there"))
    action.__exit__(None, None, None)
    elsewhere.run(captured.client.record, Event("closed"))
    assert {"a": None, "here": None, "there": "a", "closed": None} == parents(captured)


def test_left_in_a_copy_of_its_context(captured):
    """The context that it was entered in has it no more as a parent."""
    with captured.client.action("outer"):
        action = captured.client.action("a")
        action.__enter__()
        contextvars.copy_context().run(action.__exit__, None, None, None)
        captured.client.record(Event("after"))
    assert {"outer": None, "a": "outer", "after": "outer"} == parents(captured)


def test_never_entered(captured):
    """It records nothing, and takes late words without harm."""
    action = captured.client.action("a")
    action.returns = 1
    action.update(prompt_tokens=1)
    action.fail("x")
    action.__exit__(None, None, None)
    assert ("", "") == (action.id, action.session_id)
    assert [] == captured.everything


def test_left_twice(captured):
    """The second time does nothing."""
    action = captured.client.action("a")
    action.__enter__()
    action.__exit__(None, None, None)
    action.__exit__(ValueError, ValueError(), None)
    assert 3 == len(captured.records)
    assert "Success" == captured.one("a")["result"]


def test_entered_and_never_left(captured):
    """It is a running event: it has an open half only."""
    contextvars.copy_context().run(captured.client.action("a").__enter__)
    assert not {"end_timestamp", "result"} & set(captured.one("a"))
    assert current_action() is None


def test_used_twice_is_two_events(captured):
    """One after the other, each with its own ids, returns and outcome."""
    action = captured.client.action("a", {"x": 1}, ["t"], "tool", "m", "p")
    with action as first:
        first.returns = 1
    with contextlib.suppress(KeyError), action as second:
        second.returns = 2
        captured.client.record(Event("b"))
        raise KeyError
    one, two = (event for event in captured.events if event["event_type"] == "a")
    assert [("Success", 1), ("Fail", 2)] == [(e["result"], e["returns"]) for e in (one, two)]
    assert [first.id, second.id] == [one["id"], two["id"]]
    assert two["id"] == captured.one("b")["parent_id"]
    for field in ("params", "tags", "action_type", "model", "prompt"):
        assert one[field] == two[field]


def test_used_twice_nested_is_two_events(captured):
    """One in the other, thrice even; each is left by its own exit."""
    action = captured.client.action("a")
    with action as first:
        with action as second:
            captured.client.record(Event("inner"))
            with pytest.raises(KeyError), action as third:
                raise KeyError
            captured.client.record(Event("second"))
        captured.client.record(Event("outer"))
    captured.client.record(Event("after"))
    ids = {one["event_type"]: one["parent_id"] for one in captured.events}
    assert [second.id, second.id, first.id] == [ids[name] for name in ("inner", "second", "outer")]
    assert captured.sessions[0]["id"] == ids["after"]
    assert [first.id, second.id] == [second.parent_id, third.parent_id]
    results = {one["id"]: one["result"] for one in captured.events}
    assert ["Success", "Success", "Fail"] == [results[one.id] for one in (first, second, third)]


def test_used_twice_at_once_by_tasks_is_two_events(captured):
    """Each task leaves its own event, in any order, and has its own parent until then."""

    async def use(action, name, entered, others, leave, error):
        try:
            with action as mine:
                captured.client.record(Event(f"{name} in"))
                entered.set()
                await others.wait()
                await leave.wait()
                mine.returns = name
                captured.client.record(Event(f"{name} still in"))
                if error:
                    raise error
        except ValueError:
            pass
        captured.client.record(Event(f"{name} out"))
        return mine.id

    async def main(order):
        action = captured.client.action("a")
        a_in, b_in, a_leave, b_leave = (asyncio.Event() for _ in range(4))
        a = asyncio.create_task(use(action, "A", a_in, b_in, a_leave, None))
        await a_in.wait()
        b = asyncio.create_task(use(action, "B", b_in, a_in, b_leave, ValueError()))
        await b_in.wait()
        for leave, task in [(a_leave, a), (b_leave, b)][::order]:
            leave.set()
            await task
        return a.result(), b.result()

    for order in (1, -1):
        ids = dict(zip("AB", asyncio.run(main(order)), strict=True))
        events = {one["id"]: one for one in captured.events}
        assert ("A", "Success") == (events[ids["A"]]["returns"], events[ids["A"]]["result"])
        assert ("B", "Fail") == (events[ids["B"]]["returns"], events[ids["B"]]["result"])
        session = captured.sessions[0]["id"]
        for name in "AB":
            mine = [e for e in captured.events if e["event_type"].startswith(name)][-3:]
            assert [ids[name], ids[name], session] == [e["parent_id"] for e in mine]


def test_used_at_once_by_threads_is_as_many_events(captured):
    """Eight threads enter before one leaves."""
    action = captured.client.action("a")
    barrier = threading.Barrier(8, timeout=10)

    def use(name):
        with action as mine:
            barrier.wait()
            mine.returns = name
            captured.client.record(Event(name))
            barrier.wait()
        return mine.id

    with ThreadPoolExecutor(8) as pool:
        ids = dict(zip("ABCDEFGH", pool.map(use, "ABCDEFGH"), strict=True))
    used = {one["id"]: one for one in captured.events if one["event_type"] == "a"}
    assert 8 == len(used) == len(set(ids.values()))
    for name, event_id in ids.items():
        assert (name, "Success") == (used[event_id].get("returns"), used[event_id].get("result"))
        assert event_id == captured.one(name)["parent_id"]


def test_entered_by_two_threads_in_the_same_moment_is_two_events():
    """Both come before either has its id: neither stays open, none is closed for the other."""
    barrier = threading.Barrier(2, timeout=10)

    class Clock:
        waiting = False

        def time(self):
            if self.waiting:
                barrier.wait()
            return 1.0

    clock = Clock()
    with capture_events(clock=clock) as captured:
        captured.client.start_session()
        action = captured.client.action("a")
        clock.waiting = True

        def use():
            with action as mine:
                clock.waiting = False
                return mine.id

        with ThreadPoolExecutor(2) as pool:
            ids = {future.result() for future in [pool.submit(use), pool.submit(use)]}
        used = [one for one in captured.events if one["event_type"] == "a"]
    assert 2 == len(ids) == len(used)
    assert ["Success"] * 2 == [one.get("result") for one in used]


def test_used_again_after_its_client_was_closed(captured):
    """What is recorded late still gets there."""
    action = captured.client.action("a")
    with action:
        captured.client.close()
    with action:
        pass
    assert ["Success"] * 2 == [one["result"] for one in captured.events]
    assert 1 == len(captured.sessions)
