"""A JSON object, of a line or an answer of which nothing is known yet.

Anything may stand there, what is nested without end too; the rule: nothing is raised.
"""

import json
from typing import Any


def object_of(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a text is; None if it is none."""
    try:
        found = json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
