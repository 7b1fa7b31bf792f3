"""A lock that lives through a fork."""

import threading

import pytest

from agentlog.forklock import ForkLock
from tests.scripts import FORK, run, well

PROGRAM = (
    FORK
    + """
import signal, threading, warnings
from agentlog.forklock import ForkLock
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread
lock = ForkLock()
has_it, go_on = threading.Event(), threading.Event()

def hold():
    with lock.held():
        has_it.set()
        go_on.wait()

def take():
    signal.alarm(20)
    with lock.held():
        pass
"""
)


def test_a_child_can_take_what_another_thread_held(tmp_path):
    """That thread is not there to release it; in the parent it holds it all the same."""
    well(
        run(
            tmp_path,
            PROGRAM
            + """
thread = threading.Thread(target=hold)
thread.start()
has_it.wait()
try:
    child(take)
    assert not lock._lock.acquire(blocking=False)
finally:
    go_on.set()
    thread.join()
take()
""",
        )
    )


def test_a_child_that_is_forked_while_it_is_held(tmp_path):
    """It leaves the block, and releases what its parent took; then any thread can take its own."""
    well(
        run(
            tmp_path,
            PROGRAM
            + """
block = lock.held()
block.__enter__()
def work():
    block.__exit__(None, None, None)
    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
child(work)
block.__exit__(None, None, None)
take()
""",
        )
    )


def test_it_is_held_for_a_block():
    """Also for one that raises; who has it may take it again."""
    lock = ForkLock()
    with pytest.raises(KeyError), lock.held(), lock.held():
        raise KeyError
    taken = []
    thread = threading.Thread(target=lambda: taken.append(lock._lock.acquire(blocking=False)))
    thread.start()
    thread.join()
    assert [True] == taken
