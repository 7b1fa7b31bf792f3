"""The same events give the same forest, and it knows what failed first."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.tree import Fold, fold, forest, is_recovered, recovered, root_cause, walk
from agentlog.store.merge import canonical, half, merged
from tests.replay.events import SESSION, event, records, session, shape


def test_nesting_and_order():
    """Children hang under their parents, ordered by start and then by id."""
    events = [
        event("c", "root", start=2),
        event("d", "a", start=1),
        session(),
        event("b", "root", start=1),
        event("a", "root", start=1),
    ]
    assert [["root", [["a", [["d"]]], ["b"], ["c"]]]] == shape(forest(events))


def test_without_a_timestamp():
    """A child without a usable start is ordered by its end, and last if it has none either."""
    events = [
        session(),
        event("a", "root", timestamp="yesterday", end=None),
        event("b", "root", timestamp=float("nan"), end=3),
        event("c", "root", start=4),
    ]
    assert [["root", [["b"], ["c"], ["a"]]]] == shape(forest(events))


def test_orphans():
    """An event whose parent is not there hangs under the session, even with an odd parent_id."""
    events = [session(), event("a", "gone"), event("b", 3), event("c", ["root"])]
    close_only = {"id": "d", "session_id": SESSION, "end_timestamp": 1.0}
    assert [["root", [["d"], ["a"], ["b"], ["c"]]]] == shape(forest([*events, close_only]))


def test_orphans_without_a_session():
    """Without a session event the orphans are roots, each with its own children."""
    events = [event("a", "gone"), event("b", "gone", start=1), event("c", "a")]
    assert [["a", [["c"]]], ["b"]] == shape(forest(events))


def test_sessions_do_not_mix():
    """The same ids in two sessions are two trees."""
    other = [session(start=1), event("a", "root")]
    for record in other:
        record["session_id"] = "other"
    roots = forest([session(), event("b", "root"), *other])
    assert [["root", [["b"]]], ["root", [["a"]]]] == shape(roots)
    assert [SESSION, "other"] == [root.session_id for root in roots]


def test_several_roots():
    """Events that say that they have no parent stay roots; orphans go to the session event."""
    events = [event("early", start=-5), session(), event("a", "gone"), session("z")]
    assert [["early"], ["root", [["a"]]], ["z"]] == shape(forest(events))


@pytest.mark.parametrize("shift", range(3))
def test_cycle(shift):
    """A cycle is cut at its earliest event, wherever reading begins."""
    events = [event("a", "c", start=2), event("b", "a", start=1), event("c", "b", start=3)]
    events = [*events[shift:], *events[:shift]]
    assert [["b", [["c", [["a"]]]]]] == shape(forest(events))
    assert [["root", [["b", [["c", [["a"]]]]]]]] == shape(forest([*events, session()]))


def test_way_into_a_cycle():
    """Where a way leads into a cycle does not decide where it is cut."""
    events = [event("a", "b", start=2), event("b", "a", start=1), event("way", "a", start=0)]
    assert [["b", [["a", [["way"]]]]]] == shape(forest(events))


def test_own_parent():
    """An event that is its own parent is an orphan."""
    assert [["root", [["a"]]]] == shape(forest([session(), event("a", "a")]))


def test_tally():
    """Every node counts what is below it."""
    events = [
        session(result="Fail"),
        event("a", "root", result="Fail"),
        event("b", "a", end=None),
        event("c", "a", result="Indeterminate", reason="interrupted"),
    ]
    (root,) = forest(events)
    assert (4, 2, 2) == (root.events, root.failures, root.unsettled)


def test_ten_thousand_levels():
    """Depth is no matter of the recursion limit, and ten thousand events are quickly a tree."""
    events = [event(f"{i:05}", f"{i - 1:05}", result="Fail") for i in range(1, 10_000)]
    began = time.thread_time()
    roots = forest([event("00000", result="Fail"), *events])
    assert time.thread_time() - began < 0.5  # a tenth of it where nothing else runs
    assert [10_000] == [root.events for root in roots]
    assert (9_999, "09999") == [(depth, node.id) for depth, node in walk(roots)][-1]
    assert "09999" == root_cause(roots).id


def _content(roots):
    return [(depth, canonical(node.event)) for depth, node in walk(roots)]


@given(st.lists(records, max_size=12), st.randoms(use_true_random=False))
def test_always_the_same_forest(some, random):
    """Shuffled, doubled, halved, orphaned, cyclic and damaged records: always the same forest."""
    expected = _content(forest(some))
    again = [*some, *random.sample(some, len(some) // 2)]
    random.shuffle(again)
    assert expected == _content(forest(again))
    assert expected == _content(forest(merged(again).values()))


@given(st.lists(records, max_size=12))
def test_every_event_once(some):
    """No event is lost, none is shown twice, children are in order, counts are right."""
    roots = forest(some)
    nodes = [node for _, node in walk(roots)]
    assert merged(some).keys() == {(node.session_id, node.id) for node in nodes}
    assert len(merged(some)) == len(nodes) == sum(root.events for root in roots)
    assert sum(node.failed for node in nodes) == sum(root.failures for root in roots)
    for node in nodes:
        for one, other in pairwise(node.children):
            assert one.when is None or other.when is None or one.when <= other.when


@given(st.lists(records, max_size=12))
def test_halves(some):
    """Open halves alone and close halves alone make a forest of their own events, too."""
    for wanted in ("open", "close"):
        halves = [record for record in some if half(record) == wanted]
        assert len(merged(halves)) == len(list(walk(forest(halves))))


@given(st.lists(records, max_size=12))
def test_cause_is_a_leaf_of_failure(some):
    """There is a root cause exactly if something failed, and nothing but log lines fails below."""
    roots = forest(some)
    failed = [node for _, node in walk(roots) if node.failed]
    cause = root_cause(roots)
    assert (cause is None) == (not failed)
    assert cause is None or cause in failed
    assert cause is None or not any(child.failed for child in cause.children)


def _fail(event_id, parent, **fields):
    return event(event_id, parent, result="Fail", **fields)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([session(), event("a", "root")], None),
        ([session(result="Fail")], "root"),
        ([session(result="Fail"), _fail("a", "root"), _fail("b", "a"), event("c", "b")], "b"),
        # The earliest to end: b began first, a's own child failed first.
        (
            [
                session(result="Fail"),
                _fail("a", "root", start=2, end=5),
                _fail("deep", "a", start=2, end=3),
                _fail("b", "root", start=1, end=4),
            ],
            "deep",
        ),
        # Recovered below a parent that succeeded, though earlier.
        (
            [
                session(result="Fail"),
                event("a", "root"),
                _fail("retried", "a", end=0.1),
                _fail("b", "root", start=2, end=3),
            ],
            "b",
        ),
        # A session that went on: what came nearest to it counts.
        (
            [
                session(),
                event("a", "root"),
                _fail("retried", "a", end=0.1),
                _fail("b", "root", start=2, end=3),
                _fail("c", "b", start=2, end=2.5),
            ],
            "c",
        ),
        # A log line reports what failed beside it.
        (
            [
                session(result="Fail"),
                _fail("said", "root", end=0.0, action_type="log"),
                _fail("a", "root", start=1, end=2),
            ],
            "a",
        ),
        ([session(), _fail("said", "root", end=0.0, action_type="log")], "said"),
        # Without a session event.
        ([_fail("a", "gone"), _fail("b", "a")], "b"),
    ],
)
def test_root_cause(events, expected):
    """Failures are followed down to the deepest that has no failing child, the earliest of all."""
    cause = root_cause(forest(events))
    assert expected == (cause and cause.id)


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ({}, True),
        ({"end": None}, True),
        ({"result": "Indeterminate", "reason": "interrupted", "end": None}, True),
        ({"result": "Fail"}, False),
        ({"result": "Indeterminate", "reason": "exit"}, False),
    ],
)
def test_what_went_on_has_recovered(root, expected):
    """A failure was no cause of anything where what is above it succeeded, or ran on."""
    roots = forest([session(**root), _fail("a", "root"), _fail("b", "a"), event("c", "a")])
    assert expected == is_recovered(roots, root_cause(roots))


def test_a_retry_has_recovered_whatever_the_session_came_to():
    """An event between succeeded."""
    exited = session(result="Indeterminate", reason="exit")
    roots = forest([exited, event("a", "root"), _fail("b", "a")])
    assert is_recovered(roots, root_cause(roots))


def test_each_failure_that_was_got_over():
    """Of those that followed from each other the first, also beside a root cause; no log lines."""
    events = [
        session(result="Fail"),
        _fail("cause", "root"),
        event("went_on", "root"),
        _fail("tried", "went_on"),
        _fail("why", "tried"),
        _fail("again", "went_on"),
        _fail("said", "went_on", action_type="log"),
        event("within", "cause"),
        _fail("got_over", "within"),
    ]
    assert {"why", "again", "got_over"} == {node.id for node in recovered(forest(events))}


def _folded(events):
    (root,) = forest([session(), *events])
    return [
        "".join(node.id for node in item.nodes) if isinstance(item, Fold) else [item.id]
        for item in fold(root.children)
    ]


def test_fold():
    """Three or more alike in a row are one; two are two, and another one ends the row."""
    events = [event(letter, "root", name="read") for letter in "abcefhi"]
    events += [event("d", "root", name="write"), event("g", "root", name="read", model="m")]
    assert ["abc", ["d"], "efghi"] == _folded(events)
    assert [["a"], ["b"]] == _folded(events[:2])


@pytest.mark.parametrize(
    "odd",
    [
        {"result": "Fail"},
        {"end": None},
        {"result": "Indeterminate", "reason": "interrupted"},
        {"result": "Indeterminate"},
        {"result": "Indeterminate", "reason": "mine"},
        {"action_type": "tool"},
        {"name": "write"},
    ],
)
def test_not_alike(odd):
    """Another name, kind or outcome ends a row."""
    events = [
        event(letter, "root", **({"name": "read"} | (odd if letter == "c" else {})))
        for letter in "abcde"
    ]
    assert [["a"], ["b"], ["c"], ["d"], ["e"]] == _folded(events)


@pytest.mark.parametrize(
    "state",
    [{"result": "Fail"}, {"end": None}, {"result": "Indeterminate", "reason": "interrupted"}],
)
def test_never_folded(state):
    """What failed, runs or was interrupted is never folded, nor what has such an event below."""
    alike = [event(letter, "root", name="x", **state) for letter in "abc"]
    assert [["a"], ["b"], ["c"]] == _folded(alike)
    parents = [event(letter, "root", name="x") for letter in "abc"]
    below = event("d", "b", **state)
    assert [["a"], ["b"], ["c"]] == _folded([*parents, below])
    assert ["abc"] == _folded([*parents, event("d", "b")])


def test_reasons_are_outcomes():
    """Events with different reasons of a user's own are not alike."""
    unsure = {"name": "x", "result": "Indeterminate"}
    events = [event(reason, "root", **unsure, reason=reason) for reason in "abc"]
    assert [["a"], ["b"], ["c"]] == _folded(events)


def test_fold_sums():
    """A folded row knows how long any ran and the longest did, and how many events it has."""
    folded = Fold(tuple(forest([event("a", end=1), event("b", end=2), event("c", "b", end=None)])))
    assert (2.0, 2.0, 3) == (folded.total, folded.longest, folded.events)
    unknown = Fold(tuple(forest([event("a", end=None)])))
    assert (None, None) == (unknown.total, unknown.longest)
