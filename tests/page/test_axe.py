"""Everybody can use the pages: what axe-core finds, and what a screen reader is told of rows."""

import time

import pytest

from tests.documents import ROOT
from tests.page.runs import START, address
from tests.server.collector import Collector, event_id, record, session_id, without

pytestmark = pytest.mark.waits

ONE_EVENT, FAILED, RUNNING, HOSTILE, SILENT, ANOTHER = range(1, 7)
COMPARED = f"/compare/{session_id(FAILED)}/{session_id(ANOTHER)}"
TEXT = "<img src=x onerror=alert(1)>\u202e\x1b[31m" + "x" * 300
REASONS = ("cancelled", "interrupted", "abandoned", "exit", None)

# By name: the path, what is waited for, the keys that are pressed then (or what is clicked), and
# what is waited for after that.
PAGES = {
    "list": ("/", ".space .failed", "", ""),
    "list with a row chosen": ("/", ".space .failed", "jj", ".space a:focus"),
    "list with one to compare": ("/", ".space .failed", "jc", ".space .marked"),
    "list with two to compare": ("/", ".space .failed", "jcjc", "#compare:not([hidden])"),
    "list of what was looked for": ("/#q=fetch", "#found a", "", ""),
    "list of nothing": ("/#tag=none", "#nothing :first-child:not(:empty)", "", ""),
    "keys of the list": ("/", ".space .failed", "?", "dialog[open]"),
    "form": ("/?token=wrong", "[role=alert]", "", ""),
    "one event": (address(ONE_EVENT), ".space .selected", "", ""),
    "running": (address(RUNNING), ".space .running", "", ""),
    "failed": (address(FAILED), "#pane section.error", "", ""),
    "errors only": (f"{address(FAILED)}#errors=1", "#pane dd", "", ""),
    "zoomed": (address(FAILED), "#pane section.error", "z", "#whole:enabled"),
    "fold open": (
        f"{address(FAILED)}#e={event_id(3)}",
        "[aria-expanded=true] .times:not(:empty)",
        "",
        "",
    ),
    "searched in": (f"{address(FAILED)}#q=fetch", ".space .match", "", ""),
    "conversation": (f"{address(FAILED)}#e={event_id(2)}", "#pane .message", "", ""),
    "moment": (f"{address(FAILED)}#t={START + 5}", "#moment:not(:empty)", "", ""),
    "keys of a session": (address(FAILED), "#pane section.error", "?", "dialog[open]"),
    "export": (address(FAILED), "#pane section.error", "#export summary", "#export a"),
    "hostile": (address(HOSTILE), "#pane section", "", ""),
    "silent": (address(SILENT), ".space .silent", "", ""),
    "no such session": (address(999), "#nothing:not(:empty)", "", ""),
    "differences": (COMPARED, "#rows pre", "", ""),
    "keys of a comparison": (COMPARED, "#rows pre", "?", "dialog[open]"),
    "no difference": (
        f"/compare/{session_id(FAILED)}/{session_id(FAILED)}",
        "[role=row]",
        "",
        "",
    ),
    "nothing to compare": (
        f"/compare/{session_id(1)}/{session_id(999)}",
        "text=no such session",
        "",
        "",
    ),
}
SHORT = {("list", "light", 1280), ("failed", "dark", 1280)}


def tried():
    """Return every page in light and dark, wide and narrow; what is left to the soak is marked."""
    return [
        pytest.param(
            *one, id="-".join(map(str, one)), marks=() if one in SHORT else pytest.mark.soak
        )
        for name in PAGES
        for scheme in ("light", "dark")
        for width in (1280, 400)
        for one in [(name, scheme, width)]
    ]


def failed(session, *, answer="no answer"):
    """Return the records of a run that failed at `fetch`, with three alike in it."""
    error = {"type": "Timeout", "message": answer, "traceback": "Traceback\n  line 1"}
    whole = {"session": session, "timestamp": START, "end_timestamp": START + 10}
    chat = [{"role": role, "content": "Why?"} for role in ("system", "user", "assistant", "tool")]
    crumb = {"timestamp": START, "level": "debug", "event": "asked twice"}
    return [
        record(**whole, event_type="agent", result="Fail", tags=["night", "t1"]),
        record(2, **whole, event_type="plan", model="gpt-4", prompt_tokens=812, prompt=chat),
        *(record(n, **whole, event_type="embed", action_type="tool") for n in (3, 4, 5)),
        record(6, **whole | {"timestamp": START + 6}, event_type="step", result="Fail"),
        record(
            7,
            **whole | {"timestamp": START + 7},
            parent_id=event_id(6),
            event_type="fetch",
            result="Fail",
            error=error,
            log=[crumb],
            params={"url": "https://example.org", "deep": [{"a": [1, None, True]}]},
        ),
        record(8, **whole, event_type="warned", action_type="log", level="warning", logger="net"),
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A collector with a session of each kind."""
    now = time.time()
    opened = without(record(session=RUNNING, event_type="agent"), "end_timestamp", "result")
    hostile = {"event_type": TEXT, "result": "Fail"}
    below = without(record(2, session=RUNNING), "end_timestamp", "result")
    with Collector(tmp_path_factory.mktemp("told"), PYTHONPATH=str(ROOT)) as collector:
        for records in (
            [record(session=ONE_EVENT)],
            failed(FAILED),
            failed(ANOTHER, answer="another answer"),
            [opened | {"timestamp": now - 60}, below | {"timestamp": now - 50}],
            [
                record(session=HOSTILE, tags=[TEXT], reason=TEXT, **hostile),
                record(2, session=HOSTILE, params={TEXT: TEXT}, error=TEXT, **hostile),
            ],
            [opened | {"session_id": session_id(SILENT), "timestamp": now - 3600}],
            *(
                [record(session=number, result="Indeterminate", reason=reason)]
                for number, reason in enumerate(REASONS, 10)
            ),
        ):
            collector.post(records)
        collector.until_found("fetch", 1)
        yield collector


def opened(name, told, visit, **options):
    """Return a page in one of the states of `PAGES`."""
    path, first, keys, then = PAGES[name]
    page = visit(told, path, known=name != "form", **options)
    page.locator(first).first.wait_for()
    if keys.startswith("#"):
        page.locator(keys).click()
    else:
        for key in keys:
            page.keyboard.press(key)
    if then:
        page.locator(then).first.wait_for()
    if name in ("form", "no such session", "nothing to compare"):
        visit.said.clear()  # a browser tells of every 401 and 404
    return page


@pytest.mark.parametrize(("name", "scheme", "width"), tried())
def test_everybody_can_use_it(name, scheme, width, told, visit):
    """Nothing that axe-core calls serious or critical: contrast, names, roles, focus."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="there is no axe-core"
    )
    asked = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = opened(name, told, visit, **asked)
    found = axe.Axe().run(page).response["violations"]
    assert [] == [
        (one["id"], node["html"], node["failureSummary"])
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def announced(page):
    """Return what the row says of itself that the focus tells a screen reader of."""
    return page.evaluate(
        """() => {
            const grid = document.activeElement;
            const row = document.getElementById(grid.getAttribute("aria-activedescendant"));
            return [grid.role, row.role, row.ariaLevel, row.ariaSelected, row.ariaExpanded];
        }"""
    )


def test_a_screen_reader_is_told_of_rows(told, visit):
    """The grid says which row is selected, and each row its level and whether it is folded."""
    page = opened("failed", told, visit)
    page.get_by_role("treegrid").focus()
    assert ["treegrid", "row", "3", "true", None] == announced(page)
    page.keyboard.press("h")
    page.locator(".selected", has_text="step").wait_for()
    assert ["treegrid", "row", "2", "true", "true"] == announced(page)
    page.keyboard.press("h")
    page.locator(".selected[aria-expanded=false]").wait_for()
    rows = page.locator("#table .space [role=row]:visible")
    told_of = [
        (row.get_attribute("aria-rowindex"), row.get_attribute("aria-level")) for row in rows.all()
    ]
    assert [(str(n), "1" if n == 2 else "2") for n in range(2, 7)] == sorted(told_of)
    assert 1 == page.locator("[role=row][aria-selected=true]").count()


def test_a_screen_reader_is_told_of_differences(told, visit):
    """As of the rows of a session."""
    page = opened("differences", told, visit)
    assert ["treegrid", "row", "3", "true", "true"] == announced(page)
    page.keyboard.press("h")
    assert ["treegrid", "row", "3", "true", "false"] == announced(page)
    page.keyboard.press("g")
    assert ["treegrid", "row", "1", "true", None] == announced(page)
