"""record_action on what is no plain function: methods, partials, objects, builtins, classes."""

import abc
import asyncio
import functools
import inspect

import pytest

from agentlog import Event, current_action, record_action


class Agent:
    """An agent with a method of every kind."""

    name = "agent"

    @record_action("method")
    def method(self, a, b=2):
        """Return all of it."""
        return self.name, a, b

    @record_action("above")
    @classmethod
    def above(cls, a):
        return cls, a

    @classmethod
    @record_action("below")
    def below(cls, a):
        return cls, a

    @record_action("static above")
    @staticmethod
    def static_above(a):
        return a

    @staticmethod
    @record_action("static below")
    def static_below(a):
        return a

    @record_action("async")
    async def coroutine(self, a):
        return a

    @record_action("async above")
    @classmethod
    async def async_above(cls, a):
        return cls, a

    @record_action("generator")
    def generator(self, a):
        yield a

    @record_action("generator above")
    @staticmethod
    def generator_above(a):
        yield a

    @property
    @record_action("property")
    def prop(self):
        return self.name


class Child(Agent):
    name = "child"

    @record_action("child method")
    def method(self, a, b=3):
        """Return all of it."""
        return super().method(a, b)


class Call:
    def __call__(self, a):
        return a


class AsyncCall:
    async def __call__(self, a):
        return a


class GeneratorCall:
    def __call__(self, a):
        yield a


def plain(a, b=2):
    """Return the arguments."""
    return a, b


async def coroutine(a, b=2):
    """Return the arguments."""
    return a, b


def generator(a, b=2):
    """Yield the arguments."""
    yield a, b


async def async_generator(a, b=2):
    """Yield the arguments."""
    yield a, b


def test_methods(captured):
    """Called on the object and on the class; `self` is no parameter."""
    agent = Agent()
    assert (
        ("agent", 1, 2)
        == agent.method(1)
        == Agent.method(agent, 1)
        == Agent.method(self=agent, a=1)
    )
    assert [{"a": 1, "b": 2}] * 3 == [one["params"] for one in captured.events]
    assert "agent" == agent.prop


@pytest.mark.parametrize("kind", [Agent, Child])
@pytest.mark.parametrize("instance", [False, True])
def test_class_and_static_methods_above_and_below(captured, kind, instance):
    """On either side of the decorator, called on the class or on an object, also of a subclass."""
    owner = kind() if instance else kind
    assert (kind, 1) == owner.above(1) == owner.below(a=1)
    assert 1 == owner.static_above(1) == owner.static_below(a=1)
    assert [1] == list(owner.generator_above(1))
    assert (kind, 1) == asyncio.run(owner.async_above(1))
    assert [{"a": 1}] * 6 == [one["params"] for one in captured.events]


def test_descriptors_stay_what_they_are():
    """`classmethod` above stays a classmethod, with the function behind it."""
    assert isinstance(Agent.__dict__["above"], classmethod)
    assert isinstance(Agent.__dict__["static_above"], staticmethod)
    assert inspect.iscoroutinefunction(Agent.async_above)
    assert inspect.isgeneratorfunction(Agent.generator_above)
    assert ["a"] == list(inspect.signature(Agent.above).parameters)
    assert inspect.ismethod(Agent().method)
    assert "Agent.method" == Agent().method.__qualname__
    assert "Return all of it." == Agent().method.__doc__


def test_a_method_that_overrides_a_recorded_one(captured):
    """The parent's call is its child."""
    assert ("child", 1, 3) == Child().method(1)
    assert [("child method", ["method"])] == captured.tree()


def test_abstract_methods_stay_abstract():
    """The mark goes through the decorator."""

    class Base(abc.ABC):
        @record_action("work")
        @abc.abstractmethod
        def work(self):
            """Do nothing."""

    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_async_and_generator_methods(captured):
    """They are recorded while they run."""
    agent = Agent()
    assert 1 == asyncio.run(agent.coroutine(1))
    assert [1] == list(agent.generator(1))
    assert [{"a": 1}] * 2 == [one["params"] for one in captured.events]


async def drained(items):
    """Return all items."""
    return [item async for item in items]


@pytest.mark.parametrize(
    ("function", "run"),
    [
        (plain, lambda value: value),
        (coroutine, asyncio.run),
        (generator, lambda value: next(iter(list(value)))),
        (async_generator, lambda value: asyncio.run(drained(value))[0]),
    ],
    ids=["plain", "coroutine", "generator", "async generator"],
)
@pytest.mark.parametrize("nested", [False, True])
def test_partials(captured, function, run, nested):
    """Of functions of every kind, also of partials; the wrapper is of the function's kind."""
    partial = functools.partial(function, b=5)
    decorated = record_action("work")(functools.partial(partial, 1) if nested else partial)
    assert (1, 5) == run(decorated() if nested else decorated(1))
    assert (1, 6) == run(decorated(b=6) if nested else decorated(1, b=6))
    for question in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert question(function) == question(decorated)
    assert [5, 6] == [one["params"]["b"] for one in captured.events]
    assert ["Success"] * 2 == [one["result"] for one in captured.events]


def test_a_partial_of_a_recorded_function(captured):
    """The other way around."""
    assert (1, 5) == functools.partial(record_action("work")(plain), b=5)(1)
    assert {"a": 1, "b": 5} == captured.one("work")["params"]


def test_bound_methods(captured):
    """Decorated where they are taken from the object."""
    assert 1 == record_action("work")(Call().__call__)(1)
    assert [1, 2] == record_action("copy")([1, 2].copy)()
    assert {"a": 1} == captured.one("work")["params"]


def test_callable_objects(captured):
    """With a plain, an async and a generator `__call__`."""
    assert 1 == record_action("plain")(Call())(1)
    assert 1 == asyncio.run(record_action("async")(AsyncCall())(1))
    assert [1] == list(record_action("generator")(GeneratorCall())(1))
    assert inspect.iscoroutinefunction(record_action("async")(AsyncCall()))
    assert [{"a": 1}] * 3 == [one["params"] for one in captured.events]
    assert [1, 1, [1]] == [one["returns"] for one in captured.events]


def test_a_partial_of_a_callable_object(captured):
    """Its kind is seen through both."""
    assert 1 == asyncio.run(record_action("async")(functools.partial(AsyncCall(), 1))())
    assert 1 == captured.one("async")["returns"]


def test_builtins(captured):
    """With a signature and without."""
    assert 2 == record_action("len")(len)([1, 2])
    assert 3 == record_action("max")(max)(1, 3, key=None)
    assert "ab" == record_action("join")("".join)(["a", "b"])
    assert {"obj": [1, 2]} == captured.one("len")["params"]
    assert 3 == captured.one("max")["returns"]


def test_classes(captured):
    """A decorated class is a function that makes its objects."""

    class Point:
        def __init__(self, x, y=0):
            captured.client.record(Event("made"))
            self.x, self.y = x, y

    made = record_action("point")(Point)
    assert (1, 0) == (made(1).x, made(1).y)
    assert {"x": 1, "y": 0} == captured.events[0]["params"]
    assert [("point", ["made"])] * 2 == captured.tree()
    assert "Point" == made.__name__


def test_lambdas(captured):
    """Like any function."""
    assert 3 == record_action("add")(lambda a, b: a + b)(1, 2)
    assert {"a": 1, "b": 2} == captured.one("add")["params"]


def test_cached_functions(captured):
    """Above the cache each call is recorded, below it each computation."""
    above = record_action("above")(functools.cache(lambda a: a))
    below = functools.cache(record_action("below")(lambda a: a))
    assert [1, 1, 1, 1] == [above(1), above(1), below(1), below(1)]
    assert ["above", "above", "below"] == captured.names()


def test_single_dispatch(captured):
    """Implementations can be recorded."""

    @functools.singledispatch
    def show(value):
        return "any"

    @show.register
    @record_action("int")
    def _(value: int):
        return "int"

    assert ("int", "any") == (show(1), show("x"))
    assert ["int"] == captured.names()


def test_a_function_that_returns_a_generator_does_not_lose_it(captured):
    """What the caller gets is what the function made, with nothing taken from it."""
    decorated = record_action("work")(lambda: (n for n in range(3)))
    assert [0, 1, 2] == list(decorated())
    assert captured.one("work")["returns"].startswith("<generator object")


def test_before_init_everything_works_and_nothing_is_recorded(captured):
    """A function of every kind, decorated for a client that is not there."""
    from agentlog import default

    before = default.use(None)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(default, "_warned", True)
            assert ("agent", 1, 2) == Agent().method(1)
            assert (Agent, 1) == Agent.above(1) == Agent.below(1)
            assert [1] == list(Agent().generator(1))
            assert 1 == asyncio.run(Agent().coroutine(1))
            assert current_action() is None
    finally:
        default.use(before)
    assert [] == captured.everything
