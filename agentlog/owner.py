"""The name of a process as the owner of what it writes: `<start>-<pid>-<random>`.

The rule of this file: names sort by when their processes began, and no two are the same, whatever
numbers a machine gives its processes again.
"""

import os
import time
from typing import Final

PATTERN: Final = r"[0-9a-f]{12}-\d+-[0-9a-f]{8}"

_STARTED: Final = int(time.time() * 1000)


def new_owner() -> str:
    """Name this process as an owner."""
    return f"{int(time.time() * 1000) & (1 << 48) - 1:012x}-{os.getpid()}-{os.urandom(4).hex()}"


def is_of_this_process(owner: str) -> bool:
    """Say whether an owner is of this process, and not of one before that had its number."""
    start, pid, _ = owner.split("-")
    return int(pid) == os.getpid() and int(start, 16) >= _STARTED
