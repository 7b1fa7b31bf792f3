"""Locks that other threads hold, of logging and of the import system: recording waits for none."""

import pytest

from tests.faults.accounts import accounted, whole
from tests.scripts import run

PROGRAM = """
import _imp, faulthandler, logging, os, sys, threading
import re
from array import array
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID
import structlog
import agentlog as ao
from tests.faults.host import SMALL, Host

handler = ao.EventHandler()
lock = {"logging": logging._lock, "handler": handler.lock}.get(sys.argv[1])
lock = lock or type("Import", (), {"acquire": _imp.acquire_lock, "release": _imp.release_lock})
held, done = threading.Event(), threading.Event()

class Color(Enum):
    RED = 1

class Slow:
    '''A module that another thread is importing, without end.'''
    def find_spec(self, name, *_):
        if name == "slow":
            held.set()
            done.wait(60)

def hold():
    if sys.argv[1] == "import of a module":
        sys.meta_path.insert(0, Slow())
        try:
            import slow
        except ImportError:
            return
    lock.acquire()
    held.set()
    done.wait(60)
    lock.release()

@dataclass
class Point:
    x: int = 1

VALUES = [
    chr(0xD800), b"x", 1 << 99, 1j, float("nan"), Decimal(1), Fraction(1, 2), Point(), Point, hold,
    datetime.now(), timedelta(1), Path(), UUID(int=1), {1: {2}}, ValueError("x"), object(), sys,
    array("d", [1.0]), Color.RED, re.compile("x"), memoryview(b"x"), deque([1]), SimpleNamespace(),
]

@ao.record_action("function")
def function(value):
    yield value

def everything():
    host = Host(segment_size=SMALL)
    with host.action("action", values=VALUES):
        for _ in range(50):
            host.event("event", pad="x" * 1000)
            host.a_second_later()
        try:
            with host.action("failure"):
                raise KeyError(1)
        except KeyError:
            host.made.append("end")
    list(function({1: 2}))
    host.made += "function", "end"
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), [ao.EventProcessor(), lambda _, __, line: line["event"]]
    )
    log.info("line", agentlog=True, value=object())
    host.made.append("line")
    handler.emit(logging.makeLogRecord({"msg": "record", "agentlog": True}))
    host.made.append("record")
    host.end()

threading.Thread(target=hold, daemon=True).start()
assert held.wait(60)
worker = threading.Thread(target=everything, daemon=True)
worker.start()
worker.join(20)
if worker.is_alive():
    faulthandler.dump_traceback()
    os._exit(1)
done.set()
"""
LOCKS = ["logging", "handler", "import", "import of a module"]


@pytest.mark.parametrize("lock", LOCKS)
def test_recording_waits_for_no_lock_of_others(tmp_path, lock):
    """From the first record to the end, by every way in."""
    found = accounted(ran := run(tmp_path, PROGRAM, lock))
    assert (50, 1, 1, 1) == tuple(found[name] for name in ("event", "failure", "line", "record"))
    whole(ran.captured)
