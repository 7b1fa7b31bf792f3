"""A program whose logging is looked at: this one, or one whose configuring function is called here.

The rule of this file: the function is somebody else's code. What it prints goes to stderr, as
stdout is the doctor's; what it would record is not recorded, as it is no run of the program; what
it raises is told, and what it has configured until then is looked at.
"""

import contextlib
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from agentlog.default import default_client
from agentlog.diagnosis import chain, home
from agentlog.diagnosis.finding import WRONG, Finding
from agentlog.errors import ConfigurationError
from agentlog.foreign import text_of
from agentlog.recording.redact import shown

_DISABLED = "AGENTLOG_DISABLED"
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"


@dataclass(frozen=True, slots=True)
class Program:
    """A program, by the function that configures its logging."""

    name: str
    configure: Callable[[], object]


def find(name: str) -> Program:
    """Import the function `module:function`, with the current directory on the path.

    Raises:
        ConfigurationError: If there is none; the message says why, and what may be meant.

    """
    if not re.fullmatch(f"{_NAME}:{_NAME}", name):
        raise ConfigurationError(f"{shown(name)} is not accepted: {_hint(name)}")
    module, _, function = name.partition(":")
    with _as_its_own():
        try:
            found: Any = reduce(getattr, function.split("."), importlib.import_module(module))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may raise what it likes, SystemExit too
            hint = f" ({_hint(name)})" if module.endswith(".py") else ""
            raise ConfigurationError(f"{name} cannot be imported{hint}: {_told(error)}") from error
    if not callable(found) or inspect.iscoroutinefunction(found):
        message = f"{name} is not accepted: it is {shown(found)}, and no function to call here"
        raise ConfigurationError(message)
    return Program(name, found)


def _hint(name: str) -> str:
    """Say what may be meant by what is no `module:function`."""
    path, colon, function = name.partition(":")
    module = path.removesuffix(".py").replace("/", ".")
    function = function.removesuffix("()")
    if not re.fullmatch(_NAME, module) or (function and not re.fullmatch(_NAME, function)):
        return "it is a module and a function, such as app:logs"
    if function:
        return f"write {module}:{function}"
    package, dot, last = module.rpartition(".")
    or_last = f", or {package}:{last} if that is one" if dot and not colon else ""
    return f"it lacks the function: {module}:configure{or_last}"


def examine(program: Program | None = None) -> list[Finding]:
    """Look at the logging of a program, whose function is called for it, and its home; or at us."""
    failed = list(_configured(program)) if program else []
    client = default_client()
    return [
        *failed,
        *chain.examine(called=program is not None),
        *home.in_short(client.settings if client else None),
    ]


def _configured(program: Program) -> Iterator[Finding]:
    """Call the function; say what it raised."""
    with _as_its_own():
        try:
            program.configure()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - somebody else's code
            text = f"{program.name}() raised {_told(error)}"
            until_then = "what is said here is what it had configured until then"
            yield Finding(chain.TOPIC, WRONG, text, (*_reasons(error), until_then))


@contextlib.contextmanager
def _as_its_own() -> Iterator[None]:
    """Run code as its program would, from the current directory; it records nothing by that."""
    before = os.environ.get(_DISABLED)
    os.environ[_DISABLED] = "1"
    sys.path.insert(0, "")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove("")
        os.environ.pop(_DISABLED, None)
        if before is not None:
            os.environ[_DISABLED] = before


def _reasons(error: BaseException) -> Iterator[str]:
    """Say where an exception was raised, and what it was raised from."""
    *_, place = traceback.extract_tb(error.__traceback__)
    if place.filename != __file__:  # as it is where the function wants arguments
        yield f"at {place.filename}:{place.lineno}"
    if error.__cause__ is not None:
        yield f"because of {_told(error.__cause__)}"


def _told(error: BaseException) -> str:
    """Say what was raised: its type, and its first line."""
    first, *_ = text_of(error).splitlines() or [""]
    return f"{type(error).__name__}: {first}".removesuffix(": ")
