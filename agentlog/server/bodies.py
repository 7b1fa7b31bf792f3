"""What other programs send, as JSON that a record may hold.

The AgentOps SDK writes JSON as Python does, which is more than JSON: NaN, infinities, integers of
any size and halves of surrogate pairs. At an answer that is no success it throws the batch away,
and so do clients of OTLP; so all of it is mended here and nothing is refused for it. Pure.
"""

import json
import math
import re
from typing import Final

from agentlog.server.envelope import INT64
from agentlog.store.intake import written

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_DIGITS: Final = 19  # of the largest integer of 64 bits

MOST_VALUES: Final = 1_000_000
"""A body of more values would take many times its size in memory."""


class NotJSONError(ValueError):
    """A body that cannot be read; the text says why."""


def has_too_many_values(body: bytes) -> bool:
    """Say whether a body may hold more values than are read; what stands in texts counts too."""
    return sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES


def read(body: bytes) -> object:
    """Parse a body; numbers that JSON or 64 bits cannot hold become text.

    Raises `NotJSONError`.
    """
    try:
        found = decoded(body.decode())
        return json.loads(written(found)) if _SURROGATE.search(body) else found
    except UnicodeDecodeError as error:
        raise NotJSONError(f"The body is not UTF-8: {error}") from None


def decoded(text: str) -> object:
    """Parse a text in the same way, halves of surrogate pairs being as they are."""
    try:
        return _decode(text)
    except RecursionError:
        raise NotJSONError("The body is nested too deeply.") from None
    except ValueError as error:
        raise NotJSONError(f"The body is not JSON: {error}") from None


def _integer(digits: str) -> int | str:
    if len(digits) > _DIGITS + 1:
        return digits
    number = int(digits)
    return number if -INT64 <= number < INT64 else digits


def _number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


_decode = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=str).decode
