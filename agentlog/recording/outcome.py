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
from typing import Any, NamedTuple

from agentlog.foreign import text_of, told
from agentlog.recording.event import is_a
from agentlog.recording.history import name_of, printed


class Outcome(NamedTuple):
    """The result of an operation, why it is not a plain success, and the error behind it."""

    result: str
    reason: str | None = None
    error: dict[str, Any] | None = None


SUCCESS = Outcome("Success")

_NEITHER = (
    (asyncio.CancelledError, "cancelled"),
    (KeyboardInterrupt, "interrupted"),
    (GeneratorExit, "abandoned"),
)
_code_of = SystemExit.__dict__["code"].__get__


def outcome_of(error: BaseException | None) -> Outcome:
    """Return the outcome of an operation that this exception left; None is success."""
    if error is None:
        return SUCCESS
    for kind, reason in _NEITHER:
        if is_a(error, kind):
            return Outcome("Indeterminate", reason)
    if is_a(error, SystemExit) and _is_success(_code_of(error)):
        return Outcome("Indeterminate", "exit")
    return Outcome("Fail", None, describe(error))


def _is_success(code: object) -> bool:
    """Say whether Python exits with status 0 for this code of a SystemExit."""
    return code is None or (is_a(code, int) and int.__pos__(code) == 0)


def describe(error: BaseException) -> dict[str, Any]:
    """Return an exception as the record's `error`: its type as a traceback names it, and so on."""
    return {
        "type": name_of(type(error)),
        "message": text_of(error),
        "traceback": told(error, printed),
    }
