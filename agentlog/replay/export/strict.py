"""Any value as JSON that every parser reads.

The rule of this file: nothing raises, and what is written is one line of ASCII without control
characters, so it steers no terminal. What JSON cannot hold becomes text; half of a surrogate pair
becomes U+FFFD.
"""

import json
import math
import re
from collections.abc import Mapping

from agentlog.store import intake

_SURROGATES = re.compile(r"\\u[dD][89a-fA-F]")


def written(value: object) -> str:
    """Write a value as strict JSON."""
    try:
        text = _dumped(value)
    except (RecursionError, TypeError, ValueError):
        text = _dumped(_fitting(value, intake.DEEPEST))
    if _SURROGATES.search(text):
        text = _dumped(json.loads(intake.written(json.loads(text))))
    return text.replace("\x7f", "\\u007f")


def _dumped(value: object) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _fitting(value: object, levels: int) -> object:
    """Return a value that JSON can hold, in place of one that it cannot."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if levels and isinstance(value, Mapping):
        return {str(key): _fitting(item, levels - 1) for key, item in value.items()}
    if levels and isinstance(value, list | tuple):
        return [_fitting(item, levels - 1) for item in value]
    return type(value).__name__
