"""Where and how the code under test runs: in this context or another, in a thread, in a loop."""

import asyncio
import contextvars
import gc
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

import agentlog as ao


def record(name):
    """Record an event with the default client."""
    ao.record(ao.Event(name))


def directly(function, *args):
    """Call a function."""
    return function(*args)


def in_copy(function, *args):
    """Call a function in a copy of the context."""
    return contextvars.copy_context().run(function, *args)


def in_context(function, *args):
    """Call a function in an empty context."""
    return contextvars.Context().run(function, *args)


def in_thread(function, *args):
    """Call a function in a thread of its own, with an empty context."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result(timeout=10)


anywhere = pytest.mark.parametrize("where", [directly, in_copy, in_context, in_thread])


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


def outcome(captured, name):
    """Return result, reason and returns of the only event of a name."""
    one = captured.one(name)
    return one["result"], one.get("reason"), one.get("returns")


def parents(captured):
    """Return the name of each event's parent; a session is None."""
    names = {one["id"]: one["event_type"] for one in captured.events}
    return {one["event_type"]: names.get(one["parent_id"]) for one in captured.events}
