"""Outcomes: what left the body, told as result, reason and error."""

import asyncio
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.recording import outcome
from agentlog.recording.outcome import Outcome, describe, outcome_of


class BrokenError(Exception):
    def __str__(self):
        raise RuntimeError


class LeavingError(Exception):
    def __str__(self):
        raise SystemExit


class ImpatientError(Exception):
    def __str__(self):
        raise KeyboardInterrupt


class Cancelled(asyncio.CancelledError):
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ("Success", None)),
        (asyncio.CancelledError(), ("Indeterminate", "cancelled")),
        (Cancelled("in"), ("Indeterminate", "cancelled")),
        (KeyboardInterrupt(), ("Indeterminate", "interrupted")),
        (GeneratorExit(), ("Indeterminate", "abandoned")),
        (SystemExit(), ("Indeterminate", "exit")),
        (SystemExit(None), ("Indeterminate", "exit")),
        (SystemExit(0), ("Indeterminate", "exit")),
    ],
    ids=repr,
)
def test_ends_that_are_no_failure(error, expected):
    """Cancelled, interrupted, abandoned and exit are neither Success nor Fail."""
    assert Outcome(*expected) == outcome_of(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        SystemExit(1),
        SystemExit("no such file"),
        SystemExit(0.0),
        StopIteration(1),
        TimeoutError(),
        ExceptionGroup("some", [ValueError()]),
    ],
    ids=repr,
)
def test_any_other_exception_is_a_fail(error):
    """Its result is Fail, with the error and no reason."""
    told = outcome_of(error)
    assert ("Fail", None) == told[:2]
    assert type(error).__name__ == told.error["type"]


def test_the_type_is_named_as_a_traceback_does():
    """Builtins go without a module; others have it, and the classes around them."""
    assert "ValueError" == describe(ValueError())["type"]
    assert "json.decoder.JSONDecodeError" == _type_of("json", "loads", "{")
    assert f"{__name__}.BrokenError" == describe(BrokenError())["type"]

    class InnerError(Exception):
        pass

    assert describe(InnerError())["type"].endswith(
        "test_the_type_is_named_as_a_traceback_does.<locals>.InnerError"
    )
    assert (
        traceback.format_exception_only(InnerError())[0].strip() == describe(InnerError())["type"]
    )


def _type_of(module, function, argument):
    try:
        getattr(__import__(module), function)(argument)
    except Exception as error:
        return describe(error)["type"]


def test_the_error_has_the_message_and_the_traceback():
    """The traceback is Python's own text: the code that raised, causes and notes."""
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        error.add_note("a note")
        told = describe(error)
        expected = "".join(traceback.format_exception(error))
    assert "outer" == told["message"]
    assert expected == told["traceback"]
    assert "a note" in told["traceback"]
    assert "KeyError: 'inner'" in told["traceback"]


def test_the_traceback_shows_no_frame_of_ours(captured):
    """Also not of the causes and of the members of a group: it is the user's program."""

    @captured.client.record_action("inner")
    def inner():
        raise KeyError("deep")

    @captured.client.record_action("outer")
    def outer():
        try:
            inner()
        except KeyError as error:
            raise ValueError("x") from error

    @captured.client.record_action("group")
    def group():
        try:
            outer()
        except ValueError as error:
            raise ExceptionGroup("all", [error]) from None

    with pytest.raises(ExceptionGroup):
        group()
    for name in ("inner", "outer", "group"):
        text = captured.one(name)["error"]["traceback"]
        assert "KeyError: 'deep'" in text
        assert "agentlog/recording" not in text


@pytest.mark.parametrize("error", [BrokenError(), LeavingError()], ids=["exception", "exit"])
def test_an_error_that_cannot_be_printed_is_recorded(error):
    """Its own code may raise what it likes, and even ask to exit."""
    told = describe(error)
    assert f"<unprintable {type(error).__name__}>" == told["message"]
    assert isinstance(told["traceback"], str)


def test_ctrl_c_while_an_error_is_printed_goes_on():
    """The user's Ctrl-C is never swallowed."""
    with pytest.raises(KeyboardInterrupt):
        describe(ImpatientError())


def test_an_error_with_a_long_history_is_told():
    """Two hundred exceptions, each raised while the one before was handled."""
    error = None
    for n in range(200):
        later = ValueError(n)
        later.__context__ = error
        error = later
    assert "ValueError: 0\n" in describe(error)["traceback"]


def test_an_error_whose_causes_go_in_a_circle_is_told():
    """A circle is printed once."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert "ValueError: second" in describe(first)["traceback"]


ERRORS = st.sampled_from(
    [
        ValueError,
        KeyError,
        OSError,
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        BrokenError,
        LeavingError,
    ]
)


@given(ERRORS, st.lists(st.none() | st.text() | st.integers() | st.binary(), max_size=3))
def test_every_exception_has_an_outcome(kind, arguments):
    """Success is told of no exception, and the parts of an error are texts."""
    told = outcome_of(kind(*arguments))
    assert told.result in ("Fail", "Indeterminate")
    assert (told.result == "Fail") == (told.error is not None)
    assert told.error is None or all(isinstance(part, str) for part in told.error.values())


def test_text_of_reads_a_value_or_says_that_it_cannot():
    """It is used for reasons that users give."""
    assert "5" == outcome.text_of(5)
    assert "<unprintable BrokenError>" == outcome.text_of(BrokenError())


def test_a_long_chain_of_causes_is_quick():
    """Three hundred retries, each raised from the one before."""
    error = None
    for number in range(300):
        following = ValueError(number)
        following.__cause__ = error
        error = following
    before = time.process_time()
    assert "ValueError: 0" in describe(error)["traceback"]
    assert time.process_time() - before < 1
