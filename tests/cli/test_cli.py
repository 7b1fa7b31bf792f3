"""The commands: what they show, what they refuse, and with which exit status."""

import os
import re
import subprocess
import sys
import time

import pytest

import agentlog as ao
from agentlog import journal, losses
from agentlog.cli import main
from agentlog.shipping import status
from agentlog.store.sqlite.store import SqliteStore
from tests import warm
from tests.cli.commandline import AGENTLOG, STEERING, agentlog, environ, on_terminal, record

COMMANDS = [
    "sessions",
    "replay",
    "show",
    "diff",
    "export",
    "doctor",
    "path",
    "prune",
    "serve",
    "keys",
    "move",
    "demo",
]


# -- Usage -----------------------------------------------------------------------------------------


def test_without_a_command_there_is_help(capsys):
    """`agentlog` alone is wrong usage, and the answer names all commands."""
    assert 2 == main([])
    help_text = capsys.readouterr().err
    assert [] == [command for command in COMMANDS if f"  {command} " not in help_text]


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)], ids=str)
def test_help_is_help(command, capsys, monkeypatch):
    """`--help` explains each command on lines that fit the usual terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    assert 0 == main([*command, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(" ".join(["usage: agentlog", *command]))
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"\n\n[A-Z].*\.\n", text)


def test_the_version_is_told(capsys):
    """`--version` is the name and the version."""
    assert 0 == main(["--version"])
    assert f"agentlog {ao.__version__}\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["replay", "one", "two"],
        ["replay", "--depth", "-1"],
        ["replay", "--depth", "two"],
        ["replay", "--err"],
        ["sessions", "last"],
        ["sessions", "--limit", "-1"],
        ["move"],
        ["move", "--from", "a.db"],
        ["prune"],
        ["prune", "--older-than", "30"],
        ["prune", "--older-than", "d"],
        ["prune", "--older-than", "1.5d"],
        ["prune", "--older-than", "٣d"],
        ["prune", "--older-than", "forever"],
        ["serve", "--keep", "staging"],
        ["serve", "--keep", "staging="],
        ["serve", "--keep", "staging:7d"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(arguments, capsys):
    """Wrong usage is told on stderr, in a line below the usage, and nothing is done."""
    assert 2 == main(arguments)
    out, err = capsys.readouterr()
    assert "" == out
    assert err.startswith("usage: agentlog")
    assert re.search(r"\nagentlog.*: error: .+\n\Z", err)


def test_a_long_argument_is_not_repeated_at_length(capsys):
    """Its beginning tells what it was, whether it is wrong or only not there."""
    for arguments in (["a" * 5000], ["replay", "x y" * 2000], ["sessions", "a" * 5000]):
        assert main(arguments)
        message = capsys.readouterr().err.splitlines()[-1]
        assert len(message) < 200
        assert "…" in message


def test_python_m_agentlog_is_agentlog():
    """The module runs as a program, and what `main` returns is its exit status."""
    done = agentlog("replay", "nope")
    assert (1, "", "agentlog: No session begins with 'nope'.\n") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )


def test_importing_the_command_line_imports_no_more_than_it_needs():
    """A command that asks no store does not wait for one to be imported."""
    program = (
        "import sys, agentlog; before = set(sys.modules); import agentlog.cli;"
        "print({name.partition('.')[0] for name in set(sys.modules) - before}"
        " & {'sqlite3', 'requests', 'rich'},"
        " [name for name in sys.modules if name.startswith(('agentlog.store', 'agentlog.replay'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ(), capture_output=True, text=True, check=True
    )
    assert "set() []" == done.stdout.strip()


# -- sessions --------------------------------------------------------------------------------------


def test_sessions_are_listed_newest_first(client, capsys):
    """Each row begins with digits that `replay` takes, and ends with name and tags."""
    older = record(client, "one", tags=["night"])
    newer = record(client, "one", "two", tags=["day"])

    assert 0 == main(["sessions"])

    _, *rows = capsys.readouterr().out.splitlines()
    assert ["#day", "#night"] == [row.split()[-1] for row in rows]
    ids = [row.split()[0] for row in rows]
    assert all(found.startswith(begins) for found, begins in zip([newer, older], ids, strict=True))
    for begins in ids:
        assert 0 == main(["replay", begins])
        assert begins in capsys.readouterr().out.splitlines()[0]

    assert 0 == main(["sessions", "--limit", "1"])
    assert ["#day"] == [row.split()[-1] for row in capsys.readouterr().out.splitlines()[1:]]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["sessions"], 0), (["replay"], 1), (["prune", "--older-than", "0s"], 0), (["doctor"], 0)],
    ids=str,
)
def test_reading_makes_no_home(arguments, status, home, monkeypatch, capsys):
    """Where nothing was recorded that is said, and nothing is created."""
    monkeypatch.setenv("AGENTLOG_HOME", str(home / "absent"))
    assert status == main(arguments)
    out, err = capsys.readouterr()
    said = " ".join((out + err).split())
    assert re.search("Nothing has been recorded yet|not there yet|no sessions deleted", said)
    assert [] == list(home.iterdir())


def test_nothing_recorded_is_said_in_the_same_words(home, capsys):
    """By both commands that show what was recorded."""
    expected = f"agentlog: Nothing has been recorded yet in {home}.\n"
    assert [0, 1] == [main(["sessions"]), main(["replay"])]
    assert expected * 2 == capsys.readouterr().err


@pytest.mark.parametrize(("acknowledged", "said"), [(0.0, "Nothing has been"), (1.0, "shipped to")])
def test_what_was_shipped_is_not_nothing(acknowledged, said, home, capsys):
    """Where all of a home has gone elsewhere, that is said."""
    directory = home / "journal" / "127.0.0.1-0123"
    directory.mkdir(parents=True)
    endpoint = "otlp+http://127.0.0.1:4318"
    status.write(directory, status.Status(endpoint=endpoint, acknowledged=acknowledged))
    assert 1 == main(["replay"])
    told = capsys.readouterr().err
    assert said in told
    assert (acknowledged > 0) == (endpoint in told)


def test_an_event_is_shown(client, capsys):
    """By its name, or by its id, which log lines have."""
    with client.session() as session, client.action("ask", prompt="Will it rain?") as action:
        pass
    for wanted in ("ask", action.id[:8]):
        assert 0 == main(["show", wanted])
        assert "\nprompt\n  Will it rain?\n" in capsys.readouterr().out
    assert 0 == main(["show", "ask", session.session_id[:8]])
    capsys.readouterr()
    assert 1 == main(["show", "a\x1bsk"])
    assert "has the name or the id 'a\\x1bsk': name the session" in capsys.readouterr().err


def test_an_event_of_an_older_session_is_found_by_its_id(client, capsys):
    """By the whole of it, unless a session is named."""
    with client.session() as older, client.action("ask", prompt="Will it rain?") as action:
        pass
    client.clock.advance(1)
    with client.session() as newest:
        pass
    assert 0 == main(["show", action.id])
    assert "Will it rain?" in capsys.readouterr().out
    assert [1, 1, 0] == [
        main(["show", action.id[:8]]),
        main(["show", action.id, newest.session_id]),
        main(["show", action.id[:8], older.session_id]),
    ]


def test_a_pipe_has_no_edge(client, capsys, monkeypatch):
    """A session is one line there, and no line of an event is broken, unless COLUMNS says so."""
    monkeypatch.delenv("COLUMNS", raising=False)
    words = "word " * 100
    with client.session([tag * 30 for tag in "abc"]), client.action("n" * 100, prompt=words):
        pass
    assert 0 == main(["sessions"])
    assert 2 == len(capsys.readouterr().out.splitlines())
    assert 0 == main(["show", "n" * 100])
    assert words.rstrip() in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    assert 0 == main(["show", "n" * 100])
    assert 60 >= max(map(len, capsys.readouterr().out.splitlines()))


def test_what_cannot_be_read_is_not_nothing(home, capsys):
    """A journal that cannot be listed is named, and the status is that of a failure."""
    home.mkdir(exist_ok=True)
    (home / "journal").write_text("no directory")
    for command in ("sessions", "replay"):
        assert 1 == main([command])
        out, err = capsys.readouterr()
        assert "" == out
        assert (
            f"agentlog: {home}/journal cannot be read: Not a directory. Ask `agentlog doctor`.\n"
            == err
        )


def test_a_writer_does_not_keep_readers_waiting(client, home):
    """While another process writes, what was taken up is shown at once."""
    record(client, "one")
    assert 0 == main(["sessions"])
    with SqliteStore(home / "store.db") as store, store.writing():
        assert 0 == main(["replay"])
        assert 0 == main(["sessions"])


def test_commands_at_once_agree(client):
    """Several commands on a journal that nobody has read yet show the same."""
    for number in range(20):
        record(client, *(f"step {n}" for n in range(number)))
    client.close()
    processes = [
        warm.Popen([*AGENTLOG, "sessions"], env=environ(), stdout=subprocess.PIPE) for _ in range(4)
    ]
    printed = {process.communicate(timeout=60)[0] for process in processes}
    assert [0] * 4 == [process.returncode for process in processes]
    assert 1 == len(printed)
    assert 21 == len(printed.pop().splitlines())


# -- The other commands ----------------------------------------------------------------------------


def test_path_is_the_home(home, monkeypatch, capsys):
    """What is printed is the home that recording uses, whether it is there or not."""
    assert 0 == main(["path"])
    assert f"{home}\n" == capsys.readouterr().out
    monkeypatch.delenv("AGENTLOG_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", "/nowhere/state")
    assert 0 == main(["path"])
    assert "/nowhere/state/agentlog\n" == capsys.readouterr().out


def test_path_is_exact_for_programs_and_harmless_for_people():
    """In a pipe a strange name arrives byte for byte; on a terminal it shows its escapes."""
    strange = "/tmp/\x1b[31m\udcff検"
    piped = warm.run([*AGENTLOG, "path"], env=environ(AGENTLOG_HOME=strange))
    assert os.fsencode(strange) + b"\n" == piped.stdout
    assert "/tmp/\\x1b[31m\\udcff検\n" == on_terminal("path", AGENTLOG_HOME=strange)


def test_a_home_that_is_not_accepted_is_one_line(monkeypatch, capsys):
    """A mistake in the settings is told without a traceback."""
    monkeypatch.setenv("AGENTLOG_HOME", "~nobody-of-this-name/home")
    assert 1 == main(["path"])
    assert re.fullmatch("agentlog: home is not accepted.*\n", capsys.readouterr().err)


def test_prune_deletes_what_is_old_and_over(client, capsys):
    """Of two sessions the old one goes; one that runs stays, however old it is."""
    now = time.time()

    def at(days_ago):
        client.clock.advance(now - days_ago * 86_400 - client.clock.time())

    at(days_ago=40)
    with client.session() as running:
        record(client, "old")
        at(days_ago=2)
        young = record(client, "young")

        assert 0 == main(["prune", "--older-than", "30d"])
        assert "1 session deleted\n" == capsys.readouterr().out
        assert 0 == main(["sessions"])
        kept = [row.split()[0] for row in capsys.readouterr().out.splitlines()[1:]]
    assert 2 == len(kept)
    assert young.startswith(kept[0])
    assert running.session_id.startswith(kept[1])


@pytest.mark.parametrize(
    ("age", "deleted"),
    [
        ("7300s", 0),
        ("7100s", 1),
        ("122m", 0),
        ("118m", 1),
        ("3h", 0),
        ("1h", 1),
        ("1d", 0),
        ("1w", 0),
    ],
)
def test_an_age_has_a_unit(age, deleted, client, capsys):
    """Seconds, minutes, hours, days and weeks are understood: here, of a run two hours ago."""
    client.clock.advance(time.time() - 7200 - client.clock.time())
    record(client, "two hours ago")
    assert 0 == main(["prune", "--older-than", age])
    assert (
        f"{deleted or 'no'} session{'s' if not deleted else ''} deleted" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "command", [["sessions"], ["replay"], ["prune", "--older-than", "1d"]], ids=str
)
def test_a_store_that_cannot_be_used_is_one_line(command, home, capsys):
    """What is wrong with the store is told on one line, which names it."""
    (home / "store.db").write_bytes(b"this is no database, whatever its name says" * 100)
    assert 1 == main(command)
    out, err = capsys.readouterr()
    assert "" == out
    assert f"agentlog: {home}/store.db is damaged or is no agentlog store.\n" == err


def test_prune_forgets_old_troubles(home, capsys):
    """What `doctor` has told of for long enough makes it fail no more."""
    path = journal.segment(home / "journal" / "local", "0193f2c1a2b3-4242-9f8e7d6c", 1).path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged\n")
    losses.note(path.parent, "not writable", 3)
    assert 1 == main(["doctor"])
    assert 0 == main(["prune", "--older-than", "1d"])
    assert "no sessions deleted\n1 damaged line forgotten\n" in capsys.readouterr().out
    assert 1 == main(["doctor"])
    assert 0 == main(["prune", "--older-than", "0s"])
    assert "no sessions deleted\n3 lost records forgotten\n" in capsys.readouterr().out
    assert 0 == main(["doctor"])


def test_prune_of_one_project_leaves_the_rest_alone(client, home, capsys):
    """All of it: other projects, and troubles, which are of none. Without a key is one project."""
    record(client, "without a key")
    with SqliteStore(home / "store.db") as store:
        store.for_project("anna").put([{"id": "a", "session_id": "5" * 32, "timestamp": 1.0}])
    losses.note(home / "journal" / "local", "not writable", 3)
    for project, said in (("bert", "no sessions"), ("anna", "1 session"), ("", "1 session")):
        assert 0 == main(["prune", "--older-than", "0s", "--project", project])
        assert f"{said} deleted\n" == capsys.readouterr().out
    assert 0 == main(["prune", "--older-than", "0s"])
    assert "no sessions deleted\n3 lost records forgotten\n" == capsys.readouterr().out


def test_a_home_with_a_strange_name_is_named_harmlessly(home, monkeypatch, capsys):
    """Where a message names the home, it shows escapes for what steers a terminal."""
    strange = home / "\x1b[31m\u202e"
    monkeypatch.setenv("AGENTLOG_HOME", str(strange))
    assert 0 == main(["sessions"])
    strange.mkdir(parents=True)
    (strange / "store.db").mkdir()
    assert 1 == main(["sessions"])
    err = capsys.readouterr().err
    assert 2 == err.count(r"\x1b[31m\u202e")
    assert not STEERING.search(err)


def test_a_demo_that_is_not_recorded_says_so():
    """With AGENTLOG_DISABLED the agent runs, and nobody is shown some other run for it."""
    done = agentlog("demo", AGENTLOG_DISABLED="1")
    assert 1 == done.returncode
    assert "agentlog: nothing was recorded, as AGENTLOG_DISABLED is set\n" == done.stderr
    assert "(crashes)" in done.stdout
    assert "root cause" not in done.stdout
