"""Session ids as people meet them."""

import pytest

from agentlog.store.ids import id_length, moment_of_id, quoted


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], 8),
        (["a" * 32], 8),
        (["a" * 32, "b" * 32], 8),
        (["a" * 32, "a" * 10 + "b" * 22, "c" * 32], 11),
        (["a" * 32, "a" * 32], 8),
    ],
)
def test_id_length(ids, expected):
    """So many digits are written that no two sessions look alike, and at least eight."""
    assert expected == id_length(ids)


@pytest.mark.parametrize(
    ("session_id", "expected"),
    [
        ("018bcfe568007" + "a" * 19, 1_700_000_000.0),
        ("018bcfe568008" + "a" * 19, None),
        ("018bcfe568007", None),
        ("s", None),
        ("", None),
    ],
)
def test_moment_of_id(session_id, expected):
    """An id of agentlog's form says when its session began; any other says nothing."""
    assert expected == moment_of_id(session_id)


def test_quoted():
    """What was typed is repeated in ASCII, and only its beginning if it is long."""
    assert "'a\\x1b'" == quoted("a\x1b")
    assert f"'{'a' * 60}'" == quoted("a" * 60)
    assert f"'{'a' * 60}'…" == quoted("a" * 5000)
