"""The replay on a terminal: aligned, complete, and safe."""

import re
import time
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.colour import to_ansi
from agentlog.replay.format import cells, safe
from agentlog.replay.rows import measure
from agentlog.replay.text import flow, id_length, replay, to_plain
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


def test_replay():
    """The whole of it: header, tree, columns, bars, errors, root cause."""
    expected = """\
agent  0192f3a4  2023-11-14 22:13:20  #demo
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
    """`only_failures` shows the ways that lead to failures, and nothing beside them."""
    names = ["agent", "verify", "fetch"]
    text = shown(only_failures=True)
    assert names == re.findall(r"✗ (\w+)  failed", text)
    assert not re.search("plan|read|judge|watch|stop", text)
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
    text = shown([event("a", "gone"), event("b", "a")])
    assert "a session without its root  0192f3a4" in text
    assert "└─ ✓ b" in text


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


def test_one_long_row():
    """One row of many is no reason for short bars."""
    many = [event(f"{i}", "root", start=i / 3, end=i) for i in range(20)]
    long = event("z", "root", name="n" * 60, start=9, end=10)
    root = shown([session(), *many, long], width=100).splitlines()[3]
    assert 40 == root.count("━")
    root = shown([session(), *many[:2], long], width=100).splitlines()[3]
    assert 25 == root.count("━")


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


@pytest.mark.parametrize("width", [20, 80])
def test_long_name(width):
    """A name is never cut; its columns go to the next line, right where they are."""
    name = "name " * 30 + "end"
    text = shown([session(), event("a", "root", name=name, start=9)], width=width)
    assert name in text
    assert "-8.00 s" in text.splitlines()[-1]


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
        assert all(safe(node.name, ascii_only=ascii_only) in text for _, node in walk(roots))
    plain = re.sub(r"\x1b\[[\d;]*m", "", to_ansi(lines))
    assert text == "".join(line.rstrip(" ") + "\n" for line in plain.split("\n")[:-1])


@given(texts.filter(bool))
def test_any_name(name):
    """Any name is there, whole, however narrow the terminal."""
    assert safe(name) in shown([session(), event("a", "root", name=name)], width=30)


def test_ten_thousand_events():
    """Ten thousand events are shown quickly."""
    events = [event(f"{i}", f"{(i - 1) // 4}", start=i, end=i + 1) for i in range(1, 10_000)]
    roots = forest([session("0"), *events])
    began = time.thread_time()
    to_plain(replay(roots, unfold=True))
    assert time.thread_time() - began < 2  # a tenth of it where nothing else runs


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], 8),
        (["a" * 32], 8),
        (["a" * 32, "b" * 32], 8),
        (["a" * 32, "a" * 10 + "b" * 22, "c" * 32], 11),
        (["a" * 32, "a" * 32], 8),
    ],
)
def test_id_length(ids, expected):
    """So many digits are written that no two sessions look alike, and at least eight."""
    assert expected == id_length(ids)


def test_flow():
    """Parts follow each other as long as they fit."""
    parts = [[(text, "")] for text in ("aa", "bb", "cc", "dd")]
    lines = flow(parts, 8, between=(", ", ""), indent=("  ", ""), first=4)
    assert "aa\n  bb, cc\n  dd\n" == to_plain(lines)
