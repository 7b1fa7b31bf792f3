"""The page makes the same forest of the same events as the terminal, in the same words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import prices
from agentlog.replay import format as fmt
from agentlog.replay.node import Node
from agentlog.replay.tree import Fold, fold, forest, root_cause, walk
from agentlog.store.merge import merged
from agentlog.store.outline import FIELDS
from agentlog.store.state import silenced
from tests.server.collector import Collector

pytestmark = pytest.mark.waits

FOREST = """async ([rows, isSilent]) => {
    const { fold, forest, rootCause, walk } = await import("/page/tree.js");
    const { cost, tokens } = await import("/page/text.js");
    const spent = (node) => [tokens(node.spent), cost(node.spent)];
    const told = (item) => item.nodes
        ? [item.nodes.map((node) => node.id), item.total, item.longest]
        : [item.id, item.name, item.state, item.events, item.failures, item.unsettled,
           item.duration, item.reason, spent(item), fold(item.children).map(told)];
    const roots = forest(rows, isSilent);
    return [fold(roots).map(told), rootCause(roots)?.id ?? null,
            [...walk(roots)].map((node) => [node.depth, node.id])];
}"""

WORDS = """async ([texts, seconds, counts]) => {
    const { cost, duration, safe, tokens } = await import("/page/text.js");
    return [texts.map((text) => safe(JSON.parse(text))), seconds.map(duration),
            counts.map((count) => tokens([count, null])),
            seconds.map((dollars) => cost([null, null, dollars, 0]))];
}"""

_ids = st.sampled_from("abcdefgh")
records = st.fixed_dictionaries(
    {"id": _ids, "session_id": st.just("s")},
    optional={
        "parent_id": st.none() | _ids,
        "event_type": st.sampled_from(["plan", "fetch", ""]),
        "action_type": st.sampled_from(["action", "llm", "log", "session"]),
        "timestamp": st.sampled_from([1.0, 2, 3.5, -1, 1e300]),
        "end_timestamp": st.sampled_from([2.0, 3.0, 0]),
        "result": st.sampled_from(["Success", "Fail", "Fail", "Indeterminate"]),
        "reason": st.sampled_from(
            ["cancelled", "interrupted", "exit", "silent", "my own", "constructor"]
        ),
        "prompt_tokens": st.sampled_from([12, 24, 0, -1]),
        "model": st.sampled_from(["gpt-4", "gpt-4o", "unheard of"]),
    },
)
texts = st.text(
    st.characters(max_codepoint=0x33FF, exclude_categories=["Cn"]), max_size=9
) | st.text("ab\u200d\u200c\u202e\x1bé検👩\u00a0\u3164\U000e0041\ud800\n", max_size=9)
"""Of characters that all versions of Unicode know; and of those that hide, or are torn apart."""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A page that may import the modules."""
    with Collector(tmp_path_factory.mktemp("collector")) as collector:
        page = browser.new_page()
        page.goto(f"{collector.base}/page/tree.js")  # whose policy lets scripts of ours in
        yield page
        page.close()


def _row(event):
    """Return a row of an outline. Who has a name and no parent field is an orphan: of the gone."""
    own = Node(event).own_spent
    cost = {"cost": prices.UNKNOWN if own.unpriced else own.dollars}
    row = [(event | cost).get(field) for field in FIELDS]
    if "event_type" in event and "parent_id" not in event:
        row[1] = "gone"
    return row


def _told(item):
    if isinstance(item, Fold):
        return [[node.id for node in item.nodes], item.total or 0, item.longest or 0]
    below = [_told(child) for child in fold(item.children)]
    counts = [item.events, item.failures, item.unsettled]
    known = [item.id, item.name, item.state.value, *counts, item.duration, item.reason]
    return [*known, _spent(item.spent), below]


def _spent(spent):
    cost = "" if spent.dollars is None else fmt.dollars(spent.dollars)
    unpriced = "+" if cost else prices.UNKNOWN
    tokens = fmt.tokens(spent.tokens_in, spent.tokens_out, "→")
    return [tokens, cost + (unpriced if spent.unpriced else "")]


@given(st.lists(records, max_size=14), st.booleans())
def test_the_same_forest(page, some, is_silent):
    """Shuffled, halved, orphaned, cyclic and damaged: forest, folds and root cause are the same."""
    events = [
        event
        for event in merged(some).values()
        if "event_type" in event or event.get("parent_id", "") is not None
    ]
    roots = forest(map(silenced, events) if is_silent else events)
    cause = root_cause(roots)
    expected = [
        [_told(item) for item in fold(roots)],
        cause.id if cause else None,
        [[depth, node.id] for depth, node in walk(roots)],
    ]
    assert expected == page.evaluate(FOREST, [[_row(event) for event in events], is_silent])


@given(
    st.lists(texts, max_size=20),
    st.lists(
        st.floats(0, 1e7)
        | st.floats(0, 0.02)
        | st.sampled_from([0.125, 1.125, 4.35, 4.45, 90.5, 9.995, 10.25, 12.75])
    ),
    st.lists(st.integers(0, 10**12), max_size=10),
)
def test_the_same_words(page, some, seconds, counts):
    """What hides is shown by the same signs; durations and tokens round the same way."""
    expected = [
        [fmt.safe(text) for text in some],
        [fmt.duration(one) for one in seconds],
        [fmt.tokens(one, None, "→") for one in counts],
        [fmt.dollars(one) for one in seconds],
    ]
    given_texts = [json.dumps(text) for text in some]
    assert expected == page.evaluate(WORDS, [given_texts, seconds, counts])
