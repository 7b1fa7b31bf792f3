"""A browser that looks at the pages of a real collector; without one these tests are skipped.

    def test_it(long, visit):
        page = visit(long, "/")

What no test wants is looked for in each: an error on the console, and a violation of the policy.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.page.runs import run, sessions, written
from tests.server.collector import Collector

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PATIENCE = 15_000
WATCH = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


@pytest.fixture(scope="module")
def browser():
    """Chromium, for the tests of a file: its loop would be in the way of others' asyncio.run."""
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no playwright")
    path = shutil.which("chromium") or CHROMIUM
    if not Path(path).exists():
        pytest.skip("there is no chromium")
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


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
