"""The commands: what they print of a store is the same, whatever that is kept in."""

import pytest

from agentlog import keys
from agentlog.cli import main
from agentlog.store import where
from tests.page.runs import run
from tests.server.collector import event_id, record, session_id, without
from tests.store.contract.conftest import made

ONE, OTHER = session_id(1), session_id(2)

COMMANDS = [
    ["sessions"],
    ["sessions", "--limit", "1"],
    ["replay"],
    ["replay", ONE, "--all"],
    ["replay", ONE, "--json"],
    ["replay", ONE, "--errors", "--depth", "2"],
    ["replay", ONE, "--follow"],
    ["replay", "nowhere"],
    ["show", event_id(7), ONE],
    ["show", event_id(7)],
    ["show", "nothing"],
    ["diff", ONE, OTHER],
    ["diff", ONE, ONE, "--json"],
    ["export", ONE, "--jsonl"],
    ["export", ONE, "--csv"],
    ["export", ONE, "--otlp-json"],
    ["export", ONE, "--chrome-trace"],
    ["export", "nowhere", "--jsonl"],
    ["keys", "list"],
    ["keys", "revoke", "bert"],
    ["sessions", "--project", "anna"],
    ["sessions", "--project", "bert"],
]


@pytest.fixture(scope="module")
def places(engine, tmp_path_factory):
    """Return a file, and a place of an engine, that have the same in them."""
    file = where.find(str(tmp_path_factory.mktemp("file") / "store" / "store.db"))
    found = file, engine.where()
    for place in found:
        filled(place)
    return found


def filled(place):
    """Put two runs into a store, one of which goes on, and something of another project."""
    made(place)
    keys.add(place.keys(), "anna", now=1_700_000_000.0)
    begun = [without(one, "end_timestamp", "result") for one in run(30, session=2, seed=2)]
    with place.open() as store:
        store.put(run(40))
        store.put(begun[:20] + run(30, session=2, seed=2)[10:])
        store.for_project("anna").put([record(session=3, tags=["night"])])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_the_same_of_every_store(command, places, capsys):
    """But for the name of the store."""
    said = []
    for place in places:
        status = main([*command, "--store", str(place)])
        out, err = capsys.readouterr()
        said.append((status, out, err.replace(str(place), "STORE")))
    assert said[0] == said[1]


def test_what_is_old_is_pruned_by_a_command(engine, capsys):
    """It says how much that was."""
    place = engine.where()
    filled(place)
    assert 0 == main(["prune", "--older-than", "5000w", "--store", str(place)])
    assert "no sessions deleted" in capsys.readouterr().out
    assert 0 == main(["doctor", "--store", str(place)])
    told = " ".join(capsys.readouterr().out.split())
    for words in ("3 sessions, 71 events", "written with keys: anna", "1 key: anna"):
        assert words in told
    for project, said in (("bert", "no sessions"), ("anna", "1 session"), ("", "2 sessions")):
        command = ["prune", "--older-than", "0s", "--project", project]
        assert 0 == main([*command, "--store", str(place)])
        assert f"{said} deleted\n" == capsys.readouterr().out
