"""The replay on a terminal: aligned, complete, and safe."""

import re
import time
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.colour import to_ansi
from agentlog.replay.format import cells, safe
from agentlog.replay.lines import measure, to_plain
from agentlog.replay.text import replay
from agentlog.replay.tree import forest, walk
from tests.replay.events import START, event, records, session, texts

EVENTS = [
    session(
        name="agent",
        end=2,
        result="Fail",
        tags=["demo"],
        error={"type": "ReportError", "message": "no sources\nat all"},
    ),
    event("a", "root", name="plan", end=0.5, action_type="llm", model="gpt-4")
    | {"prompt_tokens": 812, "completion_tokens": 96},
    *(event(f"b{i}", "root", name="read", start=0.5 + i / 10, end=0.6 + i / 10) for i in range(3)),
    event("c", "root", name="verify", start=1, end=2, result="Fail", error="KeyError: 'moon'"),
    event("d", "c", name="retry", start=1.2, end=1.2, result="Indeterminate")
    | {"action_type": "log", "level": "warning", "logger": "agent.http"},
    event("e", "c", name="judge", start=1.3, end=1.6, result="Indeterminate", reason="unsure"),
    event("f", "c", name="fetch", start=1.5, end=1.8, result="Fail", reason="gave up"),
    event("g", "c", name="watch", start=1.6, end=None),
    event("h", "c", name="wait", start=1.7, end=1.9, result="Indeterminate", reason="cancelled"),
    event("i", "root", name="stop", start=1.9, end=None, result="Indeterminate")
    | {"result": "Indeterminate", "reason": "interrupted"},
]


def shown(events=EVENTS, **options):
    """Return the replay as text, in UTC."""
    return to_plain(replay(forest(events), zone=UTC, **options))


@pytest.mark.usefixtures("unpriced")
def test_replay():
    """The whole of it: header, tree, columns, bars, errors, root cause."""
    expected = """\
agent  0192f3a4b5c6  2023-11-14 22:13:20  #demo
✗ failed · 2.00 s · 12 events · 3 failures · tokens 812→96

✗ agent  failed  session             2.00 s  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
│ ReportError: no sources
├─ ✓ plan  llm  gpt-4        812→96  500 ms  ━━━━━━━━━
├─ ✓ read ×3  longest 100 ms         300 ms          ╺━━━━━
├─ ✗ verify  failed                  1.00 s                   ╺━━━━━━━━━━━━━━━━━
│  │ KeyError: 'moon'
│  ├─ · retry  log warning agent.http                             ·
│  ├─ · judge  unsure                300 ms                        ╺━━━━━
│  ├─ ✗ fetch  failed  ← root cause  300 ms                            ━━━━━╸
│  │    gave up
│  ├─ ▸ watch  running                    –                             ┅┅┅┅┅┅┅┅
│  └─ ⊘ wait  cancelled              200 ms                               ╺━━━╸
└─ ! stop  interrupted                    –                                   ┅┅
"""  # noqa: RUF001 the signs of the replay
    assert expected == shown()


def test_ascii():
    """Where the terminal has ASCII only, every sign has a twin and data is escaped."""
    text = shown([*EVENTS, event("j", "root", name="検索\x1b", start=1.95)], ascii_only=True)
    assert text.isascii()
    for part in ("x agent", "|- + plan", "812->96", "<- root cause", "`- + \\u691c\\u7d22\\x1b"):
        assert part in text


def test_only_failures():
    """`only_failures` shows the ways to what failed or was interrupted, and nothing beside them."""
    names = ["agent", "verify", "fetch"]
    text = shown(only_failures=True)
    assert names == re.findall(r"✗ (\w+)  failed", text)
    assert not re.search("plan|read|judge|watch", text)
    gone = {"result": "Indeterminate", "reason": "interrupted"}
    cut = [session(end=None) | gone, event("a", "root"), event("b", "root", end=None) | gone]
    assert ["root", "b"] == re.findall(
        r"! (\w+)", shown(cut, only_failures=True).partition("\n\n")[2]
    )
    assert shown([session()], only_failures=True).endswith("\nnothing failed\n")


def test_depth():
    """`depth` shows that many levels below the root, and says what lies deeper."""
    text = shown(depth=1)
    assert "✗ verify  failed  … 5 below, 1 failed" in text
    assert "fetch" not in text
    assert "✗ agent  failed  session  … 11 below, 2 failed" in shown(depth=0)


def test_unfold():
    """`unfold` shows each event of a folded row, and what was cut."""
    long = event("z", "root", name="z", result="Fail", error="word " * 40 + "end", model="m" * 60)
    assert "\N{MULTIPLICATION SIGN}3" in shown([*EVENTS, long])
    assert "end" not in shown([*EVENTS, long])
    unfolded = shown([*EVENTS, long], unfold=True)
    assert 3 == unfolded.count("✓ read ")
    assert re.search(r"word\s+end\n", unfolded)
    assert "m" * 60 in unfolded


def test_running():
    """What runs says for how long, if it is told what time it is."""
    text = shown([session(end=None)], now=START + 3)
    assert "▸ running · 3.00 s" in text
    assert re.search(r"▸ root  running  session +3\.00 s", text)


def test_session_without_root():
    """Events of a session whose root is elsewhere are shown, with a header that claims nothing."""
    text = shown([event("a", "gone"), event("b", "a", end=2)])
    assert text.startswith(
        "a session without its root  0192f3a4b5c6  2023-11-14 22:13:20\n"
        "? unknown · 2.00 s · 2 events · no failures\n"
    )
    assert "└─ ✓ b" in text


def test_session_without_any_time():
    """Where no event has a time, the id of the session has one."""
    lost = {"id": "a", "session_id": "018bcfe568007" + "a" * 19, "end_timestamp": None}
    assert shown([lost]).startswith(
        "a session without its root  018bcfe56800  2023-11-14 22:13:20\n? unknown · 1 event ·"
    )


def test_interrupted():
    """What was interrupted took at least as long as to the last that is told below it."""
    gone = {"result": "Indeterminate", "reason": "interrupted"}
    last = event("b", "root", start=2.5, end=None) | gone
    text = shown([session(end=None) | gone, event("a", "root", start=1, end=2), last])
    assert "! interrupted · 2.50 s+ · 3 events" in text
    assert "! root  interrupted  session  2.50 s+" in text
    assert re.search("! b  interrupted +–", text)  # noqa: RUF001 - a dash of the replay


def test_shipped():
    """A session whose end has gone elsewhere has no outcome here, and says why."""
    root = session(end=None) | {"result": "Indeterminate", "reason": "shipped"}
    assert "\n· shipped · 0 µs · 1 event" in shown([root])


def test_what_was_not_answered():
    """A call that was under way says what it was asked: after a crash, what people look for."""
    open_call = {"end": None, "action_type": "llm"}
    prompt = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why\nso?"}]
    gone = {"result": "Indeterminate", "reason": "interrupted"}
    interrupted = event("a", "root", **open_call, prompt=prompt) | gone
    answered = event("b", "root", action_type="llm", prompt="and this?")
    text = shown([session(end=None), interrupted, event("c", "root", **open_call), answered])
    assert "! a  interrupted  llm" in text
    assert "asked: why so?" in text
    assert "and this?" not in text


def test_several_sessions():
    """Each session has its own header, its own tree, its own root cause."""
    other = [record | {"session_id": "f" * 32} for record in EVENTS]
    text = shown([*EVENTS, *other])
    assert 2 == text.count("← root cause")
    assert "\n\nagent  ffffffff" in text


def test_no_event():
    """Of nothing, nothing is shown."""
    assert "" == shown([])


def test_deep():
    """The indentation stops at a third of the width, and the depth is written instead."""
    chain = [event(f"{i:05}", f"{i - 1:05}") for i in range(1, 10_000)]
    lines = shown([event("00000"), *chain]).splitlines()
    assert any("⋯9999 ✓ 09999" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("width", [60, 72, 80, 120, 200])
def test_width(width):
    """No line is wider than the terminal, and all durations end in the same column."""
    lines = replay(forest(EVENTS), width=width)[3:]
    assert all(measure(line) <= width for line in lines)
    ends = {
        measure(line[: place + 1])
        for line in lines
        for place, (_, role) in enumerate(line)
        if role == "duration"
    }
    assert 1 == len(ends)


def test_long_message():
    """A log line takes the room that its row has, and needs no second line for the mark."""
    message = "ranked 12 passages of 9 documents by overlap with the question"
    line = event("a", "root", name=message, end=0.0, action_type="log", level="info")
    assert f"└─ ✓ {message}  log info" in shown([session(), line]).splitlines()


def bars(text):
    """Return how long the bar of the first row is."""
    return text.splitlines()[3].count("━")


def test_bars_give_way():
    """A row that would have to be broken beside the bars makes them shorter, or do without."""
    many = [event(f"{i}", "root", start=i / 3, end=i) for i in range(20)]
    long = [event(f"z{i}", "root", name=f"{i}" * 60, start=9, end=10) for i in range(4)]
    assert 57 == bars(shown([session(), *many], width=100))
    assert 25 == bars(shown([session(), *many, long[0]], width=100))
    assert 47 == bars(shown([session(), *many, long[0]], width=80))
    assert 0 == bars(shown([session(), *many, *long], width=80))


def test_one_row_that_fits_nowhere():
    """A row that has to be broken anyway is no reason for short bars."""
    events = [session(), event("a", "root"), event("b", "root", name="n" * 150)]
    assert 40 < bars(shown(events, width=100))


@pytest.mark.parametrize(("width", "expected"), [(80, 47), (120, 67), (200, 107)])
def test_bars_grow(width, expected):
    """Of what is free beyond the usual length they get a half."""
    assert expected == bars(shown([session()], width=width))


@pytest.mark.parametrize("unfold", [False, True])
@pytest.mark.parametrize("width", [40, 60, 72, 80, 120, 200])
@pytest.mark.parametrize("length", [4, 10, 20, 30, 40, 50, 57, 100])
def test_the_mark_stays_beside_its_name(width, length, unfold):
    """It is on the row of its event wherever name and mark fit into the width."""
    usual = {"result": "Fail", "action_type": "tool", "model": "m" * 30, "prompt_tokens": 9_000}
    cause = event("a", "root", name="n" * length, error="word " * 40, **usual)
    others = [event(f"{i}", "root", name="other", start=i) for i in range(30)]
    root = session(result="Fail")
    text = shown([root, cause, *others], width=width, unfold=unfold)
    [marked] = [line for line in text.splitlines() if "root cause" in line]
    assert (len("├─ ✗ ") + length + len("  ← root cause") <= width) == ("├─ ✗ nnnn" in marked)


def test_a_row_with_the_mark_has_its_details():
    """Kind and model go below only if they would not fit without bars either."""
    cause = event("a", "root", name="n" * 20, result="Fail", action_type="tool", model="m" * 14)
    others = [event(f"{i}", "root", name="other", start=i) for i in range(30)]
    text = shown([session(result="Fail"), cause, *others], unfold=True)
    assert f"├─ ✗ {'n' * 20}  failed  ← root cause  tool  {'m' * 14}  1.00 s\n" in text


@pytest.mark.parametrize("width", [1, 10, 40])
def test_too_narrow(width):
    """A terminal that is too narrow costs beauty, but no word."""
    words = {text for line in replay(forest(EVENTS)) for text, role in line if role != "detail"}
    narrow = {text for line in replay(forest(EVENTS), width=width) for text, _ in line}
    for word in ("plan", "verify", "failed", "running", "interrupted", "← root cause", "gpt-4"):
        assert word in words
        assert word in narrow


def test_wide_characters():
    """Columns stand still beside characters that are two wide."""
    events = [session(), *(event(name, "root", start=1, end=2) for name in ("検索", "🚀🚀🚀", "a"))]
    lines = [line for line in shown(events).splitlines() if "1.00 s" in line]
    assert 1 == len({cells(line.partition("1.00 s")[0]) for line in lines})


def names(lines):
    """Return the names of a replay, put together again; wrapping drops blanks."""
    roles = {"name", "message", "session"}
    return "".join(text for line in lines for text, role in line if role in roles).replace(" ", "")


@pytest.mark.parametrize("width", [20, 60, 80])
def test_long_name(width):
    """A name is never cut; it is broken within the lines of the tree, its columns at its end."""
    name = "name " * 30 + "end"
    events = [
        session(),
        event("a", "root", name=name, start=0.5),
        event("b", "a", start=0.6),
        event("c", "root", start=2),
    ]
    lines = replay(forest(events), width=width, zone=UTC)
    assert name.replace(" ", "") in names(lines)
    rows = to_plain(lines).partition("├─ ✓ name")[2].partition("│  └─ ✓ b")[0].splitlines()
    assert all(row.startswith("│  │ ") for row in rows[1:])
    assert rows[-1].endswith("  500 ms") or "━" in rows[-1]


@given(
    st.lists(records, max_size=8),
    st.integers(1, 130),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 3),
)
def test_any_records(some, width, ascii_only, unfold, only_failures, depth):
    """Whatever was recorded is shown without an exception, a control character or a lost name."""
    roots = forest(some)
    lines = replay(
        roots,
        width=width,
        ascii_only=ascii_only,
        unfold=unfold,
        only_failures=only_failures,
        depth=depth,
        now=5.0,
        zone=UTC,
    )
    text = to_plain(lines)
    assert text == "".join(safe(line) + "\n" for line in text.split("\n")[:-1])
    assert text.isascii() or not ascii_only
    if unfold and not only_failures and depth is None:
        shown_names = names(lines)
        assert all(
            safe(node.name, ascii_only=ascii_only).replace(" ", "") in shown_names
            for _, node in walk(roots)
        )
    plain = re.sub(r"\x1b\[[\d;]*m", "", to_ansi(lines))
    assert text == "".join(line.rstrip(" ") + "\n" for line in plain.split("\n")[:-1])


@given(texts.filter(bool))
def test_any_name(name):
    """Any name is there, whole, however narrow the terminal."""
    lines = replay(forest([session(), event("a", "root", name=name)]), width=30)
    assert names(lines).endswith(safe(name).replace(" ", ""))


def test_ten_thousand_events():
    """Ten thousand events are shown quickly."""
    events = [event(f"{i}", f"{(i - 1) // 4}", start=i, end=i + 1) for i in range(1, 10_000)]
    roots = forest([session("0"), *events])
    began = time.thread_time()
    to_plain(replay(roots, unfold=True))
    assert time.thread_time() - began < 2  # a tenth of it where nothing else runs
