"""A browser that looks at the pages of a real collector; without one these tests are skipped.

    def test_it(long, visit):
        page = visit(long, "/")

What no test wants is looked for in each: an error on the console, and a violation of the policy.
There is one browser for all tests of pages that follow one another, and none besides them: its loop
would be in the way of others' asyncio.run.
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


@pytest.fixture(scope="module")
def browser():
    """Chromium, the same for all files."""
    return _launched()


@pytest.fixture
def visit(browser):
    """Open an address of a collector as somebody who may read; `options` are of the context.

    Returns the page. Behind the test nothing may have been said on the console of any.
    """
    contexts, said = [], []

    def visited(collector, path, *, known=True, **options):
        sized = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
        context = browser.new_context(**sized | options)
        contexts.append(context)
        if known and collector.token:
            name = f"agentlog_{collector.port}"
            context.add_cookies(
                [{"name": name, "value": collector.token, "url": f"{collector.base}/"}]
            )
        context.add_init_script(WATCH)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on(
            "console", lambda line: line.type in ("error", "warning") and said.append(line.text)
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{collector.base}{path}")
        return page

    visited.said = said
    yield visited
    violations = [
        violation
        for context in contexts
        for page in context.pages
        for violation in page.evaluate("window.violations ?? []")
    ]
    for context in contexts:
        context.close()
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


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A collector with a run of 10,500 events, 12 deep."""
    with _serving(tmp_path_factory.mktemp("long"), run(10_500)) as collector:
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
