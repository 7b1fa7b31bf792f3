"""bind and the executor: the caller's place in the tree for what runs elsewhere.

A thread starts with an empty context, and so does a call that an executor makes: what is recorded
there has lost its parent. A bound function has it.
"""

import concurrent.futures
import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from agentlog.recording.context import bound_here, current, reset
from agentlog.recording.steps import Steps, stepwise, stepwise_async

P = ParamSpec("P")
R = TypeVar("R")


def bind(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that runs in a copy of the context that it was bound in.

    For threads and executors: what the function records hangs under the action that is open where
    `bind` is called. The body of a coroutine function or of a generator function runs in the
    context of its task or consumer; what it records hangs under that action all the same.
    """
    node = current.get()
    bound: Callable[..., Any]
    if inspect.iscoroutinefunction(function):
        bound = _bound_coroutine(function)
    elif inspect.isasyncgenfunction(function):
        bound = stepwise_async(function, lambda _args, _kwargs: Steps(node))
    elif inspect.isgeneratorfunction(function):
        bound = stepwise(function, lambda _args, _kwargs: Steps(node))
    else:
        context = contextvars.copy_context()
        context.run(bound_here.set, True)

        def bound(*args: Any, **kwargs: Any) -> Any:
            return context.copy().run(function, *args, **kwargs)

    return functools.wraps(function)(bound)


def _bound_coroutine(function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    node = current.get()

    async def bound(*args: Any, **kwargs: Any) -> Any:
        token = current.set(node)
        try:
            return await function(*args, **kwargs)
        finally:
            reset(token)

    return bound


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """The standard library's executor, every `submit` and `map` bound to the caller's context."""

    def submit(
        self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[R]:
        """Submit a call that runs in a copy of the caller's context."""
        return super().submit(bind(fn), *args, **kwargs)
