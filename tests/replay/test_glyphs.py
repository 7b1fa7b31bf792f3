"""Two alphabets that say the same."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.format import cells, safe
from agentlog.replay.glyphs import ASCII, UNICODE, bar, tick
from agentlog.store.state import State


def _signs(glyphs):
    values = [getattr(glyphs, field.name) for field in fields(glyphs) if field.name != "states"]
    return [value for value in values if isinstance(value, str)] + [*glyphs.states.values()]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_states_differ(glyphs):
    """Every state has a sign of one column, and no two have the same."""
    assert set(State) == set(glyphs.states)
    assert len(State) == len(set(glyphs.states.values()))
    assert {1} == set(map(cells, glyphs.states.values()))
    assert cells(glyphs.pipe) == cells(glyphs.gap) == cells(glyphs.branch) == cells(glyphs.corner)


def test_twins():
    """The ASCII alphabet is ASCII, and no sign of either is one that `safe` would escape."""
    assert all(sign.isascii() for sign in _signs(ASCII))
    assert all(sign == safe(sign) for sign in _signs(UNICODE))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 1, "━━━━"),
        (0, 0, "╸"),
        (0.125, 0.2, "╺"),
        (0.125, 0.375, "╺╸"),
        (0.5, 1, "  ━━"),
        (1, 1, "   ╺"),
        (0.9, 0.1, "   ╺"),
    ],
)
def test_bar(start, end, expected):
    """A bar has half columns, and always a part that is seen."""
    assert expected == bar(UNICODE, start, end, 4, is_open=False)


def test_open_bar():
    """A stretch whose end nobody knows looks another."""
    assert "  ┅┅" == bar(UNICODE, 0.5, 1, 4, is_open=True)
    assert "  --" == bar(ASCII, 0.5, 1, 4, is_open=True)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 50), st.booleans())
def test_bar_stays_in_its_columns(start, end, columns, is_open):
    """No bar is wider than its column, or without anything to see."""
    for glyphs in (UNICODE, ASCII):
        drawn = bar(glyphs, start, end, columns, is_open=is_open)
        assert drawn.strip()
        assert len(drawn) <= columns
        assert len(tick(glyphs, start, columns)) <= columns
