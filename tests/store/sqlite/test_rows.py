"""Many rows at once into SQLite."""

import sqlite3

import pytest

from agentlog.store.sqlite.rows import insert


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 127, 128, 129, 300])
def test_rows_go_in_in_their_order(count):
    """However many they are."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    given = [(n, str(n)) for n in range(count)]
    insert(connection, "INSERT INTO t (a, b)", given)
    assert given == connection.execute("SELECT a, b FROM t ORDER BY rowid").fetchall()
    connection.close()
