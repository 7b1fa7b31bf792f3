"""The list of sessions in a browser: how soon it is there, what narrows it, that it lives, keys."""

import re
import time

import pytest

from tests.page.runs import START, sessions
from tests.server.collector import Collector, event_id, record, session_id, without

pytestmark = pytest.mark.waits

ROWS = "#list .space [role=row]"
FIRST_ROW = """
    new Promise((resolve) => {
        const look = () => document.querySelector("#list .space [role=row] a")?.textContent
            ? resolve(performance.now()) : requestAnimationFrame(look);
        look();
    })
"""


def names(page):
    """Return the names in the rows that are in the document, from the top."""
    return page.evaluate(
        f"""[...document.querySelectorAll("{ROWS}")]
            .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
            .map((row) => row.querySelector("a").textContent)"""
    )


def count(page, text):
    """Wait until the page says how many sessions there are."""
    page.locator("#count", has_text=re.compile(f"^{text}$")).wait_for()


def fragment(page):
    """Return what the address has behind `#`."""
    return page.evaluate("location.hash")


@pytest.mark.soak
def test_the_first_of_10_000_is_there_in_half_a_second(many, visit):
    """Measured in the page; the others follow by themselves, few of them in the document."""
    page = visit(many, "/")  # the second time the files are there
    page.goto(f"{many.base}/")
    assert page.evaluate(FIRST_ROW) < 500
    page.keyboard.press("End")  # which is not there yet
    page.locator("a:focus", has_text=re.compile("^program 1$")).wait_for()
    count(page, "10,000 sessions")
    assert page.evaluate("document.querySelectorAll('*').length") < 1000


def test_a_row_says_what_a_session_came_to(collector, visit):
    """State by glyph and word, when, how long, how many events, failures and tokens."""
    told = {"prompt_tokens": 812, "completion_tokens": 96}
    collector.post(
        [
            record(timestamp=START, end_timestamp=START + 3, result="Fail", tags=["night"]),
            record(2, result="Fail", **told),
        ]
    )
    page = visit(collector, "/")
    row = page.locator(ROWS)
    row.wait_for()
    cells = row.locator("[role=cell]").all_inner_texts()
    assert ["✗ failed", "3.00 s", "2", "2", "812→96"] == [cells[n] for n in (1, 4, 5, 6, 7)]
    assert "program 1" in cells[2]
    assert "#night" in cells[2]
    row.get_by_role("link").click()
    page.wait_for_url(f"**/sessions/{session_id()}")


def test_every_state_differs_by_word_and_glyph(collector, visit):
    """Not by colour alone."""
    opened = without(record(), "end_timestamp", "result")
    now = time.time()
    for number, fields in enumerate(
        (
            {**record(), "result": "Success"},
            {**record(), "result": "Fail"},
            {**record(), "result": "Indeterminate"},
            {**record(), "result": "Indeterminate", "reason": "cancelled"},
            {**record(), "result": "Indeterminate", "reason": "interrupted"},
            {**record(), "result": "Indeterminate", "reason": "abandoned"},
            {**record(), "result": "Indeterminate", "reason": "exit"},
            {**opened, "timestamp": now},
            {**opened, "timestamp": now - 3600},
        ),
        1,
    ):
        collector.post([{**fields, "session_id": session_id(number)}])
    collector.post([record(2, session=10)])
    page = visit(collector, "/")
    count(page, "10 sessions")
    states = page.locator(f"{ROWS} .state").all_inner_texts()
    words = "succeeded failed indeterminate cancelled interrupted abandoned exited"
    assert {*words.split(), "running", "silent", "unknown"} == {
        state.partition(" ")[2] for state in states
    }


# -- What narrows it -------------------------------------------------------------------------------


@pytest.mark.soak
def test_what_is_looked_for_stands_in_the_address(many, visit):
    """A link to it shows the same, and back goes back."""
    page = visit(many, "/")
    count(page, "10,000 sessions")
    page.get_by_label("State").select_option("failed")
    count(page, "1,000 sessions")
    assert "#state=failed" == fragment(page)
    page.get_by_label("Tag").fill("t3")
    page.keyboard.press("Enter")
    page.locator("#count", has_text=re.compile("^14[23] sessions$")).wait_for()
    assert "#state=failed&tag=t3" == fragment(page)
    page.go_back()
    count(page, "1,000 sessions")
    assert "" == page.get_by_label("Tag").input_value()
    page.go_back()
    count(page, "10,000 sessions")
    link = visit(many, "/#state=failed&tag=t3")
    link.locator("#count", has_text=re.compile("^14[23] sessions$")).wait_for()
    assert "failed" == link.get_by_label("State").input_value()


@pytest.mark.soak
def test_a_tag_narrows_by_a_click(many, visit):
    """And does not open the session."""
    page = visit(many, "/")
    page.locator(ROWS).first.wait_for()
    page.get_by_role("button", name="#day").first.click()
    count(page, "5,000 sessions")
    assert "#tag=day" == fragment(page).partition("&")[0]


@pytest.mark.soak
def test_words_are_looked_for_as_they_are_typed(many, visit):
    """In name, tags and id; all that is typed is one step back."""
    page = visit(many, "/")
    count(page, "10,000 sessions")
    page.keyboard.press("/")
    page.keyboard.type("program 999", delay=20)
    count(page, "19 sessions")
    assert "#q=program+999" == fragment(page)
    page.go_back()
    count(page, "10,000 sessions")
    page.get_by_role("searchbox").fill("nothing like that")
    page.get_by_text("No session has this in its name, tags or id.").wait_for()
    page.keyboard.press("Escape")
    count(page, "10,000 sessions")
    assert "" == fragment(page)


def test_a_search_finds_events_of_all_sessions(collector, visit):
    """Each is a link to it in its session, with what it says there."""
    error = {"type": "ValueError", "message": "no heron here"}
    collector.post([record(), record(2, params={"bird": ["owl", "a grey  heron"]})])
    collector.post([record(session=2), record(3, session=2, result="Fail", error=error)])
    collector.until_found("heron", 2)
    page = visit(collector, "/#q=heron")
    found = page.locator("#found a")
    found.nth(1).wait_for()
    texts = found.all_inner_texts()
    assert "ValueError: no heron here" in texts[0]
    assert re.search("step 2.*a grey heron", texts[1], re.DOTALL)
    assert f"{collector.base}/sessions/{session_id(2)}#e={event_id(3)}" == found.first.evaluate(
        "(link) => link.href"
    )


def test_what_a_search_finds_is_told_where_it_is(collector, visit):
    """The message with the words, not the first; its state, its session; they are counted."""
    said = [{"role": "user", "content": f"heron {n} of 39 flies"} for n in (1, 29, 3)]
    call = {"action_type": "llm", "prompt": said, "timestamp": START}
    cut = {"result": "Indeterminate", "reason": "interrupted"}
    error = {"type": "ValueError", "message": "of the heron"}
    collector.post(
        [
            record(event_type="birds.py"),
            record(2, **call, **cut),
            record(3, **call, result="Fail", error=error),
        ]
    )
    collector.until_found("heron", 2)
    page = visit(collector, "/#q=heron+29")
    found = page.locator("#found li")
    found.nth(1).wait_for()
    assert {"!\nstep 2", "✗\nstep 3"} == {text[:8] for text in found.all_inner_texts()}
    assert ["heron 29 of 39 flies"] * 2 == page.locator("#found .why").all_inner_texts()
    assert ["birds.py"] * 2 == page.locator("#found .of").all_inner_texts()
    count(page, "2 events")
    page.locator("#q").fill("heron")
    page.locator("#found .failed .why", has_text="ValueError: of the heron").wait_for()


def test_a_run_that_was_cut_off_took_that_at_least(collector, visit):
    """Until its last sign of life."""
    opened = without(record(timestamp=START), "end_timestamp", "result")
    cut = {"result": "Indeterminate", "reason": "interrupted"}
    collector.post([{**opened, **cut}, record(2, timestamp=START + 1, end_timestamp=START + 2)])
    visit(collector, "/").locator(f"{ROWS} .took", has_text="2.00 s+").wait_for()


# -- Two of them -----------------------------------------------------------------------------------


@pytest.mark.soak
def test_two_are_compared_by_mouse(many, visit):
    """A box in each row; the older one is as it was. Filters come and go, the marks stay."""
    page = visit(many, "/")
    count(page, "10,000 sessions")
    page.get_by_label("Compare program 9999", exact=True).check()
    page.get_by_text("1 to compare, mark another").wait_for()
    assert not page.locator("#compare").is_visible()
    page.get_by_label("State").select_option("failed")
    count(page, "1,000 sessions")
    page.get_by_label("Compare program 9990", exact=True).check()
    page.get_by_role("link", name="Compare").click()
    page.wait_for_url(f"{many.base}/compare/{session_id(9990)}/{session_id(9999)}")
    page.go_back()
    count(page, "1,000 sessions")
    assert page.get_by_label("Compare program 9990", exact=True).is_checked()
    page.get_by_role("button", name="Clear").click()
    count(page, "10,000 sessions")
    assert page.get_by_label("Compare program 9999", exact=True).is_checked()


def test_two_are_compared_by_keys(collector, visit):
    """`c` marks, `C` compares; a third one takes the place of the first; Escape forgets them."""
    for number in (1, 2, 3):
        collector.post([record(session=number)])
    page = visit(collector, "/")
    count(page, "3 sessions")
    for key in "cCjcjcjc":
        page.keyboard.press(key)
    boxes = page.get_by_role("checkbox")
    page.wait_for_function("document.querySelectorAll('.marked').length === 2")
    assert f"#with={session_id(2)}&with={session_id(1)}" == fragment(page).partition("&e=")[0]
    page.keyboard.press("Escape")
    assert ("", [False] * 3) == (
        fragment(page),
        [box.is_checked() for box in boxes.all()],
    )
    for key in "jcjcC":
        page.keyboard.press(key)
    page.wait_for_url(f"{collector.base}/compare/{session_id(2)}/{session_id(3)}")


@pytest.mark.soak
def test_who_comes_back_finds_the_row_he_left(many, visit):
    """It has the focus again, wherever it is in the list."""
    page = visit(many, "/#state=succeeded")
    count(page, "9,000 sessions")
    page.keyboard.press("G")
    page.keyboard.press("k")
    left = focused(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/*")
    page.go_back()
    page.wait_for_function("(text) => document.activeElement.textContent === text", arg=left)


# -- Live ------------------------------------------------------------------------------------------


def test_it_lives(collector, visit):
    """A new session comes to the top within a second, one that changes changes where it is."""
    page = visit(collector, "/")
    page.get_by_text("Nothing has been recorded yet.").wait_for()
    collector.post([record()])
    page.get_by_role("link", name="program 1").wait_for()
    opened = without(record(session=2, event_type="second"), "end_timestamp", "result")
    collector.post([{**opened, "timestamp": time.time()}])
    page.get_by_role("link", name="second").wait_for()
    assert ["second", "program 1"] == names(page)
    page.locator(".row.running").wait_for()
    collector.post([record(session=2, event_type="second", timestamp=time.time(), result="Fail")])
    page.locator(".row.failed").wait_for()
    count(page, "2 sessions")


def test_what_comes_is_narrowed_too(collector, visit):
    """Only what is looked for comes, and what becomes another goes."""
    page = visit(collector, "/#state=running&q=second")
    page.get_by_text("No session is like that.").wait_for()
    opened = without(record(session=2, event_type="second"), "end_timestamp", "result")
    now = {"timestamp": time.time()}
    collector.post([record(), {**opened, **now}])
    page.get_by_role("link", name="second").wait_for()
    assert ["second"] == names(page)
    collector.post(
        [{**record(session=2, event_type="second"), **now, "end_timestamp": time.time()}]
    )
    page.get_by_text("No session is like that.").wait_for()


@pytest.mark.soak
def test_what_nobody_hears_of_becomes_silent(collector, visit):
    """By time alone, as no change tells of it."""
    opened = without(record(), "end_timestamp", "result")
    collector.post([{**opened, "timestamp": time.time() - 595}])
    page = visit(collector, "/")
    page.clock.install()
    page.reload()
    page.locator(".row.running").wait_for()
    while not collector.get("/v1/sessions?state=silent").json["sessions"]:
        pass
    page.clock.fast_forward(60_000)
    page.locator(".row.silent").wait_for()
    page.context.close()  # its clock is of all tabs


@pytest.mark.soak
def test_what_is_looked_at_stays_where_it_is(many, visit):
    """Who has scrolled goes on seeing the same rows when others come."""
    page = visit(many, "/#state=succeeded")
    count(page, "9,000 sessions")
    page.get_by_role("table").evaluate("(list) => list.scrollTop = 2800")
    page.wait_for_function("document.querySelector('.space .row[aria-rowindex=\"102\"]')")
    name = '.space .row[aria-rowindex="%d"] a'
    before = page.locator(name % 110)
    text, top = before.inner_text(), before.bounding_box()["y"]
    many.post(
        [
            record(
                session=20_000,
                event_type="newest",
                timestamp=START + 99_999,
                end_timestamp=START + 99_999,
            )
        ]
    )
    count(page, "9,001 sessions")
    after = page.locator(name % 111)
    assert (text, top) == (after.inner_text(), after.bounding_box()["y"])


def test_it_comes_back_after_a_restart(tmp_path, visit):
    """The page says that it is not connected, and goes on by itself."""
    with Collector(tmp_path) as collector:
        collector.post([record()])
        page = visit(collector, "/")
        page.get_by_role("link", name="program 1").wait_for()
        collector.stop()
        page.get_by_text("not connected").wait_for()
        collector._command[collector._command.index("--port") + 1] = str(collector.port)
        collector.start()
        collector.post([record(session=2)])
        page.get_by_role("link", name="program 2").wait_for(timeout=10_000)
        page.locator("#live", has_text=re.compile("^$")).wait_for(state="attached")
        page.close()
    visit.said.clear()  # that nobody answered is said by the browser itself


def test_who_is_not_looking_does_not_listen(collector, visit):
    """A browser has six connections to a host: seven pages would keep each other waiting."""
    page = visit(collector, "/")
    page.get_by_text("Nothing has been recorded yet.").wait_for()
    hide = """(isHidden) => {
        Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, arg=True)
    collector.post([record()])
    assert [] == names(page)
    page.evaluate(hide, arg=False)
    page.get_by_role("link", name="program 1").wait_for()


# -- Keys and looks --------------------------------------------------------------------------------


def focused(page):
    """Return the text of what has the focus."""
    return page.evaluate("document.activeElement.textContent")


@pytest.mark.soak
def test_all_of_it_by_keys(many, visit):
    """Row by row, to both ends, from failure to failure, and into a session."""
    page = visit(many, "/#q=program")
    page.locator("#count", has_text="10,00").wait_for()
    top, *_ = names(page)
    for key, expected in (("j", top), ("j", names(page)[1]), ("k", top), ("G", "program 1")):
        page.keyboard.press(key)
        page.wait_for_function(
            "(text) => document.activeElement.textContent === text", arg=expected
        )
    page.keyboard.press("Home")
    assert top == focused(page)
    page.keyboard.press("n")
    first = focused(page)
    assert re.fullmatch(r"program \d+0", first)
    page.keyboard.press("n")
    assert int(first.split()[1]) - 10 == int(focused(page).split()[1])
    page.keyboard.press("N")
    assert first == focused(page)
    page.keyboard.press("e")
    count(page, "1,000 sessions")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    page.keyboard.press("g")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/*")


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
    "\x1b[31mred\x07\u202eback\u200b",
    "'\"><svg/onload=alert(1)>",
)


def test_hostile_text_is_text(collector, visit):
    """Nothing runs, and what cannot be seen is shown as a sign."""
    for number, text in enumerate(HOSTILE, 1):
        collector.post([record(session=number, event_type=text, tags=[text], reason=text)])
        collector.post([record(2, session=number, event_type=text, error=text, result="Fail")])
    page = visit(collector, "/")
    count(page, f"{len(HOSTILE)} sessions")
    shown = " ".join(names(page))
    for text in HOSTILE[:4]:
        assert text in shown
    assert r"\x1b[31mred\x07\u202eback\u200b" in shown
    page.get_by_role("searchbox").fill("alert")
    page.locator("#found a").first.wait_for()
    assert 0 == page.locator("#list img, #found img, #list script, #found script").count()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_400_pixels_suffice(scheme, collector, visit):
    """Nothing scrolls sideways, no name is wider than its row, and no figure is cut."""
    collector.post(sessions(30))
    collector.post([record(session=98, result="Indeterminate")])
    collector.post([record(session=99, event_type="x" * 500, tags=["t" * 200, "u" * 200])])
    page = visit(collector, "/", viewport={"width": 400, "height": 700}, color_scheme=scheme)
    count(page, "32 sessions")
    assert 400 == page.evaluate("document.documentElement.scrollWidth")
    assert page.evaluate("document.querySelector('#list').scrollWidth") <= 400
    assert [] == page.evaluate(
        """[...document.querySelectorAll(".space :is(.state, .when, .took, .events)")]
            .filter((cell) => cell.scrollWidth > cell.clientWidth)
            .map((cell) => cell.textContent)"""
    )


def test_the_form_keeps_what_the_address_says(collector, visit):
    """Who comes by a link gets to it by the token, with what stands behind its `#`."""
    page = visit(collector, "/#state=failed", known=False)
    page.get_by_label("The token or key").fill("wrong")
    page.get_by_role("button", name="Open").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("The token or key").fill(collector.token)
    page.get_by_role("button", name="Open").click()
    page.get_by_role("button", name="Clear").wait_for()
    assert f"{collector.base}/#state=failed" == page.url
    assert "failed" == page.get_by_label("State").input_value()
    visit.said.clear()  # the browser says of a 401 that it is one
