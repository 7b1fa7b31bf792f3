"""A user's program, run in a process of its own; what it recorded is read back from its home."""

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from agentlog.client import Client
from agentlog.testing import Captured

ROOT = Path(__file__).parent.parent
NAME = "program.py"


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


def started(directory: Path, source: str, *arguments: str, **environ: str) -> subprocess.Popen:
    """Start a program whose home is `<directory>/home`; warnings are errors in it."""
    script = directory / NAME
    script.write_text(textwrap.dedent(source), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "AGENTLOG_HOME": str(directory / "home"), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen, directory: Path) -> Ran:
    """Wait for the end of a program."""
    stdout, stderr = process.communicate(timeout=60)
    return Ran(process.returncode, stdout, stderr, recorded(directory))


def run(directory: Path, source: str, *arguments: str, **environ: str) -> Ran:
    """Run a program to its end."""
    return ended(started(directory, source, *arguments, **environ), directory)


def recorded(directory: Path) -> Captured:
    """Read what is in the home of a program."""
    return Captured(Client(home=directory / "home"))
