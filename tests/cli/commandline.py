"""Runs to look at, and the command line in a process of its own: in a pipe or on a terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from tests import warm
from tests.warm import PLAIN, ROOT

AGENTLOG = [sys.executable, "-m", "agentlog"]
STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
"""What must not reach a terminal from recorded data: control, zero-width and bidi characters, and
joiners that join nothing."""


def environ(**variables):
    """Return the environment of a command that finds the package, and no rich."""
    inherited = {k: v for k, v in os.environ.items() if k not in {"PYTHONUNBUFFERED", "TERM"}}
    return inherited | {"PYTHONPATH": PLAIN, "TERM": "xterm"} | variables


def agentlog(*arguments, stdout=subprocess.PIPE, **variables):
    """Run a command to its end."""
    return warm.run(
        [*AGENTLOG, *arguments], env=environ(**variables), stdout=stdout, encoding="utf-8"
    )


def on_terminal(*arguments, columns=80, **variables):
    """Run a command on a terminal, with rich; return what it writes there."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = warm.Popen(
        [*AGENTLOG, *arguments],
        env=environ(**{"PYTHONPATH": str(ROOT), **variables}),
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    written = b""
    try:
        while chunk := os.read(master, 1 << 16):
            written += chunk
    except OSError:  # Linux's way to say that nobody writes there any more
        pass
    os.close(master)
    process.wait(timeout=60)
    return written.decode().replace("\r\n", "\n")


def record(client, *names, tags=None):
    """Record a session with an event of each name; return its id."""
    client.clock.advance(1)
    with client.session(tags) as session:
        for name in names:
            with client.action(name):
                client.clock.advance(0.5)
    return session.session_id
