"""Colour only adds to the text."""

import sys

import pytest

from agentlog.replay.colour import _STYLES, to_ansi
from agentlog.replay.lines import to_plain
from agentlog.replay.text import replay
from agentlog.replay.tree import forest
from agentlog.store.state import State
from tests.replay.events import event, session

LINES = [[("✗", "failed"), ("  ", "tree"), ("[red]fetch[/red] 12", "name")], []]


def test_colour():
    """A role with a style gets colour; recorded text is neither markup nor highlighted."""
    assert "\x1b[1;31m✗\x1b[0m  [red]fetch[/red] 12\n\n" == to_ansi(LINES)


def test_every_state_has_a_style():
    """A state differs from others by colour, too."""
    assert set(State) <= _STYLES.keys()


def test_root_cause_stands_out():
    """The mark of the root cause has a style of its own."""
    text = to_ansi(replay(forest([session(result="Fail"), event("a", "root", result="Fail")])))
    assert "\x1b[1;37;41m← root cause\x1b[0m" in text


@pytest.mark.parametrize("module", ["rich.color", "rich.style"])
def test_without_rich(monkeypatch, module):
    """Where rich is not installed the replay works, without colour."""
    monkeypatch.setitem(sys.modules, module, None)
    assert to_plain(LINES) == to_ansi(LINES)
