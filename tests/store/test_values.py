"""What comes out of a database, in parts."""

from agentlog.store.values import LARGE, parts


def test_rows_come_in_parts():
    """Of so many rows, or of so much text; a large row is a part of its own."""
    assert [[(1,), (2,)], [(3,)]] == list(parts([(1,), (2,), (3,)], 2))
    text = "x" * (LARGE // 2)
    rows = [(text, None)] * 3 + [(text * 3, 1), ("", 2)]
    assert [2, 2, 1] == [len(part) for part in parts(rows, 10)]
    assert [] == list(parts([], 10))
