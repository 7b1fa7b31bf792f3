"""Session ids as people meet them."""

import pytest

from agentlog.recording.ids import session_id
from agentlog.store.ids import id_length, quoted


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], 12),
        (["a" * 32], 12),
        (["a" * 32, "b" * 32], 12),
        (["a" * 32, "a" * 14 + "b" * 18, "c" * 32], 15),
        (["a" * 32, "a" * 32], 12),
    ],
)
def test_id_length(ids, expected):
    """So many digits are written that no two sessions look alike, and at least twelve."""
    assert expected == id_length(ids)


def test_a_later_session_needs_no_more_digits():
    """What was written yesterday is no beginning of an id of today."""
    before, later = session_id(1_700_000_000.0), session_id(1_700_000_000.001)
    assert not later.startswith(before[: id_length([before])])


def test_quoted():
    """What was typed is repeated in ASCII, and only its beginning if it is long."""
    assert "'a\\x1b'" == quoted("a\x1b")
    assert f"'{'a' * 60}'" == quoted("a" * 60)
    assert f"'{'a' * 60}'…" == quoted("a" * 5000)
