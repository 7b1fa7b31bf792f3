"""Events: whatever comes of them, and however it comes, they are the merge of their halves."""

import json
import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agentlog.store import Receipt, Refusal
from agentlog.store.merge import merged
from tests.store.contract.records import OTHER, SESSION, closed, opened


def test_an_event_is_the_merge_of_its_halves(store):
    """The close half, put later and alone, completes the event."""
    store.put([opened("a", params={"q": 1}, tags=["x"])])
    store.put([closed("a", returns=[1], tags=["y"])])
    expected = opened("a", params={"q": 1}) | closed("a", returns=[1], tags=["y"])
    assert expected == store.event(SESSION, "a")
    assert [expected] == store.session(SESSION)


def test_a_record_that_is_no_half_replaces_none(store):
    """Whenever it comes, and however large its text is."""
    nameless = {"id": "a", "session_id": SESSION, "zzz": "~"}
    for event_id, order in (("a", (0, 1)), ("b", (1, 0))):
        pair = opened(event_id), {**nameless, "id": event_id}
        for place in order:
            store.put([pair[place]])
        assert opened(event_id) == store.event(SESSION, event_id)


def test_a_running_event_has_no_outcome(store):
    """An open half of which nobody knows the process is as it was put."""
    store.put([opened("a")])
    assert opened("a") == store.event(SESSION, "a")


def test_what_is_not_there_is_none(store):
    """An unknown event is None and an unknown session has no events."""
    assert store.event(SESSION, "a") is None
    assert [] == store.session(SESSION)


def test_events_of_a_session_come_by_start(store):
    """Whatever the order of the records."""
    store.put([opened("b", 3.0), opened("c", 2.0), opened("a", 1.0)])
    assert ["a", "c", "b"] == [event["id"] for event in store.session(SESSION)]


def test_an_id_may_be_used_in_two_sessions(store):
    """The address of an event is its session and its id."""
    store.put([opened("a", model="m"), opened("a", session_id=OTHER, model="n")])
    assert ("m", "n") == (store.event(SESSION, "a")["model"], store.event(OTHER, "a")["model"])


def test_put_answers_with_a_receipt(store):
    """Records that cannot be stored are refused one by one, the others are accepted, every time."""
    endless = []
    endless.append(endless)
    batch = [
        opened("a"),
        {"id": "b"},
        opened("c", params={"x": float("nan")}),
        opened("d", params=endless),
        opened("e", params=object()),
        closed("a"),
    ]
    receipt = store.put(batch)
    assert 2 == receipt.accepted
    assert [(1, "b"), (2, "c"), (3, "d"), (4, "e")] == [(r.index, r.id) for r in receipt.refused]
    assert Refusal(1, "b", "without id or session_id") == receipt.refused[0]
    assert receipt == store.put(batch)
    assert Receipt(0) == store.put([])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip
_fields = st.dictionaries(
    st.sampled_from(
        (
            *("event_type", "timestamp", "end_timestamp", "parent_id", "result", "reason", "tags"),
            *("prompt_tokens", "completion_tokens", "notes", "action_type", "rating", "model"),
        )
    ),
    _json,
)
_records = st.lists(
    st.builds(
        lambda place, fields: {**place, **fields},
        st.fixed_dictionaries(
            {"session_id": st.sampled_from([SESSION, OTHER]), "id": st.sampled_from(["a", "b"])}
        ),
        _fields,
    ),
    max_size=6,
)


@given(_records, st.data())
def test_order_repetition_and_division_never_show(fresh, records, data):
    """Records that are shuffled, doubled and split over several puts give what merge gives."""
    shuffled = data.draw(st.permutations(records + records))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    store = fresh()
    for start, end in zip([0, *cuts], [*cuts, None], strict=True):
        store.put(shuffled[start:end])
    found = {(e["session_id"], e["id"]): e for id_ in (SESSION, OTHER) for e in store.session(id_)}
    assert merged(records) == found
    for (session_id, event_id), event in found.items():
        assert event == store.event(session_id, event_id)
    sums = {summary.id: summary.events for summary in store.sessions()}
    assert sums == Counter(session_id for session_id, _ in found)


def test_fields_of_a_wrong_type_do_no_harm(store):
    """They are kept in the event and left out of the list; so are integers beyond 64 bit."""
    odd = opened("a", event_type=["x"], parent_id=7, tags={"a": 1}, model=True) | {
        "timestamp": "now"
    }
    huge = closed("b", 10**400, prompt_tokens=10**30, completion_tokens=1.5)
    many = [closed(f"c{n}", prompt_tokens=2**63 - 1) for n in range(3)]
    store.put([odd, huge, *many])
    assert odd == store.event(SESSION, "a")
    assert huge == store.event(SESSION, "b")
    assert 5 == store.sessions()[0].events == store.count_of(SESSION)


def test_half_a_surrogate_pair_is_mended(store):
    """What UTF-8 cannot say becomes a replacement character, and a whole pair stays whole."""
    store.put([opened("a", params={"bad": "x\ud800y", "good": "\U0001f600"})])
    assert {"bad": "x\ufffdy", "good": "\U0001f600"} == store.event(SESSION, "a")["params"]
    assert None is store.event(SESSION, "\ud800")
    assert [] == store.session("\ud800")


def test_threads_may_share_a_store(store):
    """Puts and reads of many threads meet on one connection."""

    def work(thread):
        for number in range(20):
            store.put([opened(f"{thread}-{number}")])
            store.session(SESSION)
            store.search("plan")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 80 == store.count_of(SESSION)


def test_what_json_can_say_comes_back_as_it_was(store):
    """Large and small numbers, every character, depth, and a payload of many MB."""
    payloads = {
        "numbers": [0, -1, 2**63, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, 5e-324, 0.1],
        "text": "".join(map(chr, [*range(0x20), 0x7F, 0x85, 0x2028, 0xFEFF, 0xFFFF, 0x10FFFF])),
        "": {"\0": None, "'\"\\`$%_": [True, False, {}, []], "\u0301é": "e\u0301"},
        "deep": json.loads("[" * 150 + "]" * 150),
        "long": "ab\t\n" * (1 << 20),
    }
    record = opened("a", params=payloads)
    assert Receipt(1) == store.put([record])
    found = store.event(SESSION, "a")
    assert record == found
    assert list(payloads) == list(found["params"])
    assert "-0.0" == str(found["params"]["numbers"][6])


def test_ids_are_texts_of_any_kind(store):
    """As a damaged journal may have them: none is another, and none is syntax."""
    ids = ["a", "A", " a", "a\0", "'", '"', "\\", "%", "é", "x" * 1000, "\U0001f600"]
    store.put([opened(id_, session_id=session_id) for id_ in ids for session_id in ids])
    for session_id in ids:
        assert set(ids) == {found["id"] for found in store.session(session_id)}
        assert store.event(session_id, "'")["session_id"] == session_id
    assert set(ids) == {summary.id for summary in store.sessions()}


def test_the_texts_of_a_session_are_its_events(store):
    """In the same order, in parts; what came in one record is as it came."""
    whole = opened("c", 3.0, end_timestamp=3.0)
    store.put([opened("a"), closed("a"), opened("b", 2.0, tags=["é"]), whole, closed("d")])
    with store.texts_of(SESSION, most=3) as found:
        parts = list(found)
    assert [3, 1] == [len(part) for part in parts]
    texts = [text for part in parts for text in part]
    assert store.session(SESSION) == [json.loads(text) for text in texts]
    assert json.dumps(whole) in texts
    assert 4 == store.count_of(SESSION)
    with store.texts_of(OTHER) as found:
        assert [] == list(found)
    assert 0 == store.count_of(OTHER)


def test_what_is_new_of_a_session_is_told_once(store):
    """The first time that is all; then what was added, and what has become another."""
    store.put([opened("a"), opened("a", session_id=OTHER)])
    new = store.following(SESSION)
    assert [opened("a")] == list(new())
    assert [] == list(new())
    store.put([closed("a"), opened("b", 2.0), opened("b", session_id=OTHER)])
    assert ["a", "b"] == sorted(event["id"] for event in new())
    assert [] == list(new())
    assert [store.event(SESSION, "a")] == [e for e in store.following(SESSION)() if e["id"] == "a"]


def test_what_is_new_is_told_of_halves_in_any_order(store):
    """A close half without its open half is told, and again when that has come."""
    new = store.following(SESSION)
    assert [] == list(new())
    store.put([closed("a")])
    assert [closed("a")] == list(new())
    store.put([opened("a")])
    assert [store.event(SESSION, "a")] == list(new())


def test_a_store_can_be_read_as_it_is(store):
    """More than once."""
    store.put([opened("a")])
    with store.as_it_is() as still:
        before = still.session(SESSION)
        assert [opened("a")] == before
        with still.texts_of(SESSION) as parts:
            assert before == [json.loads(text) for part in parts for text in part]
        assert 1 == still.summary(SESSION).events


def test_many_events_are_put_at_once_and_read_in_parts(store):
    """As many as a session of a busy day has."""
    records = [opened(f"{n:05}", float(n), params={"text": "x" * 50}) for n in range(3000)]
    assert Receipt(3000) == store.put(records)
    assert records == store.session(SESSION)
    with store.texts_of(SESSION) as parts:
        assert 3000 == sum(map(len, parts))
    with store.outline(SESSION) as parts:
        assert 3000 == len(json.loads(f"[{','.join(parts)}]"))
