"""A run while it goes on: starts and ends, each told once, and a screen of what happens now."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay import moving
from agentlog.replay.follow import Followed
from agentlog.replay.glyphs import ASCII, UNICODE
from agentlog.replay.lines import to_plain
from agentlog.replay.rows import View
from agentlog.store.merge import merged
from agentlog.store.state import State
from tests.cli.commandline import STEERING
from tests.replay.events import START, event, records, session

VIEW = View(width=80, glyphs=UNICODE, zone=UTC, now=START + 5)


def lines(followed, events, view=VIEW):
    """Return the lines of what is new."""
    return to_plain(moving.line(step, view) for step in followed.take(events)).splitlines()


def screen(followed, height=20, view=VIEW):
    """Return the lines of the screen."""
    return to_plain(moving.screen(followed, view, height)).splitlines()


@pytest.mark.usefixtures("unpriced")
def test_each_start_and_each_end_is_told_once():
    """In order of time, indented as deep as it stands."""
    followed = Followed()
    running = [session(end=None), event("a", "root", start=0.5, end=None, action_type="tool")]
    assert [
        "22:13:20.000 ▸ root  running  session",
        "22:13:20.500   ▸ a  running  tool",
    ] == lines(followed, running)
    assert [] == lines(followed, running)
    assert not followed.has_ended
    ended = event("a", "root", start=0.5, end=2, action_type="tool", prompt_tokens=3)
    assert ["22:13:22.000   ✓ a  tool  3→0  1.50 s"] == lines(followed, [ended])
    assert ["22:13:30.000 ✓ root  session  10.0 s"] == lines(followed, [session()])
    assert followed.has_ended


def test_what_came_whole_has_a_start_and_an_end():
    """Also of what began and ended between two looks; an instant is one line."""
    events = [
        session(end=None),
        event(
            "a", "root", start=1, end=3, result="Fail", error={"type": "E", "message": "no\nmore"}
        ),
        event("b", "a", start=2, end=3),
        event("c", "a", start=2.5, end=2.5, action_type="log", level="info"),
    ]
    assert [
        "22:13:20.000 ▸ root  running  session",
        "22:13:21.000   ▸ a  running",
        "22:13:22.000     ▸ b  running",
        "22:13:22.500     ✓ c  log info",
        "22:13:23.000     ✓ b  1.00 s",
        "22:13:23.000   ✗ a  failed  2.00 s  E: no",
    ] == lines(Followed(), events)


def test_what_was_interrupted_ends_without_a_time():
    """Its process is gone: nobody knows when that was."""
    followed = Followed()
    lines(followed, [session(end=None), event("a", "root", end=None)])
    gone = {"result": "Indeterminate", "reason": "interrupted"}
    assert [
        "               ! a  interrupted",
        "             ! root  interrupted  session",
    ] == lines(followed, [session(end=None) | gone, event("a", "root", end=None) | gone])
    assert followed.has_ended


def test_what_was_interrupted_may_end_all_the_same():
    """Its end was on its way: it is told when it comes."""
    followed = Followed()
    open_one = event("a", "root", end=None)
    lines(followed, [open_one | {"result": "Indeterminate", "reason": "interrupted"}])
    failed = event("a", "root", result="Fail", error="no")
    assert ["22:13:21.000   ✗ a  failed  1.00 s  no"] == lines(followed, [failed])
    assert [] == lines(followed, [failed])
    assert 1 == followed.tally().failures


def test_what_is_silent_is_given_up():
    """All that is open ends, in the order in which it would."""
    followed = Followed()
    lines(followed, [session(end=None), event("a", "root", end=None), event("b", "root")])
    steps = followed.silence()
    assert [("a", State.SILENT), ("root", State.SILENT)] == [
        (step.node.id, step.node.state) for step in steps
    ]
    assert all(step.is_end for step in steps)
    assert followed.has_ended


def test_an_event_whose_parent_comes_late_is_indented_then():
    """Until then it stands below the root."""
    followed = Followed()
    assert [1, 2] == [
        s.depth for s in followed.take([event("b", "a"), event("c", "b", end=None)]) if not s.is_end
    ]
    followed.take([session(end=None), event("a", "root", end=None)])
    (ended,) = followed.take([event("c", "b")])
    assert 3 == ended.depth


def test_a_session_without_its_root_ends_when_nothing_runs():
    """Nobody says when it ends."""
    followed = Followed()
    followed.take([event("a", "lost", end=None)])
    assert not followed.has_ended
    followed.take([event("a", "lost")])
    assert followed.has_ended


def test_the_screen_of_a_small_run_is_its_replay():
    """All of it, with alike ones folded, as the replay shows it."""
    followed = Followed()
    followed.take([session(end=None), *(event(f"{n}", "root", name="read") for n in range(5))])
    shown = screen(followed)
    assert "▸ running · 5.00 s · 6 events · no failures" == shown[1]
    assert "└─ ✓ read \N{MULTIPLICATION SIGN}5" in shown[-1]


def test_the_screen_of_a_long_run_is_its_end():
    """The newest events, those above them, and the sums of all, on as many lines as there are."""
    followed = Followed()
    followed.take(
        [
            session(end=None),
            event("outer", "root", end=None),
            *(
                event(f"{n}", "outer", name=f"read {n}", start=n / 1e3, prompt_tokens=1)
                for n in range(5000)
            ),
        ]
    )
    shown = screen(followed, height=12)
    assert 12 == len(shown)
    assert "5,002 events · no failures · tokens 5,000→0" in shown[1]
    assert "read 4999" in shown[-1]
    assert "…" == shown[3]


def test_payloads_are_not_kept():
    """Of a long run little is in memory."""
    followed = Followed()
    steps = followed.take([session(params={"a": 1}, process={"pid": 1}, returns="x")])
    assert {"params", "process", "returns"} & set(steps[-1].node.event) == set()


@given(st.lists(st.lists(records, max_size=4), max_size=4), st.sampled_from([UNICODE, ASCII]))
def test_any_records(looks, glyphs):
    """Whatever comes, in however many looks: nothing raises, and nothing steers."""
    view = View(width=40, glyphs=glyphs, zone=UTC, now=START)
    followed = Followed()
    for look in looks:
        for text in (lines(followed, merged(look).values(), view), screen(followed, 8, view)):
            assert not STEERING.search("\n".join(text))
        assert 8 >= len(screen(followed, 8, view))
