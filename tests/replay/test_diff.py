"""Two runs side by side: what belongs together, and what is different about it."""

import copy
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay import diff_json, diff_text
from agentlog.replay.diff import Change, compare, is_slower
from agentlog.replay.export.strict import written
from agentlog.replay.lines import to_plain
from agentlog.replay.tree import forest, walk
from tests.cli.commandline import STEERING
from tests.replay.events import event, records, session


def compared(before, after):
    """Compare two lists of events."""
    return compare(forest(before), forest(after))


def told(found):
    """Return the names of what is different, and how."""
    return [(row.node.name, *row.changes) for row in found.rows if row.changes]


def pages(*names, **fields):
    """Return a run that reads pages."""
    children = [
        event(f"p{place}", "root", name="read", start=place, params={"page": name}, **fields)
        for place, name in enumerate(names)
    ]
    return [session(), *children]


def one(**fields):
    """Return a run of one step."""
    return [session(), event("a", "root", name="step", **fields)]


# -- What belongs together -------------------------------------------------------------------------


def test_an_insertion_shifts_nothing():
    """One more of the same name in the middle is one that was added, not four that changed."""
    before, after = pages("owls", "pumas", "bears"), pages("owls", "foxes", "pumas", "bears")
    assert [("read", Change.ADDED)] == told(compared(before, after))
    assert [("read", Change.GONE)] == told(compared(after, before))


def blocks(*tools):
    """Return a run of steps that were given nothing, each with its tools below it."""
    events = [session()]
    for place, names in enumerate(tools):
        events.append(event(f"s{place}", "root", name="step", start=place))
        events.extend(
            event(f"{name}{place}", f"s{place}", name=name, start=place + n / 10)
            for n, name in enumerate(names.split())
        )
    return events


@pytest.mark.parametrize("place", range(5))
def test_an_insertion_among_steps_without_params_shifts_nothing(place):
    """What was done below a step tells it from its namesakes."""
    before = ["load", "plan", "search", "answer"]
    after = [*before[:place], "new", *before[place:]]
    added = [("step", Change.ADDED), ("new", Change.ADDED)]
    assert added == told(compared(blocks(*before), blocks(*after)))


def test_a_step_that_fails_early_is_still_the_same():
    """What was done first tells too, where the rest is missing."""
    before, after = blocks("load parse", "search rank"), blocks("new", "load", "search rank")
    assert [
        ("step", Change.ADDED),
        ("new", Change.ADDED),
        ("parse", Change.GONE),
    ] == told(compared(before, after))


def test_what_came_of_it_tells_steps_apart():
    """Steps without params and with nothing below them go by what they return."""
    before, after = (
        [session(), *(event(r, "root", name="step", start=n, returns=r) for n, r in enumerate(of))]
        for of in ("abcd", "xabcd")
    )
    assert [("step", Change.ADDED)] == told(compared(before, after))


def test_what_was_given_tells_more_than_what_came_of_it():
    """Two steps that were given the same are one pair, though another moved."""
    before, after = (
        [
            session(),
            *(
                event(f"{n}", "root", name="step", start=n, params={"n": given}, returns=came)
                for n, (given, came) in enumerate(of)
            ),
        ]
        for of in ([(1, "a"), (2, "b"), (3, "c")], [(3, "c"), (1, "x"), (2, "y")])
    )
    assert [Change.ADDED, Change.CHANGED, Change.CHANGED, Change.GONE] == [
        change for _, change in told(compared(before, after))
    ]


def test_what_went_stands_where_it_stood():
    """What is gone and what was added stand between what they stood between, the first first."""
    found = compared(
        [session(), *(event(name, "root", start=place) for place, name in enumerate("abc"))],
        [session(), *(event(name, "root", start=place) for place, name in enumerate("axc"))],
    )
    assert ["root", "a", "b", "x", "c"] == [row.node.name for row in found.rows]
    assert [("b", Change.GONE), ("x", Change.ADDED)] == told(found)


def test_what_began_at_one_moment_goes_by_name():
    """Ids, which order such siblings elsewhere, are of one run: the other has them otherwise."""
    before, after = (
        [session(), *(event(i, "root", name=n, start=1) for i, n in zip("abc", names, strict=True))]
        for names in (["read", "plan", "write"], ["write", "read", "plan"])
    )
    assert [] == told(compared(before, after))


def test_other_params_are_a_change_of_the_same_event():
    """Where only params differ, siblings of a name belong together in their order."""
    found = compared(pages("a", "b"), pages("c", "d"))
    assert [("read", Change.CHANGED), ("read", Change.CHANGED)] == told(found)
    assert [("params",), ("params",)] == [row.fields for row in found.rows[1:]]


def test_what_tells_nothing_is_no_anchor():
    """Equal log lines do not tear apart what has a name of its own."""
    tick = {"action_type": "log", "end": 0.5}
    before = [
        session(),
        event("f", "root", start=0),
        event("t", "root", name="tick", start=1, **tick),
    ]
    after = [
        session(),
        event("t1", "root", name="tick", start=0, **tick),
        event("f", "root", start=1, params={"n": 2}),
        event("t2", "root", name="tick", start=2, **tick),
    ]
    assert [("tick", Change.ADDED), ("f", Change.CHANGED)] == told(compared(before, after))


def test_sessions_belong_together_whatever_they_are_called():
    """A renamed program is compared all the same."""
    assert [] == told(compared(one(), [session(event_type="other.py"), *one()[1:]]))


def test_a_kind_is_part_of_the_name():
    """A tool and an action of one name are two things."""
    found = compared(one(), one(action_type="tool"))
    assert [("step", Change.GONE), ("step", Change.ADDED)] == told(found)


def test_of_what_was_added_all_below_was():
    """Each event below is a row of its own, one level deeper."""
    found = compared([session()], [session(), event("a", "root"), event("b", "a")])
    assert [("a", Change.ADDED), ("b", Change.ADDED)] == told(found)
    assert [0, 1, 2] == [row.depth for row in found.rows]


# -- What is different -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"result": "Success"}, {"result": "Fail"}, [Change.FAILED]),
        ({"result": "Fail"}, {"result": "Success"}, [Change.RECOVERED]),
        ({"result": "Fail", "error": {"message": "a"}}, {"result": "Success"}, [Change.RECOVERED]),
        ({"end": 0.1}, {"end": 0.2}, [Change.SLOWER]),
        ({"end": 0.1}, {"end": 0.19}, []),
        ({"end": 0.01}, {"end": 0.05}, []),
        ({"end": 0.2}, {"end": 0.1}, []),
        ({"start": 0.0}, {"start": 0.5, "end": 1.5}, []),
        ({"returns": [1]}, {"returns": [2]}, [Change.CHANGED]),
        ({"prompt": "a"}, {"prompt": "b"}, [Change.CHANGED]),
        ({"model": "gpt-4"}, {"model": "gpt-5"}, [Change.CHANGED]),
        ({"prompt_tokens": 3}, {"prompt_tokens": 4}, [Change.CHANGED]),
        ({"returns": None}, {}, []),
        ({"tags": []}, {}, []),
        ({"source": "a.py:1"}, {"source": "a.py:2"}, []),
        (
            {"result": "Fail", "error": {"type": "E", "message": "m", "traceback": "line 1"}},
            {"result": "Fail", "error": {"type": "E", "message": "m", "traceback": "line 2"}},
            [],
        ),
        (
            {"result": "Fail", "error": {"type": "E", "message": "m"}},
            {"result": "Fail", "error": {"type": "E", "message": "n"}},
            [Change.CHANGED],
        ),
        ({"result": "Indeterminate", "reason": "cancelled"}, {}, [Change.CHANGED]),
        (
            {},
            {"result": "Fail", "end": 9.0, "returns": 1},
            [Change.FAILED, Change.SLOWER, Change.CHANGED],
        ),
    ],
    ids=str,
)
def test_what_is_a_difference(before, after, changes):
    """Outcomes, payloads, models and tokens are; ids, times and tracebacks are not."""
    assert changes == [*compared(one(**before), one(**after)).rows[1].changes]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(None, 9.0, False), (9.0, None, False), (0.0, 0.05, True), (0.0, 0.049, False), (1, 2, True)],
)
def test_slower_is_twice_and_50_ms(before, after, expected):
    """Both are asked for; what has no duration is not slower."""
    assert expected == is_slower(before, after)


@given(st.lists(records, max_size=8), st.integers())
def test_a_run_does_not_differ_from_itself(some, seed):
    """Whatever was recorded, in whatever order it comes, and with other ids and times."""
    again = copy.deepcopy(some)
    random.Random(seed).shuffle(again)
    found = compared(some, again)
    assert not found.differs
    assert {} == found.counts()
    assert len(list(walk(forest(some)))) == len(found.rows)


@given(st.lists(records, max_size=8), st.lists(records, max_size=8), st.booleans())
def test_any_two_runs(before, after, unfold):
    """Every event of both is in one row; and what is shown steers nothing, and is counted."""
    found = compared(before, after)
    for side, roots in (("before", found.before), ("after", found.after)):
        nodes = [getattr(row, side) for row in found.rows if getattr(row, side)]
        assert {id(node) for _, node in walk(roots)} == {id(node) for node in nodes}
        assert len(nodes) == len({id(node) for node in nodes})
    for width in (20, 80):
        text = to_plain(diff_text.comparison(found, width=width, unfold=unfold))
        assert not STEERING.search(text)
    answer = diff_json.document(found, unfold=unfold)
    assert written(answer).isascii()
    shown = sum(row.get("hidden", 1) for row in answer["rows"])
    assert len(found.rows) == shown


def test_other_ids_and_times_are_no_difference():
    """The same run a day later does not differ."""
    before = [session(), event("a", "root", params={"a": 1}), event("b", "a")]
    after = [
        session("R", start=86400, end=86410),
        event("A", "R", name="a", start=86400, end=86401, params={"a": 1}),
        event("B", "A", name="b", start=86400, end=86401),
    ]
    assert not compared(before, after).differs


# -- How it is shown -------------------------------------------------------------------------------


def test_the_text():
    """What differs and the way to it are rows with marks and words, the rest is counted."""
    before = [
        session(event_type="agent.py", end=2),
        event("answer", "root", end=2),
        *(
            event(f"p{n}", "answer", name="read", start=n / 10, end=0.5, params={"n": n})
            for n in range(3)
        ),
        event("write", "answer", start=0.6, end=0.7, model="gpt-4", params={"words": 100}),
        event("below", "write", start=0.6, end=0.7),
    ]
    after = [
        session(event_type="agent.py", end=2, result="Fail", error={"type": "E", "message": "no"}),
        event("answer", "root", end=2),
        *(
            event(f"p{n}", "answer", name="read", start=n / 10, end=0.5, params={"n": n})
            for n in range(3)
        ),
        event("new", "answer", start=0.55, end=0.56),
        event("newer", "new", start=0.55, end=0.56),
        event("write", "answer", start=0.6, end=1.7, model="gpt-5", params={"words": 120}),
        event("below", "write", start=0.6, end=0.7),
    ]
    shown = to_plain(diff_text.comparison(compared(before, after), width=72))
    assert (
        """\
2 added · 1 failed now · 1 slower · 1 changed

~ ✗ agent.py  failed now  session
  │ E: no
  └─ ✓ answer
     ├─ … 3 alike
+    ├─ ✓ new  added
+    │  └─ … 1 below
~    └─ ✓ write  slower 100 ms → 1.10 s  changed  gpt-5
        │ model gpt-4 → gpt-5
        │ params
        │   {
        │ -   "words": 100
        │ +   "words": 120
        │   }
        └─ … 1 alike
"""
        in shown
    )
    ascii_text = to_plain(diff_text.comparison(compared(before, after), ascii_only=True))
    assert ascii_text.isascii()


def test_without_a_difference_that_is_said():
    """Both headers, and that there is none."""
    lines = to_plain(diff_text.comparison(compared(one(), one()))).splitlines()
    assert ["-", "-", "+", "+", "n"] == [line[0] for line in lines]
    assert "no difference" == lines[-1]


def test_a_long_line_is_shown_where_it_differs():
    """Of a long line, the place where it differs is shown; with all, the whole line."""
    found = compared(one(returns="x" * 900 + "a"), one(returns="x" * 900 + "b"))
    shown = to_plain(diff_text.comparison(found, width=60))
    assert "xxxa\n" in shown
    assert "xxxb\n" in shown
    assert 60 >= max(map(len, shown.splitlines()))
    whole = to_plain(diff_text.comparison(found, width=60, unfold=True))
    assert 1800 == whole.count("x")


def test_a_long_diff_is_cut():
    """Of a diff its first lines are there and the number of the rest; in JSON as well."""
    found = compared(one(returns=list(range(900))), one(returns=list(range(900, 1800))))
    shown = to_plain(diff_text.comparison(found))
    assert 30 > len(shown.splitlines())
    assert "lines more" in shown
    (row,) = [row for row in diff_json.document(found)["rows"] if row.get("changes")]
    (field,) = row["fields"]
    assert diff_json.MOST_LINES == len(field["lines"])
    assert 1802 == field["more"] + len(field["lines"])


def test_a_diff_that_is_too_long_is_a_sentence():
    """In both forms; 14 MB of short lines take no time."""
    before, after = ("\n".join(chosen * 3_500_000) for chosen in ("ab", "bc"))
    start = time.process_time()
    found = compared(one(returns=before), one(returns=after))
    said = "7,000,000 lines, now 7,000,000: too many to compare"
    assert f"… {said}\n" in to_plain(diff_text.comparison(found))
    assert f"... {said}\n" in to_plain(diff_text.comparison(found, ascii_only=True))
    (row,) = [row for row in diff_json.document(found)["rows"] if row.get("changes")]
    assert [{"field": "returns", "lines": [("…", said)], "more": 0}] == row["fields"]
    assert 4.0 > time.process_time() - start


def test_all_diffs_together_are_bounded(monkeypatch):
    """When there is no more room, a diff is its number of lines."""
    monkeypatch.setattr(diff_json, "MOST_TEXT", 40)
    found = compared(pages("a" * 20, "b" * 20), pages("c" * 20, "d" * 20))
    rows = diff_json.document(found)["rows"]
    first, second = [field for row in rows for field in row.get("fields", [])]
    assert first["lines"]
    assert ([], 4) == (second["lines"], second["more"])


# -- How long it takes -----------------------------------------------------------------------------


def big(seed, count, *, deep):
    """Return a run of many events: siblings of one name, or a bushy tree of a few."""
    chosen = random.Random(seed)
    ids = ["root"]
    events = [session(end=1e4)]
    for place in range(count):
        parent = chosen.choice(ids[-40:]) if deep else "root"
        name = f"step {place % 7}" if deep else "step"
        params = {"n": place if chosen.random() < 0.9 else -place, "text": "word " * 80}
        events.append(event(f"{place}", parent, name=name, start=place, params=params))
        ids.append(f"{place}")
    return events


@pytest.mark.parametrize("deep", [False, True])
def test_two_runs_of_2000_events_take_2_seconds(deep):
    """Also when all are siblings of one name, and with all that is shown of it."""
    hurry(big(1, 2000, deep=deep), big(2, 2000, deep=deep))


@pytest.mark.parametrize("kinds", [2, 40, 1000])
def test_steps_that_only_what_is_below_tells_apart_take_no_longer(kinds):
    """A thousand steps without params, of few kinds or of many."""
    chosen = random.Random(kinds)
    hurry(*(blocks(*(f"tool{chosen.randrange(kinds)}" for _ in range(1000))) for _ in "ab"))


def hurry(before, after):
    """Compare two runs that differ, and show it, in 2 s."""
    start = time.process_time()
    found = compared(before, after)
    to_plain(diff_text.comparison(found))
    written(diff_json.document(found))
    assert 2.0 > time.process_time() - start
    assert found.differs


def test_ten_thousand_levels():
    """Nothing recurses."""
    chain = [session(), event("0", "root")]
    chain += [event(str(level), str(level - 1)) for level in range(1, 10_000)]
    found = compared(chain, [*chain[:-1], chain[-1] | {"result": "Fail"}])
    assert [("9999", Change.FAILED)] == told(found)
    assert "9999" in to_plain(diff_text.comparison(found))
