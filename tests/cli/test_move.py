"""`agentlog move`: what it says, where a person sees it and where not, and how it ends."""

import signal
import subprocess

import pytest

from agentlog import keys
from agentlog.cli import main
from agentlog.errors import StoreError
from agentlog.store import where
from agentlog.store.sqlite.store import SqliteStore
from tests import warm
from tests.cli.commandline import AGENTLOG, agentlog, environ, on_terminal, record

MEASURED = """\
import resource, sys
from pathlib import Path
from agentlog.move import move
from agentlog.store import where

source, target = map(where.find, sys.argv[1:])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(move(source, target, Path(sys.argv[2]).parent, print).text)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def made(path, events, sessions, **fields):
    """Make a store with so many events in so many sessions."""
    with SqliteStore(path) as store:
        store.put(
            {
                "id": str(number),
                "session_id": f"s{number % sessions}",
                "event_type": "step",
                "parent_id": None if number < sessions else "0",
                "timestamp": number,
                "end_timestamp": number + 1,
                **fields,
            }
            for number in range(events)
        )
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A store of 30,000 events, which are more than one batch."""
    return made(tmp_path_factory.mktemp("many") / "many.db", 30_000, 3)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A store of 10 events."""
    return made(tmp_path_factory.mktemp("few") / "few.db", 10, 2)


def told(*arguments):
    """Move, in a pipe; return the status, and what is said on stdout and stderr."""
    done = agentlog("move", *map(str, arguments))
    return done.returncode, done.stdout, done.stderr


def test_in_a_pipe_there_is_the_last_line_alone(few, tmp_path):
    """What was moved, and what there is; then 0, also where nothing is left to be moved."""
    arguments = "--from", few, "--to", f"sqlite:{tmp_path}/other.db"
    line = "2 sessions with 10 events moved, of 2 sessions with 10 events\n"
    assert (0, line, "") == told(*arguments)
    line = "nothing more moved, of 2 sessions with 10 events\n"
    assert (0, line, "") == told(*arguments)


def test_on_a_terminal_there_is_a_bar(many, tmp_path):
    """Over which, in the end, the last line stands."""
    written = on_terminal("move", "--from", str(many), "--to", str(tmp_path / "other.db"))
    *bars, last = written.rstrip("\n").split("\r")
    assert any(row.startswith("moving ") and " 50%" in row for row in bars)
    assert "3 sessions with 30,000 events moved, of 3 sessions with 30,000 events" == last


def test_without_from_it_is_the_home(client, tmp_path, capsys):
    """With what its journal has gained."""
    record(client, "one", "two")
    target = str(tmp_path / "other.db")
    assert 0 == main(["move", "--to", target])
    assert "1 session with 3 events moved" in capsys.readouterr().out
    assert 0 == main(["replay", "--store", target])
    assert "two" in capsys.readouterr().out


def test_what_does_not_get_there_is_a_status_of_1(few, tmp_path):
    """And told."""
    target = where.find(str(tmp_path / "other.db"))
    for place in (where.find(str(few)), target):
        keys.add(place.keys(), "anna")
    status, _, said = told("--from", few, "--to", target)
    assert 1 == status
    assert f"agentlog: {target} has another key of the name anna" in said


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("nope.db", "other.db", "nope.db is not there"),
        ("few.db", "few.db", "--to is another store"),
        ("few.db", "a/b/c.db", "there is no"),
    ],
)
def test_what_cannot_be_is_said_at_once(source, target, why, few, tmp_path):
    """In a line, and nothing is made."""
    places = {"few.db": few}
    arguments = [places.get(name, tmp_path / name) for name in (source, target)]
    status, out, err = told("--from", arguments[0], "--to", arguments[1])
    assert (1, "", 1) == (status, out, err.count("\n"))
    assert why in err
    assert [] == list(tmp_path.iterdir())


def test_a_store_that_another_collector_serves_is_not_written(few, tmp_path):
    """As ever; it says so."""
    target = tmp_path / "other.db"
    sink = where.find(str(target)).sink()
    try:
        status, _, said = told("--from", few, "--to", target)
    finally:
        sink.close()
    assert 1 == status
    assert "is served by another collector" in said


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "agentlog: not all is moved: the same command goes on where it was\n"),
        (signal.SIGKILL, -9, ""),
    ],
    ids=str,
)
def test_who_is_ended_goes_on(number, status, said, many, tmp_path):
    """By a person, or by nobody's leave: what was moved is there, and the rest comes."""
    target = tmp_path / "other.db"
    command = [*AGENTLOG, "move", "--from", str(many), "--to", str(target)]
    with warm.Popen(command, env=environ(), stderr=subprocess.PIPE, encoding="utf-8") as run:
        while not held(target):
            assert run.poll() is None
        run.send_signal(number)
        assert said == run.stderr.read()
        assert status == run.wait(timeout=60)
    assert 0 < held(target) < 30_000
    code, line, _ = told("--from", many, "--to", target)
    assert (0, 30_000) == (code, held(target))
    assert line.endswith("moved, of 3 sessions with 30,000 events\n")


def held(path):
    """Return how many events a store has that may not be there yet."""
    try:
        with SqliteStore(path, read_only=True) as store:
            return store.stats().events
    except StoreError:
        return 0


@pytest.mark.parametrize(
    ("events", "megabytes"), [(4_000, 30), pytest.param(1_000_000, 60, marks=pytest.mark.soak)]
)
def test_a_long_session_is_not_in_memory(events, megabytes, tmp_path):
    """What a move takes is a part of it, however large it is."""
    source = made(tmp_path / "long.db", events, 1, params={"text": "word " * (8_000_000 // events)})
    command = [AGENTLOG[0], "-c", MEASURED, str(source), str(tmp_path / "other.db")]
    done = warm.run(command, env=environ(), encoding="utf-8")
    line, grown = done.stdout.splitlines()
    assert f"1 session with {events:,} events moved, of 1 session with {events:,} events" == line
    assert int(grown) < megabytes
