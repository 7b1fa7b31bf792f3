"""Recorded generators: forwarded in everything, their body's work their child, the consumer's not."""

import contextlib
import contextvars
import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentlog import Event, current_action, record_action


def record(captured, name):
    captured.client.record(Event(name))


def in_thread(function, *args):
    """Call a function in a thread of its own, with an empty context."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result(timeout=10)


def in_context(function, *args):
    """Call a function in an empty context."""
    return contextvars.Context().run(function, *args)


def in_copy(function, *args):
    """Call a function in a copy of the context."""
    return contextvars.copy_context().run(function, *args)


def directly(function, *args):
    """Call a function."""
    return function(*args)


ANYWHERE = pytest.mark.parametrize("where", [directly, in_copy, in_context, in_thread])


@pytest.fixture
def count(captured):
    """Return a recorded generator that says which steps it makes."""

    @record_action("count")
    def count(n):
        for i in range(n):
            record(captured, f"inside {i}")
            yield i
        record(captured, "last")
        return "done"

    return count


def outcome(captured, name="count"):
    one = captured.one(name)
    return one["result"], one.get("reason"), one.get("returns")


# -- What is whose child ---------------------------------------------------------------------------


def test_the_bodys_work_is_its_child_and_the_consumers_is_not(captured, count):
    """At every step."""
    with captured.client.action("consumer") as consumer:
        for i in count(2):
            assert consumer is current_action()
            record(captured, f"outside {i}")
        record(captured, "after")
    assert [
        ("consumer", [("count", ["inside 0", "inside 1", "last"]), "outside 0", "outside 1", "after"])
    ] == captured.tree()
    assert ("Success", None, [0, 1]) == outcome(captured)


def test_nothing_happens_before_the_first_step(captured, count):
    """The parent is whoever takes it, not who makes it."""
    with captured.client.action("maker"):
        made = count(1)
    with captured.client.action("consumer"):
        assert [0] == list(made)
    assert ["maker", ("consumer", [("count", ["inside 0", "last"])])] == captured.tree()


def test_a_generator_never_started_is_not_recorded(captured, count):
    """Closed, or forgotten."""
    count(1).close()
    del count
    gc.collect()
    assert [] == captured.everything


@ANYWHERE
def test_steps_are_made_anywhere(captured, count, where):
    """Whichever context or thread advances it, the tree is the same."""
    running = count(2)
    with captured.client.action("outer"):
        assert 0 == next(running)
        assert 1 == where(next, running)
        record(captured, "between")
        with pytest.raises(StopIteration):
            next(running)
    record(captured, "after")
    where(record, captured, "there")
    assert [
        ("outer", [("count", ["inside 0", "inside 1", "last"]), "between"]), "after", "there",
    ] == captured.tree()  # fmt: skip
    assert current_action() is None


@ANYWHERE
def test_first_and_last_steps_are_made_anywhere(captured, count, where):
    """Who makes the first is the parent; who makes the last has nothing left."""

    def begin():
        with captured.client.action("there"):
            return next(running)

    running = count(1)
    assert 0 == where(begin)
    with captured.client.action("here"):
        assert [] == list(running)
        record(captured, "outside")
    assert [("there", [("count", ["inside 0", "last"])]), ("here", ["outside"])] == captured.tree()


def test_a_block_open_across_a_yield_is_the_parent_inside_only(captured):
    """What the body opens and keeps open is no parent of the consumer's work."""

    @record_action("gen")
    def gen():
        with captured.client.action("block"):
            yield 1
            record(captured, "in block")
        record(captured, "in gen")
        yield 2

    running = gen()
    next(running)
    record(captured, "outside")
    in_thread(next, running)
    assert current_action() is None
    running.close()
    record(captured, "after")
    assert [("gen", [("block", ["in block"]), "in gen"]), "outside", "after"] == captured.tree()


def test_interleaved_generators_do_not_mix(captured):
    """Two of them, advanced in turns, one left in the middle."""

    @record_action("gen")
    def gen(name):
        for step in range(3):
            record(captured, f"{name}{step}")
            yield step

    a, b = gen("a"), gen("b")
    for running in (a, b, b, a):
        next(running)
    a.close()
    assert [2] == list(b)
    assert [("gen", ["a0", "a1"]), ("gen", ["b0", "b1", "b2"])] == captured.tree()
    assert ["abandoned", None] == [
        one.get("reason") for one in captured.events if one["event_type"] == "gen"
    ]


def test_a_generator_in_a_generator(captured, count):
    """The inner is the outer's child, at each of its steps, by `for` and by `yield from`."""

    @record_action("outer")
    def outer(how):
        if how == "for":
            for item in count(1):
                record(captured, "outer's")
                yield item
        else:
            assert "done" == (yield from count(1))

    for how in ("for", "yield from"):
        for _ in outer(how):
            record(captured, "consumer's")
    inside = ("count", ["inside 0", "last"])
    assert [
        ("outer", [inside, "outer's"]), "consumer's", ("outer", [inside]), "consumer's",
    ] == captured.tree()  # fmt: skip


def test_a_generator_that_outlives_the_action_it_was_begun_in(captured, count):
    """Its work is still its own; what the consumer does hangs under what is open."""
    with captured.client.action("first"):
        running = count(2)
        next(running)
    with captured.client.action("second"):
        next(running)
        record(captured, "outside")
    assert [
        ("first", [("count", ["inside 0", "inside 1"])]), ("second", ["outside"])
    ] == captured.tree()  # fmt: skip


def test_an_action_the_consumer_opens_between_steps_stays_open(captured, count):
    """A step leaves the consumer's context as it was."""
    running = count(2)
    next(running)
    with captured.client.action("consumer"):
        next(running)
        record(captured, "outside")
    assert [("count", ["inside 0", "inside 1"]), ("consumer", ["outside"])] == captured.tree()


# -- Forwarded -------------------------------------------------------------------------------------


def test_send_throw_and_the_return_value_are_forwarded(captured):
    """The generator gets what it is sent, and answers."""

    @record_action("echo")
    def echo():
        got = yield "ready"
        while got != "stop":
            try:
                got = yield got
            except ValueError as error:
                got = yield f"caught {error}"
        return "bye"

    running = echo()
    assert ["ready", 1, 0, "caught x", 2] == [
        next(running), running.send(1), running.send(0), running.throw(ValueError("x")),
        running.send(2),
    ]  # fmt: skip
    with pytest.raises(StopIteration) as stopped:
        running.send("stop")
    assert "bye" == stopped.value.value
    assert ("Success", None, ["ready", 1, 0, "caught x", 2]) == outcome(captured, "echo")
    with pytest.raises(TypeError, match="just-started generator"):
        echo().send(1)


def script(generator):
    """Drive a generator through everything; return what was seen, errors too."""
    seen = []

    def step(method, *args):
        try:
            seen.append(method(*args))
        except BaseException as error:
            seen.append((type(error), error.args, type(error.__context__), type(error.__cause__)))

    running = generator()
    step(next, running)
    step(running.throw, KeyError("a"))
    step(running.send, 1)
    step(running.throw, StopIteration())
    step(next, running)
    running = generator()
    step(next, running)
    step(running.throw, ValueError("b"))
    step(next, running)
    step(running.throw, GeneratorExit())
    step(running.throw, LookupError)
    running.close()
    step(next, running)
    return seen


def catching():
    try:
        yield 1
    except KeyError:
        yield 2
    except ValueError:
        yield 3
    yield 4


def converting():
    try:
        yield 1
    except KeyError as error:
        raise OSError from error
    except ValueError:
        raise TypeError from None


def raising_after():
    with contextlib.suppress(KeyError, ValueError):
        yield 1
    raise OSError("after")


def stubborn():
    while True:
        try:
            yield 1
        except GeneratorExit:
            yield 2
            return
        except LookupError:
            pass


def returning():
    try:
        yield 1
    except (KeyError, ValueError, GeneratorExit):
        return 5


@pytest.mark.parametrize("body", [catching, converting, raising_after, stubborn, returning])
def test_a_recorded_generator_answers_as_the_plain_one(captured, body):
    """To next, send, throw of any exception, and close: values, errors, their causes and contexts."""
    assert script(body) == script(record_action("gen")(body))
    assert all("result" in one for one in captured.events)
    assert current_action() is None


def test_the_exception_thrown_in_is_the_very_object(captured):
    """It arrives, and comes back, untouched."""

    @record_action("gen")
    def gen():
        yield 1

    error = ValueError("x")
    running = gen()
    next(running)
    with pytest.raises(ValueError) as raised:
        running.throw(error)
    assert raised.value is error
    assert error.__context__ is None
    assert ("Fail", "ValueError") == (captured.one("gen")["result"], captured.one("gen")["error"]["type"])


def test_an_error_of_the_body_is_the_very_object(captured):
    """It ends the generator as a Fail, with the items until then."""
    error = ValueError("x")

    @record_action("gen")
    def gen():
        yield 1
        raise error

    running = gen()
    next(running)
    with pytest.raises(ValueError) as raised:
        next(running)
    assert raised.value is error
    assert [] == list(running)
    assert ("Fail", [1]) == (captured.one("gen")["result"], captured.one("gen")["returns"])


def test_a_close_that_the_body_ignores_is_pythons_error(captured):
    """And a Fail."""

    @record_action("gen")
    def gen():
        with contextlib.suppress(GeneratorExit):
            yield 1
        yield 2

    running = gen()
    next(running)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        running.close()
    assert [] == list(running)
    assert "Fail" == captured.one("gen")["result"]


def test_advanced_while_it_runs_is_pythons_error(captured):
    """By another thread; the step under way is not disturbed."""
    inside, go_on = threading.Event(), threading.Event()

    @record_action("gen")
    def gen():
        inside.set()
        assert go_on.wait(10)
        record(captured, "inside")
        yield 1

    running = gen()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, running)
        assert inside.wait(10)
        with pytest.raises(ValueError, match="already executing"):
            next(running)
        go_on.set()
        assert 1 == first.result(10)
        record(captured, "outside")
    assert [("gen", ["inside"]), "outside"] == captured.tree()


def test_a_context_manager_of_a_recorded_generator(captured):
    """`contextlib.contextmanager` on top: the block's work is not the generator's."""

    @contextlib.contextmanager
    @record_action("setup")
    def setup():
        record(captured, "up")
        yield 5
        record(captured, "down")

    with setup() as value:
        assert 5 == value
        record(captured, "block")
    with pytest.raises(KeyError), setup():
        raise KeyError
    assert [("setup", ["up", "down"]), "block", ("setup", ["up"])] == captured.tree()


# -- Left early ------------------------------------------------------------------------------------


@ANYWHERE
@pytest.mark.parametrize("how", ["close", "forgotten"])
def test_left_early_is_abandoned(captured, where, how):
    """By close or the last reference, anywhere; its cleanup is its child, nobody hangs under it."""

    @record_action("count")
    def count():
        try:
            yield 1
        finally:
            record(captured, "cleanup")

    running = count()
    next(running)
    record(captured, "before")
    if how == "close":
        where(running.close)
    else:
        box = [running]
        del running
        where(box.clear)
    record(captured, "after")
    where(record, captured, "there")
    assert [("count", ["cleanup"]), "before", "after", "there"] == captured.tree()
    assert ("Indeterminate", "abandoned", [1]) == outcome(captured)
    assert current_action() is None


def test_left_by_break(captured, count):
    """The loop's own reference is the last one."""
    for _ in count(5):
        break
    record(captured, "after")
    assert [("count", ["inside 0"]), "after"] == captured.tree()
    assert ("Indeterminate", "abandoned", [0]) == outcome(captured)


def test_left_and_still_referenced(captured, count):
    """It has not ended, but is nobody's parent."""
    running = count(5)
    for _ in running:
        break
    record(captured, "after")
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
        record(captured, "in other")
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
