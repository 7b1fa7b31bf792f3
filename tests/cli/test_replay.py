"""`agentlog replay`: which session it takes, what its options choose, and its JSON."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentlog as ao
from agentlog import journal
from agentlog.cli import main
from tests import scripts
from tests.cli.commandline import STEERING, record
from tests.replay.events import records


def journaled(home, *lines):
    """Write lines into the journal, as a process that has ended."""
    path = journal.segment(home / "journal" / "local", "0193f2c1a2b3-4242-9f8e7d6c", 1).path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def strict(text):
    """Parse strict JSON, which has no NaN."""
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


def words(text):
    """Return a text with its blanks squeezed."""
    return re.sub(" +", " ", text)


def test_the_newest_session_is_replayed(client, capsys):
    """Without a session, and with `last`, the newest is meant."""
    record(client, "old")
    newest = record(client, "new")
    for arguments in (["replay"], ["replay", "last"], ["replay", newest]):
        assert 0 == main(arguments)
        out = capsys.readouterr().out
        assert "new" in out
        assert "old" not in out


@pytest.mark.parametrize("prefix", ["f", "", "last ", "%", "\x1b[31m\u202e"], ids=ascii)
def test_an_unknown_session_is_one_line(prefix, client, capsys):
    """What is no session is told on one line of stderr, in which nothing is invisible."""
    record(client, "one")
    assert 1 == main(["replay", prefix])
    out, err = capsys.readouterr()
    assert "" == out
    assert re.fullmatch(r"agentlog: No session .*\n", err)
    assert not STEERING.search(err)


def test_an_ambiguous_session_is_one_line(client, capsys):
    """A beginning that fits several sessions is refused, and they are named."""
    found = {record(client, "one"), record(client, "one")}
    [beginning] = {session_id[:8] for session_id in found}
    assert 1 == main(["replay", beginning])
    err = capsys.readouterr().err
    assert 1 == err.count("\n")
    named = re.findall("[0-9a-f]{9,}", err.partition(": ")[2].partition(": ")[2])
    assert 2 == len(named)
    assert found == {one for one in found for begins in named if one.startswith(begins)}
    assert 0 == main(["replay", named[0].upper()])


def test_both_commands_tell_the_same(home, capsys, monkeypatch):
    """Of a session with odd tokens, an odd name, and no end: its time, its outcome, its tokens."""
    session_id = "018bcfe568007" + "a" * 19
    root = {"id": "1", "parent_id": None, "event_type": "before\0after", "action_type": "session"}
    step = {"id": "2", "timestamp": 1.7e9 + 1, "end_timestamp": 1.7e9 + 2.5, "prompt_tokens": 7}
    odd = {"id": "3", "end_timestamp": 1.7e9 - 5, "prompt_tokens": 10**40}
    usual = {"session_id": session_id, "parent_id": "1", "timestamp": 1.7e9}
    journaled(home, *(json.dumps(usual | event).encode() for event in (root, step, odd)))
    monkeypatch.setenv("COLUMNS", "120")  # with less, a list that has costs has no tokens
    for command in ("sessions", "replay"):
        assert 0 == main([command])
        out = capsys.readouterr().out
        for part in (r"before\x00after", "! interrupted", "2.50 s", "7→0", "018bcfe5"):
            assert part in out
        assert "-5" not in out


def test_options_choose_what_is_shown(client, capsys):
    """`--all` unfolds, `--errors` shows ways to failures, `--depth` so many levels."""
    with client.session():
        for _ in range(3):
            client.record(ao.Event("tick"))
        with client.action("outer"), client.action("inner") as inner:
            inner.fail("no luck")

    def shown(*arguments):
        assert 0 == main(["replay", *arguments])
        return words(capsys.readouterr().out)

    assert "tick \N{MULTIPLICATION SIGN}3" in shown()
    assert 3 == shown("--all").count("tick\n")
    assert "tick" not in shown("--errors")
    assert "no luck" in shown("--errors")
    assert "inner" not in shown("--depth", "1")
    assert "outer" not in shown("--depth", "0")


def test_json_is_one_strict_document(client, capsys):
    """The session stands apart; its events follow in the order in which the tree is read."""
    with client.session(["tag"]) as session:
        with client.action("a"):
            with client.action("b", params={"of": "検索"}):
                client.clock.advance(1)
            client.record(ao.Event("c"))
        client.record(ao.Event("d"))

    assert 0 == main(["replay", "--json"])

    printed = strict(capsys.readouterr().out)
    assert ["session", "events"] == list(printed)
    assert (session.id, "session", ["tag"]) == tuple(
        printed["session"][field] for field in ("id", "action_type", "tags")
    )
    assert ["a", "b", "c", "d"] == [event["event_type"] for event in printed["events"]]
    assert {"of": "検索"} == printed["events"][1]["params"]
    assert 1.0 == printed["events"][1]["end_timestamp"] - printed["events"][1]["timestamp"]


def test_json_takes_the_same_options(client, capsys):
    """What the options leave out of the tree, they leave out of the document."""
    with client.session() as session, client.action("outer"):
        client.record(ao.Event("good", result="Success"))
        client.record(ao.Event("bad", result="Fail"))

    for options, expected in (
        (["--all"], ["outer", "good", "bad"]),
        (["--errors"], ["outer", "bad"]),
        (["--depth", "1"], ["outer"]),
        (["--depth", "0", "--errors"], []),
    ):
        assert 0 == main(["replay", "--json", *options])
        printed = strict(capsys.readouterr().out)
        assert session.id == printed["session"]["id"]
        assert expected == [event["event_type"] for event in printed["events"]]


def test_json_of_a_session_without_its_root(home, capsys):
    """Where the session's own event is lost, there is null; the others are there."""
    journaled(home, b'{"id": "1", "session_id": "s", "parent_id": "9", "event_type": "orphan"}')
    assert 0 == main(["replay", "--json"])
    printed = strict(capsys.readouterr().out)
    assert printed["session"] is None
    assert ["orphan"] == [event["event_type"] for event in printed["events"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(records, min_size=1, max_size=12))
def test_whatever_is_stored_can_be_shown(written, tmp_path_factory, capsys):
    """Of any records, whatever is in them, each event is in the document; and nothing steers."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("AGENTLOG_HOME", str(home))
        lines = [json.dumps(record).encode() for record in written]
        journaled(home, *lines)
        capsys.readouterr()
        assert 0 == main(["sessions"])
        assert not STEERING.search(capsys.readouterr().out)
        for session_id in {record["session_id"] for record in written}:
            status = main(["replay", session_id, "--json"])
            out = capsys.readouterr().out
            if status:  # all of its lines were damaged
                continue
            printed = strict(out)
            assert not STEERING.search(out)
            found = [event["id"] for event in printed["events"]]
            found += [printed["session"]["id"]] if printed["session"] else []
            assert len(set(found)) == len(found)
            assert set(found) <= {r["id"] for r in written if r["session_id"] == session_id}
            assert 0 == main(["replay", session_id, "--all"])
            assert not STEERING.search(capsys.readouterr().out)


WAITING = """
    import agentlog as ao
    ao.init()
    with ao.session(), ao.action("outer"), ao.action("inner"):
        print("ready", flush=True)
        input()
"""


def test_running_and_interrupted_are_said_in_words(tmp_path, monkeypatch, capsys):
    """While a process lives its open actions run; once it was killed they were interrupted."""
    monkeypatch.setenv("AGENTLOG_HOME", str(tmp_path / "home"))
    process = scripts.started(tmp_path, WAITING)
    assert "ready\n" == process.stdout.readline()

    def outcomes():
        assert 0 == main(["replay"])
        tree = capsys.readouterr().out
        assert 0 == main(["replay", "--json"])
        printed = strict(capsys.readouterr().out)
        events = [printed["session"], *printed["events"]]
        assert [] == [event for event in events if "end_timestamp" in event]
        return tree, [(event.get("result"), event.get("reason")) for event in events]

    tree, found = outcomes()
    assert 4 == tree.count("running")  # the session in its header too
    assert [(None, None)] * 3 == found

    process.kill()
    process.communicate()
    tree, found = outcomes()
    assert 4 == tree.count("interrupted")
    assert [("Indeterminate", "interrupted")] * 3 == found
