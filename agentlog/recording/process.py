"""What is known of the process: how it is called, what it is, and what ended it.

The error of a script is seen where the interpreter leaves it for a post-mortem, and not through a
hook of ours. Source: https://docs.python.org/3/library/sys.html#sys.last_exc
"""

import os
import platform
import socket
import sys
from typing import Any

from agentlog._version import __version__


def program_name() -> str:
    """Return the name of the running program: of the script, or of the module that `-m` runs."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and isinstance(spec.name, str):
        return spec.name.removesuffix(".__main__")
    return os.path.basename(_argv0()) or "python"  # noqa: PTH119 - argv[0] may be no path at all


def describe_process() -> dict[str, Any]:
    """Return the record's `process`."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "argv0": _argv0(),
        "agentlog": __version__,
    }


def error_of_the_script() -> BaseException | None:
    """Return the exception that is ending the program, seen at its exit; None if there is none.

    In a REPL, a notebook or a test runner, `sys.last_exc` is that of some line that was tried.
    There the traceback begins where the exception was caught; that of a script begins at the bottom
    of the stack.
    """
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if not isinstance(error, BaseException) or hasattr(sys, "ps1") or sys.flags.interactive:
        return None
    trace = error.__traceback__
    return error if trace is None or trace.tb_frame.f_back is None else None


def _argv0() -> str:
    argv = getattr(sys, "argv", None)
    return str(argv[0]) if argv and argv[0] != "-c" else ""
