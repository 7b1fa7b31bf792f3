"""bind and the executor, and the warning for a thread that has lost its parent."""

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
import warnings
from pathlib import Path

import pytest
import structlog

import agentlog as ao
from agentlog.testing import capture_events
from tests.recording.running import in_thread

MINE = contextvars.ContextVar("mine", default="unset")


def record(name):
    """Record an event; the warning's call site is the next line."""
    ao.record(ao.Event(name))


def test_a_bound_function_runs_in_the_context_it_was_bound_in(captured):
    """In a thread, with everything that the context has; its own changes stay inside."""

    def work(a, *, b):
        MINE.set("changed")
        record(f"{a} {b}")
        return ao.current_action()

    with ao.action("a") as action:
        MINE.set("outer")
        bound = ao.bind(work)
        seen = ao.bind(MINE.get)
    assert in_thread(lambda: bound(1, b=2)) is None  # the action has closed
    assert "outer" == in_thread(seen) == MINE.get()
    with ao.action("b") as action:
        bound = ao.bind(work)
        assert action is in_thread(lambda: bound(3, b=4))
        assert action is bound(5, b=6)
    assert ["a", "1 2", ("b", ["3 4", "5 6"])] == captured.tree()


def test_a_bound_function_may_run_many_times_at_once(captured):
    """A context can be entered only once: each call gets a copy."""
    barrier = threading.Barrier(4, timeout=10)

    def work(n):
        barrier.wait()
        record(f"{n}")

    with ao.action("a"), concurrent.futures.ThreadPoolExecutor(4) as pool:
        bound = ao.bind(work)
        list(pool.map(bound, range(4)))
        ao.bind(lambda: ao.bind(record)("nested"))()
    ((name, children),) = captured.tree()
    assert ("a", {"0", "1", "2", "3", "nested"}) == (name, set(children))


def test_bind_keeps_the_functions_face_and_its_errors():
    """Name, documentation, signature; the exception is the very object."""
    error = ValueError("x")

    def work(a: int) -> str:
        """Work."""
        raise error

    bound = ao.bind(work)
    assert ("work", "Work.") == (bound.__name__, bound.__doc__)
    assert inspect.signature(work) == inspect.signature(bound)
    with pytest.raises(ValueError, match="x") as raised:
        bound(1)
    assert raised.value is error
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        bound()


def test_a_bound_coroutine_function_belongs_where_it_was_bound(captured):
    """Its body, not only its call: in the loop of another thread it is a child all the same."""

    async def work():
        record("first")
        await asyncio.sleep(0)
        record("second")

    with ao.action("a"):
        bound = ao.bind(work)
        in_thread(lambda: asyncio.run(bound()))
    assert inspect.iscoroutinefunction(bound)
    assert [("a", ["first", "second"])] == captured.tree()


def test_a_bound_coroutine_left_elsewhere_harms_nobody(captured):
    """Closed in the middle, where another action is open: that one stays the parent."""

    async def work():
        await asyncio.Event().wait()

    async def main():
        with ao.action("a"):
            running = ao.bind(work)()
        contextvars.copy_context().run(running.send, None)
        with ao.action("b") as b:
            running.close()
            assert b is ao.current_action()

    asyncio.run(main())
    assert ["a", "b"] == captured.tree()


def test_the_executor_binds_every_submit_and_map(captured):
    """Each to the context of its caller, at the time of the call."""
    with ao.ThreadPoolExecutor(2) as pool:
        with ao.action("a"):
            pool.submit(record, "submitted").result()
            list(pool.map(record, ["mapped 1"]))
        with ao.action("b"):
            list(pool.map(record, ["mapped 2"]))
        pool.submit(record, "alone").result()
    assert [("a", ["submitted", "mapped 1"]), ("b", ["mapped 2"]), "alone"] == captured.tree()


def test_the_executor_is_the_standard_librarys():
    """Arguments, keywords, errors, cancellation, initializer; a wrong call is its own error."""
    begun = []
    with ao.ThreadPoolExecutor(1, "name", begun.append, ("x",)) as pool:
        assert isinstance(pool, concurrent.futures.ThreadPoolExecutor)
        assert {"fn": 1, "self": 2} == pool.submit(dict, fn=1, self=2).result()
        assert isinstance(pool.submit(lambda: 1 / 0).exception(), ZeroDivisionError)
        assert isinstance(pool.submit(5).exception(), TypeError)
        with pytest.raises(TypeError):
            pool.submit()
    assert ["x"] == begun
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(len, "")


def test_actions_of_many_threads_at_once_do_not_mix(captured):
    """Eight threads, each with a tree of its own below one action."""
    barrier = threading.Barrier(8, timeout=10)

    def work(n):
        barrier.wait()
        for i in range(5):
            with ao.action(f"{n}.{i}"):
                record(f"{n}.{i} in")

    with ao.action("all"), ao.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    ((_, children),) = captured.tree()
    assert 40 == len(children)
    assert all([f"{name} in"] == inside for name, inside in children)


# -- The thread that has lost its parent -----------------------------------------------------------


def lost_parent(function, *args):
    """Return the warnings of a function called in a thread while the main thread has an action."""
    with warnings.catch_warnings(record=True) as caught, ao.action("main"):
        warnings.simplefilter("always")
        in_thread(function, *args)
    return caught


def test_a_thread_that_lost_its_parent_is_said_once(captured):
    """With the call site, naming the fix; its events go to the session."""
    (warning,) = lost_parent(record, "lost")
    line = record.__code__.co_firstlineno + 2
    assert issubclass(warning.category, ao.AgentlogWarning)
    assert f"{__file__}:{line}" in str(warning.message)
    assert (__file__, line) == (warning.filename, warning.lineno)
    assert "ao.bind" in str(warning.message)
    assert [] == lost_parent(record, "again")
    assert ["main", "lost", "main", "again"] == captured.tree()


def test_an_executor_that_lost_the_parent_is_said(captured):
    """Also `run_in_executor`, while a task of the main thread has an action."""

    async def main():
        with ao.action("main"), pytest.warns(ao.AgentlogWarning, match="ao.bind"):
            await asyncio.get_running_loop().run_in_executor(None, record, "lost")

    asyncio.run(main())
    assert ["main", "lost"] == captured.tree()


def test_a_lost_action_and_a_lost_decorated_call_are_said_too():
    """Whatever opens the first event of the thread, the call site is the user's."""

    @ao.record_action("work")
    def work():
        """Do nothing."""

    def block():
        with ao.action("block"):
            pass

    for function in (work, block):
        with capture_events():
            (warning,) = lost_parent(function)
            assert f"{__file__}:" in str(warning.message)
            assert "ao.bind" in str(warning.message)


def test_a_thread_with_a_place_of_its_own_is_not_lost(captured):
    """With `bind`, a session or an attach of its own; or with nothing open in the main thread."""

    def in_session():
        with ao.session():
            record("in session")

    def attached(headers):
        with ao.attach(headers):
            record("attached")

    with ao.action("elsewhere"):
        headers = {}
        ao.inject(headers)
    assert [] == lost_parent(in_session)
    assert [] == lost_parent(attached, headers)
    with ao.action("bound here"):
        bound = ao.bind(record)
        assert [] == lost_parent(bound, "bound")
    assert [] == lost_parent(ao.bind(record), "bound where nothing was open")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        in_thread(record, "alone")


def test_the_warning_never_raises(captured, capsys):
    """Under `-W error` it is a line on stderr."""
    with warnings.catch_warnings(), ao.action("main"):
        warnings.simplefilter("error")
        assert in_thread(lambda: record("lost") or "went on") == "went on"
    assert "ao.bind" in capsys.readouterr().err
    assert ["main", "lost"] == captured.tree()


def test_the_call_site_is_the_users_also_beside_our_package(captured):
    """A program in a directory whose name begins like that of the package is the user's."""
    file = str(Path(ao.__file__).parent) + "_app/main.py"
    scope = {}
    exec(compile("def call(ao):\n    ao.record(ao.Event('lost'))", file, "exec"), scope)
    (warning,) = lost_parent(scope["call"], ao)
    assert f"{file}:2" in str(warning.message)


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_bound_generator_function_has_its_place_too(captured, kind):
    """At every step of its body, in whichever thread it is advanced."""

    def items():
        record("in items")
        yield 1
        record("again")

    async def async_items():
        for item in items():
            yield item

    async def drain(function):
        return [item async for item in function()]

    with ao.action("outer"):
        bound = ao.bind(items if kind == "generator" else async_items)
        if kind == "generator":
            assert inspect.isgeneratorfunction(bound)
            assert [1] == in_thread(lambda: list(bound()))
        else:
            assert inspect.isasyncgenfunction(bound)
            assert [1] == in_thread(lambda: asyncio.run(drain(bound)))
    assert [("outer", ["in items", "again"])] == captured.tree()


def test_a_thread_below_a_session_block_is_said_too(captured):
    """Its events would open a session of their own."""
    with captured.client.session(), pytest.warns(ao.AgentlogWarning, match=r"ao\.bind"):
        in_thread(lambda: record("lost"))


def test_the_call_site_of_a_log_line_is_the_users(captured):
    """And not a line of structlog's."""
    processor = ao.EventProcessor(captured.client)
    log = structlog.wrap_logger(
        structlog.testing.ReturnLogger(), [processor, structlog.processors.KeyValueRenderer()]
    )
    with ao.action("outer"), pytest.warns(ao.AgentlogWarning) as caught:
        in_thread(lambda: log.info("lost", agentlog=True))
    assert f"{__file__}:" in str(caught[0].message)
