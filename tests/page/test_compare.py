"""Two sessions side by side in a browser."""

import pytest

from tests.server.collector import record, session_id

pytestmark = pytest.mark.waits

HOSTILE = "<img src=x onerror=\"document.title='run'\">\u202e\x1b[31m"
PATH = f"/compare/{session_id(1)}/{session_id(2)}"


@pytest.fixture
def compared(collector):
    """Two runs: the second fails, has a step more, and was given something else."""
    error = {"type": "ValueError", "message": f"no {HOSTILE}"}
    collector.post(
        [
            record(1, session=1, tags=[HOSTILE]),
            *(record(n, session=1, event_type="read", params={"n": n}) for n in range(2, 8)),
            record(8, session=1, event_type="write", params={"words": HOSTILE, "n": 1}),
            record(1, session=2, result="Fail", error=error),
            *(record(n, session=2, event_type="read", params={"n": n}) for n in range(2, 8)),
            record(
                9, session=2, event_type="write", params={"words": HOSTILE, "n": 2}, result="Fail"
            ),
            record(10, session=2, event_type=HOSTILE),
        ]
    )
    return collector


def row(page, text):
    """Return the row with a text, once it is there."""
    found = page.locator("#rows [role=row]", has_text=text)
    found.first.wait_for()
    return found.first


def test_what_differs_is_shown(compared, visit):
    """Counts, words and marks, and the diffs of what is little; the failure is selected."""
    page = visit(compared, PATH)
    write = row(page, "write")
    assert "1 added · 2 failed now · 2 changed" == page.locator("#counts").inner_text()
    assert "… 6 alike" in row(page, "alike").inner_text()
    text = write.inner_text()
    assert all(part in text for part in ("~", "✗", "failed now", '-   "n": 1,', '+   "n": 2,')), (
        text
    )
    assert "true" == write.get_attribute("aria-selected")
    assert "+" in row(page, "added").inner_text()
    assert "compare" in page.title()


def test_hostile_text_is_text(compared, visit):
    """It shows as signs, and nothing of it runs."""
    page = visit(compared, PATH)
    row(page, "write")
    text = page.locator("body").inner_text()
    assert "<img src=x" in text
    assert r"\u202e\x1b[31m" in text
    assert "\u202e" not in text
    assert 0 == page.locator("img").count()


def test_keys_do_all(compared, visit):
    """To rows and differences, around the end; a diff is shown and hidden."""
    page = visit(compared, PATH)
    row(page, "write")
    page.keyboard.press("g")
    selected = page.locator('[aria-selected="true"]')
    assert "program" in selected.inner_text()
    page.keyboard.press("j")
    assert "alike" in selected.inner_text()
    page.keyboard.press("n")
    assert "write" in selected.inner_text()
    assert "true" == selected.get_attribute("aria-expanded")
    page.keyboard.press("h")
    assert "false" == selected.get_attribute("aria-expanded")
    assert 0 == selected.locator("pre").count()
    page.keyboard.press("Enter")
    assert 1 == selected.locator("pre").count()
    page.keyboard.press("G")
    page.keyboard.press("n")
    assert "program" in selected.inner_text()
    page.keyboard.press("N")
    assert "added" in selected.inner_text()
    page.keyboard.press("?")
    page.locator("dialog dl").wait_for()


def test_links_lead_to_both_events(compared, visit):
    """As it was, and as it is."""
    page = visit(compared, PATH)
    row(page, "write").get_by_role("link", name="as it is").click()
    page.wait_for_url(f"**/sessions/{session_id(2)}#e=*")


def test_no_difference_is_said(compared, visit):
    """A run does not differ from itself."""
    page = visit(compared, f"/compare/{session_id(1)}/{session_id(1)}")
    page.locator("#counts", has_text="no difference").wait_for()


def test_a_session_that_is_not_there_is_said(compared, visit):
    """In the words of the collector."""
    page = visit(compared, f"/compare/{session_id(1)}/{session_id(7)}")
    page.locator("#counts", has_text="there is no such session").wait_for()
    visit.said.clear()  # a browser tells of every 404


def test_400_pixels_are_enough(compared, visit):
    """Nothing scrolls sideways."""
    page = visit(compared, PATH, viewport={"width": 400, "height": 800})
    row(page, "write")
    assert page.evaluate("document.documentElement.scrollWidth <= 400")


def test_a_long_comparison_is_drawn_in_parts(collector, visit):
    """The first rows at once, the others when they are asked for; their diffs when opened."""
    collector.post(
        [
            record(n, session=session, params={"n": n * session})
            if n > 1
            else record(session=session)
            for session in (1, 2)
            for n in range(1, 1200)
        ]
    )
    page = visit(collector, PATH)
    more = page.locator("#more", has_text="show 699 more")
    more.wait_for()
    assert 500 == page.locator("#rows [role=row]").count()
    assert 0 == page.locator("#rows pre").count()
    more.click()
    assert 1000 == page.locator("#rows [role=row]").count()
    page.keyboard.press("n")
    page.keyboard.press("l")
    page.locator("#rows pre").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_everybody_can_use_it(compared, visit, scheme, width):
    """Nothing that axe-core calls serious or critical: contrast, names, roles, focus."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="there is no axe-core"
    )
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = visit(compared, PATH, bypass_csp=True, **options)
    row(page, "write")
    found = axe.Axe().run(page).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [] == [(one["id"], [node["html"] for node in one["nodes"]]) for one in bad]
