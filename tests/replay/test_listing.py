"""The list of sessions."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.cost import Spent
from agentlog.replay.format import safe
from agentlog.replay.lines import measure, to_plain
from agentlog.replay.listing import sessions, summary_duration
from agentlog.store import SessionSummary
from agentlog.store.state import State
from tests.replay.events import START, texts


def summary(session_id="a" * 32, **fields):
    """Return a session that succeeded, unless told."""
    usual = {
        "event_type": "agent.py",
        "timestamp": START,
        "end_timestamp": START + 2,
        "last": START + 2,
        "result": "Success",
        "reason": None,
        "rating": None,
        "tags": (),
        "state": "succeeded",
        "events": 12,
        "failures": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }
    return SessionSummary(id=session_id, **usual | fields)


RUNNING = {"end_timestamp": None, "state": "running"}
INTERRUPTED = {"end_timestamp": None, "state": "interrupted"}
SESSIONS = [
    summary(prompt_tokens=812, completion_tokens=96, tags=("demo", "cron")),
    summary(
        "b" * 32,
        timestamp=START + 60,
        end_timestamp=START + 65,
        failures=3,
        state="failed",
        event_type="bot",
    ),
    summary("a" * 13 + "c" * 19, timestamp=START - 4e7, last=START - 4e7 + 5, **INTERRUPTED),
]


def test_wide():
    """One row a session, newest first, numbers to the right, the name last."""
    expected = """\
session         when              outcome           took  events  failed  tokens  name
bbbbbbbbbbbbbb  2023-11-14 22:14  ✗ failed        5.00 s      12       3          bot
aaaaaaaaaaaaaa  2023-11-14 22:13  ✓ succeeded     2.00 s      12       0  812→96  agent.py  #demo  #cron
aaaaaaaaaaaaac  2022-08-08 23:06  ! interrupted  5.00 s+      12       0          agent.py
"""  # noqa: E501 a table
    assert expected == to_plain(sessions(SESSIONS, width=120, zone=UTC))


def test_narrow():
    """In a narrow terminal the year of the newest goes unsaid; tags that do not fit go below."""
    expected = """\
session         when              outcome           took  ev  ✗  tokens  name
bbbbbbbbbbbbbb  11-14 22:14       ✗ failed        5.00 s  12  3          bot
aaaaaaaaaaaaaa  11-14 22:13       ✓ succeeded     2.00 s  12  0  812→96  agent.py
                                                                         #demo  #cron
aaaaaaaaaaaaac  2022-08-08 23:06  ! interrupted  5.00 s+  12  0          agent.py
"""
    assert expected == to_plain(sessions(SESSIONS, width=86, zone=UTC))


@pytest.mark.parametrize("width", [40, 60])
def test_too_narrow_for_a_table(width):
    """A session has a second line, with its name, tags and counts."""
    expected = {
        60: """\
bbbbbbbbbbbbbb  11-14 22:14       ✗ failed        5.00 s
  bot  12 events  3 failed
aaaaaaaaaaaaaa  11-14 22:13       ✓ succeeded     2.00 s
  agent.py  #demo  #cron  12 events  tokens 812→96
aaaaaaaaaaaaac  2022-08-08 23:06  ! interrupted  5.00 s+
  agent.py  12 events
""",
        40: """\
bbbbbbbbbbbbbb  11-14 22:14  ✗ failed
  bot  5.00 s  12 events  3 failed
aaaaaaaaaaaaaa  11-14 22:13  ✓ succeeded
  agent.py  #demo  #cron  2.00 s
  12 events  tokens 812→96
aaaaaaaaaaaaac  2022-08-08 23:06
  ! interrupted
  agent.py  5.00 s+  12 events
""",
    }
    assert expected[width] == to_plain(sessions(SESSIONS, width=width, zone=UTC))


@pytest.mark.parametrize("width", [40, 50, 60, 70, 80, 90, 100, 120])
def test_width(width):
    """No line is wider than the terminal, and no part of a name or tag is lost."""
    long = summary("d" * 32, event_type="N" * 150, tags=("T" * 40, "U" * 40), prompt_tokens=12345)
    lines = sessions([*SESSIONS, long], width=width, zone=UTC)
    assert width >= max(map(measure, lines))
    assert [150, 40, 40] == [to_plain(lines).count(letter) for letter in "NTU"]


def test_a_long_name_stands_below():
    """A name that does not fit behind the columns gets lines of its own."""
    text = to_plain(sessions([summary(event_type="n" * 30, tags=("a",))], width=80, zone=UTC))
    assert f"\n  {'n' * 30}  #a\n" in text


def test_ascii():
    """In ASCII the signs have their twins and data is escaped."""
    text = to_plain(sessions([summary(event_type="検索\x1b")], ascii_only=True))
    assert text.isascii()
    assert "+ succeeded" in text
    assert "\\u691c\\u7d22\\x1b" in text


def test_unknown_start():
    """A session of which nobody knows when it began says so, and stands last."""
    text = to_plain(sessions([summary(timestamp=None), SESSIONS[1]], width=80, zone=UTC))
    assert "aaaaaaaa  unknown      " in text.splitlines()[2]
    assert "unknown" in to_plain(sessions([summary(timestamp=None)], width=80))


def test_none():
    """Of no sessions there is no table."""
    assert [] == sessions([])


def test_known_ids():
    """Sessions that are not listed count for telling ids apart."""
    assert "a" * 12 + " " in to_plain(sessions([summary()], known=["a" * 11 + "b" * 21]))


@pytest.mark.parametrize(
    ("fields", "duration"),
    [
        ({}, 2.0),
        (RUNNING, 9.0),
        (INTERRUPTED, 2.0),
        (RUNNING | {"state": "silent"}, 2.0),
        (RUNNING | {"state": "unknown"}, 2.0),
        ({"end_timestamp": START - 2}, None),
        ({"timestamp": None}, None),
        ({"timestamp": 1e300}, None),
    ],
)
def test_duration(fields, duration):
    """A session lasts to its end, to now while it runs, else to the last that was heard."""
    assert duration == summary_duration(summary(**fields), START + 9)


_moments = st.none() | st.floats() | st.just(START)


@given(
    st.builds(
        summary,
        texts,
        event_type=st.none() | texts,
        timestamp=_moments,
        end_timestamp=_moments,
        last=_moments,
        state=st.sampled_from(list(State)),
        tags=st.lists(texts, max_size=3).map(tuple),
    ),
    st.integers(1, 150),
)
def test_any_summary(some, width):
    """Whatever a store says, the list is shown and steers no terminal."""
    text = to_plain(sessions([some], width=width)).replace("\n", "")
    assert safe(text) == text


COSTS = {"a" * 32: Spent(812, 96, 0.0301, 1), "b" * 32: Spent(5, 5, None, 2)}


def test_costs():
    """In a column of their own, with a `+` if it is the least."""
    rows = to_plain(sessions(SESSIONS, width=120, zone=UTC, costs=COSTS)).splitlines()
    assert ["tokens", "cost", "name"] == rows[0].split()[-3:]
    assert [["$?", "bot"], ["812→96", "$0.0301+", "agent.py"]] == [
        rows[1].split()[-2:],
        rows[2].split()[-5:-2],
    ]


def test_narrow_costs():
    """They take the place of the tokens where there is not enough for both."""
    heading, *_ = to_plain(sessions(SESSIONS, width=88, zone=UTC, costs=COSTS)).splitlines()
    assert ["ev", "✗", "cost", "name"] == heading.split()[-4:]
    stacked = to_plain(sessions(SESSIONS, width=70, zone=UTC, costs=COSTS))
    assert "tokens 812→96  cost $0.0301+" in stacked
