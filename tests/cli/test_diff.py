"""`agentlog diff`: what it prints, and its exit status."""

import json
import os
import re
from pathlib import Path

import pytest

from agentlog.cli import main
from tests.cli.commandline import STEERING, agentlog, on_terminal, record
from tests.cli.test_replay import strict


def run(client, *, fails=False, words=100):
    """Record a run; return its id."""
    client.clock.advance(1)
    with client.session() as session, client.action("answer"):
        for page in ("owls", "bears"):
            with client.action("read_page", params={"page": page}) as action:
                client.clock.advance(0.1)
                if fails and page == "bears":
                    action.fail("nothing about \x1b[31mbears")
        with client.action("write", params={"words": words}) as action:
            action.returns = "x"
    return session.session_id


def test_a_run_does_not_differ_from_itself(client, capsys):
    """The status is 0, and that there is no difference is said."""
    session_id = run(client)
    assert 0 == main(["diff", session_id, "last"])
    out, err = capsys.readouterr()
    assert out.endswith("no difference\n")
    assert "" == err
    again = run(client)
    assert 0 == main(["diff", session_id, again])


def test_what_differs_is_shown(client, capsys):
    """The status is 1; the second session is the newest unless it is said."""
    before, after = run(client), run(client, fails=True, words=120)
    assert 1 == main(["diff", before])
    out = capsys.readouterr().out
    assert "1 failed now · 1 changed" in out
    assert r"nothing about \x1b[31mbears" in out
    assert "… 1 alike" in out
    assert re.search(r'- +"words": 100\n.*\+ +"words": 120\n', out)
    assert 1 == main(["diff", before, after, "--all"])
    assert "alike" not in capsys.readouterr().out


def test_json_is_one_strict_document(client, capsys):
    """The same rows for programs."""
    before, after = run(client), run(client, fails=True)
    assert 1 == main(["diff", "--json", before, after])
    printed = strict(capsys.readouterr().out)
    assert [before, after] == [printed[side]["session_id"] for side in ("before", "after")]
    assert (True, {"failed now": 1}) == (printed["differs"], printed["counts"])
    (failed,) = [row for row in printed["rows"] if row.get("changes")]
    assert ("read_page", "succeeded", "failed") == (
        failed["name"],
        failed["before"]["state"],
        failed["after"]["state"],
    )
    assert 0 == main(["diff", "--json", after])
    assert not json.loads(capsys.readouterr().out)["differs"]


@pytest.mark.parametrize("arguments", [["f"], ["last", "f"]], ids=" ".join)
def test_trouble_is_no_difference(arguments, client, capsys):
    """Where a session is not there, the status is 2, and one line says why."""
    record(client, "one")
    assert 2 == main(["diff", *arguments])
    out, err = capsys.readouterr()
    assert "" == out
    assert re.fullmatch(r"agentlog: No session begins with 'f'\.\n", err)


def test_an_output_that_is_full_is_trouble(client):
    """What could not be said is no difference, and one line says why."""
    session_id = run(client)
    with Path("/dev/full").open("w") as full:
        done = agentlog("diff", session_id, session_id, stdout=full)
    assert (2, "agentlog: output: No space left on device\n") == (done.returncode, done.stderr)


def test_a_reader_that_has_left_is_no_trouble(client):
    """As with every command, the status is that of SIGPIPE."""
    run(client)
    reader, writer = os.pipe()
    os.close(reader)
    done = agentlog("diff", "last", stdout=writer)
    os.close(writer)
    assert (141, "") == (done.returncode, done.stderr)


def test_nothing_recorded_is_trouble(capsys):
    """Without any session there is nothing to compare."""
    assert 2 == main(["diff", "last"])
    assert 1 == capsys.readouterr().err.count("\n")


def test_a_terminal_gets_colour_and_nothing_that_steers(client):
    """What was recorded is shown with escapes."""
    run(client)
    before = run(client, fails=True)
    run(client, words=7)
    shown = on_terminal("diff", before, "last", columns=60)
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not STEERING.search(plain)
    assert 60 >= max(map(len, plain.splitlines()))
    assert "1 recovered" in plain


def test_ascii_where_there_is_no_utf_8(client):
    """All signs have a twin in ASCII."""
    before = run(client)
    run(client, fails=True)
    done = agentlog("diff", before, PYTHONIOENCODING="latin-1")
    assert (1, "") == (done.returncode, done.stderr)
    assert done.stdout.isascii()


def test_stores_of_collectors_are_compared(client, home, capsys):
    """`--store` names the file."""
    before = run(client)
    assert 0 == main(["sessions"])
    capsys.readouterr()
    assert 0 == main(["diff", before, "--store", str(home / "store.db")])
