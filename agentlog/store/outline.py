"""A session in outline: what the places of a row mean, and what of an event is cut."""

import json
from typing import Final

FIELDS: Final = (
    "id",
    "parent_id",
    "event_type",
    "action_type",
    "timestamp",
    "end_timestamp",
    "result",
    "reason",
    "rating",
    "model",
    "tags",
    "prompt_tokens",
    "completion_tokens",
    "level",
    "logger",
    "error",
    "cost",
)
"""What the places of a row mean."""

LONGEST: Final = 300
"""Characters of an error."""

LONGEST_LINE: Final = 4096
"""Characters of the level and the logger of a log line, and of what an error is read from."""

FAR: Final = 1e15
"""Seconds: a moment beyond, of either sign, is damage; JSON has no infinity."""

IN_A_PART: Final = 1000
"""Rows."""


def first_line(parts: str) -> str | None:
    """Return what a traceback would end with, of the texts that an error has."""
    text = ": ".join(part for part in json.loads(parts) if isinstance(part, str) and part)
    lines = text[:LONGEST_LINE].strip().splitlines()
    return lines[0].rstrip()[:LONGEST] if lines else None
