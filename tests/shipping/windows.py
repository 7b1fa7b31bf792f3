"""A program in which no descriptor can be had for a while, again and again from another line on."""

import resource
import sys
from pathlib import Path

from agentlog.shipping import quarantine
from agentlog.shipping.shipper import NOTHING
from tests.shipping.destinations import Run, left, records, written


class Window:
    """No descriptor can be had from one line of agentlog up to another."""

    def __init__(self, begin, length):
        self.lines, self.begin, self.end = 0, begin, begin + length
        self.limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    def trace(self, frame, event, _):
        """Count the lines, and turn the tap."""
        if not frame.f_globals.get("__name__", "").startswith("agentlog"):
            return None
        if event == "line":
            self.lines += 1
            if self.lines in (self.begin, self.end):
                soft = 0 if self.lines == self.begin else self.limits[0]
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self.limits[1]))
        return self.trace

    def __enter__(self):
        sys.settrace(self.trace)
        return self

    def __exit__(self, *_):
        sys.settrace(None)
        resource.setrlimit(resource.RLIMIT_NOFILE, self.limits)


def shipped(home, begin, length):
    """Ship through a window, and then to the end; return how many lines the window has seen."""
    left(home, records(3), tail=b'{"id": "00')
    with written(home, records(2, 10)):
        run = Run(home)
        with Window(begin, length) as window:
            for _ in range(3):
                run.step(hurried=True)
        run.steps()
    assert run.steps() == NOTHING
    assert {*run.poster.ids} == {0, 1, 2, 10, 11}, begin
    aside = {(entry.record, entry.line) for entry in quarantine.entries(home)}
    assert aside <= {(None, '{"id": "00')}, begin
    return window.lines


if __name__ == "__main__":
    directory, length = Path(sys.argv[1]), int(sys.argv[2])
    lines = shipped(directory / "no window", -1, 0)  # what is imported late is imported here
    for begin in range(1, lines, max(17, length // 2)):
        shipped(directory / str(begin), begin, length)
    print("shipped")
