"""Recorded methods: instance, class and static ones, with the decorator above or below."""

from collections.abc import AsyncIterator, Iterator
from typing import Generic, Protocol, TypeVar, assert_type

import agentlog as ao

T = TypeVar("T")


class Agent:
    @ao.record_action("method")
    def method(self, a: int, *, b: str = "x") -> str:
        return b

    @ao.record_action("coroutine")
    async def coroutine(self, a: int) -> bytes:
        return b""

    @ao.record_action("generator")
    def generator(self, a: int) -> Iterator[str]:
        yield ""

    @ao.record_action("async generator")
    async def async_generator(self, a: int) -> AsyncIterator[str]:
        yield ""

    @ao.record_action("class above")
    @classmethod
    def class_above(cls, a: int) -> str:
        return cls.__name__

    @classmethod
    @ao.record_action("class below")
    def class_below(cls, a: int) -> str:
        return cls.__name__

    @ao.record_action("static above")
    @staticmethod
    def static_above(a: int) -> str:
        return ""

    @staticmethod
    @ao.record_action("static below")
    def static_below(a: int) -> str:
        return ""

    @property
    @ao.record_action("property")
    def prop(self) -> int:
        return 5


class Works(Protocol):
    def method(self, a: int) -> str: ...


class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value

    @ao.record_action("get")
    def get(self) -> T:
        return self.value


async def right_uses(agent: Agent) -> None:
    assert_type(agent.method(1), str)
    assert_type(agent.method(1, b="y"), str)
    assert_type(Agent.method(agent, 1), str)
    assert_type(await agent.coroutine(1), bytes)
    assert_type(agent.generator(1), Iterator[str])
    assert_type([item async for item in agent.async_generator(1)], list[str])
    assert_type(Agent.class_above(1), str)
    assert_type(agent.class_above(a=1), str)
    assert_type(Agent.class_below(1), str)
    assert_type(agent.class_below(a=1), str)
    assert_type(Agent.static_above(1), str)
    assert_type(agent.static_above(a=1), str)
    assert_type(Agent.static_below(1), str)
    assert_type(agent.static_below(a=1), str)
    assert_type(agent.prop, int)
    assert_type(Box(1).get(), int)
    works: Works = agent


async def wrong_uses(agent: Agent) -> None:
    agent.method()  # error: [call-arg]
    agent.method("x")  # error: [arg-type]
    agent.method(1, "y")  # error: [call-arg]
    Agent.method(1)  # error: [arg-type, call-arg]
    await agent.coroutine("x")  # error: [arg-type]
    agent.generator("x")  # error: [arg-type]
    Agent.class_above("x")  # error: [arg-type]
    Agent.class_below("x")  # error: [arg-type]
    agent.class_above()  # error: [call-arg]
    Agent.static_above("x")  # error: [arg-type]
    Agent.static_below("x")  # error: [arg-type]
    agent.static_below(1, 2)  # error: [call-arg]
    text: str = agent.prop  # error: [assignment]
    word: str = Box(1).get()  # error: [assignment]
