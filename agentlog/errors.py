"""Every exception and warning of agentlog.

    Exception
    └── AgentlogError
        ├── ConfigurationError       a wrong argument or setting (also a ValueError and a TypeError)
        ├── StoreError               a store that cannot be opened, read or written
        └── SessionNotFoundError     no session, or more than one, of that id (also a LookupError)
    UserWarning
    └── AgentlogWarning              something was left out or looks wrong; said once

Exceptions are for the person who configures or reads. A recording call raises none of them.
"""

import os
import sys
import warnings

_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - pathlib costs 3 ms of the import
_STDERR = 2
_BETWEEN = ("agentlog", "structlog", "logging")


class AgentlogError(Exception):
    """The root of the exceptions that agentlog raises."""


class ConfigurationError(AgentlogError, ValueError, TypeError):
    """An argument or a setting that is not accepted; the message names what is."""


class StoreError(AgentlogError):
    """A store that cannot be opened, read or written."""


class SessionNotFoundError(AgentlogError, LookupError):
    """No session has this id, or the beginning of an id fits several."""


class AgentlogWarning(UserWarning):
    """What agentlog had to leave out, or sees going wrong in its use."""


def warn(message: str) -> None:
    """Warn at the line of the user's code; never raises, not even under `-W error`."""
    if _stderr_is_another_file():
        return
    try:
        warnings.warn(message, AgentlogWarning, stacklevel=_levels_to_the_user())
    except Exception:  # noqa: BLE001 - a filter or hook of the host's made it raise: recording must not
        print_error(f"agentlog: {message}")


def warn_at(site: str, message: str) -> None:
    """Warn of a line of the user's code, `file:line`, that is long past; never raises."""
    if _stderr_is_another_file():
        return
    try:
        file, _, line = site.rpartition(":")
        warnings.warn_explicit(message, AgentlogWarning, file, int(line))
    except Exception:  # noqa: BLE001 - as above
        print_error(f"agentlog: {message}")


def print_error(text: str) -> None:
    """Print one line to stderr, if there is one."""
    if _stderr_is_another_file():
        return
    try:
        sys.stderr.write(text + "\n")
    except Exception:  # noqa: BLE001, S110 - stderr is None, closed or the host's own object
        pass


def _stderr_is_another_file() -> bool:
    """Say whether stderr was closed, and a file of the host's has its number by now.

    What Python opens is not inherited by other programs; a stderr is, also a redirected one.
    """
    try:
        return sys.stderr.fileno() == _STDERR and not os.get_inheritable(_STDERR)
    except Exception:  # noqa: BLE001 - stderr is None, closed or the host's own object
        return False


def call_site() -> str:
    """Return `file:line` of the innermost frame that is not agentlog's.

    Where that is the standard library, as when a thread runs a recorded function, it is the place
    of the function.
    """
    levels = _levels_to_the_user()
    frame = sys._getframe(levels - 1)  # noqa: SLF001 - the documented way to a frame
    if levels > 1 and frame.f_code.co_filename.startswith(_STANDARD_LIBRARY):
        function = sys._getframe(levels - 2).f_locals.get("function")  # noqa: SLF001
        code = getattr(function, "__code__", None)
        if code is not None:
            return f"{code.co_filename}:{code.co_firstlineno}"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _levels_to_the_user() -> int:
    """Count the frames from the caller to the user's code, as `stacklevel` does."""
    frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
    levels = 1
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        levels += 1
    return levels


def _is_between(module: str) -> bool:
    """Say whether a module stands between the user's code and us: our own, or one that logs."""
    package = module.partition(".")[0]
    return package in _BETWEEN and not module.startswith("agentlog.demo")
