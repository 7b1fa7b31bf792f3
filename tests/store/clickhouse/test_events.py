"""What fits into a question."""

from urllib.parse import quote

import pytest

from agentlog.store.clickhouse.events import in_parts

MOST = 131_072
"""Bytes of a value that a server takes: its http_max_field_value_size."""


@pytest.mark.parametrize("id_", ["f" * 32, "é" * 1000, "'" * 50, " ", "\\", "\ud800"])
def test_what_is_asked_for_fits_into_a_question(id_):
    """As it is in an address, and nothing is left out."""
    asked = [id_] * 9_000
    parts = list(in_parts(asked))
    assert asked == [one for part in parts for one in part]
    values = ("[" + ",".join(f"'{one}'" for one in part) + "]" for part in parts)
    assert all(len(quote(value, errors="replace")) < MOST for value in values)
    assert 1_000 < len(parts[0]) or len(id_) > 40
