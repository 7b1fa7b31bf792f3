"""The page: what it makes of what is recorded."""

from agentlog.server import page
from agentlog.store import SessionFilter
from agentlog.store.sqlite import SqliteStore
from tests.server.collector import record


def test_a_long_name_and_long_tags_are_cut():
    """Nobody makes a page long that others read; what is cut begins as it was."""
    with SqliteStore() as store:
        store.put([record(event_type="n" * 1_000_000, tags=["t" * 1_000_000] * 3 + ["u"] * 1000)])
        html = page.sessions(store.sessions(SessionFilter(limit=100)), "")
    assert len(html) < 5000
    assert f">{'n' * 200}…</a>" in html
    assert f"<small>#{'t' * 200}…</small>" in html


def test_what_is_short_is_whole():
    """Name and tags, as text."""
    with SqliteStore() as store:
        store.put([record(event_type="n" * 200, tags=["<b>", "two"])])
        html = page.sessions(store.sessions(), "/x")
    assert f">{'n' * 200}</a> <small>#&lt;b&gt;</small> <small>#two</small>" in html
