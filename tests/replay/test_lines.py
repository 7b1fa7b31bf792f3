"""How spans are set into lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.format import safe
from agentlog.replay.lines import LEAST_TEXT, broken, flow, measure, to_plain
from tests.replay.events import texts


def test_flow():
    """Parts follow each other as long as they fit."""
    parts = [[(text, "")] for text in ("aa", "bb", "cc", "dd")]
    lines = flow(parts, 8, between=(", ", ""), indent=("  ", ""), first=4)
    assert "aa\n  bb, cc\n  dd\n" == to_plain(lines)


def test_a_part_that_fits_into_no_line_is_broken():
    """At a blank where there is one; what follows it goes on behind its end."""
    parts = [[("- ", "tree"), ("the quick brown fox jumps", "name")], [("failed", "failed")]]
    lines = flow(parts, 20, between=("  ", ""), indent=("| ", "tree"))
    assert "- the quick brown\n| fox jumps  failed\n" == to_plain(lines)


@pytest.mark.parametrize("width", [1, 10, LEAST_TEXT + 2])
def test_a_line_has_a_least_width(width):
    """However narrow the terminal, a text is not broken into single letters."""
    lines = broken([("a" * 40, "")], width, indent=("  ", ""))
    assert [18, 18, 10] == [measure(line) for line in lines]


@given(st.lists(st.lists(st.tuples(texts.map(safe), st.just("")), max_size=3)), st.integers(1, 60))
def test_nothing_is_lost(parts, width):
    """Whatever is set is there, but for blanks; and no line is wider than it has to be."""
    lines = flow(parts, width, between=(" ", ""), indent=(" ", ""))
    text = "".join(text for part in parts for text, _ in part)
    assert text.replace(" ", "") == to_plain(lines).replace(" ", "").replace("\n", "")
    assert all(measure(line) <= max(width, LEAST_TEXT + 1) for line in lines)
