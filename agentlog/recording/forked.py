"""Whether this is still the process that it was, for the price of reading a byte.

`os.getpid` is a system call, and two of them an action are more than its clocks, ids and context
together. On Linux a page of memory can be marked so that the kernel wipes it in a forked child,
whoever forked and whether Python's hooks ran or not. Source: madvise(2), MADV_WIPEONFORK.
"""

import mmap
import os
from typing import Protocol

_MADV_WIPEONFORK = 18  # Linux 4.14; the mmap module has no name for it


class Mark(Protocol):
    """`mark[0]` is true in the process that made it, and false in its children."""

    def __getitem__(self, index: int, /) -> int: ...


class _ByPid:
    """The mark for where there is no such page."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def __getitem__(self, index: int, /) -> int:
        return os.getpid() == self._pid


def new_mark() -> Mark:
    """Return a mark of this process."""
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_MADV_WIPEONFORK)
    except (OSError, ValueError, AttributeError):
        return _ByPid()
    page[0] = 1
    return page
