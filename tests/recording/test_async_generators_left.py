"""Recorded async generators that are left early, in every way: abandoned, without a message."""

import asyncio
import contextlib
import contextvars
import gc
import sys

import pytest

from agentlog import current_action, record_action
from tests.recording.running import outcome, record, run


@pytest.fixture
def count(captured):
    """Return a recorded async generator that says which steps it makes, and awaits in each."""

    @record_action("count")
    async def count(n):
        try:
            for i in range(n):
                await asyncio.sleep(0)
                record(f"inside {i}")
                yield i
            record("last")
        finally:
            await asyncio.sleep(0)
            record("cleanup")

    return count


# -- Left early ------------------------------------------------------------------------------------


async def by_break(running):
    """Leave a loop."""
    async for _ in running:
        break


async def by_aclose(running):
    """Close it."""
    await anext(running)
    await running.aclose()


async def by_error(running):
    """Let an error leave the loop."""
    with contextlib.suppress(KeyError):
        async for _ in running:
            raise KeyError


async def by_cancelled_consumer(running):
    """Cancel the task between two steps."""

    async def consume(running, inside):
        async for _ in running:
            inside.set()
            await asyncio.get_running_loop().create_future()

    inside = asyncio.Event()
    task = asyncio.create_task(consume(running, inside))
    del running
    await inside.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def by_cancelled_block(running):
    """`aclosing` closes it on the way out."""

    async def consume(running, inside):
        async with contextlib.aclosing(running):
            async for _ in running:
                inside.set()
                await asyncio.get_running_loop().create_future()

    inside = asyncio.Event()
    task = asyncio.create_task(consume(running, inside))
    await inside.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def by_cancelled_context_manager(running):
    """`asynccontextmanager` throws the cancellation in at the yield."""

    async def consume(inside):
        async with contextlib.asynccontextmanager(lambda: running)():
            inside.set()
            await asyncio.get_running_loop().create_future()

    inside = asyncio.Event()
    task = asyncio.create_task(consume(inside))
    await inside.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def by_cycle(running):
    """The garbage collector finds it."""
    await anext(running)
    cycle = [running]
    cycle.append(cycle)
    del running, cycle
    gc.collect()


async def by_the_end_of_the_loop(running):
    """`asyncio.run` closes what is still referenced."""
    await anext(running)
    by_the_end_of_the_loop.kept = running


LEFT = [
    by_break, by_aclose, by_error, by_cancelled_consumer, by_cancelled_block,
    by_cancelled_context_manager, by_cycle, by_the_end_of_the_loop,
]  # fmt: skip


@pytest.mark.parametrize("leave", LEFT)
def test_left_early_is_abandoned_without_a_message(captured, count, leave):
    """Its cleanup, which awaits, is done and its child; nobody hangs under it."""

    async def main():
        box = [count(5)]
        await leave(box.pop())
        record("after")
        assert current_action() is None
        for _ in range(5):
            await asyncio.sleep(0)
        record("later")

    run(main, debug=True)
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured, "count")
    tree = captured.tree()
    assert {"after", "later"} == {name for name in tree if isinstance(name, str)}
    assert ("count", ["inside 0", "cleanup"]) in tree


@pytest.mark.parametrize("leave", [by_break, by_error])
def test_left_in_an_action_it_hangs_there(captured, count, leave):
    """And the cleanup, which comes when the loop gets to it, hangs under the generator."""

    async def main():
        async with captured.client.action("outer"):
            await leave(count(5))
            record("after")
        for _ in range(5):
            await asyncio.sleep(0)

    run(main)
    assert [("outer", [("count", ["inside 0", "cleanup"]), "after"])] == captured.tree()


@pytest.mark.parametrize("leave", [by_break, by_error, by_cancelled_consumer, by_cycle])
def test_left_as_the_last_thing_a_program_does(captured, count, leave):
    """The loop ends before it gets to the cleanup: no message, and it is abandoned all the same."""

    async def main():
        box = [count(5)]
        await leave(box.pop())

    run(main)
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured, "count")
    assert current_action() is None


async def swallowing():
    """End when it is closed."""
    try:
        yield 0
    except GeneratorExit:
        await asyncio.sleep(0)


@pytest.mark.parametrize("leave", [by_break, by_aclose, by_error])
def test_left_early_is_abandoned_though_the_body_ends_quietly(captured, leave):
    """It was left, whatever it makes of it."""

    async def main():
        box = [record_action("count")(swallowing)()]
        await leave(box.pop())
        for _ in range(5):
            await asyncio.sleep(0)

    run(main)
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured, "count")


def test_a_step_that_is_broken_off_elsewhere_harms_nobody(captured):
    """A coroutine closed in another context, as the collector does: that one keeps its action."""

    @record_action("gen")
    async def gen():
        await asyncio.Event().wait()
        yield 1

    async def main():
        step = gen().asend(None)
        contextvars.copy_context().run(step.send, None)
        with captured.client.action("other") as other:
            step.close()
            assert other is current_action()
            record("in other")
        assert current_action() is None

    asyncio.run(main())
    assert ["gen", ("other", ["in other"])] == captured.tree()


def test_cancelled_in_the_middle_of_a_step_is_cancelled(captured):
    """It is the body that was waiting."""

    @record_action("gen")
    async def gen(started):
        started.set()
        await asyncio.get_running_loop().create_future()
        yield 1

    async def main():
        started = asyncio.Event()
        task = asyncio.create_task(anext(gen(started)))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert current_action() is None

    run(main)
    assert ("Indeterminate", "cancelled") == outcome(captured, "gen")[:2]


def test_a_timeout_in_the_middle_of_a_step_is_cancelled(captured):
    """Inside it is a cancellation, outside a TimeoutError."""

    @record_action("gen")
    async def gen():
        yield 1
        await asyncio.get_running_loop().create_future()

    async def main():
        with contextlib.suppress(TimeoutError):
            async with captured.client.action("outer"), asyncio.timeout(0):
                async for _ in gen():
                    pass

    run(main)
    assert ("Indeterminate", "cancelled") == outcome(captured, "gen")[:2]
    assert "Fail" == captured.one("outer")["result"]


def test_a_body_that_forgets_another_generator(captured, count):
    """Both are closed, the inner when the loop gets to it, without a message."""

    @record_action("outer")
    async def outer():
        async for item in count(5):
            yield item

    async def main():
        async for _ in outer():
            break
        record("after")
        for _ in range(9):
            await asyncio.sleep(0)

    run(main)
    assert [("outer", [("count", ["inside 0", "cleanup"])]), "after"] == captured.tree()
    assert "abandoned" == captured.one("outer")["reason"] == captured.one("count")["reason"]


@pytest.mark.parametrize("recorded", [False, True])
def test_it_outlives_its_loop(captured, recorded):
    """A loop closed without `shutdown_asyncgens`: no message, with us as without."""

    async def gen():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)

    async def begin(box):
        box.append((record_action("gen")(gen) if recorded else gen)())
        await anext(box[0])

    said, box = [], []
    hook, sys.unraisablehook = sys.unraisablehook, said.append
    try:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin(box))
        loop.close()
        box.clear()
        gc.collect()
    finally:
        sys.unraisablehook = hook
    assert [] == said
    assert current_action() is None


def test_a_generator_never_started_is_not_recorded(captured, count):
    """Closed, or forgotten."""

    async def main():
        await count(1).aclose()
        count(1)

    run(main)
    assert [] == captured.everything


@pytest.mark.parametrize(
    ("items", "options", "expected"),
    [(["Hel", "lo"], {}, "Hello"), ([1, "a"], {}, [1, "a"]), ([1, 2, 3], {"reduce": sum}, 6),
     ([1, 2], {"capture_returns": False}, None)],
)  # fmt: skip
def test_its_items_are_its_returns(captured, items, options, expected):
    """Texts joined, others as a list, reduced, or not at all."""

    @record_action("gen", **options)
    async def gen():
        for item in items:
            yield item

    async def main():
        return [item async for item in gen()]

    assert items == run(main)
    assert expected == captured.one("gen").get("returns")
