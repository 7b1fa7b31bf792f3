"""Something happens at every step of a call: between any two of its lines, one after the other.

A signal's handler, a finalizer, another thread, a debugger: whatever they do, they do it between
two lines of the call that they interrupt. So here each line has its turn, and nothing is left to
luck. Source: https://docs.python.org/3/library/sys.html#sys.settrace
"""

import sys
import threading

_ENOUGH = 20
"""Calls without a step that is new, after which there is none: not every call rotates."""


def at_each_step(call, what):
    """Make a call again and again, until something has happened before each line that it comes to.

    A line that is come to from two places is two. Returns how often it happened.

    Args:
        call: Calls agentlog.
        what: Happens in the same thread, before a line of agentlog.

    """
    seen: set[object] = set()
    calls_without = 0
    while calls_without < _ENOUGH:
        calls_without = 0 if at_a_new_step(call, what, seen) else calls_without + 1
    return len(seen)


def at_a_new_step(call, what, seen, within="agentlog"):
    """Make a call, let something happen before the first line that is new, say whether one was.

    Args:
        call: As above.
        what: As above.
        seen: Lines that are not new; gets the one that was.
        within: What the name of the line's module begins with; one text, or some.

    """
    before = len(seen)

    def trace(frame, event, _):
        if not frame.f_globals.get("__name__", "").startswith(within):
            return None
        step = frame.f_code, frame.f_lineno, frame.f_back.f_code, frame.f_back.f_lineno
        if event in ("line", "return") and step not in seen:
            seen.add(step)
            sys.settrace(None)
            what()
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return len(seen) > before


def elsewhere(what):
    """Return a function that does something in another thread, while this one stands still."""

    def run():
        thread = threading.Thread(target=what)
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), "it waits for the thread that stands still"

    return run
