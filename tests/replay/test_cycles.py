"""Cycles of parents: cut at their first."""

import pytest

from agentlog.replay import cycles


@pytest.mark.parametrize("head", [None, "head"])
@pytest.mark.parametrize(
    ("parents", "first"),
    [
        ({"a": "a"}, "a"),
        ({"c": "b", "b": "c", "a": "b"}, "b"),
        ({"b": None, "a": "b"}, None),
    ],
)
def test_a_cycle_is_cut_at_its_first(parents, first, head):
    """That hangs under the head, or is a root; the others stay where they are."""
    given = parents | {"head": None}
    expected = given | ({first: head} if first else {})
    cycles.cut(given, str, lambda _: head)
    assert expected == given
