"""A browser that looks at the pages of a real collector; without one these tests are skipped.

    def test_it(long, visit):
        page = visit(long, "/")

What no test wants is looked for in each: an error on the console, and a violation of the policy.
There is one browser for all tests of pages that follow one another, and none besides them: its loop
would be in the way of others' asyncio.run. They have one tab, too: a new one costs more of the
processor than most of them. Each opens its page anew, and leaves it behind itself.
"""

import os
import shutil
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.page.runs import run, sessions, written
from tests.server.collector import Collector

HERE = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
PATIENCE = 15_000
WINDOW = {"width": 1280, "height": 800}
WATCH = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


_running = ExitStack()


def pytest_runtest_setup():
    """Try no page where there is no browser, and prepare nothing for it."""
    if not CHROMIUM:
        pytest.skip("there is no chromium here (CHROMIUM=... names another browser of its kind)")
    pytest.importorskip("playwright", reason="there is no playwright here")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem):
    """End the browser when no test of a page follows."""
    if nextitem is None or HERE not in nextitem.path.parents:
        _running.close()


@cache
def _launched():
    from playwright.sync_api import sync_playwright

    _running.callback(_launched.cache_clear)
    chromium = _running.enter_context(sync_playwright()).chromium
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    return _running.enter_context(chromium.launch(executable_path=CHROMIUM, args=flags))


@cache
def _tabs():
    """Return the context of all tests; its first tab goes from one to the next."""
    context = _launched().new_context()
    context.add_init_script(WATCH)
    context.set_default_timeout(PATIENCE)
    context.on("close", lambda _: _tabs.cache_clear())
    _running.callback(_tabs.cache_clear)
    return context


@pytest.fixture(scope="module")
def browser():
    """Chromium, the same for all files."""
    return _launched()


@pytest.fixture
def visit():
    """Open an address of a collector as somebody who may read, in a window as told.

    Returns the page. Behind the test nothing may have been said on the console of any.
    """
    context, visited, said = _tabs(), [], []
    listeners = {
        "console": lambda line: line.type in ("error", "warning") and said.append(line.text),
        "weberror": lambda error: said.append(str(error.error)),
    }
    for event, listener in listeners.items():
        context.on(event, listener)

    def visit(collector, path, *, known=True, viewport=WINDOW, color_scheme="light"):
        context.clear_cookies()
        if known and collector.token:
            name = f"agentlog_{collector.port}"
            context.add_cookies([{"name": name, "value": collector.token, "url": collector.base}])
        page = next((tab for tab in context.pages if tab not in visited), None)
        page = page or context.new_page()
        visited.append(page)
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme, reduced_motion="reduce")
        page.goto(f"{collector.base}{path}")
        return page

    visit.said = said
    yield visit
    violations = []
    for number, page in enumerate(context.pages):
        violations += page.evaluate("window.violations ?? []")
        if number:
            page.close()
        else:
            page.evaluate("location.replace('about:blank')")  # by itself it keeps its process
            page.wait_for_url("about:blank")
    for event, listener in listeners.items():
        context.remove_listener(event, listener)
    assert [] == violations
    assert [] == said


@pytest.fixture
def collector(tmp_path):
    """A collector with nothing in it, for one test."""
    with Collector(tmp_path) as collector:
        yield collector


def _serving(directory, records):
    written(directory / "store.db", records)
    return Collector(directory)


@pytest.fixture(scope="session")
def long_store(tmp_path_factory):
    """The path of a store with a run of 10,500 events, 12 deep."""
    return written(tmp_path_factory.mktemp("long") / "store.db", run(10_500))


@pytest.fixture(scope="module")
def long(long_store):
    """A collector with that run."""
    with Collector(long_store.parent) as collector:
        yield collector


@pytest.fixture(scope="module")
def longest(tmp_path_factory):
    """A collector with a run of 100,000 events."""
    with _serving(tmp_path_factory.mktemp("longest"), run(100_000, payload=20)) as collector:
        yield collector


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A collector with 10,000 sessions."""
    with _serving(tmp_path_factory.mktemp("many"), sessions(10_000)) as collector:
        yield collector
