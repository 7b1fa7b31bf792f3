"""Recorded generators that are left early, or that return what they yielded."""

import contextlib
import gc
import sys
import weakref

import pytest

from agentlog import current_action, record_action
from tests.recording.running import anywhere, outcome, record


@pytest.fixture
def count(captured):
    """Return a recorded generator that says which steps it makes."""

    @record_action("count")
    def count(n):
        for i in range(n):
            record(f"inside {i}")
            yield i
        record("last")
        return "done"

    return count


# -- Left early ------------------------------------------------------------------------------------


@anywhere
@pytest.mark.parametrize("how", ["close", "forgotten"])
def test_left_early_is_abandoned(captured, where, how):
    """By close or the last reference, anywhere; its cleanup is its child, nobody hangs under it."""

    @record_action("count")
    def count():
        try:
            yield 1
        finally:
            record("cleanup")

    running = count()
    next(running)
    record("before")
    if how == "close":
        where(running.close)
    else:
        box = [running]
        del running
        where(box.clear)
    record("after")
    where(record, "there")
    assert [("count", ["cleanup"]), "before", "after", "there"] == captured.tree()
    assert ("Indeterminate", "abandoned", [1]) == outcome(captured, "count")
    assert current_action() is None


def test_left_by_break(captured, count):
    """The loop's own reference is the last one."""
    for _ in count(5):
        break
    record("after")
    assert [("count", ["inside 0"]), "after"] == captured.tree()
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured, "count")


def swallowing():
    """End when it is closed."""
    try:
        yield 1
    except GeneratorExit:
        return


def finishing():
    """End whatever happens."""
    try:
        yield 1
    finally:
        return  # noqa: B012 - such code is out there


@pytest.mark.parametrize("body", [swallowing, finishing])
def test_left_early_is_abandoned_though_the_body_ends_quietly(captured, body):
    """It was left, whatever it makes of it."""
    for _ in record_action("count", capture_params=False)(body)():
        break
    assert ("Indeterminate", "abandoned", [1]) == outcome(captured, "count")


def test_left_and_still_referenced(captured, count):
    """It has not ended, but is nobody's parent."""
    running = count(5)
    for _ in running:
        break
    record("after")
    assert [("count", ["inside 0"]), "after"] == captured.tree()
    assert "result" not in captured.one("count")
    running.close()


def test_collected_while_something_else_is_recorded(captured, count):
    """In a cycle, found by the garbage collector in the middle of another action."""
    running = count(5)
    next(running)
    cycle = [running]
    cycle.append(cycle)
    del running, cycle
    with captured.client.action("other") as other:
        gc.collect()
        assert other is current_action()
        record("in other")
    assert [("count", ["inside 0"]), ("other", ["in other"])] == captured.tree()
    assert "abandoned" == captured.one("count")["reason"]


def test_abandoning_prints_nothing(captured, count, monkeypatch):
    """No unraisable exception, whoever collects it."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    running = count(5)
    next(running)
    del running
    gc.collect()
    assert [] == unraisable


@pytest.mark.parametrize("recorded", [False, True])
def test_the_exception_thrown_in_is_not_kept(captured, recorded):
    """Once everybody has let go of it it is gone, without a round of the garbage collector."""

    class HeavyError(Exception):
        pass

    def gen():
        yield 1

    gc.disable()
    try:
        running = record_action("gen")(gen)() if recorded else gen()
        next(running)
        error = HeavyError()
        seen = weakref.ref(error)
        with contextlib.suppress(HeavyError):
            running.throw(error)
        del error, running
        assert seen() is None
    finally:
        gc.enable()


# -- What it returns -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "options", "expected"),
    [
        (["Hel", "lo"], {}, "Hello"),
        ([1, "a"], {}, [1, "a"]),
        ([], {}, []),
        ([1, 2, 3], {"reduce": sum}, 6),
        ([1, 2], {"capture_returns": False}, None),
    ],
)
def test_its_items_are_its_returns(captured, items, options, expected):
    """Texts joined, others as a list, reduced, or not at all."""

    @record_action("gen", **options)
    def gen():
        yield from items

    assert items == list(gen())
    assert expected == captured.one("gen").get("returns")


def test_items_are_the_very_objects(captured):
    """And what the consumer does to them is not recorded."""
    thing = {"n": 1}

    @record_action("gen")
    def gen():
        yield thing

    for item in gen():
        assert item is thing
        item["n"] = 2
    assert [{"n": 1}] == captured.one("gen")["returns"]


def test_items_are_not_kept_alive(captured):
    """A stream of large things needs the memory of one."""

    class Thing:
        alive = 0

        def __init__(self):
            Thing.alive += 1

        def __del__(self):
            Thing.alive -= 1

    @record_action("gen")
    def gen():
        for _ in range(10):
            yield Thing()

    assert max(Thing.alive for _ in gen()) <= 2
