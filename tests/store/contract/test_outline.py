"""Sessions in outline, and what their calls cost: what is told of events without their payloads."""

import json

import pytest

from agentlog.replay.cost import total
from agentlog.replay.node import Node
from agentlog.replay.spending import by_session
from agentlog.replay.tree import forest
from agentlog.store.outline import FIELDS
from tests.memory import bounded
from tests.server.collector import event_id, record, session_id, without


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"type": "ValueError", "message": "no luck\nat all", "traceback": "..."},
            "ValueError: no luck",
        ),
        ({"type": "KeyError"}, "KeyError"),
        ({"message": "alone"}, "alone"),
        ("just a text\nof lines", "just a text"),
        ({"type": 3, "message": ["no text"]}, None),
        ({"type": "", "message": ""}, None),
        ([1], None),
        ({"type": "E", "message": "x" * 500}, f"E: {'x' * 297}"),
    ],
    ids=str,
)
@pytest.mark.parametrize("result", ["Fail", "Indeterminate"])
def test_an_error_is_told_by_its_first_line(store, result, error, expected):
    """As the replay in the terminal tells it, at most 300 characters."""
    told = record(2, result=result, error=error)
    store.put([record(), told])
    _, row = rows_of(store)
    assert expected == row["error"]
    assert (Node(told).error or "")[:300] == (expected or "")


def test_a_row_has_everything_but_the_payloads(store):
    """By the halves together; what an event does not say is null, and what runs has no end."""
    said = {"model": "gpt-4", "tags": ["a", "b"], "prompt_tokens": 3, "completion_tokens": 4}
    whole = record(2, **said, params={"text": "long"}, returns="long")
    half = without(record(3, params="long"), "end_timestamp", "result")
    log = record(4, action_type="log", level="info", logger="agent")
    store.put([record(), whole, half, log])
    for record_, row in zip((whole, half, log), rows_of(store)[1:], strict=True):
        assert {name: record_.get(name) for name in FIELDS} == {**row, "cost": None}


def test_rows_are_in_the_order_of_the_tree(store):
    """By start, then by id; what says no time comes first."""
    moments = {1: 5.0, 2: 7.0, 3: 6.0, 4: 6.0}
    store.put([record(n, timestamp=at, end_timestamp=9.0) for n, at in moments.items()])
    store.put([without(record(5), "timestamp")])
    assert [event_id(n) for n in (5, 1, 3, 4, 2)] == [row["id"] for row in rows_of(store)]


def test_an_outline_is_not_in_memory_with_its_payloads(store):
    """However large they are together."""
    for number in range(2, 402, 20):
        store.put([record(n, params="x" * 100_000) for n in range(number, number + 20)])
    with bounded(megabytes=24), store.outline(session_id(1)) as parts:
        assert 400 == sum(len(json.loads(f"[{part}]")) for part in parts)


def test_more_rows_may_be_asked_for_than_fit_into_a_question(store):
    """They come by start, all the same."""
    store.put([record(number, timestamp=float(number)) for number in range(2, 10_002)])
    asked = [event_id(number) for number in range(10_001, 1, -2)]
    assert asked[::-1] == [row["id"] for row in rows_of(store, asked)]


def test_some_rows_are_asked_for_by_their_ids(store, fresh):
    """They are none of another session, and none of another project."""
    store.put([record(session=2), *(record(number) for number in range(2, 50))])
    fresh().put([record(1)])
    asked = [event_id(n) for n in (1, 40, 30)]
    assert [event_id(n) for n in (30, 40)] == [row["id"] for row in rows_of(store, asked)]
    assert [] == rows_of(store, [])
    assert [] == rows_of(store, ["nowhere", "\ud800"])


def test_damage_is_told_as_json_can(store):
    """A moment beyond all times is still a number, a tag that is no text is left out."""
    store.put([record(timestamp=1e300, tags=["a", 1, None, "b"]), record(2, end_timestamp=-1e300)])
    told = {row["id"]: row for row in rows_of(store)}
    assert 1e15 == told[event_id(1)]["timestamp"]
    assert ["a", "b"] == told[event_id(1)]["tags"]
    assert -1e15 == told[event_id(2)]["end_timestamp"]


def test_a_nul_cuts_nothing(store):
    """Neither a name nor an error, though a text of SQLite ends there."""
    texts = {name: f'{name}\0 ]"[,\\u0000' for name in ("event_type", "model", "rating")}
    log = {"action_type": "log", "level": "in\0fo", "logger": "a\0"}
    error = {"type": "E\0F", "message": "\0g"}
    root = without(record(**texts), "end_timestamp", "result")
    store.put([root, record(2, **log), record(3, result="Fail", error=error)])
    store.put([record(4, result="Fail", error="x\0y"), record(5, model=None, rating=["\0"])])
    one, line, failed, other, odd = rows_of(store)
    assert texts == {name: one[name] for name in texts}
    assert log == {name: line[name] for name in log}
    assert ("E\0F: \0g", "x\0y") == (failed["error"], other["error"])
    assert (None, None) == (odd["model"], odd["rating"])


SPENT = {"model": "claude-sonnet-4-5", "prompt_tokens": 10_000, "completion_tokens": 100}


def calls():
    """Return records of calls: of known models and others, in one record and in halves."""
    begun = without(record(3), "end_timestamp", "result") | {"model": "gpt-4"}
    ended = {"id": event_id(3), "session_id": session_id(1), "end_timestamp": 2.0}
    return [
        record(),
        record(2, **SPENT, params={"provider": "anthropic", "cached_tokens": 9_000}),
        begun | {"params": {"provider": "openai"}},
        ended | {"prompt_tokens": 812, "completion_tokens": 96},
        record(4, **SPENT | {"model": "a\0b\n"}),
        record(5, model="gpt-4"),
        record(6, **SPENT, params={"provider": 1, "cached_tokens": "x", "cache_write_tokens": -1}),
    ]


def test_a_row_has_what_it_cost(store):
    """By the halves together; of an unknown model it says so, and without tokens nothing."""
    pytest.importorskip("genai_prices")
    store.put(calls())
    rows = rows_of(store)
    assert [None, 0.0072, 0.03012, "unknown", None, 0.0315] == [row["cost"] for row in rows]
    assert rows[2:4] == rows_of(store, [event_id(4), event_id(3)])


def test_the_calls_of_a_list_are_those_of_its_trees(store):
    """With what is around them; a session without tokens is not there."""
    records = [*calls(), record(session=2), record(2, session=2)]
    nested = [record(7), record(8, **SPENT, parent_id=event_id(7))]
    store.put([*records, *nested])
    spent = by_session(store.calls([session_id(2), session_id(1), "nowhere"]))
    expected = total(node.spent for node in forest(store.session(session_id(1))))
    assert {session_id(1)} == spent.keys()
    found = spent[session_id(1)]
    assert pytest.approx(expected.dollars) == found.dollars
    assert (expected.tokens, expected.unpriced) == (found.tokens, found.unpriced)


def rows_of(store, ids=None):
    """Return the rows of the first session of a store, by the names of their fields."""
    with store.outline(session_id(1), ids) as parts:
        rows = json.loads(f"[{','.join(parts)}]")
    return [dict(zip(FIELDS, row, strict=True)) for row in rows]
