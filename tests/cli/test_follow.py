"""`agentlog replay --follow`: a run while it goes on, in a pipe and on a terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from agentlog.cli import main
from agentlog.store.sqlite.store import SqliteStore
from tests import scripts
from tests.cli.commandline import AGENTLOG, STEERING, agentlog, environ
from tests.server.collector import Collector
from tests.warm import Popen

STEPS = """
    import sys
    import agentlog as ao
    ao.init()
    with ao.session(["live"]), ao.action("outer"):
        for line in sys.stdin:
            name = line.strip()
            try:
                with ao.action(name, action_type="tool"):
                    print("begun", flush=True)
                    input()
                    if name == "bad":
                        raise ValueError("no\\x1b[31m luck")
            except ValueError:
                pass
            print("ended", flush=True)
"""
"""A program whose steps begin and end as it is told to on stdin."""


class Program:
    """A run, step by step."""

    def __init__(self, directory):
        self._process = scripts.started(directory, STEPS)

    def begin(self, name):
        """Begin a step; return when it is in the journal."""
        return self._told(name, "begun\n")

    def end(self):
        """End the step."""
        return self._told("", "ended\n")

    def leave(self):
        """End the run."""
        self._process.communicate(timeout=60)

    def kill(self):
        """End it as nobody can see coming."""
        self._process.kill()
        self._process.communicate()

    def _told(self, word, answer):
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        assert answer == self._process.stdout.readline()
        return time.monotonic()


class Follower:
    """The command with a pipe or a terminal, of which is read what comes, with the time it took."""

    def __init__(self, directory, *arguments, terminal=False, lines=24, columns=80, **variables):
        command = [*AGENTLOG, "replay", "--follow", *arguments]
        known = environ(AGENTLOG_HOME=str(directory / "home"), **variables)
        known.pop("LINES", None)  # of the terminal on which the tests run
        if terminal:
            self.end, other = pty.openpty()
            size = struct.pack("HHHH", lines, columns, 0, 0)
            fcntl.ioctl(other, termios.TIOCSWINSZ, size)
        else:
            self.end, other = os.pipe()
        self.process = Popen(command, env=known, stdout=other, stderr=subprocess.PIPE)
        os.close(other)
        self.written = ""

    def until(self, text, patience=30.0):
        """Read until this has come; return the time, and what came since."""
        seen = len(self.written)
        until = time.monotonic() + patience
        while text not in self.written[seen:]:
            ready, _, _ = select.select([self.end], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.written[seen:]!r}"
            assert self._read(), f"{text!r} did not come before the end: {self.written!r}"
        return time.monotonic(), self.written[seen:]

    def rest(self):
        """Read to the end; return the exit status, and what stands on stderr."""
        while self._read():
            pass
        status = self.process.wait(timeout=60)
        with self.process.stderr as stderr:
            return status, stderr.read().decode()

    def close(self):
        """Leave nothing running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.end)
        if not self.process.stderr.closed:
            self.process.stderr.close()

    def _read(self):
        try:
            chunk = os.read(self.end, 1 << 16)
        except OSError:  # Linux's way to say that nobody writes there any more
            return False
        self.written += chunk.decode().replace("\r\n", "\n")
        return bool(chunk)


@pytest.fixture
def follow(tmp_path):
    """Start followers, and leave none running."""
    started = []

    def start(*arguments, **options):
        started.append(Follower(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for follower in started:
        follower.close()


@pytest.fixture
def program(tmp_path):
    """A program that has begun its session."""
    program = Program(tmp_path)
    yield program
    program.kill()


def test_a_line_at_each_start_and_each_end(program, follow):
    """In a pipe, within a second of the event; it ends with the session."""
    program.begin("first")
    follower = follow()
    follower.until("first")
    ended = program.end()
    came, text = follower.until("\n")
    assert re.fullmatch(r"[\d:.]{12}     ✓ first  tool  .+\n", text)
    assert 1.0 > came - ended
    for name, mark in (("second", "✓"), ("bad", "✗")):
        begun = program.begin(name)
        came, text = follower.until("\n")
        assert f"▸ {name}  running  tool\n" in text
        assert 1.0 > came - begun
        ended = program.end()
        came, text = follower.until("\n")
        assert f"{mark} {name}" in text
        assert 1.0 > came - ended
    assert r"ValueError: no\x1b[31m luck" in text
    program.leave()
    assert (0, "") == follower.rest()
    lines = follower.written.splitlines()
    assert 10 == len(lines)
    assert "✓ outer" in lines[-2]
    assert "✓ program.py  session" in lines[-1]


def test_a_terminal_is_drawn_in_place(program, follow):
    """It moves within a second; in the end the whole replay stands there, once."""
    program.begin("first")
    follower = follow(terminal=True, NO_COLOR="1")
    follower.until("▸ first")
    program.end()
    begun = program.begin("bad")
    came, text = follower.until("▸ bad")
    assert 1.0 > came - begun
    assert re.search(r"\x1b\[\d+F\x1b\[J", text)
    program.end()
    follower.until("← recovered")
    program.leave()
    assert (0, "") == follower.rest()
    last = follower.written.rpartition("\x1b[J")[2]
    assert not STEERING.search(last)
    shown = [line for line in last.splitlines() if line]
    assert ["✓ succeeded", "└─ ✓ outer", "✗ bad"] == [
        next(part for part in ("✓ succeeded", "└─ ✓ outer", "✗ bad") if part in line)
        for line in shown
        if any(part in line for part in ("✓ succeeded", "└─ ✓ outer", "✗ bad"))
    ]


def test_a_small_terminal_shows_the_end(program, follow):
    """As many lines as it has, of no more columns than it has; time goes by for what runs."""
    follower = follow(terminal=True, lines=8, columns=50, NO_COLOR="1")
    for number in range(12):
        program.begin(f"step {number}")
        program.end()
    program.begin("last one")
    follower.until("last one")
    follower.until("last one")  # nothing has happened but a second
    frame = follower.written.rpartition("\x1b[J")[2].splitlines()
    assert 7 >= len(frame)
    assert 50 >= max(map(len, frame))
    program.end()
    program.leave()
    assert 0 == follower.rest()[0]
    assert "step 0" in follower.written.rpartition("\x1b[J")[2]


def test_a_terminal_without_a_cursor_gets_lines(program, follow):
    """TERM=dumb is a terminal on which nothing can be taken away."""
    follower = follow(terminal=True, TERM="dumb")
    program.begin("first")
    follower.until("▸ first")
    program.end()
    program.leave()
    assert 0 == follower.rest()[0]
    assert "\x1b" not in follower.written


def test_ctrl_c_is_quiet(program, follow):
    """The status is 130, and there is no traceback."""
    program.begin("first")
    follower = follow()
    follower.until("first")
    follower.process.send_signal(signal.SIGINT)
    assert (130, "") == follower.rest()


def test_a_program_that_is_killed_ends_it(program, follow):
    """What ran was interrupted, the innermost first."""
    program.begin("first")
    follower = follow()
    follower.until("first")
    program.kill()
    assert (0, "") == follower.rest()
    last = follower.written.splitlines()[-3:]
    assert ["! first", "! outer", "! program.py"] == [" ".join(line.split()[:2]) for line in last]
    assert all("interrupted" in line for line in last)


def test_where_nothing_was_recorded_it_waits(tmp_path, follow):
    """For the first session, and says so on stderr."""
    follower = follow()
    told = follower.process.stderr.readline().decode()
    assert "agentlog: Nothing has been recorded yet: waiting for a session.\n" == told
    program = Program(tmp_path)
    program.begin("first")
    follower.until("first")
    program.end()
    program.leave()
    assert (0, "") == follower.rest()


def test_a_session_that_has_ended_is_shown_at_once(tmp_path, follow):
    """All its starts and ends, and no more; with the options of the replay."""
    program = Program(tmp_path)
    for name in ("good", "bad"):
        program.begin(name)
        program.end()
    program.leave()
    follower = follow("last")
    assert (0, "") == follower.rest()
    assert 8 == len(follower.written.splitlines())
    failed = follow("--errors")
    assert (0, "") == failed.rest()
    assert ["✗ bad"] == re.findall("✗ bad", failed.written)
    assert 1 == len(failed.written.splitlines())
    flat = follow("--depth", "1")
    assert (0, "") == flat.rest()
    assert 4 == len(flat.written.splitlines())


def test_a_home_that_a_collector_serves(tmp_path, follow):
    """The collector takes up the journal, and what it has is followed; also when it has stopped."""
    with Collector(tmp_path, store=None) as collector:
        program = Program(tmp_path)
        program.begin("first")
        follower = follow()
        follower.until("▸ first")
        program.end()
        follower.until("✓ first")
        collector.stop()
        program.begin("second")
        follower.until("▸ second")
        program.end()
        program.leave()
        assert (0, "") == follower.rest()


def test_a_collectors_store(tmp_path, follow):
    """With --store, what comes over HTTP is followed."""
    root, child = ({"session_id": "5" * 32, "id": digit * 16} for digit in "12")
    opened = {"parent_id": None, "event_type": "far", "action_type": "session", "timestamp": 1.0}
    instant = {"parent_id": root["id"], "event_type": "tick", "timestamp": 2, "end_timestamp": 2}
    with Collector(tmp_path) as collector:
        collector.post([root | opened])
        follower = follow("--store", str(collector.store))
        follower.until("▸ far")
        collector.post([child | instant])
        follower.until("· tick")
        collector.post([root | {"end_timestamp": 3, "result": "Success"}])
        assert (0, "") == follower.rest()
        assert "✓ far" in follower.written


def test_a_reader_that_has_left_is_no_error(tmp_path):
    """The status is that of SIGPIPE."""
    program = Program(tmp_path)
    program.begin("first")
    reader, writer = os.pipe()
    os.close(reader)
    home = str(tmp_path / "home")
    done = agentlog("replay", "--follow", stdout=writer, AGENTLOG_HOME=home)
    os.close(writer)
    program.kill()
    assert (141, "") == (done.returncode, done.stderr)


def test_a_reader_that_leaves_is_noticed_though_nothing_happens(program, follow):
    """A run may say nothing for hours."""
    program.begin("first")
    follower = follow()
    follower.until("▸ first")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, follower.end)
    os.close(nothing)
    assert (141, "") == follower.rest()


def test_a_session_that_is_silent_has_ended(tmp_path, follow):
    """Nobody sees who came over HTTP and died without a word: the innermost ends first."""
    store = tmp_path / "team.db"
    place = {"session_id": "5" * 32, "timestamp": 1.0}
    root = place | {"id": "1", "parent_id": None, "event_type": "far", "action_type": "session"}
    with SqliteStore(store) as opened:
        opened.put([root, place | {"id": "2", "parent_id": "1", "event_type": "step"}])
    for terminal in (False, True):
        follower = follow("--store", str(store), terminal=terminal, NO_COLOR="1")
        assert (0, "") == follower.rest()
        ends = [line for line in follower.written.splitlines() if "silent" in line]
        assert ["far", "step"] == sorted(re.findall("far|step", "".join(ends[-2:])))


def test_a_session_that_is_deleted_meanwhile(tmp_path, follow):
    """That is told, with the status of what could not be done."""
    store = tmp_path / "team.db"
    event = {"id": "1", "session_id": "s", "parent_id": None, "event_type": "far"}
    with SqliteStore(store) as opened:
        opened.put([event | {"timestamp": time.time()}])
        follower = follow("--store", str(store))
        follower.until("▸ far")
        assert 1 == opened.prune(time.time())
        told = "agentlog: The session was deleted while it was followed.\n"
        assert (1, told) == follower.rest()


def test_json_and_follow_are_wrong_usage(capsys):
    """A document has an end, and what is followed has none yet."""
    assert 2 == main(["replay", "--follow", "--json"])
    assert "not allowed with" in capsys.readouterr().err
