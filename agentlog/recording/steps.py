"""Generators, step by step: each step of the body in the context that belongs to it.

A generator's body runs in the context of whoever asks for the next item. A `Steps` is entered for
each step and left at its end: meanwhile the body's innermost node is the context's, and between two
steps the consumer's is. The wrappers here are of the body's own kind, forward whatever is sent or
thrown, and leave what the consumer sees as Python has it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from agentlog.recording.context import Node, current, reset

LEAVING = (GeneratorExit, asyncio.CancelledError)
"""What is thrown in at a `yield` when the consumer leaves."""


class Steps:
    """The steps of one running generator; `with steps:` is one of them.

    `inside` is the innermost node of the body, also of a block that it has open across a `yield`.
    """

    __slots__ = ("_inside", "_token")

    def __init__(self, inside: Node | None) -> None:
        self._inside = inside

    def __enter__(self) -> None:
        self._token = current.set(self._inside)

    def __exit__(self, *_: object) -> None:
        self._inside = current.get()
        reset(self._token)

    def take(self, item: Any) -> Any:
        """See an item on its way to the consumer; return it."""
        return item

    def throw(self, error: BaseException) -> None:
        """See what is thrown in while the body waits at a `yield`."""

    def went_on(self) -> None:
        """See that the body gave one more item."""

    def end(self, error: BaseException | None) -> None:
        """See how the body ended."""


NewSteps = Callable[[tuple[Any, ...], dict[str, Any]], Steps]


def stepwise(function: Callable[..., Any], new_steps: NewSteps) -> Callable[..., Any]:
    """Return a generator function that runs another one step by step."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        steps = new_steps(args, kwargs)
        thrown: BaseException | None = None
        try:
            with steps:
                body = function(*args, **kwargs)
                item = next(body)
            while True:
                try:
                    sent = yield steps.take(item)
                except BaseException as error:  # noqa: BLE001 - it is the body's to answer
                    thrown = error
                    steps.throw(error)
                with steps:
                    if thrown is not None:
                        item = body.throw(thrown)
                    else:
                        item = next(body) if sent is None else body.send(sent)
                thrown = None
                steps.went_on()
        except StopIteration as stop:
            steps.end(None)
            return stop.value
        except BaseException as error:
            steps.end(error)
            raise
        finally:
            thrown = None  # its traceback holds this frame: kept here, it would be kept for long

    return wrapper


def stepwise_async(function: Callable[..., Any], new_steps: NewSteps) -> Callable[..., Any]:
    """Return an async generator function that runs another one step by step."""

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        steps = new_steps(args, kwargs)
        thrown: BaseException | None = None
        try:
            with steps:
                body = function(*args, **kwargs)
                item = await _first_step(body)
            while True:
                try:
                    sent = yield steps.take(item)
                except BaseException as error:  # noqa: BLE001 - it is the body's to answer
                    thrown = error
                    steps.throw(error)
                with steps:
                    if thrown is not None:
                        item = await body.athrow(thrown)
                    else:
                        item = await body.asend(sent)
                thrown = None
                steps.went_on()
        except StopAsyncIteration:
            steps.end(None)
        except BaseException as error:
            steps.end(error)
            raise
        finally:
            thrown = None  # its traceback holds this frame: kept here, it would be kept for long

    return wrapper


def _leave_to_the_wrapper(body: Any) -> None:
    """Finalize nothing: a body that is collected with its wrapper is closed by it."""


def _first_step(body: Any) -> Awaitable[Any]:
    """Return the first step of an async generator that the event loop does not get to know.

    The loop finalizes the wrapper, which finalizes the body; would it know both, it would close
    both at once, and complain.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, _leave_to_the_wrapper)
    try:
        return body.asend(None)  # type: ignore[no-any-return]
    finally:
        sys.set_asyncgen_hooks(*hooks)
