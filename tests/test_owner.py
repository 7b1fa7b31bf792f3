"""The names of processes as owners."""

import os
import re

from agentlog.owner import PATTERN, is_of_this_process, new_owner


def test_an_owner_is_start_pid_and_random():
    """An owner's name holds when it started and its pid, and no two are the same."""
    first, second = new_owner(), new_owner()
    assert re.fullmatch(PATTERN, first)
    assert str(os.getpid()) == first.split("-")[1]
    assert first != second


def test_whose_an_owner_is():
    """Neither a process of another number is this one, nor one that had its number before."""
    start, pid, tail = new_owner().split("-")
    assert is_of_this_process(f"{start}-{pid}-{tail}")
    assert not is_of_this_process(f"{start}-{int(pid) + 1}-{tail}")
    assert not is_of_this_process(f"{0:012x}-{pid}-{tail}")
