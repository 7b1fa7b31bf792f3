"""Programs that ship, each a process of its own, and what the server has of them in the end."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter

from agentlog import journal
from agentlog.store.merge import merged
from tests.shipping.server import answering
from tests.warm import PLAIN, Popen

KEY = "zq7-Xkey-0f1e2d3c4b5a-Wp"
"""It looks like no vendor's: only who knows it can hide it."""
HEAD = "from tests.shipping.faults.program import *\n"
PATIENCE = 60
"""Seconds after which a process that hangs is killed."""
EXIT = 2.5
"""Seconds that an exit may take."""


class Running:
    """A process; it is read to its end, and when that came is noted."""

    def __init__(self, arguments, environ, directory, fds=()):
        self._stderr = directory / f"stderr {time.monotonic_ns()}"
        with self._stderr.open("wb") as stderr:
            self.process = Popen(
                [sys.executable, *map(str, arguments)],
                env=environ,
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=fds,
                encoding="utf-8",
            )
        self.pid = self.process.pid
        self.words = []
        self.text = ""
        self.ended = None
        self._waiter = threading.Thread(target=self._wait)
        self._waiter.start()
        self._watch = threading.Timer(PATIENCE, self.kill)
        self._watch.start()

    def _wait(self):
        self.process.wait()
        self.ended = time.monotonic()

    @property
    def stderr(self):
        """What it has printed there so far."""
        return self._stderr.read_text("utf-8")

    def said(self, name):
        """Wait until it says something of this name, and return that."""
        for line in self.process.stdout:
            self._read(line)
            if line.startswith("{") and name in self.words[-1]:
                return self.words[-1][name]
        raise AssertionError(f"it never said {name!r}: {self.text}{self.stderr}")

    def all_said(self, name):
        """Return everything of this name, of a process that has ended."""
        return [words[name] for words in self.words if name in words]

    def _read(self, line):
        self.text += line
        if line.startswith("{"):
            self.words.append(json.loads(line))

    def tell(self, text=""):
        """Have it go on."""
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        return self

    def kill(self, number=signal.SIGKILL):
        """Send it a signal, if it is there."""
        self.process.send_signal(number)
        return self

    def end(self, status=0, stderr=""):
        """Wait for its end, and check how it ended and what it printed; None is anything."""
        for line in self.process.stdout:
            self._read(line)
        self.close()
        printed = self.stderr
        assert status in {None, self.process.returncode}, (self.process.returncode, printed)
        assert stderr in {None, printed}, printed
        return self

    @property
    def exit_seconds(self):
        """How long it took from its own end to that of the process."""
        (left,) = self.all_said("leaves")
        return self.ended - left

    def close(self):
        """Wait until it is gone."""
        self._waiter.join()
        self._watch.cancel()
        self._watch.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Lab:
    """A home, and the processes that record into it and ship out of it."""

    def __init__(self, directory):
        self.directory = directory
        self.home = directory / "home"
        self._all = []

    def start(self, source, url, *arguments, **environ):
        """Start a program."""
        script = self.directory / f"program-{len(self._all)}.py"
        script.write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        return self._start([script, *arguments], url, **environ)

    def run(self, source, url, *arguments, **environ):
        """Run a program to its end, which is as it should be."""
        return self.start(source, url, *arguments, **environ).end()

    def command(self, url, *arguments, **environ):
        """Start `agentlog` with some arguments."""
        return self._start(["-m", "agentlog", *arguments], url, **environ)

    def ship(self, url, *arguments, **environ):
        """Ship what is left, all of it."""
        return self.command(url, "ship", *arguments, **environ).end(stderr=None)

    def module(self, url, *arguments, **environ):
        """Start a module of another project."""
        return self._start(["-m", *arguments], url, **environ)

    def _start(self, arguments, url, key=KEY, fds=(), **environ):
        environ = {
            **os.environ,
            "PYTHONPATH": PLAIN,
            "PYTHONWARNINGS": "error",
            "AGENTLOG_HOME": str(self.home),
            "AGENTLOG_ENDPOINT": url,
            "AGENTLOG_API_KEY": key,
            **environ,
        }
        running = Running(arguments, environ, self.directory, fds)
        self._all.append(running)
        return running

    def close(self):
        """Kill what still runs."""
        for running in self._all:
            if running.ended is None:
                running.kill()
            running.close()

    def segments(self):
        """Return the segments of all destinations."""
        return [
            segment
            for destination in journal.destinations(self.home)
            for segment in journal.segments(destination)
        ]

    def files(self):
        """Return all files of the home."""
        return [path for path in self.home.rglob("*") if path.is_file()]


# -- What the server has ---------------------------------------------------------------------------


def events_of(server):
    """Return the events that a server has; what it got again was what it had."""
    arrivals = [record for versions in list(server.records.values()) for record in versions]
    texts = {json.dumps(record, sort_keys=True): record for record in arrivals}
    halves = Counter(
        (record["session_id"], record["id"], "event_type" in record) for record in texts.values()
    )
    assert {1} >= set(halves.values())
    return list(merged(arrivals).values())


def numbers(server, name=None):
    """Return the numbers of the events that a server has, in order."""
    return sorted(
        event["params"]["n"]
        for event in events_of(server)
        if "n" in event.get("params", {}) and name in {None, event["event_type"]}
    )


def times(server):
    """Return when the requests came."""
    return [request.at for request in list(server.requests)]


# -- Behaviours ------------------------------------------------------------------------------------

BUSY = answering(429, retry_after="300")
"""So a process leaves at once what it has recorded."""


def by_path(**behaviours):
    """Behave by the first part of the path; each is a list, of which the last stays."""

    def behave(request):
        left = behaviours[request.path.split("/")[1]]
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    return behave


def lost_by(lose, collect):
    """Be a collector whose answer is lost: `lose` gives what is sent for it."""

    def behave(request):
        answers = []
        send, request.send = request.send, answers.append
        collect(request)
        request.send = send
        return lose(request, b"".join(answers))

    return behave
