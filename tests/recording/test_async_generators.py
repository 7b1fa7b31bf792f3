"""Recorded async generators: forwarded in everything, and left in any way without a message."""

import asyncio
import contextlib
import contextvars
import gc
import sys
import warnings

import pytest

from agentlog import Event, current_action, record_action


def record(captured, name):
    captured.client.record(Event(name))


def run(main, *, debug=False):
    """Run a coroutine function; whatever the loop or the interpreter has to say is an error."""
    said = []

    async def listening():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        return await main()

    hook = sys.unraisablehook
    sys.unraisablehook = said.append
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = asyncio.run(listening(), debug=debug)
            gc.collect()
    finally:
        sys.unraisablehook = hook
    assert [] == said + [warning.message for warning in caught]
    return result


@pytest.fixture
def count(captured):
    """Return a recorded async generator that says which steps it makes, and awaits in each."""

    @record_action("count")
    async def count(n):
        try:
            for i in range(n):
                await asyncio.sleep(0)
                record(captured, f"inside {i}")
                yield i
            record(captured, "last")
        finally:
            await asyncio.sleep(0)
            record(captured, "cleanup")

    return count


def outcome(captured, name="count"):
    one = captured.one(name)
    return one["result"], one.get("reason"), one.get("returns")


# -- What is whose child ---------------------------------------------------------------------------


def test_the_bodys_work_is_its_child_and_the_consumers_is_not(captured, count):
    """At every step, with awaits in between."""

    async def main():
        async with captured.client.action("consumer") as consumer:
            async for i in count(2):
                assert consumer is current_action()
                await asyncio.sleep(0)
                record(captured, f"outside {i}")
            record(captured, "after")

    run(main)
    inside = ["inside 0", "inside 1", "last", "cleanup"]
    assert [
        ("consumer", [("count", inside), "outside 0", "outside 1", "after"])
    ] == captured.tree()  # fmt: skip
    assert ("Success", None, [0, 1]) == outcome(captured)


def test_each_step_may_be_made_by_another_task(captured, count):
    """Each with a context of its own; and the last by one with an action of its own."""

    async def main():
        running = count(3)
        assert 0 == await asyncio.create_task(anext(running))
        loop = asyncio.get_running_loop()
        empty = contextvars.Context()
        assert 1 == await loop.create_task(anext(running), context=empty)
        async with captured.client.action("there"):
            assert 2 == await anext(running)
            assert None is await anext(running, None)
            record(captured, "outside")
        await loop.create_task(recorded("in the empty one"), context=empty)

    async def recorded(name):
        record(captured, name)

    run(main)
    inside = ["inside 0", "inside 1", "inside 2", "last", "cleanup"]
    assert [("count", inside), ("there", ["outside"]), "in the empty one"] == captured.tree()


def test_tasks_consume_two_of_them_side_by_side(captured):
    """Steps that wait for each other do not mix."""

    @record_action("gen")
    async def gen(name, mine, other):
        for step in range(3):
            mine.release()
            await other.acquire()
            record(captured, f"{name}{step}")
            yield step

    async def consume(name, mine, other):
        async with captured.client.action(name):
            async for step in gen(name, mine, other):
                record(captured, f"{name} got {step}")

    async def main():
        one, two = asyncio.Semaphore(0), asyncio.Semaphore(0)
        await asyncio.gather(consume("a", one, two), consume("b", two, one))

    run(main)
    for name, children in captured.tree():
        (gen, inside), *outside = children
        assert ("gen", [f"{name}{n}" for n in range(3)]) == (gen, inside)
        assert [f"{name} got {n}" for n in range(3)] == outside


def test_a_task_that_the_body_starts_is_its_child(captured):
    """While the body is open; what the task does when it is not hangs under what is."""

    @record_action("gen")
    async def gen(go_on):
        async def work():
            record(captured, "early")
            await go_on.wait()
            record(captured, "late")

        yield asyncio.create_task(work())

    async def main():
        go_on = asyncio.Event()
        with captured.client.action("outer"):
            async for task in gen(go_on):
                await asyncio.sleep(0)
            go_on.set()
            await task

    run(main)
    assert [("outer", [("gen", ["early"]), "late"])] == captured.tree()


def test_a_block_open_across_a_yield_is_the_parent_inside_only(captured):
    """What the body keeps open is no parent of the consumer's work."""

    @record_action("gen")
    async def gen():
        async with captured.client.action("block"):
            yield 1
            record(captured, "in block")
        yield 2

    async def main():
        async for _ in gen():
            record(captured, "outside")
            assert current_action() is None

    run(main)
    assert [("gen", [("block", ["in block"])]), "outside", "outside"] == captured.tree()


# -- Forwarded -------------------------------------------------------------------------------------


async def script(generator):
    """Drive an async generator through everything; return what was seen, errors too."""
    seen = []

    async def step(method, *args):
        try:
            seen.append(await method(*args))
        except BaseException as error:
            seen.append((type(error), error.args, type(error.__context__), type(error.__cause__)))

    running = generator()
    await step(running.asend, None)
    await step(running.athrow, KeyError("a"))
    await step(running.asend, 1)
    await step(running.athrow, StopAsyncIteration())
    await step(running.__anext__)
    running = generator()
    await step(running.__anext__)
    await step(running.athrow, ValueError("b"))
    await step(running.__anext__)
    await step(running.athrow, LookupError)
    await step(running.aclose)
    await step(running.__anext__)
    running = generator()
    await step(running.__anext__)
    await step(running.aclose)
    await step(running.aclose)
    await step(generator().asend, 1)
    return seen


async def echoing():
    got = 1
    while got:
        got = yield got


async def catching():
    try:
        yield 1
    except KeyError:
        await asyncio.sleep(0)
        yield 2
    except ValueError:
        yield 3
    yield 4


async def converting():
    try:
        yield 1
    except KeyError as error:
        raise OSError from error
    except ValueError:
        await asyncio.sleep(0)
        raise TypeError from None


async def raising_after():
    with contextlib.suppress(KeyError, ValueError):
        yield 1
    raise OSError("after")


async def returning():
    try:
        yield 1
    except (KeyError, ValueError, GeneratorExit):
        return


async def stubborn():
    try:
        yield 1
    except GeneratorExit:
        yield 2


@pytest.mark.parametrize(
    "body", [echoing, catching, converting, raising_after, returning, stubborn]
)
def test_a_recorded_generator_answers_as_the_plain_one(captured, body):
    """To asend, athrow of any exception, aclose: values, errors, their causes and contexts."""
    decorated = record_action("gen")(body)
    assert asyncio.run(script(body)) == asyncio.run(script(decorated))
    assert all("result" in one for one in captured.events)
    assert current_action() is None


def test_the_exception_thrown_in_is_the_very_object(captured):
    """It arrives, and comes back, untouched."""
    error = ValueError("x")

    @record_action("gen")
    async def gen():
        yield 1

    async def main():
        running = gen()
        await anext(running)
        with pytest.raises(ValueError) as raised:
            await running.athrow(error)
        assert raised.value is error
        assert error.__context__ is None

    run(main)
    assert "Fail" == captured.one("gen")["result"]


def test_an_exception_thrown_in_is_not_kept(captured):
    """Once everybody has let go of it it is gone, without a round of the garbage collector."""

    class Heavy(Exception):
        alive = 0

        def __init__(self):
            Heavy.alive += 1

        def __del__(self):
            Heavy.alive -= 1

    async def body():
        with contextlib.suppress(Heavy):
            yield 1
        yield 2

    async def main(generator):
        running = generator()
        await anext(running)
        await running.athrow(Heavy())
        alive = Heavy.alive
        await running.aclose()
        return alive

    assert run(lambda: main(body)) == run(lambda: main(record_action("gen")(body)))


def test_advanced_while_it_runs_is_pythons_error(captured, count):
    """The step under way is not disturbed."""

    async def main():
        running = count(1)
        first = asyncio.create_task(anext(running))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already running"):
            await anext(running)
        assert 0 == await first
        record(captured, "outside")
        await running.aclose()

    run(main)
    assert [("count", ["inside 0", "cleanup"]), "outside"] == captured.tree()


def test_driven_without_an_event_loop(captured):
    """By hand, as a framework of one's own does."""

    @record_action("gen")
    async def gen():
        record(captured, "inside")
        yield 1

    running = gen()
    with pytest.raises(StopIteration) as stopped:
        running.asend(None).send(None)
    assert 1 == stopped.value.value
    record(captured, "outside")
    with pytest.raises(StopIteration):
        running.aclose().send(None)
    assert [("gen", ["inside"]), "outside"] == captured.tree()
    assert "abandoned" == captured.one("gen")["reason"]


def test_a_context_manager_of_a_recorded_generator(captured):
    """`contextlib.asynccontextmanager` on top: the block's work is not the generator's."""

    @contextlib.asynccontextmanager
    @record_action("setup")
    async def setup():
        record(captured, "up")
        yield 5
        record(captured, "down")

    async def main():
        async with setup() as value:
            assert 5 == value
            record(captured, "block")

    run(main)
    assert [("setup", ["up", "down"]), "block"] == captured.tree()


# -- Left early ------------------------------------------------------------------------------------


async def by_break(running, captured):
    async for _ in running:
        break


async def by_aclose(running, captured):
    await anext(running)
    await running.aclose()


async def by_error(running, captured):
    with contextlib.suppress(KeyError):
        async for _ in running:
            raise KeyError


async def by_cancelled_consumer(running, captured):
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


async def by_cancelled_block(running, captured):
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


async def by_cancelled_context_manager(running, captured):
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


async def by_cycle(running, captured):
    """The garbage collector finds it."""
    await anext(running)
    cycle = [running]
    cycle.append(cycle)
    del running, cycle
    gc.collect()


async def by_the_end_of_the_loop(running, captured):
    """`asyncio.run` closes what is still referenced."""
    await anext(running)
    by_the_end_of_the_loop.kept = running


LEFT = [
    by_break, by_aclose, by_error, by_cancelled_consumer, by_cancelled_block,
    by_cancelled_context_manager, by_cycle, by_the_end_of_the_loop,
]  # fmt: skip


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("leave", LEFT)
def test_left_early_is_abandoned_without_a_message(captured, count, leave, debug):
    """Its cleanup, which awaits, is done and its child; nobody hangs under it."""

    async def main():
        box = [count(5)]
        await leave(box.pop(), captured)
        record(captured, "after")
        assert current_action() is None
        for _ in range(5):
            await asyncio.sleep(0)
        record(captured, "later")

    run(main, debug=debug)
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured)
    tree = captured.tree()
    assert {"after", "later"} == {name for name in tree if isinstance(name, str)}
    assert ("count", ["inside 0", "cleanup"]) in tree


@pytest.mark.parametrize("leave", [by_break, by_error])
def test_left_in_an_action_it_hangs_there(captured, count, leave):
    """And the cleanup, which comes when the loop gets to it, hangs under the generator."""

    async def main():
        async with captured.client.action("outer"):
            await leave(count(5), captured)
            record(captured, "after")
        for _ in range(5):
            await asyncio.sleep(0)

    run(main)
    assert [("outer", [("count", ["inside 0", "cleanup"]), "after"])] == captured.tree()


@pytest.mark.parametrize("leave", [by_break, by_error, by_cancelled_consumer, by_cycle])
def test_left_as_the_last_thing_a_program_does(captured, count, leave):
    """The loop ends before it gets to the cleanup: no message, and it is abandoned all the same."""

    async def main():
        box = [count(5)]
        await leave(box.pop(), captured)

    run(main)
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured)
    assert current_action() is None


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
        with pytest.raises(TimeoutError):
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
        record(captured, "after")
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
