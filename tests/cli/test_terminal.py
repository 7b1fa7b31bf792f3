"""The command line on terminals, in pipes, and where nobody reads what it writes."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import agentlog as ao
from agentlog.cli import main
from agentlog.store.sqlite.store import SqliteStore
from tests.cli.commandline import AGENTLOG, STEERING, agentlog, environ, on_terminal
from tests.replay.events import event, session
from tests.warm import ROOT, Popen

FULL = Path("/dev/full")


@pytest.fixture
def run(client):
    """A run that failed, with all that a terminal must not see."""
    with client.session(["tag\x1b[31m"]), client.action("evil\x1b]0;t\x07\u202e\n") as action:
        client.clock.advance(0.25)
        action.update(model="m\x9b31m")
        action.fail("bad\r\x1b[2J\u2066 \u691c\u7d22")


def test_a_terminal_gets_colour_and_all_of_its_width(run):
    """On a terminal there is colour, and bars as far as it is wide; in a pipe there is neither."""
    wide, narrow = on_terminal("replay", columns=132), on_terminal("replay", columns=40)
    assert "\x1b[" in wide
    assert "━" in wide
    assert "━" not in narrow
    plain = re.sub(r"\x1b\[[0-9;]*m", "", wide)
    assert not STEERING.search(plain)
    piped = agentlog("replay", COLUMNS="132").stdout
    assert piped == plain
    assert 80 >= max(map(len, agentlog("replay").stdout.splitlines()))


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_colour_is_as_the_environment_asks(variables, is_coloured, run):
    """NO_COLOR and FORCE_COLOR are heard, the first above the second."""
    assert is_coloured == ("\x1b" in on_terminal("sessions", **variables))


def test_colour_can_be_forced_into_a_pipe(run):
    """FORCE_COLOR asks for colour where there is no terminal."""
    assert "\x1b[" in agentlog("replay", FORCE_COLOR="1", PYTHONPATH=str(ROOT)).stdout


@pytest.mark.parametrize("command", ["sessions", "replay", "doctor", "demo"])
def test_an_encoding_that_is_not_utf_8_gets_ascii(command, run):
    """All signs have a twin in ASCII, and no character of the data makes the output fail."""
    done = agentlog(command, PYTHONIOENCODING="latin-1")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.isascii()
    assert not STEERING.search(done.stdout)


@pytest.mark.parametrize(
    "arguments", [["\x1b[31m\u202e"], ["replay", "--\x1b[31m\u202e"]], ids=ascii
)
def test_what_was_typed_is_repeated_harmlessly(arguments, capsys):
    """An error message shows escapes where the argument has what steers a terminal."""
    assert 2 == main(arguments)
    err = capsys.readouterr().err
    assert not STEERING.search(err)
    assert r"\x1b[31m\u202e" in err


@pytest.mark.parametrize(
    "arguments",
    [["sessions"], ["replay"], ["replay", "--json"], ["doctor"], ["path"], ["--help"], ["demo"]],
    ids=" ".join,
)
def test_a_closed_pipe_is_silent(arguments, run):
    """A reader that has left is no error to tell of; the status is that of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    done = agentlog(*arguments, stdout=writer)
    os.close(writer)
    assert (141, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_in_the_midst(unbuffered, home):
    """More than a pipe holds was not read: it did not go well, whatever Python says."""
    with SqliteStore(home / "store.db") as store:
        store.put([session(), *(event(f"e{n}", "root", name="x" * 99) for n in range(2000))])
    variables = environ(PYTHONUNBUFFERED=unbuffered)
    arguments = [*AGENTLOG, "replay", "--all"]
    with Popen(arguments, env=variables, stdout=subprocess.PIPE) as process:
        process.stdout.read(10)
    assert 141 == process.returncode


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["replay"], ["path"], ["--version"]], ids=" ".join)
def test_a_full_disk_is_one_line(arguments, run):
    """Output that cannot be written is an error, told once."""
    with FULL.open("w") as full:
        done = agentlog(*arguments, stdout=full)
    assert (1, "agentlog: output: No space left on device\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("arguments", [["replay"], ["path"], ["replay", "nope"]], ids=" ".join)
def test_closed_streams_are_no_traceback(arguments, closing, run):
    """A command that was started without stdout or stderr does its work all the same."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closing}', "sh", *AGENTLOG, *arguments],
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert int("nope" in arguments) == done.returncode
    assert "Traceback" not in done.stderr


def test_ctrl_c_is_quiet(client):
    """Who interrupts a command that waits for a slow reader, is not shown a traceback."""
    with client.session():
        for number in range(5_000):
            client.record(ao.Event(f"event {number}"))
    process = Popen(
        [*AGENTLOG, "replay"], env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert 1 == len(process.stdout.read(1))  # more than a pipe holds is on its way
    process.send_signal(signal.SIGINT)
    assert 130 == process.wait(timeout=60)
    assert b"" == process.stderr.read()
    process.stdout.close()
    process.stderr.close()
