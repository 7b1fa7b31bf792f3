"""What the shipper of a destination was told last, for those who ask from another process.

A small file, replaced as a whole: when it changes what a person would want to know, else once in a
while. It holds no key and no record.
"""

import json
from pathlib import Path
from typing import NamedTuple

from agentlog.shipping.files import replace

_FILE = "status"


class Status(NamedTuple):
    """What is known of a destination.

    Attributes:
        endpoint: Where its records go.
        answered: When the last answer came, or should have, in seconds since the epoch.
        answer: What it was, for people.
        code: Its HTTP status; 0 if there was no answer.
        acknowledged: When records were acknowledged last, in seconds since the epoch.
        held: Why nothing is sent but a probe now and then; empty if it is.
        retry: When the next try is due, in seconds since the epoch; 0 if at once.

    """

    endpoint: str = ""
    answered: float = 0.0
    answer: str = ""
    code: int = 0
    acknowledged: float = 0.0
    held: str = ""
    retry: float = 0.0

    @property
    def trouble(self) -> str:
        """What stands in the way; empty if the last batch was taken."""
        return self.answer if self.answered > self.acknowledged else ""


def read(directory: Path) -> Status:
    """Read the status of a destination; an empty one if there is none."""
    try:
        said = json.loads((directory / _FILE).read_bytes())
        status = Status(**said)
    except (OSError, ValueError, TypeError, RecursionError):
        return Status()
    kinds = (str, int | float, str, int, int | float, str, int | float)
    known = all(isinstance(value, kind) for value, kind in zip(status, kinds, strict=True))
    return status if known else Status()


def write(directory: Path, status: Status) -> None:
    """Replace the status of a destination. Raises OSError."""
    replace(directory / _FILE, json.dumps(status._asdict()).encode())
