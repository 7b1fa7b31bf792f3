"""The page as a file: it works from file://, without a network, and nothing else runs in it."""

import time

import pytest

from agentlog import export
from agentlog.store.sqlite import SqliteStore
from tests.page.conftest import WATCH
from tests.page.runs import run, written
from tests.page.test_session import LATER
from tests.server.collector import record, session_id

HOSTILE = (
    "<img src=x onerror=\"document.title='run'\"></script><script>document.title='run'</script>"
)


@pytest.fixture
def opened(browser, tmp_path):
    """Export records and open the file; nothing may be asked for, violated or said."""
    contexts, said = [], []

    def exported(records):
        path = tmp_path / "run.html"
        with SqliteStore(written(tmp_path / "store.db", records)) as store:
            export.export(store, session_id(1), "html", str(path))
        context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("console", lambda line: said.append(line.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#table [aria-level]:visible")
        said.remove(path.as_uri())
        return page, path

    yield exported
    violations = [page.evaluate("window.violations") for one in contexts for page in one.pages]
    for context in contexts:
        context.close()
    assert [] == [found for found in violations if found]
    assert [] == said


def test_a_run_is_a_file(opened):
    """It opens at the root cause, and shows what an event carries; no larger than it may be."""
    started = time.monotonic()
    page, path = opened(run(10_500))
    assert 5 << 20 > path.stat().st_size
    page.wait_for_selector('[aria-selected="true"] >> text=root cause')
    page.wait_for_selector("#pane >> text=no answer 10500")
    page.keyboard.press("Home")
    page.wait_for_selector('[aria-selected="true"] >> text=long run')
    assert 20.0 > time.monotonic() - started
    assert 0 == page.locator("a[href]:visible").count()


def test_search_finds_what_events_carry(opened):
    """By the words of their values, not by names of fields, nor in what is an image."""
    picture = "data:image/png;base64,abracadabra"
    page, _ = opened(
        [record(1), record(2, event_type="ask", params={"text": "a fox", "p": picture})]
    )
    for words, found in (("params", "0 found"), ("abracadabra", "0 found"), ("fox", "1 found")):
        page.locator("#search").fill(words)
        page.evaluate(LATER)
        page.locator("#found", has_text=found).wait_for()


def test_hostile_text_is_text(opened):
    """In a name, a param, a tag: nothing of it runs, in the file as on the page."""
    page, _ = opened(
        [record(1, event_type=HOSTILE, tags=[HOSTILE], params={HOSTILE: HOSTILE}, returns=HOSTILE)]
    )
    page.wait_for_selector("#pane >> text=onerror")
    assert "run" != page.title()
    assert 0 == page.locator("img").count()
