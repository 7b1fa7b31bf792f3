"""record_action on functions: what it records, and that the call stays the same."""

import asyncio
import contextlib
import functools
import inspect
import pickle
import sys
import types
import unittest.mock
import warnings

import pytest

import agentlog
from agentlog import ConfigurationError, Event, current_action
from agentlog.testing import capture_events
from tests.ids import named

record_action = agentlog.record_action  # of the default client, whichever it is at the call

NAMES = [
    "name", "args", "kwargs", "self_", "cls_", "event_type", "client", "function", "recorder",
    "action", "tags", "spec", "value", "error", "item", "sent", "steps", "body",
]  # fmt: skip


@record_action("module level")
def at_module_level(a, b=2):
    """Add."""
    return a + b


def test_a_call_is_an_action(captured):
    """With its parameters by name, its returns, and what happens inside as its children."""

    @record_action("add", ["t"], action_type="tool", model="m")
    def add(a, b=2, *rest, c, **others):
        captured.client.record(Event("inside"))
        return [a, b, rest, c, others]

    assert [1, 2, (), 3, {}] == add(1, c=3)
    assert [1, 5, (6,), 3, {"d": 4}] == add(1, 5, 6, c=3, d=4)
    assert [("add", ["inside"])] * 2 == captured.tree()
    first, second = (one for one in captured.events if one["event_type"] == "add")
    assert {"a": 1, "b": 2, "rest": [], "c": 3, "others": {}} == first["params"]
    assert {"a": 1, "b": 5, "rest": [6], "c": 3, "others": {"d": 4}} == second["params"]
    assert [1, 5, [6], 3, {"d": 4}] == second["returns"]
    assert ("Success", "tool", "m", ["t"]) == tuple(
        first[field] for field in ("result", "action_type", "model", "tags")
    )


def test_a_coroutine_function_is_an_action_while_it_runs(captured):
    """It begins at the first step, ends with the last, and tasks between do not mix."""

    @record_action("work")
    async def work(n, mine, other):
        captured.client.record(Event(f"before {n}"))
        mine.set()
        await other.wait()
        captured.client.record(Event(f"after {n}"))
        return n

    async def main():
        one, two = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(work(1, one, two), work(2, two, one))

    assert [1, 2] == asyncio.run(main())
    assert [
        ("work", ["before 1", "after 1"]),
        ("work", ["before 2", "after 2"]),
    ] == captured.tree()
    assert [1, 2] == [one["returns"] for one in captured.events if one["event_type"] == "work"]


def test_a_coroutine_that_is_not_awaited_is_not_recorded(captured):
    """Nothing has happened yet."""

    @record_action("work")
    async def work():
        """Do nothing."""

    work().close()
    assert [] == captured.everything


@pytest.mark.parametrize("kind", ["cancelled", "abandoned"])
def test_a_coroutine_that_is_left_is_no_failure(captured, kind):
    """Cancelled by its task, or closed by hand."""

    @record_action("work")
    async def work(started):
        started.set()
        await asyncio.get_running_loop().create_future()

    async def main():
        started = asyncio.Event()
        task = asyncio.create_task(work(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    @record_action("work")
    async def by_hand():
        await asyncio.sleep(0)

    if kind == "cancelled":
        asyncio.run(main())
    else:
        coroutine = by_hand()
        coroutine.send(None)
        coroutine.close()
    one = captured.one("work")
    assert ("Indeterminate", kind) == (one["result"], one["reason"])
    assert current_action() is None


def test_an_exception_goes_on(captured):
    """It is the same object, the action a Fail, and the function was called once."""
    error, calls = ValueError("x"), []

    @record_action("work")
    def work():
        calls.append(1)
        raise error

    @record_action("async work")
    async def async_work():
        calls.append(2)
        raise error

    for call in (work, lambda: asyncio.run(async_work())):
        with pytest.raises(ValueError, match="x") as raised:
            call()
        assert raised.value is error
        assert error.__context__ is None
    assert [1, 2] == calls
    assert ["Fail", "Fail"] == [one["result"] for one in captured.events]
    assert "x" == captured.one("work")["error"]["message"]


# -- Options ---------------------------------------------------------------------------------------


def test_what_is_not_wanted_is_not_recorded(captured):
    """`ignore`, `capture_params=False` and `capture_returns=False`."""

    @record_action("ignoring", ignore=["secret"])
    def ignoring(a, secret):
        return secret

    @record_action("bare", capture_params=False, capture_returns=False)
    def bare(a):
        return a

    ignoring(1, 2)
    bare(1)
    assert {"a": 1} == captured.one("ignoring")["params"]
    assert 2 == captured.one("ignoring")["returns"]
    assert not {"params", "returns"} & set(captured.one("bare"))


def test_a_returned_none_is_told_from_none_captured(captured):
    """A function that returns None returns None."""

    @record_action("work")
    def work():
        return None

    work()
    assert captured.one("work")["returns"] is None


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ({"event_type": ""}, "a string that is not empty"),
        ({"event_type": print}, '@record_action("plan")'),
        ({"tags": "x"}, "a list of strings"),
        ({"action_type": "session"}, "'action', 'llm'"),
        ({"model": 1}, "the model's name"),
        ({"ignore": "secret"}, "a list of parameter names"),
        ({"ignore": [1]}, "a list of parameter names"),
        ({"ignore": 5}, "a list of parameter names"),
        ({"reduce": 5}, "a function of the list of items"),
    ],
    ids=str,
)
def test_a_wrong_option_raises_where_it_is_written(arguments, accepted):
    """And says what is accepted, before anything is called; also before `init`."""
    for decorator in (record_action, agentlog.Client().record_action):
        with pytest.raises(ConfigurationError) as raised:
            decorator(**{"event_type": "work", **arguments})
        assert accepted in str(raised.value)


@pytest.mark.parametrize("thing", [5, "f", None, property(len)], ids=named)
def test_what_cannot_be_called_raises_where_it_is_decorated(thing):
    """The message says what record_action takes."""
    with pytest.raises(ConfigurationError, match="takes a function"):
        record_action("work")(thing)


# -- Wrong calls -----------------------------------------------------------------------------------


def wrong_calls(function):
    """Return the messages of the TypeErrors of wrong calls."""
    messages = []
    for args, kwargs in [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"a": 1})]:
        with pytest.raises(TypeError) as raised:
            function(*args, **kwargs)
        messages.append(str(raised.value))
    return messages


def test_a_wrong_call_raises_pythons_own_type_error(captured):
    """Word for word, and it is recorded as a Fail with the arguments as they came."""

    def work(a, b=2):
        """Do nothing."""

    assert wrong_calls(work) == wrong_calls(record_action("work")(work))
    assert ["Fail"] * 4 == [one["result"] for one in captured.events]
    assert {"args": [1, 2, 3]} == captured.events[1]["params"]


def test_a_wrong_call_of_a_coroutine_or_generator_function_raises_at_the_first_step(captured):
    """Python's own error, word for word, too."""

    def work(a, b=2):
        """Do nothing."""

    async def coroutine(a, b=2):
        """Do nothing."""

    def generator(a, b=2):
        yield

    async def async_generator(a, b=2):
        yield

    def steps(function, step):
        def call(*args, **kwargs):
            step(record_action("x")(function)(*args, **kwargs))

        return [message.partition("()")[2] for message in wrong_calls(call)]

    expected = [message.partition("()")[2] for message in wrong_calls(work)]
    assert expected == steps(coroutine, lambda started: started.send(None))
    assert expected == steps(generator, next)
    assert expected == steps(async_generator, lambda started: started.asend(None).send(None))
    assert ["Fail"] * 12 == [one["result"] for one in captured.events]
    assert current_action() is None


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_may_have_any_name(captured, name):
    """By position and by keyword, in functions of every kind."""
    scope = {}
    exec(
        f"def plain({name}): return {name}\nasync def coroutine({name}): return {name}\n"
        f"def generator({name}): yield {name}\nasync def async_generator({name}): yield {name}\n",
        scope,
    )
    decorated = {
        kind: record_action(kind)(scope[kind])
        for kind in ("plain", "coroutine", "generator", "async_generator")
    }

    async def main(*args, **kwargs):
        return await decorated["coroutine"](*args, **kwargs), [
            item async for item in decorated["async_generator"](*args, **kwargs)
        ]

    for args, kwargs in [((5,), {}), ((), {name: 5})]:
        assert 5 == decorated["plain"](*args, **kwargs)
        assert [5] == list(decorated["generator"](*args, **kwargs))
        assert (5, [5]) == asyncio.run(main(*args, **kwargs))
    assert [{name: 5}] * 8 == [one["params"] for one in captured.events]


# -- It looks like the function --------------------------------------------------------------------


def plain(a: int, /, b: "str" = "x", *args: int, c: bool = True, **kwargs: int) -> list:
    """Do something."""


async def coroutine(a: int) -> str:
    """Do something."""


def generator(a: int):
    """Do something."""
    yield


async def async_generator(a: int):
    """Do something."""
    yield


QUESTIONS = [
    inspect.isfunction, inspect.isroutine, inspect.iscoroutinefunction,
    inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.signature, inspect.getdoc,
    inspect.getmodule, inspect.getsourcelines,
]  # fmt: skip


@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator, lambda x=1: x])
def test_a_decorated_function_looks_like_the_function(function):
    """To everybody who asks: its kind, signature, names, documentation and source."""
    decorated = record_action("work")(function)
    for question in QUESTIONS:
        assert question(function) == question(decorated)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
        assert getattr(function, attribute) == getattr(decorated, attribute)
    assert decorated.__wrapped__ is function
    assert inspect.unwrap(decorated) is function


def test_attributes_of_the_function_are_there():
    """Other decorators leave marks on it."""

    def function():
        """Do nothing."""

    function.mark = "x"
    assert "x" == record_action("work")(function).mark


def test_a_decorated_function_of_a_module_can_be_pickled(captured):
    """Process pools send it by its name."""
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert 3 == at_module_level(1)
    assert {"a": 1, "b": 2} == captured.one("module level")["params"]


def test_decorated_twice_is_two_actions(captured):
    """One in the other."""

    @record_action("outer")
    @record_action("inner")
    def work(a):
        return a

    assert 1 == work(1)
    assert [("outer", ["inner"])] == captured.tree()
    assert [{"a": 1}] * 2 == [one["params"] for one in captured.events]


def test_a_function_calls_itself(captured):
    """Each call is the child of the one before."""

    @record_action("fall")
    def fall(n):
        return n and fall(n - 1)

    fall(2)
    assert [("fall", [("fall", ["fall"])])] == captured.tree()


def test_a_generator_based_coroutine_can_be_awaited(captured):
    """`types.coroutine` marks a generator function whose calls are awaitable."""

    @record_action("wait")
    @types.coroutine
    def wait():
        return (yield)

    async def main():
        return await wait()

    running = main()
    running.send(None)
    with pytest.raises(StopIteration) as stopped:
        running.send(5)
    assert 5 == stopped.value.value


def test_the_clients_own_decorator_records_with_that_client():
    """Not with the default one."""
    with capture_events() as mine, capture_events() as default:

        @mine.client.record_action("work")
        def work():
            """Do nothing."""

        work()
        assert (["work"], []) == (mine.names(), default.names())


def test_decorating_costs_the_function_nothing_that_it_gets(captured):
    """The arguments and the result are the very objects, whatever they are."""

    @functools.partial(record_action("work"))
    def work(a, *args, **kwargs):
        return a

    thing = object()
    assert work(thing, thing, k=thing) is thing


@pytest.mark.parametrize("is_async", [False, True])
def test_ctrl_c_while_the_returns_are_taken_leaves_no_parent(captured, is_async):
    """It goes on, and what is recorded afterwards does not hang under the call."""

    class Interrupting:
        def __repr__(self):
            raise KeyboardInterrupt

    @record_action("call")
    def call():
        return Interrupting()

    @record_action("call")
    async def acall():
        return Interrupting()

    with pytest.raises(KeyboardInterrupt):
        drive(acall()) if is_async else call()
    captured.client.record(Event("after"))
    assert ["call", "after"] == captured.tree()
    assert "interrupted" == captured.one("call")["reason"]


def drive(coroutine):
    """Run a coroutine that awaits nothing, without a loop that would take Ctrl-C for its own."""
    with contextlib.suppress(StopIteration):
        coroutine.send(None)


def test_reduce_of_what_is_no_generator_is_refused():
    """It would never be called."""
    with pytest.raises(ConfigurationError, match="generator functions"):
        record_action("f", reduce=len)(lambda: [1])


def test_an_async_mock_is_awaited(captured):
    """What is marked as a coroutine function is recorded as one."""
    mocked = record_action("m")(unittest.mock.AsyncMock(return_value=4))
    assert 4 == asyncio.run(mocked(1))
    assert 4 == captured.one("m")["returns"]


@pytest.fixture
def shallow():
    """Let calls go 300 deep: each that fails keeps a traceback of all below it."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 300)
    yield
    sys.setrecursionlimit(limit)


def test_an_endless_recursion_leaves_no_parent(shallow, captured):
    """A recursion that the program catches closes every call that it opened."""

    @record_action("deeper")
    def deeper():
        return deeper()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RecursionError):
            deeper()
    assert current_action() is None
