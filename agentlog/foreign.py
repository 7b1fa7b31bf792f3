"""Where code of the program's values runs: a `repr`, a `str`, an iteration, a property.

Whoever records a value runs such code, and it may do anything. So it is run by way of this file,
and held to three rules:

* Whatever it raises, SystemExit too, makes the value unprintable, and no more. What is the host's
  own goes on: Ctrl-C, and an exception out of a signal handler of the host's, which Python runs on
  top of any frame, ours too. `let_pass` knows it by the handler's frame in its traceback.
* What it records is recorded. But a `repr` that records its own value would be asked again in
  there, and again: so a value that is reached from within three others is not asked.
* A list that holds another one twice, which holds another one twice, has a `repr` without end; so
  containers are counted before a text is made of them.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain, islice, pairwise
from sys import is_finalizing
from types import FrameType, SimpleNamespace, TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

class_name = type.__dict__["__name__"].__get__
"""The name of a class, whatever its metaclass makes of it."""

traceback_of: Callable[[BaseException], TracebackType | None]
traceback_of = BaseException.__dict__["__traceback__"].__get__
"""The traceback of an exception, whatever its class makes of it."""

_args_of = BaseException.__dict__["args"].__get__

_MOST_NESTED = 3
_MOST_STEPS = 1 << 18
_CHARACTERS_A_STEP = 64
_DEEPEST = 200


class _Here(threading.local):
    nested = 0


_here = _Here()


class _NotAskedError(Exception):
    """A value that is not asked: it would never come to an end."""


def ask(read: Callable[[Any], T], value: Any) -> T:
    """Run code of a value's, and return what it says; raises what it raises."""
    nested = _here.nested
    if nested >= _MOST_NESTED:
        raise _NotAskedError
    _here.nested = nested + 1
    try:
        return read(value)
    finally:
        _here.nested = nested


def let_pass(error: BaseException) -> None:
    """Raise an exception that came while a value's code ran, if it is the host's own."""
    if issubclass(type(error), KeyboardInterrupt) or _is_of_a_signal_handler(error):
        raise error


def ask_text(value: Any, read: Callable[[Any], str]) -> str:
    """Run code of a value's that makes a text; raises what it raises, and for one without end."""
    if not (read is str and _says_a_text(value)) and not _is_short(value):
        raise _NotAskedError
    return str.__str__(ask(read, value))


def text_of(value: Any, read: Callable[[Any], str] = str) -> str:
    """Return the text of a value; one that cannot tell it is unprintable."""
    if read is str and issubclass(type(value), str):
        return str.__str__(value)
    return told(value, lambda one: ask_text(one, read))


def told(value: Any, read: Callable[[Any], str]) -> str:
    """Return what is read of a value, or that it is unprintable."""
    try:
        return read(value)
    except BaseException as error:  # noqa: BLE001 - the value's own code ran
        let_pass(error)
        return unprintable(value)


def unprintable(value: Any) -> str:
    """Return what stands for a value whose code does not tell it."""
    return f"<unprintable {class_name(type(value))}>"


def _is_of_a_signal_handler(error: BaseException) -> bool:
    """Say whether an exception came out of a signal handler; they run in the main thread."""
    if is_finalizing() or threading.get_ident() != threading.main_thread().ident:
        return False
    trace = traceback_of(error)
    while trace is not None:
        if _is_a_handler(trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def _is_a_handler(frame: FrameType) -> bool:
    """Say whether a frame was called as handlers are: with a number and a frame.

    Ours are not looked at: what `f_locals` gives is kept by the frame, and those hold the error.
    """
    code = frame.f_code
    module = frame.f_globals.get("__name__")
    if type(module) is str and module.startswith("agentlog."):
        return False
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 1]
    given = [frame.f_locals.get(name) for name in arguments]
    flat = chain.from_iterable(one if type(one) is tuple else (one,) for one in given)
    return any(type(one) is int and type(other) is FrameType for one, other in pairwise(flat))


# -- Counting ------------------------------------------------------------------------------------


def _says_a_text(value: Any) -> bool:
    """Say whether the text of an exception is one that it was given, and not made of a repr."""
    kind = type(value)
    if not issubclass(kind, BaseException):
        return False
    if any(_method_of(kind, "__str__") is method for method in _IN_FEW_WORDS):
        return True
    args = _args_of(value)
    return len(args) == 1 and issubclass(type(args[0]), str)


def _method_of(kind: type, name: str) -> Any:
    """Return what a class has under a name, whatever its metaclass makes of it."""
    spaces = map(_space_of, _bases_of(kind))
    return next(space[name] for space in spaces if name in space)


def _is_short(value: Any) -> bool:
    """Say whether a text of what the value holds comes to an end."""
    return _steps(value, {}, 0) < _MOST_STEPS


def _steps(value: Any, known: dict[int, int], depth: int) -> int:
    """Count what a text of a value would name: what stands in it twice, twice."""
    kind = type(value)
    for base in _TEXTS:
        if issubclass(kind, base):
            return 1 + int(base.__len__(value)) // _CHARACTERS_A_STEP
    base, parts = next((one for one in _CONTAINERS if issubclass(kind, one[0])), (None, None))
    if parts is None:
        return 1
    if base in _READ_BY_ITERATION and _method_of(kind, "__iter__") is not base.__iter__:
        return _MOST_STEPS  # its text is made of what it says that it holds
    if id(value) in known:
        return known[id(value)]
    if depth >= _DEEPEST:
        return _MOST_STEPS
    known[id(value)] = steps = 1  # for the value inside itself, which is told as three dots
    for part in list(islice(parts(value), _MOST_STEPS)):
        steps += _steps(part, known, depth + 1)
        if steps >= _MOST_STEPS:
            break
    known[id(value)] = steps
    return steps


_bases_of = type.__dict__["__mro__"].__get__
_space_of = type.__dict__["__dict__"].__get__
_IN_FEW_WORDS = (
    BaseExceptionGroup.__str__,
    UnicodeDecodeError.__str__,
    UnicodeEncodeError.__str__,
    UnicodeTranslateError.__str__,
)
"""Texts that name no argument in full."""
_READ_BY_ITERATION = (set, frozenset, deque)
_TEXTS: tuple[Any, ...] = (str, bytes, bytearray)
_CONTAINERS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (dict, lambda value: chain.from_iterable(dict.items(value))),
    (list, list.__iter__),
    (tuple, tuple.__iter__),
    (set, set.__iter__),
    (frozenset, frozenset.__iter__),
    (deque, deque.__iter__),
    (BaseException, _args_of),
    (SimpleNamespace, lambda value: vars(value).values()),
)
