"""The public names and signatures are pinned: who changes them changes this file, and knows it."""

import inspect
import re
import types

import pytest

import agentlog

NAMES = [
    "Action", "ActionType", "AgentlogError", "AgentlogWarning", "Client", "ConfigurationError",
    "Event", "EventHandler", "EventProcessor", "EventState", "FlushResult", "Models", "Redact",
    "Session", "SessionNotFoundError", "StoreError", "ThreadPoolExecutor", "__version__", "action",
    "attach", "bind", "close", "current_action", "current_session", "doctor", "end_session",
    "flush", "init", "inject", "install", "instrument", "record", "record_action", "select",
    "session", "start_session", "stats",
]  # fmt: skip

SIGNATURES = {
    "Client": "api_key=None, tags=None, endpoint=None, *, home=None, redact=True, max_wait=1.0,"
    " allow_http=False",
    "init": "api_key=None, tags=None, endpoint=None, *, home=None, redact=True, max_wait=1.0,"
    " allow_http=False",
    "Event": "event_type, params=None, returns=None, result='Indeterminate', action_type='action',"
    " model=None, prompt=None, tags=None",
    "action": "event_type, params=None, tags=None, action_type='action', model=None, prompt=None",
    "record_action": "event_type, tags=None, *, action_type='action', model=None, ignore=(),"
    " capture_params=True, capture_returns=True, reduce=None",
    "record": "event",
    "session": "tags=None",
    "start_session": "tags=None",
    "end_session": "end_state='Indeterminate', rating=None, reason=None",
    "flush": "timeout=None",
    "stats": "",
    "close": "",
    "current_action": "",
    "current_session": "",
    "doctor": "",
    "bind": "function",
    "inject": "headers",
    "attach": "headers",
    "instrument": "names, *, client=None",
    "EventProcessor": "client=None, *, select=…, correlate=True, breadcrumbs=20",
    "Redact": "keys=(), patterns=(), keep=()",
}
METHODS = [
    "action", "close", "end_session", "flush", "record", "record_action", "session",
    "start_session", "stats", "use_clock",
]  # fmt: skip


def written(callable_):
    """Write the parameters of a callable as they are pinned: without annotations."""
    parts, star = [], False
    for parameter in inspect.signature(callable_).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts, star = [*parts, "*"], True
        default = parameter.default
        if default is parameter.empty:
            parts.append(parameter.name)
        elif callable(default):
            parts.append(f"{parameter.name}=…")
        else:
            text = repr(str(default)) if isinstance(default, str) else repr(default)
            parts.append(f"{parameter.name}={text}")
    return ", ".join(parts)


def test_the_public_names():
    """They are these, sorted, and each is there."""
    assert NAMES == agentlog.__all__ == sorted(agentlog.__all__)
    assert all(hasattr(agentlog, name) for name in NAMES)


def test_the_front_door_holds_nothing_else():
    """What else is in the package's namespace is its own rooms, and private."""
    others = {name for name in vars(agentlog) if name[0].isalpha()} - set(NAMES)
    modules = {name: getattr(agentlog, name) for name in others}
    assert {types.ModuleType} == {type(module) for module in modules.values()}
    assert {name: f"agentlog.{name}" for name in others} == {
        name: module.__name__ for name, module in modules.items()
    }


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signatures(name):
    """Names, order, kinds and defaults of the arguments are those of the design."""
    assert SIGNATURES[name] == written(getattr(agentlog, name))


def test_the_methods_of_a_client():
    """Each is a verb of the module too, but for the clock, which is for tests."""
    methods = [name for name, _ in inspect.getmembers(agentlog.Client, inspect.isfunction)]
    assert METHODS == [name for name in methods if not name.startswith("_")]
    assert set(METHODS) - {"use_clock"} <= set(NAMES)


def test_the_parts_of_a_result():
    """What flush and stats tell."""
    result = agentlog.FlushResult()
    assert (0, 0, 0, 0, 0, {}) == (
        result.delivered, result.pending, result.quarantined, result.dropped, result.accepted,
        dict(result.reasons),
    )  # fmt: skip


def test_the_exceptions_are_a_tree():
    """With one root, and the kinds that users catch."""
    for name, kinds in {
        "ConfigurationError": (ValueError,),
        "StoreError": (),
        "SessionNotFoundError": (LookupError,),
    }.items():
        assert issubclass(getattr(agentlog, name), (agentlog.AgentlogError, *kinds))
    assert issubclass(agentlog.AgentlogWarning, UserWarning)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("__")])
def test_every_public_name_is_documented(name):
    """It has a docstring of its own, whose first line is a sentence."""
    first = (inspect.getdoc(getattr(agentlog, name)) or "").partition("\n")[0]
    assert first.endswith((".", ".)", ":")), first


def test_the_version_is_a_version():
    """Of three numbers."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", agentlog.__version__)
