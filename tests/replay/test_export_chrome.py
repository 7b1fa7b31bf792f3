"""A session as a trace of Chrome's: nested on tracks as in the tree."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.export import chrome
from agentlog.replay.export.lanes import Stretch, lanes
from agentlog.replay.tree import forest, walk
from agentlog.store.merge import merged
from tests.replay.events import event, records, session
from tests.replay.exports import run_of, strict


def drawn(run):
    """Return the events of a trace, without what names the tracks."""
    text = "".join(chrome.parts(run))
    assert text.isascii()
    return [one for one in strict(text)["traceEvents"] if one["ph"] != "M"]


def by_id(run):
    """Return the events of a trace by their ids."""
    return {one["args"]["id"]: one for one in drawn(run)}


def test_children_are_on_the_track_of_their_parent():
    """One behind the other they nest in it; times are microseconds from the start."""
    run = run_of(
        [
            session(),
            event("a", "root", end=4),
            event("b", "a", end=2),
            event("c", "a", start=2, end=3),
        ]
    )
    found = by_id(run)
    assert {1} == {one["tid"] for one in found.values()}
    assert ("X", 2e6, 1e6) == (found["c"]["ph"], found["c"]["ts"], found["c"]["dur"])
    document = strict("".join(chrome.parts(run)))
    assert 1_700_000_000.0 == document["otherData"]["start"]
    names = [one["args"]["name"] for one in document["traceEvents"] if one["ph"] == "M"]
    assert ["root", "root"] == names


def test_siblings_that_overlap_are_side_by_side():
    """And what is below them is on their own track."""
    found = by_id(
        run_of(
            [
                session(),
                event("a", "root", start=0, end=3),
                event("b", "root", start=1, end=4),
                event("c", "b", start=2, end=3),
                event("d", "root", start=5, end=6),
            ]
        )
    )
    assert [1, 1, 2, 2, 1] == [found[name]["tid"] for name in ("root", "a", "b", "c", "d")]


def test_failures_and_instants():
    """A failure has a colour, what has no duration is an instant, what runs goes to the last."""
    found = by_id(
        run_of(
            [
                session(end=None),
                event("a", "root", result="Fail", action_type="tool", error={"message": "no"}),
                event("b", "root", start=5, end=5, action_type="log"),
                event("c", "root", start=2, end=None),
            ]
        )
    )
    assert ("tool,failed", "terrible") == (found["a"]["cat"], found["a"]["cname"])
    assert {"message": "no"} == found["a"]["args"]["error"]
    assert ("i", "t", 5e6) == tuple(found["b"][name] for name in ("ph", "s", "ts"))
    assert ("X", 3e6, "running") == (
        found["c"]["ph"],
        found["c"]["dur"],
        found["c"]["args"]["state"],
    )


moments = st.integers(0, 12)
stretches = st.lists(st.tuples(moments, moments, st.integers(0, 30)), max_size=24)


@given(stretches)
def test_what_lies_within_another_is_below_it(drawn_ones):
    """On a track two stretches are apart, or one is an ancestor of the other and around it."""
    ordered = sorted((min(a, b), max(a, b), parent) for a, b, parent in drawn_ones)
    known = [
        Stretch(start, end, parent if parent < place else None)
        for place, (start, end, parent) in enumerate(ordered)
    ]
    tracks = lanes(known)

    def is_above(above, place):
        while place is not None and place != above:
            place = known[place].parent
        return place == above

    for place, one in enumerate(known):
        for above, other in enumerate(known[:place]):
            if tracks[place] == tracks[above] and one.start < other.end and one.start < one.end:
                assert one.end <= other.end
                assert is_above(above, place)


@given(st.lists(records, max_size=8))
def test_any_records(some):
    """Every event is drawn once, from a time that is not before the start."""
    found = drawn(run_of(some))
    assert len(merged(some)) == len(found)
    for one in found:
        assert 0 <= one["ts"]
        assert 0 <= one.get("dur", 0)


def test_ten_thousand_side_by_side():
    """As many tracks as there have to be, in a moment; a deep tree as well."""
    side = [
        session(end=99),
        *(event(f"{n}", "root", start=n / 1e4, end=50 + n / 1e4) for n in range(10_000)),
    ]
    assert 10_000 == len({one["tid"] for one in drawn(run_of(side))})
    deep = [session(), event("0", "root")]
    deep += [event(str(level), str(level - 1)) for level in range(1, 10_000)]
    assert {1} == {one["tid"] for one in drawn(run_of(deep))}
    assert 10_001 == len(list(walk(forest(deep))))
