"""The page as a file: it works from file://, without a network, and nothing else runs in it."""

import time

import pytest

from agentlog import export
from agentlog.store.sqlite.store import SqliteStore
from tests.page.conftest import WATCH, WINDOW
from tests.page.runs import written
from tests.page.test_session import LATER
from tests.server.collector import record, session_id

HOSTILE = (
    "<img src=x onerror=\"document.title='run'\"></script><script>document.title='run'</script>"
)


@pytest.fixture(scope="module")
def tab(browser):
    """A tab without a network."""
    context = browser.new_context(viewport=WINDOW, offline=True)
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(tab, tmp_path):
    """Export a store's session and open the file; nothing may be asked for, violated or said."""
    said = []
    listeners = {
        "console": lambda line: said.append(line.text),
        "pageerror": lambda error: said.append(str(error)),
        "request": lambda request: said.append(request.url),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)

    def exported(path):
        file = tmp_path / "run.html"
        with SqliteStore(path) as store:
            export.export(store, session_id(1), "html", str(file))
        tab.goto(file.as_uri())
        tab.wait_for_selector("#table [aria-level]:visible")
        said.remove(file.as_uri())
        return tab, file

    yield exported
    violations = tab.evaluate("window.violations")
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert [] == violations
    assert [] == said


def test_a_run_is_a_file(opened, long_store):
    """It opens at the root cause, and shows what an event carries; no larger than it may be."""
    started = time.monotonic()
    page, path = opened(long_store)
    assert 5 << 20 > path.stat().st_size
    page.wait_for_selector('[aria-selected="true"] >> text=root cause')
    page.wait_for_selector("#pane >> text=no answer 10500")
    page.keyboard.press("Home")
    page.wait_for_selector('[aria-selected="true"] >> text=long run')
    assert 20.0 > time.monotonic() - started
    assert 0 == page.locator("a[href]:visible").count()


def test_search_finds_what_events_carry(opened, tmp_path):
    """By the words of their values, not by names of fields, nor in what is an image."""
    picture = "data:image/png;base64,abracadabra"
    asked = record(2, event_type="ask", params={"text": "a fox", "p": picture})
    page, _ = opened(written(tmp_path / "store.db", [record(1), asked]))
    for words, found in (("params", "0 found"), ("abracadabra", "0 found"), ("fox", "1 found")):
        page.locator("#search").fill(words)
        page.evaluate(LATER)
        page.locator("#found", has_text=found).wait_for()


def test_hostile_text_is_text(opened, tmp_path):
    """In a name, a param, a tag: nothing of it runs, in the file as on the page."""
    hostile = {"event_type": HOSTILE, "tags": [HOSTILE], "params": {HOSTILE: HOSTILE}}
    page, _ = opened(written(tmp_path / "store.db", [record(1, **hostile, returns=HOSTILE)]))
    page.wait_for_selector("#pane >> text=onerror")
    assert "run" != page.title()
    assert 0 == page.locator("img").count()
