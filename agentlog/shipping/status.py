"""What the shipper of a destination was told last, for those who ask from another process.

A small file, replaced as a whole: when it changes what a person would want to know, else once in a
while. It holds no key and no record.
"""

import json
from pathlib import Path
from typing import NamedTuple

from agentlog.shipping.files import load, replace

_FILE = "status"
_END_OF_TIME = 1e11  # in the year 5138


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
        return self.answer if self.answered != self.acknowledged else ""


def read(directory: Path) -> Status:
    """Read the status of a destination; an empty one if there is none."""
    try:
        status = Status(**load(directory / _FILE))
    except TypeError:
        return Status()
    texts = (status.endpoint, status.answer, status.held)
    times = (status.answered, status.acknowledged, status.retry)
    is_known = (
        all(type(text) is str for text in texts)
        and all(type(time) in (int, float) and 0 <= time < _END_OF_TIME for time in times)
        and type(status.code) is int
    )
    return status if is_known else Status()


def write(directory: Path, status: Status) -> None:
    """Replace the status of a destination. Raises OSError."""
    replace(directory / _FILE, json.dumps(status._asdict()).encode())
