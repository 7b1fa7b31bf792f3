"""A user's program, run in a process of its own; what it recorded is read back from its home."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from agentlog import journal
from agentlog.client import Client
from agentlog.testing import Captured
from tests.warm import PLAIN, Popen

NAME = "program.py"
FORK = """\
import os, sys
import agentlog as ao

def child(work):
    \"\"\"Fork; the child does the work and leaves.\"\"\"
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

"""
"""What a program that forks begins with."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, what it printed, and what it recorded."""

    status: int
    stdout: str
    stderr: str
    captured: Captured

    def session(self):
        """Return the only session."""
        (session,) = self.captured.sessions
        return session


def started(directory: Path, source: str, *arguments: str, **environ: str) -> Popen:
    """Start a program whose home is `<directory>/home`; warnings are errors in it."""
    script = directory / NAME
    script.write_text(textwrap.dedent(source), encoding="utf-8")
    return Popen(
        [sys.executable, "-W", "error", str(script), *arguments],
        env={
            **os.environ,
            "PYTHONPATH": PLAIN,
            "AGENTLOG_HOME": str(directory / "home"),
            **environ,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def ended(process: Popen, directory: Path) -> Ran:
    """Wait for the end of a program."""
    stdout, stderr = process.communicate(timeout=60)
    return Ran(process.returncode, stdout, stderr, recorded(directory))


def run(directory: Path, source: str, *arguments: str, **environ: str) -> Ran:
    """Run a program to its end."""
    return ended(started(directory, source, *arguments, **environ), directory)


def recorded(directory: Path) -> Captured:
    """Read what is in the home of a program."""
    return Captured(Client(home=directory / "home"))


def segments(directory: Path) -> list[list[dict[str, object]]]:
    """Return the records of each segment in a program's home."""
    return [
        [json.loads(line) for line in segment.path.read_text("utf-8").splitlines()]
        for segment in journal.segments(directory / "home" / "journal" / "local")
    ]


def well(ran: Ran) -> Captured:
    """Check that a program ended as it should, and return what it recorded."""
    assert (0, "") == (ran.status, ran.stderr)
    return ran.captured


def sorted_tree(captured):
    """Return the tree in the order of the timestamps, as two segments have no common one."""
    events = sorted(captured.events, key=lambda one: one["timestamp"])
    ids = {one["id"] for one in events}

    def below(parent):
        return [
            (one["event_type"], below(one["id"])) if below(one["id"]) else one["event_type"]
            for one in events
            if (one["parent_id"] if one["parent_id"] in ids else None) == parent
        ]

    return below(None)
