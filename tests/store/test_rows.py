"""Many rows at once."""

import sqlite3

import pytest

from agentlog.store.rows import LARGE, insert, parts


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 127, 128, 129, 300])
def test_rows_go_in_in_their_order(count):
    """However many they are."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    given = [(n, str(n)) for n in range(count)]
    insert(connection, "INSERT INTO t (a, b)", given)
    assert given == connection.execute("SELECT a, b FROM t ORDER BY rowid").fetchall()
    connection.close()


def test_rows_come_in_parts():
    """Of so many rows, or of so much text; a large row is a part of its own."""
    assert [[(1,), (2,)], [(3,)]] == list(parts([(1,), (2,), (3,)], 2))
    text = "x" * (LARGE // 2)
    rows = [(text, None)] * 3 + [(text * 3, 1), ("", 2)]
    assert [2, 2, 1] == [len(part) for part in parts(rows, 10)]
    assert [] == list(parts([], 10))
