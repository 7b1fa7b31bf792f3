"""The page tells what a run cost: in its head, in a column, in the pane, live, and as a file."""

import time

import pytest

from agentlog import export
from agentlog.store.sqlite.store import SqliteStore
from tests.documents import ROOT
from tests.page.runs import START, address, written
from tests.server.collector import Collector, event_id, record, session_id, without

pytestmark = pytest.mark.waits

PRICED, UNKNOWN, RUNNING, UNCOUNTED, LISTED = range(1, 6)


def call(number, session, **fields):
    """Return a call of a model: of GPT-4 it costs $0.03012."""
    usual = {"model": "gpt-4", "prompt_tokens": 812, "completion_tokens": 96}
    place = {"timestamp": START + number, "end_timestamp": START + number + 1}
    return record(number, session=session, action_type="llm", **usual | place | fields)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A collector that knows prices."""
    pytest.importorskip("genai_prices")
    began = without(record(session=RUNNING), "end_timestamp", "result")
    began["timestamp"] = time.time()
    with Collector(tmp_path_factory.mktemp("told"), PYTHONPATH=str(ROOT)) as collector:
        collector.post(
            [
                record(session=PRICED, timestamp=START, end_timestamp=START + 10),
                call(2, PRICED, event_type="judge"),
                call(3, PRICED, event_type="chat", parent_id=event_id(2)),
                call(4, PRICED, event_type="own", model="my-own"),
                record(session=UNKNOWN),
                call(2, UNKNOWN, model="my-own"),
                began,
                record(session=UNCOUNTED),
                record(2, session=UNCOUNTED, model="gpt-4"),
            ]
        )
        yield collector


def cells(page, column):
    """Return what the rows have in a column, from the top."""
    rows = page.locator("#table .space [role=row]:visible")
    texts = {
        int(row.get_attribute("aria-rowindex")): row.locator(column).text_content()
        for row in rows.all()
    }
    return [text for _, text in sorted(texts.items())]


def test_a_run_tells_what_it_cost(told, visit):
    """Each row with all below it; a call that is told twice counts once, and a `+` is the least."""
    page = visit(told, f"{address(PRICED)}#e={event_id(2)}")
    page.locator("#facts", has_text="cost $0.0301+").wait_for()
    assert "tokens 1,624→192" in page.locator("#facts").text_content()
    assert ["$0.0301+", "$0.0301", "$0.0301", "unknown"] == cells(page, ".cost")
    page.locator("#pane dl", has_text="Cost$0.0301").wait_for()


def test_a_cost_that_nobody_knows_says_so(told, visit):
    """In the head, in the row, in the pane."""
    page = visit(told, f"{address(UNKNOWN)}#e={event_id(2)}")
    page.locator("#facts", has_text="cost unknown").wait_for()
    assert ["unknown", "unknown"] == cells(page, ".cost")
    page.locator("#pane dl", has_text="Costunknown").wait_for()


def test_without_tokens_there_is_no_column(told, visit):
    """As there is none for models where there are no models."""
    page = visit(told, address(UNCOUNTED))
    page.locator(".space .selected").wait_for()
    assert page.locator(".head .model").is_visible()
    assert not page.locator(".head .cost").is_visible()
    assert "cost" not in page.locator("#facts").text_content()


def test_it_is_told_while_it_runs(told, visit):
    """As soon as a call has ended."""
    page = visit(told, address(RUNNING))
    page.locator("#live", has_text="live").wait_for()
    told.post([call(2, RUNNING, timestamp=time.time(), end_timestamp=time.time())])
    page.locator("#facts", has_text="cost $0.0301").wait_for()


def test_the_pane_tells_it_while_it_runs(told, visit):
    """And what one reads in it stays as it is."""
    page = visit(told, f"{address(RUNNING)}#e={event_id(1)}")
    page.locator("#live", has_text="live").wait_for()
    page.locator("#pane h3", has_text="To copy").evaluate("(it) => (it.isKept = true)")
    before = page.locator("#pane > dl").inner_text()
    told.post([call(3, RUNNING, timestamp=time.time(), end_timestamp=time.time())])
    spent = "$0.0602" if "Cost" in before else "$0.0301"
    page.locator("#pane > dl", has_text=f"Cost{spent}").wait_for()
    assert page.locator("#pane h3", has_text="To copy").evaluate("(it) => it.isKept")


def test_a_moment_has_what_had_ended(told, visit):
    """What was open then had not been paid yet."""
    page = visit(told, f"{address(PRICED)}#t={START + 4.5}")
    page.locator("#moment:not(:empty)").wait_for()
    assert ["", "$0.0301", "$0.0301", ""] == cells(page, ".cost")


def test_the_list_tells_it(told, visit):
    """Of each session what its tree says; and what is new, when it comes."""
    page = visit(told, "/")
    for text in ("$0.0301+", "unknown"):
        page.locator(".space .cost", has_text=text).wait_for()
    told.post([record(session=LISTED), call(2, LISTED, prompt_tokens=2000)])
    page.locator(".space .cost", has_text="$0.0658").wait_for()


def test_a_list_that_knows_no_cost_has_no_column(collector, visit):
    """As long as nothing in view has tokens."""
    collector.post([record()])
    page = visit(collector, "/")
    page.locator(".space .row").wait_for()
    assert not page.locator(".head .cost").is_visible()


def test_a_file_tells_it_too(browser, tmp_path):
    """It was made where there are prices, and needs none any more."""
    pytest.importorskip("genai_prices")
    path = tmp_path / "run.html"
    with SqliteStore(written(tmp_path / "store.db", [record(), call(2, 1)])) as store:
        export.export(store, session_id(1), "html", str(path))
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator("#facts", has_text="cost $0.0301").wait_for()
    page.close()
