"""Recorded generators: forwarded in everything, their body's work their child, others' not."""

import contextlib
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentlog import current_action, record_action
from tests.recording.running import anywhere, in_thread, outcome, record


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


# -- What is whose child ---------------------------------------------------------------------------


def test_the_bodys_work_is_its_child_and_the_consumers_is_not(captured, count):
    """At every step."""
    with captured.client.action("consumer") as consumer:
        for i in count(2):
            assert consumer is current_action()
            record(f"outside {i}")
        record("after")
    assert [
        (
            "consumer",
            [("count", ["inside 0", "inside 1", "last"]), "outside 0", "outside 1", "after"],
        )
    ] == captured.tree()
    assert ("Success", None, [0, 1]) == outcome(captured, "count")


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


@anywhere
def test_steps_are_made_anywhere(captured, count, where):
    """Whichever context or thread advances it, the tree is the same."""
    running = count(2)
    with captured.client.action("outer"):
        assert 0 == next(running)
        assert 1 == where(next, running)
        record("between")
        with pytest.raises(StopIteration):
            next(running)
    record("after")
    where(record, "there")
    assert [
        ("outer", [("count", ["inside 0", "inside 1", "last"]), "between"]), "after", "there",
    ] == captured.tree()  # fmt: skip
    assert current_action() is None


@anywhere
def test_first_and_last_steps_are_made_anywhere(captured, count, where):
    """Who makes the first is the parent; who makes the last has nothing left."""

    def begin():
        with captured.client.action("there"):
            return next(running)

    running = count(1)
    assert 0 == where(begin)
    with captured.client.action("here"):
        assert [] == list(running)
        record("outside")
    assert [("there", [("count", ["inside 0", "last"])]), ("here", ["outside"])] == captured.tree()


def test_a_block_open_across_a_yield_is_the_parent_inside_only(captured):
    """What the body opens and keeps open is no parent of the consumer's work."""

    @record_action("gen")
    def gen():
        with captured.client.action("block"):
            yield 1
            record("in block")
        record("in gen")
        yield 2

    running = gen()
    next(running)
    record("outside")
    in_thread(next, running)
    assert current_action() is None
    running.close()
    record("after")
    assert [("gen", [("block", ["in block"]), "in gen"]), "outside", "after"] == captured.tree()


def test_interleaved_generators_do_not_mix(captured):
    """Two of them, advanced in turns, one left in the middle."""

    @record_action("gen")
    def gen(name):
        for step in range(3):
            record(f"{name}{step}")
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
                record("outer's")
                yield item
        else:
            assert "done" == (yield from count(1))

    for how in ("for", "yield from"):
        for _ in outer(how):
            record("consumer's")
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
        record("outside")
    assert [
        ("first", [("count", ["inside 0", "inside 1"])]), ("second", ["outside"])
    ] == captured.tree()  # fmt: skip


def test_an_action_the_consumer_opens_between_steps_stays_open(captured, count):
    """A step leaves the consumer's context as it was."""
    running = count(2)
    next(running)
    with captured.client.action("consumer"):
        next(running)
        record("outside")
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
    """Go on after an error thrown in."""
    try:
        yield 1
    except KeyError:
        yield 2
    except ValueError:
        yield 3
    yield 4


def converting():
    """Raise another error for the one thrown in."""
    try:
        yield 1
    except KeyError as error:
        raise OSError from error
    except ValueError:
        raise TypeError from None


def raising_after():
    """Raise when the one thrown in is dealt with."""
    with contextlib.suppress(KeyError, ValueError):
        yield 1
    raise OSError("after")


def stubborn():
    """Yield once more when closed."""
    while True:
        try:
            yield 1
        except GeneratorExit:
            yield 2
            return
        except LookupError:
            pass


def returning():
    """End at an error thrown in."""
    try:
        yield 1
    except (KeyError, ValueError, GeneratorExit):
        return 5


@pytest.mark.parametrize("body", [catching, converting, raising_after, stubborn, returning])
def test_a_recorded_generator_answers_as_the_plain_one(captured, body):
    """To next, send, throw and close: values, errors, their causes and contexts."""
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
    with pytest.raises(ValueError, match="x") as raised:
        running.throw(error)
    assert raised.value is error
    assert error.__context__ is None
    assert ("Fail", "ValueError") == (
        captured.one("gen")["result"],
        captured.one("gen")["error"]["type"],
    )


def test_an_error_of_the_body_is_the_very_object(captured):
    """It ends the generator as a Fail, with the items until then."""
    error = ValueError("x")

    @record_action("gen")
    def gen():
        yield 1
        raise error

    running = gen()
    next(running)
    with pytest.raises(ValueError, match="x") as raised:
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
        record("inside")
        yield 1

    running = gen()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, running)
        assert inside.wait(10)
        with pytest.raises(ValueError, match="already executing"):
            next(running)
        go_on.set()
        assert 1 == first.result(10)
        record("outside")
    assert [("gen", ["inside"]), "outside"] == captured.tree()


def test_a_context_manager_of_a_recorded_generator(captured):
    """`contextlib.contextmanager` on top: the block's work is not the generator's."""

    @contextlib.contextmanager
    @record_action("setup")
    def setup():
        record("up")
        yield 5
        record("down")

    with setup() as value:
        assert 5 == value
        record("block")
    with pytest.raises(KeyError), setup():
        raise KeyError
    assert [("setup", ["up", "down"]), "block", ("setup", ["up"])] == captured.tree()
