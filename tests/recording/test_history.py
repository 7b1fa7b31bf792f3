"""Exceptions that lie, break or have no end: each is told, as a traceback that comes to one."""

import sys
import time
import traceback

import pytest

from agentlog.recording.history import MOST_EXCEPTIONS, MOST_FRAMES
from agentlog.recording.outcome import describe, outcome_of
from tests.recording.hostile import doubled, fails, leaves, lies, made, recurses

WRONGS = [fails, leaves, recurses, lies]
NAMES = ["__cause__", "__context__", "__traceback__", "__notes__", "__suppress_context__", "args"]


def broken(**namespace):
    """Return an exception of a class of its own."""
    return type("BrokenError", (Exception,), namespace)("said")


def raised(source, **names):
    """Return the exception that a piece of a program raises."""
    try:
        exec(compile(source, "<program>", "exec"), names)
    except Exception as error:
        return error


@pytest.mark.parametrize("wrong", WRONGS)
@pytest.mark.parametrize("name", ["__str__", "__repr__", "__getattribute__", "__eq__", "__bool__"])
def test_an_exception_whose_methods_are_wrong(name, wrong):
    """Its class is told, and all that it does not have to be asked for."""
    error = broken(**{name: wrong})
    told = describe(error)
    assert "test_history.BrokenError" in told["type"]
    assert told["message"] in ("said", "<unprintable BrokenError>")
    assert told["traceback"].endswith(f"BrokenError: {told['message']}\n")


@pytest.mark.parametrize("wrong", WRONGS)
@pytest.mark.parametrize("name", NAMES)
def test_an_exception_whose_attributes_are_wrong(name, wrong):
    """What it says of its causes is nothing to us: they are read where Python itself reads them."""
    error = broken(**{name: property(wrong)})
    BaseException.__cause__.__set__(error, ValueError("the cause"))
    told = describe(error)
    assert "said" == told["message"]
    assert "ValueError: the cause" in told["traceback"]
    assert told["traceback"].endswith("BrokenError: said\n")


def test_a_class_whose_own_class_is_wrong():
    """A metaclass has no say in how a class is called."""
    meta = type("Meta", (type,), {"__getattribute__": fails, "__name__": property(fails)})
    error = meta("BrokenError", (Exception,), {"__module__": "module"})("said")
    assert "module.BrokenError" == describe(error)["type"]
    assert ("Fail", None) == outcome_of(error)[:2]


def test_the_hosts_exception_goes_on(captured):
    """The very object leaves the block of an action and of a session, however broken it is."""
    error = broken(__getattribute__=fails)
    for block in (captured.client.action("x"), captured.client.session()):
        try:
            with block:
                raise error
        except BaseException as seen:
            assert seen is error  # noqa: PT017 - what pytest.raises makes of it would run its code
    assert "Fail" == captured.one("x")["result"]


@pytest.mark.parametrize("how", ["action", "session"])
def test_an_exception_of_a_class_without_a_module(captured, how):
    """Code that an agent makes and runs may have no name: its exceptions are told, and go on."""
    error = raised("raise type('BareError', (Exception,), {})('said')")
    block = captured.client.action("x") if how == "action" else captured.client.session()
    with pytest.raises(type(error)) as caught, block:
        raise error
    assert caught.value is error
    told = captured.events if how == "action" else captured.sessions
    assert ["BareError"] == [one["error"]["type"] for one in told if one["result"] == "Fail"]


def test_a_long_object_is_named_in_few_words():
    """What a message does not show in full is not counted as if it did."""
    with pytest.raises(UnicodeDecodeError) as caught:
        (b"\xff" * (17 << 20)).decode()
    assert "'utf-8' codec can't decode byte 0xff" in describe(caught.value)["message"]


def test_a_syntax_error_far_down_has_its_place():
    """The line of a long file is named, and shown."""
    error = raised("pass\n" * 2000 + "a b c")
    assert 'File "<program>", line 2001' in describe(error)["traceback"]


def chained(count, name):
    """Return an exception with a long history."""
    error = None
    for number in range(count):
        later = ValueError(number)
        setattr(later, name, error)
        error = later
    return error


def noted(count):
    """Return an exception with many notes."""
    error = ValueError("x")
    error.__notes__ = ["note"] * count
    return error


def deep(depth):
    """Return an exception out of a deep recursion."""

    def dive(left):
        if left:
            dive(left - 1)
        raise ValueError

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 500)
    try:
        dive(depth)
    except ValueError as error:
        return error
    finally:
        sys.setrecursionlimit(before)


ENDLESS = {
    "causes": lambda: chained(50_000, "__cause__"),
    "contexts": lambda: chained(50_000, "__context__"),
    "members": lambda: ExceptionGroup("g", [ValueError(n) for n in range(3000)]),
    "groups in groups": lambda: doubled(100, lambda one: ExceptionGroup("g", [_error(one)] * 2)),
    "groups of one": lambda: doubled(900, lambda one: ExceptionGroup("g", [_error(one)])),
    "notes": lambda: noted(100_000),
    "frames": lambda: deep(5000),
}


def _error(one):
    return ValueError(one) if isinstance(one, str) else one


@pytest.mark.parametrize("name", ENDLESS)
def test_an_exception_without_end_comes_to_one(name, captured):
    """It is told within a second, says what was left out, and the record notes that it was cut."""
    error, begun = ENDLESS[name](), time.process_time()
    told = describe(error)
    assert time.process_time() - begun < 1
    assert "[left out: " in told["traceback"] or "max_group_depth" in told["traceback"]
    with captured.client.action("x") as action:
        action.fail(error)
    assert 1 <= captured.one("x")["notes"]["truncated"]
    assert ("Fail", 0) == (captured.one("x")["result"], captured.client.stats().dropped)


def test_what_is_within_the_bounds_is_told_as_python_tells_it():
    """Causes, contexts, groups, notes and syntax errors, with the places and marks."""
    group = ExceptionGroup("some", [ValueError("a\nb"), OSError(2, "no"), KeyError("k")])
    group.__cause__ = chained(MOST_EXCEPTIONS - 10, "__context__")
    group.add_note("a note")
    errors = [
        group,
        raised("1 +"),
        raised("def f(:\n  pass"),
        raised("nosuchname"),
        raised("import sys; sys.exti"),
        raised("from sys import exti"),
        raised("raise E", E=ExceptionGroup("g", [group, ValueError()])),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "wrong"),
    ]
    for error in errors:
        assert "".join(traceback.format_exception(error)) == describe(error)["traceback"]
    assert MOST_FRAMES > 900


@pytest.mark.parametrize(
    "make",
    [
        lambda: SyntaxError("m", ("f", -5, 10**30, "text", None, "x")),
        lambda: SyntaxError("m", (made(__str__=fails), 1, 1, made(__repr__=fails))),
        lambda: OSError(made(__str__=fails), made(__repr__=leaves)),
        lambda: UnicodeDecodeError.__new__(UnicodeDecodeError),
        lambda: KeyError(made(__repr__=fails)),
        lambda: ValueError(doubled(100)),
        lambda: raised("raise ValueError", __loader__=made(get_source=fails), __name__="no"),
        lambda: raised("raise ValueError", __name__=made(__str__=fails), __spec__=5),
    ],
    ids=range(8),
)
def test_details_that_python_would_stumble_over(make):
    """They are left out, or the text is unprintable: nothing is raised."""
    told = describe(make())
    assert all(isinstance(part, str) for part in told.values())
