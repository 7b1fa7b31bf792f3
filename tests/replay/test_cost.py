"""What a run cost: by event, with what is below it, and in all; what was spent counts once."""

import re
from datetime import UTC

import pytest

from agentlog.replay import moving
from agentlog.replay.follow import Followed
from agentlog.replay.glyphs import UNICODE
from agentlog.replay.lines import to_plain
from agentlog.replay.rows import View
from agentlog.replay.text import replay
from agentlog.replay.tree import fold, forest, walk
from tests.replay.events import event, session

pytest.importorskip("genai_prices")


def call(event_id, parent="root", given=812, made=96, **fields):
    """Return a call of a model, which costs $0.03012 unless told otherwise."""
    usual = {"action_type": "llm", "model": "gpt-4"}
    tokens = {"prompt_tokens": given, "completion_tokens": made}
    return event(event_id, parent, **usual | tokens | fields)


def costs(*events):
    """Return what each event cost with all below it, and how many calls of it have no price."""
    found = {}
    for _, node in walk(forest([session(), *events])):
        dollars = node.spent.dollars
        found[node.id] = (dollars and round(dollars, 6), node.spent.unpriced)
    return found


def shown(*events, **options):
    """Return the replay as lines of text, in UTC."""
    return to_plain(replay(forest([session(), *events]), zone=UTC, **options)).splitlines()


def test_what_is_below_counts_too():
    """In each event above, and in the session."""
    found = costs(event("a", "root"), call("b", "a"), call("c", "a"), event("d", "root"))
    assert (0.06024, 0) == found["root"] == found["a"]
    assert (0.03012, 0) == found["b"]
    assert (None, 0) == found["d"]


def test_an_action_around_a_call_is_the_same_call():
    """Where both say the same tokens they were spent once, however many are around it."""
    inner = call("inner", "outer", model="gpt-4-0613")
    assert (0.03012, 0) == costs(call("outer"), inner)["root"]
    further = call("wrapped", "middle")
    found = costs(call("outer"), event("middle", "outer"), further)
    assert (0.03012, 0) == found["outer"] == found["root"]


def test_an_agent_that_adds_up_says_the_same_again():
    """Its tokens are those of the calls below it together."""
    calls = call("one", "agent", 800, 90), call("two", "agent", 12, 6)
    found = costs(call("agent"), *calls)
    assert (0.03012, 0) == found["agent"] == found["root"]


def test_other_tokens_are_another_call():
    """A call in whose time others were made, as by a tool that it used."""
    assert (0.03072, 0) == costs(call("outer"), call("inner", "outer", 20, 0))["root"]
    assert (0.0, 0) == costs(call("outer", given=0, made=0))["root"]


def test_of_two_that_say_the_same_one_may_know_the_price():
    """The outer one has a model with a price, the inner one the name of a deployment."""
    outer, inner = call("outer"), call("inner", "outer", model="my-deployment")
    assert (0.03012, 0) == costs(outer, inner)["root"]
    assert (0.03012, 0) == costs(outer | {"model": "alias"}, inner | {"model": "gpt-4"})["root"]
    assert (None, 1) == costs(outer | {"model": "alias"}, inner)["root"]


def test_what_has_no_price_makes_a_sum_the_least():
    """A model that nobody knows, and tokens without a model."""
    found = costs(call("a"), call("b", model="my-own"), call("c", model=None))
    assert (0.03012, 2) == found["root"]
    assert (None, 1) == found["b"] == found["c"]


def test_a_failed_call_and_a_model_without_tokens_cost_nothing():
    """There is nothing to be paid, or nobody said what."""
    silent = {"given": None, "made": None}
    assert (None, 0) == costs(call("a", **silent), call("b", result="Fail", **silent))["root"]


def test_details_of_a_call_are_params():
    """The provider, and the part of the prompt that was in a cache."""
    plain = {"model": "claude-sonnet-4-5", "given": 10_000}
    cached = {"provider": "anthropic", "cached_tokens": 9_000}
    found = costs(
        call("a", **plain),
        call("b", **plain, params=cached),
        call("c", **plain, params={"provider": "ollama"}),
        call("d", **plain, params="odd"),
    )
    assert found["a"][0] == found["d"][0] > found["b"][0]
    assert (None, 1) == found["c"]


def test_the_replay_tells_it():
    """In a column of its own and in the header; what has no price says so, and sums have a `+`."""
    plan = call("plan", "ask", end=2)
    judge = call("judge", "ask", model="my-own", start=1, end=1.5)
    expected = """\
root  0192f3a4b5c6  2023-11-14 22:13:20
✓ succeeded · 10.0 s · 4 events · no failures
  tokens 1,624→192 · cost $0.0301+

✓ root  session                     $0.0301+  10.0 s
└─ ✓ ask                            $0.0301+  2.00 s
   ├─ ✓ plan  llm  gpt-4    812→96  $0.0301   2.00 s
   └─ ✓ judge  llm  my-own  812→96  $?        500 ms
"""
    assert expected.splitlines() == shown(event("ask", "root", end=2), plan, judge, width=62)


def test_bars_stand_beside_the_costs_of_a_usual_call():
    """In 80 columns, as those of OpenAI's and Anthropic's clients are named."""
    names = {"gpt-4o-mini": "ChatCompletion", "claude-haiku-4-5": "messages.create"}
    for model, name in names.items():
        made = call("a", "ask", 8, 4, name=name, model=model, end=0.1)
        *_, root, _, _ = shown(event("ask", "root", end=2), made)
        assert root.endswith("━" * 8)


def test_a_session_of_unknown_cost_says_so():
    """In a word in the header, and by a sign in the row of the call."""
    lines = shown(call("a", model="my-own"))
    assert lines[1].endswith(" · tokens 812→96 · cost $?")
    assert ["$?"] == re.findall(r"\$\S*", " ".join(lines[2:]))


def test_costs_stand_below_each_other_by_their_points():
    """So the largest can be seen."""
    calls = [call(f"{n}", given=10**n, made=0, start=n, end=n + 0.5) for n in range(7)]
    points = {line.index(".", line.index("$")) for line in shown(*calls, width=90)[4:]}
    assert 1 == len(points)


def test_a_folded_row_has_the_sum():
    """Of all that it stands for."""
    (folded,) = fold(forest([session(), *(call(f"{n}", name="ask") for n in range(3))])[0].children)
    assert 0.09036 == pytest.approx(folded.spent.dollars)


@pytest.mark.usefixtures("unpriced")
def test_without_the_extra_there_are_tokens_only():
    """No column, no word."""
    assert not any("cost" in line or "$" in line for line in shown(call("a", model="my-own")))


def test_a_run_that_goes_on_tells_it():
    """At the end of a call, and above the screen, where what was spent counts once too."""
    view = View(width=100, glyphs=UNICODE, zone=UTC)
    followed = Followed()
    steps = followed.take([session(end=None), call("outer", end=None), call("inner", "outer")])
    written = [to_plain([moving.line(step, view)]).strip() for step in steps]
    assert "✓ inner  llm  gpt-4  812→96  $0.0301  1.00 s" == written[-1].partition(" ")[2].strip()
    assert not any("$" in line for line in written[:-1])
    followed.take([call("outer", end=2)])
    assert "tokens 812→96 · cost $0.0301" in to_plain(moving.screen(followed, view, 9))
