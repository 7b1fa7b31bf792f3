"""What users' tests are made with: captured events, the fixture, a clock turned by hand."""

import asyncio
import json
import os
import threading
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import agentlog as ao
from agentlog.default import default_client
from agentlog.testing import ManualClock, capture_events
from tests.recording.journals import file_size_limit, warned

pytest_plugins = ["pytester"]


def test_names_are_in_the_order_of_beginning():
    """Events are named as they began, sessions apart."""
    with capture_events() as captured:
        with ao.action("plan"):
            ao.record(ao.Event("search"))
        ao.record(ao.Event("answer"))
        assert ["plan", "search", "answer"] == captured.names()
        assert ["plan", "search", "answer"] == [one["event_type"] for one in captured.events]
        assert 1 == len(captured.sessions)
        assert 4 == len(captured.everything)


def test_the_tree():
    """The tree has a name for a leaf, and a pair for what has children."""
    with capture_events() as captured:
        with ao.action("plan"):
            with ao.action("search"):
                ao.record(ao.Event("read"))
            ao.record(ao.Event("write"))
        ao.record(ao.Event("end"))
        assert [("plan", [("search", ["read"]), "write"]), "end"] == captured.tree()


def test_halves_come_merged():
    """An event is what both of its records say; one that runs has no end yet."""
    with capture_events() as captured:
        with ao.action("plan", {"a": 1}) as action:
            assert "result" not in captured.one("plan")
            action.returns = 2
        event = captured.one("plan")
    assert ({"a": 1}, 2, "Success") == (event["params"], event["returns"], event["result"])


def test_one_is_the_only_one():
    """Asking for an event that is not there, or there twice, says what is."""
    with capture_events() as captured:
        for name in ("a", "b", "b"):
            ao.record(ao.Event(name))
        assert "a" == captured.one("a")["event_type"]
        for name, count in (("b", 2), ("c", 0)):
            with pytest.raises(LookupError, match=rf"^{count} events .*'a', 'b', 'b'"):
                captured.one(name)


def test_sessions_are_found_by_name_and_property():
    """Each session is an event of its own."""
    with capture_events() as captured:
        for tag in ("one", "two"):
            with ao.session(tags=[tag]):
                ao.record(ao.Event("x"))
        assert [["one"], ["two"]] == [one["tags"] for one in captured.sessions]
        assert ["x", "x"] == captured.tree()


def test_records_are_the_lines_themselves():
    """The lines of the journal can be looked at as they are."""
    with capture_events() as captured:
        with ao.action("plan"):
            pass
        assert 3 == len(captured.records)
        assert all(isinstance(json.loads(line), dict) for line in captured.records)


def test_nothing_recorded_is_nothing():
    """A program that records nothing opens no session."""
    with capture_events() as captured:
        assert ([], [], [], []) == (
            captured.records,
            captured.events,
            captured.sessions,
            captured.tree(),
        )


def test_the_default_client_comes_back():
    """Afterwards the client of before is there again, also if the block raises."""
    before = default_client_silently()
    with suppress(ValueError), capture_events() as captured:
        assert captured.client is default_client()
        raise ValueError("boom")
    assert before is default_client_silently()


def default_client_silently():
    """Return the default client without the warning that there is none."""
    with warned():
        return default_client()


def test_captures_nest():
    """An inner block captures for itself, and the outer one goes on afterwards."""
    with capture_events() as outer:
        ao.record(ao.Event("a"))
        with capture_events() as inner:
            ao.record(ao.Event("b"))
            assert ["b"] == inner.names()
        ao.record(ao.Event("c"))
        assert ["a", "c"] == outer.names()


def test_nothing_stays_on_disk(tmp_path, monkeypatch):
    """The temporary home is gone afterwards, and somebody's own home was never touched."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("AGENTLOG_HOME", str(tmp_path / "home"))
    (tmp_path / "temporary").mkdir()
    with capture_events() as captured:
        ao.record(ao.Event("a"))
        assert ["a"] == captured.names()
        assert (tmp_path / "temporary") in captured.client.settings.home.parents
    assert [] == list((tmp_path / "temporary").iterdir())
    assert not (tmp_path / "home").exists()


def test_many_captures_leave_no_descriptors():
    """A suite of many tests does not run out of open files."""
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(100):
        with capture_events():
            ao.record(ao.Event("a"))
    assert len(list(Path("/dev/fd").iterdir())) < before + 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENTLOG_ENDPOINT", "https://collector.example.com"),
        ("AGENTLOG_DISABLED", "1"),
        ("AGENTLOG_TAGS", "production"),
        ("AGENTLOG_JOURNAL_LIMIT", "1"),
    ],
)
def test_the_environment_is_left_outside(monkeypatch, name, value):
    """Settings of whoever runs the tests neither ship, switch off, nor mark what is captured."""
    monkeypatch.setenv(name, value)
    with capture_events() as captured:
        ao.record(ao.Event("a", params={"n": 1}))
        assert ["a"] == captured.names()
        assert {"n": 1} == captured.one("a")["params"]
        assert captured.client.settings.endpoint is None
        assert "tags" not in captured.sessions[0]


def test_arguments_are_the_clients(tmp_path):
    """`redact`, `tags` and a home of your own are handed to the client."""
    with capture_events(home=tmp_path, tags=["t"], redact="all") as captured:
        ao.record(ao.Event("a", params={"n": 1}))
        assert "params" not in captured.one("a")
    assert (tmp_path / "journal" / "local").is_dir()


def test_wrong_arguments_change_nothing():
    """A wrong argument raises, and the default client is as before."""
    before = default_client_silently()
    with pytest.raises(ao.ConfigurationError), capture_events(redact="some"):
        pass
    assert before is default_client_silently()


def test_threads_tasks_and_children_are_captured():
    """What threads, tasks and forked processes record is there too."""
    with capture_events() as captured:

        async def work():
            async with ao.action("task"):
                await asyncio.sleep(0)

        ao.start_session()
        thread = threading.Thread(target=lambda: ao.record(ao.Event("thread")))
        thread.start()
        thread.join()
        asyncio.run(work())
        pid = os.fork()
        if pid == 0:
            ao.record(ao.Event("child"))
            os._exit(0)
        os.waitpid(pid, 0)
        assert {"thread", "task", "child"} == set(captured.names())


def test_a_full_disk_is_told():
    """What could not be written is in the client's numbers, and no test passes by accident."""
    with capture_events() as captured:
        with file_size_limit(0), warned():
            ao.record(ao.Event("a"))
            assert 2 == captured.client.stats().pending
        captured.client.flush()
        assert ["a"] == captured.names()


# -- The clock -------------------------------------------------------------------------------------


def test_the_clock_moves_when_it_is_told_to():
    """It stands still, and advances by what it is told."""
    clock = ManualClock(10.0)
    assert 10.0 == clock.time() == clock.time()
    clock.advance(2.5)
    assert 12.5 == clock.time()


def test_events_have_the_times_of_the_clock():
    """Timestamps and durations of sessions, actions and events are exact."""
    clock = ManualClock()
    with capture_events(clock=clock) as captured:
        with ao.action("plan"):
            clock.advance(1.5)
            ao.record(ao.Event("search"))
            clock.advance(2.25)
        ao.end_session("Success")
        plan, search = captured.one("plan"), captured.one("search")
        (session,) = captured.sessions
    start = ManualClock().time()
    assert (start, start + 3.75) == (plan["timestamp"], plan["end_timestamp"])
    assert (start + 1.5, start + 1.5) == (search["timestamp"], search["end_timestamp"])
    assert (start, start + 3.75) == (session["timestamp"], session["end_timestamp"])


def test_the_real_clock_comes_back():
    """Afterwards events have the real time again."""
    with capture_events(clock=ManualClock(5.0)):
        assert 5.0 == ao.Event("x").timestamp
    assert ao.Event("x").timestamp > 1e9


# -- The fixture -----------------------------------------------------------------------------------


def test_the_fixture_captures_each_test_for_itself(pytester):
    """With the plugin, a test asks for `agentlog_events` and finds its own events."""
    pytester.makepyfile(
        """
        import agentlog as ao

        def test_one(agentlog_events):
            ao.record(ao.Event("one"))
            assert ["one"] == agentlog_events.names()

        def test_two(agentlog_events):
            ao.record(ao.Event("two"))
            assert ["two"] == agentlog_events.names()
        """
    )
    plugins = {entry.name for entry in entry_points(group="pytest11")}
    options = () if "agentlog" in plugins else ("-p", "agentlog.pytest_plugin")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=2)
