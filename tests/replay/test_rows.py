"""What of a forest is shown, row by row."""

import pytest

from agentlog.replay.glyphs import UNICODE
from agentlog.replay.rows import View, rows
from agentlog.replay.tree import forest
from tests.replay.events import START, event, session


def shown(events, **options):
    """Return the rows of events."""
    return list(rows(forest(events), View(width=80, glyphs=UNICODE, **options)))


def test_lines_of_the_tree():
    """Tree lines go on below a row as long as there are siblings, or children of its own."""
    events = [session(), event("a", "root"), event("b", "a"), event("c", "root", start=1)]
    expected = [("", "│ "), ("├─ ", "│  │ "), ("│  └─ ", "│       "), ("└─ ", "     ")]
    assert expected == [(row.lead, row.below) for row in shown(events)]


def test_roles():
    """Each text has the role that a terminal or a page gives a style."""
    line = event("a", "root", result="Indeterminate", action_type="log", level="info", model="m")
    root, row = shown([session(), line])
    assert [("✓", "succeeded"), (" ", ""), ("root", "session")] == root.name
    assert [("·", "indeterminate"), (" ", ""), ("a", "message")] == row.name
    assert [("log info", "detail"), ("m", "model")] == row.details


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"action_type": "action"}, []),
        ({"action_type": "tool", "level": "info"}, ["tool"]),
        ({"action_type": "log", "level": 3, "logger": "a.b"}, ["log a.b"]),
        ({"reason": "good enough"}, ["good enough"]),
        ({"result": "Indeterminate", "reason": "not sure"}, ["not sure"]),
        ({"result": "Indeterminate", "reason": "exit"}, ["exited"]),
        ({"result": "Indeterminate", "reason": "abandoned"}, ["abandoned"]),
        ({"result": "Fail", "reason": "no luck"}, ["failed", "← recovered"]),
        ({"end": None}, ["running"]),
        ({"model": "m" * 60}, ["m" * 47 + "…"]),
    ],
)
def test_details(fields, expected):
    """State in a word where it matters, kind if it is no action, level and logger of a line."""
    *_, row = shown([session(), event("a", "root", **fields)])
    assert expected == [text for text, _ in row.details]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"result": "Fail", "error": "E: why\nmore"}, ("E: why", "error")),
        ({"result": "Fail", "reason": "gave up"}, ("gave up", "error")),
        ({"result": "Indeterminate", "error": "E: caught"}, ("E: caught", "detail")),
        ({"result": "Fail"}, None),
    ],
)
def test_trouble(fields, expected):
    """Below a row stands the first line of its error, or why it was said to have failed."""
    *_, row = shown([session(), event("a", "root", **fields)])
    assert expected == row.trouble


@pytest.mark.usefixtures("unpriced")
def test_folded_row():
    """A folded row has the time in which any ran, all tokens, and a model if all have the same."""
    usual = {"name": "ask", "model": "m", "prompt_tokens": 10}
    events = [event(f"{i}", "root", start=i, end=2 * i + 1, **usual) for i in range(3)]
    _, row = shown([session(), *events, event("below", "1")])
    assert ("5.00 s", "30→0", START, START + 5) == (row.duration, row.tokens, row.start, row.end)
    assert (" with 1 below", "detail") == row.name[-1]
    assert ["m", "longest 3.00 s"] == [text for text, _ in row.details]
    _, row = shown([session(), *events[:2], events[2] | {"model": "other"}])
    assert ["longest 3.00 s"] == [text for text, _ in row.details]


def test_instants():
    """What has no duration shows none; what has no end, or one before its start, a dash."""
    durations = [
        ("", 0),
        ("1.00 s", 1),
        ("\N{EN DASH}", None),
        ("\N{EN DASH}", -2),
    ]
    for expected, end in durations:
        *_, row = shown([session(), event("a", "root", end=end)])
        assert expected == row.duration


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "?"),
        ({"prompt_tokens": 5}, "5→0"),
        ({"params": {"stream": False}}, ""),
        ({"action_type": "action"}, ""),
        ({"end": None}, ""),
        ({"result": "Fail"}, ""),
    ],
)
def test_an_answer_that_nobody_counted(fields, expected):
    """One that was streamed to its end without a word of its tokens says so."""
    streamed = {"action_type": "llm", "params": {"stream": True}}
    *_, row = shown([session(), event("a", "root", **streamed | fields)])
    assert expected == row.tokens
