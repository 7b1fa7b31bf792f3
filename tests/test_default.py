"""The verbs of the module: those of the default client, and nothing before there is one."""

import inspect
import subprocess
import sys
import textwrap
import warnings

import pytest

import agentlog as ao
from agentlog import default
from agentlog.recording import context
from agentlog.testing import Captured, capture_events


@pytest.fixture
def nobody():
    """There is no default client, and nobody has been told."""
    before = default.use(None)
    context.current.set(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default, "_warned", False)
        yield
    default.use(before)


@pytest.fixture
def initialised(nobody, tmp_path):
    """Call `init` with homes in the test's directory; all its clients are closed afterwards."""
    clients = []

    def init(name="home", **arguments):
        clients.append(ao.init(home=tmp_path / name, **arguments))
        return Captured(clients[-1])

    yield init
    for client in clients:
        client.close()


def use_everything():
    """Call every verb of the module, with functions that have to run; return what these gave."""

    @ao.record_action("function")
    def function(a):
        return a

    ran = [function(1)]
    ao.start_session(["x"])
    ao.record(ao.Event("event"))
    with ao.action("action", {"a": 1}) as action:
        action.returns = 2
        action.update(model="m", prompt_tokens=1)
        action.fail("why")
        ran.append(2)
    with ao.session(["y"]) as session, ao.attach({}):
        ran.append(3)
    headers = {}
    ao.inject(headers)
    ao.end_session("Success", "5", "done")
    ran.append(ao.bind(lambda: 4)())
    with ao.ThreadPoolExecutor(1) as pool:
        ran.append(pool.submit(lambda: 5).result())
    ids = (action.id, session.session_id, session.id, headers)
    return ran, ids, ao.current_action(), ao.current_session(), ao.flush(1), ao.stats(), ao.close()


NOTHING = ([1, 2, 3, 4, 5], ("", "", "", {}), None, None, ao.FlushResult(), ao.FlushResult(), None)


def test_before_init_verbs_do_nothing_and_say_so_once(nobody, home):
    """Functions run, blocks are entered, nothing is written; one warning names the fix."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert NOTHING == use_everything()
        use_everything()
    (warning,) = caught
    assert issubclass(warning.category, ao.AgentlogWarning)
    assert "agentlog.init()" in str(warning.message)
    assert __file__ == warning.filename
    assert [] == list(home.iterdir())


def test_the_warning_never_raises(nobody, capsys):
    """Under `-W error` it is a line on stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ao.record(ao.Event("x"))
        ao.record(ao.Event("x"))
    assert 1 == capsys.readouterr().err.count("agentlog.init()")


def test_wrong_arguments_raise_before_init_too(nobody):
    """A mistake is found where it is written, not when the program is deployed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for wrong in (
            lambda: ao.action(""),
            lambda: ao.action("a", action_type="session"),
            lambda: ao.record_action("a", tags="x"),
            lambda: ao.session("nightly"),
            lambda: ao.start_session("nightly"),
        ):
            with pytest.raises(ao.ConfigurationError):
                wrong()


def test_a_function_decorated_before_init_is_recorded_after_it(nobody, initialised):
    """By the client that is there when it is called."""

    @ao.record_action("work")
    def work():
        """Do nothing."""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        work()
    captured = initialised()
    work()
    assert ["work"] == captured.names()


def test_the_verbs_are_those_of_the_client_that_init_returns(initialised):
    """All of them."""
    captured = initialised()
    assert captured.client is default.default_client()
    assert [1, 2, 3, 4, 5] == use_everything()[0]
    assert ["function", "event", "action"] == captured.names()
    assert [("Indeterminate", None), ("Success", "done"), ("Success", None)] == [
        (one["result"], one.get("reason")) for one in captured.sessions
    ]
    assert captured.client.stats() == ao.stats()


def test_who_follows_no_more_hides_nobody_else(nobody):
    """Also one that leaves just when a client takes the place."""
    told = []
    leave = default.follow(lambda _: leave())
    leave_too = default.follow(told.append)
    with capture_events() as captured:
        assert [captured.client] == told
    leave_too()


def test_init_again_closes_the_client_before(initialised):
    """Its session ends; what is recorded from then on is the new one's."""
    first = initialised("first")
    ao.record(ao.Event("a"))
    second = initialised("second")
    ao.record(ao.Event("b"))
    assert (["a"], ["b"]) == (first.names(), second.names())
    assert ("Indeterminate", "exit") == (first.sessions[0]["result"], first.sessions[0]["reason"])


def test_init_again_in_the_middle_of_an_action(initialised):
    """What was begun with the first client is ended with it, and is no parent of the second's."""
    first = initialised("first")

    @ao.record_action("generator")
    def generator():
        for n in range(2):
            ao.record(ao.Event(f"{n}"))
            yield n

    running = generator()
    with ao.action("old"):
        next(running)
        second = initialised("second")
        ao.record(ao.Event("b"))
        next(running)
        running.close()
    assert [("old", [("generator", ["0"])])] == first.tree()
    assert ["Success", "abandoned"] == [
        first.one("old")["result"], first.one("generator")["reason"],
    ]  # fmt: skip
    assert {"b", "1"} == set(second.names())
    assert {second.sessions[0]["id"]} == {one["parent_id"] for one in second.events}


def test_a_wrong_init_leaves_the_client_that_is_there(initialised):
    """It raises and says what is accepted."""
    captured = initialised()
    for wrong in ({"tags": "x"}, {"redact": "some"}, {"endpoint": "ftp://x"}, {"max_wait": 0}):
        with pytest.raises(ao.ConfigurationError, match="is not accepted"):
            ao.init(**wrong)
    ao.record(ao.Event("a"))
    assert ["a"] == captured.names()
    assert "result" not in captured.sessions[0]


def test_a_wrong_init_before_any(nobody):
    """There is no client afterwards, and no verb raises."""
    with pytest.raises(ao.ConfigurationError):
        ao.init(endpoint="x")
    assert default._client is None


@pytest.mark.parametrize("yes", ["1", "true", "YES", " on "])
def test_disabled_nothing_is_written_and_nothing_said(nobody, home, monkeypatch, yes):
    """`AGENTLOG_DISABLED`: functions run, verbs do nothing, with `init` and without."""
    monkeypatch.setenv("AGENTLOG_DISABLED", yes)
    assert NOTHING == use_everything()
    client = ao.init()
    assert NOTHING == use_everything()
    with client.action("a"), client.session():
        client.record(ao.Event("b"))
    client.close()
    assert [] == list(home.iterdir())


@pytest.mark.parametrize("no", ["0", "", "false", "no", "off"])
def test_not_disabled(nobody, monkeypatch, no):
    """Other values do not disable."""
    monkeypatch.setenv("AGENTLOG_DISABLED", no)
    client = ao.init()
    ao.record(ao.Event("a"))
    assert ["a"] == Captured(client).names()
    client.close()


def test_disabled_generators_and_coroutines_run(nobody, monkeypatch):
    """With everything that is sent and thrown, and no message when they are left."""
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    ao.init()
    import asyncio

    @ao.record_action("generator")
    def generator():
        got = yield 1
        try:
            yield got
        except ValueError:
            yield 3
        return 4

    @ao.record_action("async generator")
    async def async_generator():
        got = yield 1
        yield got

    async def main():
        running = async_generator()
        first = await anext(running)
        second = await running.asend(5)
        await running.aclose()
        return first, second

    running = generator()
    assert [1, 2, 3] == [next(running), running.send(2), running.throw(ValueError)]
    with pytest.raises(StopIteration) as stopped:
        next(running)
    assert 4 == stopped.value.value
    assert (1, 5) == asyncio.run(main())


def test_settings_of_the_environment(nobody, monkeypatch, tmp_path):
    """Home, tags, endpoint and key; an argument goes before them."""
    monkeypatch.setenv("AGENTLOG_HOME", str(tmp_path / "there"))
    monkeypatch.setenv("AGENTLOG_TAGS", "a, b,,")
    client = ao.init()
    ao.record(ao.Event("x"))
    assert tmp_path / "there" == client.settings.home
    assert ["a", "b"] == Captured(client).sessions[0]["tags"]
    client = ao.init(tags=["c"], home=tmp_path / "here")
    ao.record(ao.Event("x"))
    assert ["c"] == Captured(client).sessions[0]["tags"]
    client.close()


def test_current_action_and_session_are_those_of_the_context(initialised):
    """Also of a client that is not the default."""
    initialised()
    with capture_events() as other:
        mine = other.client
    with mine.session() as session, mine.action("a") as action:
        assert (session, action) == (ao.current_session(), ao.current_action())
    assert (None, None) == (ao.current_session(), ao.current_action())
    started = ao.start_session()
    assert started is ao.current_session()
    ao.end_session()
    assert ao.current_session() is None


def test_importing_agentlog_costs_and_touches_nothing(home):
    """No heavy module, thread, hook, signal handler, file or patch."""
    program = """
        import sys, threading, signal, logging, builtins
        import structlog
        before = (sys.excepthook, sys.unraisablehook, threading.excepthook, signal.getsignal(2),
                  sys.displayhook, list(logging.root.handlers), dict(vars(builtins)),
                  structlog.get_config(), sys.gettrace(), sys.getprofile())
        modules = set(sys.modules)
        import agentlog
        agentlog.init()
        after = (sys.excepthook, sys.unraisablehook, threading.excepthook, signal.getsignal(2),
                 sys.displayhook, list(logging.root.handlers), dict(vars(builtins)),
                 structlog.get_config(), sys.gettrace(), sys.getprofile())
        assert before == after
        assert 1 == threading.active_count()
        heavy = {"requests", "sqlite3", "opentelemetry", "starlette", "rich", "uvicorn", "pydantic",
                 "attrs", "numpy"}
        assert not heavy & (set(sys.modules) - modules), heavy & set(sys.modules)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True)
    assert [] == list(home.iterdir())


def test_every_module_verb_has_the_signature_of_the_clients():
    """What is documented of one is true of the other."""
    for name, method in inspect.getmembers(ao.Client, inspect.isfunction):
        if not name.startswith("_") and name != "use_clock":
            mine = list(inspect.signature(getattr(ao, name)).parameters.values())
            theirs = list(inspect.signature(method).parameters.values())[1:]
            assert theirs == mine, name
    init = list(inspect.signature(ao.init).parameters.values())
    assert list(inspect.signature(ao.Client).parameters.values()) == init


def test_ids_of_an_action_that_records_nothing(nobody):
    """Are empty, and no AttributeError in a program that turned recording off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ao.action("a") as action:
            assert ("", "", None) == (action.id, action.session_id, action.parent_id)
