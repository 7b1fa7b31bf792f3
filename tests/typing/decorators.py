"""A recorded function has its own signature, whatever kind of function it is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any, assert_type

import agentlog as ao

client = ao.Client()


@ao.record_action("plain")
def plain(a: int, b: str = "x", *, c: bool = False) -> list[int]:
    return [a]


@client.record_action("coroutine", ["tag"], action_type="tool", model=ao.Models.GPT_4)
async def coroutine(a: int) -> str:
    return ""


@ao.record_action("generator", reduce=len)
def generator(a: int) -> Generator[int, str, bool]:
    got = yield a
    assert_type(got, str)
    return True


@ao.record_action("iterator")
def iterator(a: int) -> Iterator[int]:
    yield a


@ao.record_action("async generator", reduce=sum)
async def async_generator(a: int) -> AsyncIterator[int]:
    yield a


@ao.record_action("variadic", ignore=["args"])
def variadic(*args: int, **kwargs: str) -> None: ...


@ao.record_action("names")
def names(name: int, event_type: int, client: int, self_: int, args: int, function: int) -> int:
    return name


shorter = ao.record_action("lambda")(lambda: 5)
length = ao.record_action("len")(len)


async def right_uses() -> None:
    assert_type(plain(1), list[int])
    assert_type(plain(1, "x", c=True), list[int])
    assert_type(plain(a=1, b="y"), list[int])
    assert_type(await coroutine(1), str)
    started: Coroutine[Any, Any, str] = coroutine(a=1)
    assert_type(generator(1), Generator[int, str, bool])
    assert_type(generator(1).send("x"), int)
    assert_type(iterator(1), Iterator[int])
    assert_type(async_generator(1), AsyncIterator[int])
    assert_type([item async for item in async_generator(1)], list[int])
    variadic(1, 2, a="x")
    assert_type(names(1, 2, client=3, self_=4, args=5, function=6), int)
    assert_type(shorter(), int)
    assert_type(length("x"), int)


async def wrong_uses() -> None:
    plain()  # error: [call-arg]
    plain("x")  # error: [arg-type]
    plain(1, 2)  # error: [arg-type]
    plain(1, "x", True)  # error: [call-arg]
    plain(1, d=1)  # error: [call-arg]
    text: str = plain(1)  # error: [assignment]
    await coroutine("x")  # error: [arg-type]
    await plain(1)  # error: [misc]
    number: int = await coroutine(1)  # error: [assignment]
    generator("x")  # error: [arg-type]
    generator(1).send(1)  # error: [arg-type]
    async_generator("x")  # error: [arg-type]
    for _ in async_generator(1):  # error: [attr-defined]
        pass
    variadic("x")  # error: [arg-type]
    variadic(a=1)  # error: [arg-type]
    names(1)  # error: [call-arg]
    shorter(1)  # error: [call-arg]
    length(1)  # error: [arg-type]


# The decorator itself.
ao.record_action()  # error: [call-arg]
ao.record_action(5)  # error: [arg-type]
ao.record_action("x", "tag", "tool")  # error: [call-arg]
ao.record_action("x", ignore=5)  # error: [arg-type]
ao.record_action("x", capture_params="no")  # error: [arg-type]
ao.record_action("x", reduce=5)  # error: [arg-type]
ao.record_action("x", unknown=True)  # error: [call-arg]
ao.record_action("x")(5)  # error: [call-overload]


@ao.record_action  # error: [arg-type]
def without_a_name(a: int) -> int:
    return a


# Decorators stack, and a recorded function is a function of its type.
@ao.record_action("outer")
@ao.record_action("inner")
def twice(a: int) -> int:
    return a


callback: Callable[[int], int] = twice
awaitable: Callable[[int], Awaitable[str]] = coroutine
wrong: Callable[[str], int] = twice  # error: [assignment]
