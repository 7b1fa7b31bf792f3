"""What sessions took, for a list: the same as their trees say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.cost import Spent, total
from agentlog.replay.spending import by_session
from agentlog.replay.tree import forest
from agentlog.store.sqlite.store import SqliteStore
from tests.replay.events import START, event, session

CALL = {"model": "gpt-4", "prompt_tokens": 812, "completion_tokens": 96}


def in_store(*records):
    """Return what a list says of these; there has to be a price."""
    pytest.importorskip("genai_prices")
    with SqliteStore() as store:
        assert () == store.put(records).refused
        return by_session(store.calls({record["session_id"] for record in records}))


def test_a_session_without_tokens_is_not_there():
    """Nothing is said of it."""
    assert {} == in_store(session(), event("e1"))


def test_many_sessions_are_looked_through_in_parts(monkeypatch):
    """Each of them is whole in one."""
    monkeypatch.setattr("agentlog.store.sqlite.calls.AT_ONCE", 2)
    ids = [f"{number:032x}" for number in range(5)]
    records = [event(f"e{n}", **CALL, session_id=one) for one in ids for n in range(3)]
    assert dict.fromkeys(ids, (3 * 812, 3 * 96)) == {
        one: spent.tokens for one, spent in in_store(*records).items()
    }


@pytest.mark.usefixtures("unpriced")
def test_without_prices_no_call_is_looked_at():
    """As it takes a while where there are many."""
    asked = iter([("session", [])])
    assert {} == by_session(asked)
    assert [("session", [])] == list(asked)


TOKENS = st.sampled_from([None, None, 812, 1624])


@st.composite
def runs(draw):
    """Return a session and its events in any shape: orphans, cycles; some have tokens."""
    names = [f"e{number}" for number in range(draw(st.integers(1, 9)))]
    records = [session(**draw(calls()))]
    for at, name in enumerate(names):
        parent = draw(st.sampled_from(["root", None, *names[: at + 1], *names, "gone"]))
        start = draw(st.integers(1, 3))
        records.append(event(name, parent, timestamp=START + start, **draw(calls())))
    return records[draw(st.booleans()) :]


@st.composite
def calls(draw):
    """Return the fields of a call, or none."""
    tokens = draw(TOKENS)
    if tokens is None:
        return {}
    return CALL | {"prompt_tokens": tokens} | draw(st.sampled_from([{}, {"model": "my-own"}]))


@given(runs())
def test_it_is_what_the_tree_says(records):
    """What is told twice counts once, however much stands between."""
    expected = total(root.spent for root in forest(records))
    found = in_store(*records)
    if expected == Spent():
        assert {} == found
        return
    (spent,) = found.values()
    assert pytest.approx(expected.dollars) == spent.dollars
    assert (expected.tokens, expected.unpriced) == (spent.tokens, spent.unpriced)


@pytest.mark.parametrize(
    "records",
    [
        [session(**CALL), event("e1", "gone", **CALL)],
        [session(**CALL), event("e1", "e2"), event("e2", "e1"), event("e3", "e2", **CALL)],
        [session(), event("e1", "e1", **CALL), event("e2", "e1", **CALL)],
        [event("e1", "gone", **CALL)],
    ],
    ids=["orphan", "below a cycle", "of itself", "without a session"],
)
def test_what_has_no_way_to_the_root_hangs_where_it_does_in_the_tree(records):
    """An event that says the same again counts once there too."""
    (spent,) = in_store(*records).values()
    assert (812, 96) == spent.tokens
