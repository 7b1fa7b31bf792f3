"""Recorded async generators: forwarded in everything, each one's work where it belongs."""

import asyncio
import contextlib
import contextvars
import gc
import weakref

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


# -- What is whose child ---------------------------------------------------------------------------


def test_the_bodys_work_is_its_child_and_the_consumers_is_not(captured, count):
    """At every step, with awaits in between."""

    async def main():
        async with captured.client.action("consumer") as consumer:
            async for i in count(2):
                assert consumer is current_action()
                await asyncio.sleep(0)
                record(f"outside {i}")
            record("after")

    run(main)
    inside = ["inside 0", "inside 1", "last", "cleanup"]
    assert [
        ("consumer", [("count", inside), "outside 0", "outside 1", "after"])
    ] == captured.tree()  # fmt: skip
    assert ("Success", None, [0, 1]) == outcome(captured, "count")


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
            record("outside")
        await loop.create_task(recorded("in the empty one"), context=empty)

    async def recorded(name):
        record(name)

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
            record(f"{name}{step}")
            yield step

    async def consume(name, mine, other):
        async with captured.client.action(name):
            async for step in gen(name, mine, other):
                record(f"{name} got {step}")

    async def main():
        one, two = asyncio.Semaphore(0), asyncio.Semaphore(0)
        await asyncio.gather(consume("a", one, two), consume("b", two, one))

    run(main)
    for name, children in captured.tree():
        inside, *outside = children
        assert ("gen", [f"{name}{n}" for n in range(3)]) == inside
        assert [f"{name} got {n}" for n in range(3)] == outside


def test_a_task_that_the_body_starts_is_its_child(captured):
    """While the body is open; what the task does when it is not hangs under what is."""

    @record_action("gen")
    async def gen(go_on):
        async def work():
            record("early")
            await go_on.wait()
            record("late")

        yield asyncio.create_task(work())

    async def main():
        go_on = asyncio.Event()
        with captured.client.action("outer"):
            async for made in gen(go_on):
                task = made
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
            record("in block")
        yield 2

    async def main():
        async for _ in gen():
            record("outside")
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
    """Yield what is sent."""
    got = 1
    while got:
        got = yield got


async def catching():
    """Go on after one thrown error, awaiting."""
    try:
        yield 1
    except KeyError:
        await asyncio.sleep(0)
        yield 2
    except ValueError:
        yield 3
    yield 4


async def converting():
    """Raise another error for the one thrown in."""
    try:
        yield 1
    except KeyError as error:
        raise OSError from error
    except ValueError:
        await asyncio.sleep(0)
        raise TypeError from None


async def raising_after():
    """Raise when the one thrown in is dealt with."""
    with contextlib.suppress(KeyError, ValueError):
        yield 1
    raise OSError("after")


async def returning():
    """End at an error thrown in."""
    try:
        yield 1
    except (KeyError, ValueError, GeneratorExit):
        return


async def stubborn():
    """Yield once more when closed."""
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
    assert body is stubborn or all("result" in one for one in captured.events)
    assert current_action() is None


def test_what_is_sent_arrives(captured):
    """Each `asend` is an answer to the item before."""

    async def main():
        running = record_action("gen")(echoing)()
        return [await running.asend(value) for value in (None, 2, "x", 3)]

    assert [1, 2, "x", 3] == run(main)
    assert [1, 2, "x", 3] == captured.one("gen")["returns"]


def test_the_exception_thrown_in_is_the_very_object(captured):
    """It arrives, and comes back, untouched."""
    error = ValueError("x")

    @record_action("gen")
    async def gen():
        yield 1

    async def main():
        running = gen()
        await anext(running)
        with pytest.raises(ValueError, match="x") as raised:
            await running.athrow(error)
        assert raised.value is error
        assert error.__context__ is None

    run(main)
    assert "Fail" == captured.one("gen")["result"]


def test_an_exception_thrown_in_is_not_kept(captured):
    """Once everybody has let go of it it is gone, without a round of the garbage collector."""

    class HeavyError(Exception):
        alive = 0

        def __init__(self):
            HeavyError.alive += 1

        def __del__(self):
            HeavyError.alive -= 1

    async def body():
        with contextlib.suppress(HeavyError):
            yield 1
        yield 2

    async def main(generator):
        running = generator()
        await anext(running)
        await running.athrow(HeavyError())
        alive = HeavyError.alive
        await running.aclose()
        return alive

    assert run(lambda: main(body)) == run(lambda: main(record_action("gen")(body)))


@pytest.mark.parametrize("recorded", [False, True])
def test_an_exception_that_comes_back_is_not_kept_either(captured, recorded):
    """The body does not catch it, the consumer does."""

    class HeavyError(Exception):
        pass

    async def gen():
        yield 1

    async def main():
        running = record_action("gen")(gen)() if recorded else gen()
        await anext(running)
        error = HeavyError()
        seen = weakref.ref(error)
        with contextlib.suppress(HeavyError):
            await running.athrow(error)
        del error, running
        return seen() is None

    gc.disable()
    try:
        assert asyncio.run(main())
    finally:
        gc.enable()


def test_advanced_while_it_runs_is_pythons_error(captured, count):
    """The step under way is not disturbed."""

    async def main():
        running = count(1)
        first = asyncio.create_task(anext(running))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already running"):
            await anext(running)
        assert 0 == await first
        record("outside")
        await running.aclose()

    run(main)
    assert [("count", ["inside 0", "cleanup"]), "outside"] == captured.tree()


def test_driven_without_an_event_loop(captured):
    """By hand, as a framework of one's own does."""

    @record_action("gen")
    async def gen():
        record("inside")
        yield 1

    running = gen()
    with pytest.raises(StopIteration) as stopped:
        running.asend(None).send(None)
    assert 1 == stopped.value.value
    record("outside")
    with pytest.raises(StopIteration):
        running.aclose().send(None)
    assert [("gen", ["inside"]), "outside"] == captured.tree()
    assert "abandoned" == captured.one("gen")["reason"]


def test_a_context_manager_of_a_recorded_generator(captured):
    """`contextlib.asynccontextmanager` on top: the block's work is not the generator's."""

    @contextlib.asynccontextmanager
    @record_action("setup")
    async def setup():
        record("up")
        yield 5
        record("down")

    async def main():
        async with setup() as value:
            assert 5 == value
            record("block")

    run(main)
    assert [("setup", ["up", "down"]), "block"] == captured.tree()
