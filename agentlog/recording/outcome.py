"""How an operation ended, told from the exception that left it.

| what left the body | result | reason |
|---|---|---|
| nothing | Success | |
| asyncio.CancelledError | Indeterminate | cancelled |
| KeyboardInterrupt | Indeterminate | interrupted |
| GeneratorExit | Indeterminate | abandoned |
| SystemExit with 0 or None | Indeterminate | exit |
| any other exception | Fail | |
"""

import asyncio
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """The result of an operation, why it is not a plain success, and the error behind it."""

    result: str
    reason: str | None = None
    error: dict[str, Any] | None = None


SUCCESS = Outcome("Success")

_ROOM = str(Path(__file__).parent) + os.sep
_NEITHER = (
    (asyncio.CancelledError, "cancelled"),
    (KeyboardInterrupt, "interrupted"),
    (GeneratorExit, "abandoned"),
)


def outcome_of(error: BaseException | None) -> Outcome:
    """Return the outcome of an operation that this exception left; None is success."""
    if error is None:
        return SUCCESS
    for kind, reason in _NEITHER:
        if isinstance(error, kind):
            return Outcome("Indeterminate", reason)
    if isinstance(error, SystemExit) and _is_success(error.code):
        return Outcome("Indeterminate", "exit")
    return Outcome("Fail", None, describe(error))


def _is_success(code: object) -> bool:
    """Say whether Python exits with status 0 for this code of a SystemExit."""
    return code is None or (isinstance(code, int) and code == 0)


def describe(error: BaseException) -> dict[str, Any]:
    """Return an exception as the record's `error`: its type as a traceback names it, and so on."""
    return {
        "type": _name(type(error)),
        "message": text_of(error),
        "traceback": text_of(error, _format),
    }


def _name(kind: type) -> str:
    module = kind.__module__
    return (
        kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"
    )


def _format(error: BaseException) -> str:
    """Format a traceback, with its causes, without the frames of this room."""
    formatted = traceback.TracebackException.from_exception(error)
    seen = [formatted]
    for one in seen:
        one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(_ROOM)]
        # They form a tree: the traceback module has cut the cycles.
        seen += filter(None, (one.__cause__, one.__context__, *(one.exceptions or ())))
    return "".join(formatted.format())


def text_of(value: Any, read: Callable[[Any], str] = str) -> str:
    """Return the text of a value; one that cannot tell it is unprintable."""
    try:
        return read(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the value's own code ran
        return f"<unprintable {type(value).__name__}>"
