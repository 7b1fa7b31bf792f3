"""The with-block: what it records, what it leaves alone, and every wrong way to leave it."""

import asyncio
import contextlib
import gc
import sys
import traceback
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentlog import AgentlogWarning, ConfigurationError, Event, Models, current_action
from agentlog.testing import ManualClock, capture_events


class Unprintable:
    def __repr__(self):
        raise ValueError


def parents(captured):
    """Return the name of each event's parent; a session is None."""
    names = {one["id"]: one["event_type"] for one in captured.events}
    return {one["event_type"]: names.get(one["parent_id"]) for one in captured.events}


def in_thread(function, *args):
    """Call a function in a thread of its own, with an empty context."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result(timeout=10)


# -- What is recorded ------------------------------------------------------------------------------


def test_a_block_is_an_event_with_a_duration():
    """The open half is written when it is entered, the close half when it is left."""
    clock = ManualClock(1_700_000_000.0)
    with capture_events(clock=clock) as captured:
        with captured.client.action("plan", {"q": "x"}, ["a"], "tool", "gpt-4", "Hi") as action:
            (running,) = captured.events
            clock.advance(1.5)
        (done,) = captured.events
    assert {
        "id": action.id,
        "session_id": action.session_id,
        "parent_id": action.parent_id,
        "event_type": "plan",
        "action_type": "tool",
        "params": {"q": "x"},
        "tags": ["a"],
        "model": "gpt-4",
        "prompt": "Hi",
        "timestamp": 1_700_000_000.0,
    } == running
    assert running | {"end_timestamp": 1_700_000_001.5, "result": "Success"} == done


def test_blocks_nest(captured):
    """An event hangs under the innermost open action, that one under the session."""
    with captured.client.action("a") as a:
        with captured.client.action("b") as b:
            captured.client.record(Event("c"))
        captured.client.record(Event("d"))
    captured.client.record(Event("e"))
    assert [("a", [("b", ["c"]), "d"]), "e"] == captured.tree()
    assert a.id == b.parent_id
    assert captured.sessions[0]["id"] == a.parent_id
    assert {captured.sessions[0]["id"]} == {a.session_id and a.parent_id}
    assert {a.session_id} == {one["session_id"] for one in captured.everything}


def test_async_with_does_the_same(captured):
    """In a coroutine either form may be used."""

    async def main():
        async with captured.client.action("a") as action:
            with captured.client.action("b"):
                action.returns = 1
        with pytest.raises(KeyError):
            async with captured.client.action("c"):
                raise KeyError

    asyncio.run(main())
    assert [("a", ["b"]), "c"] == captured.tree()
    assert ("Success", 1) == (captured.one("a")["result"], captured.one("a")["returns"])
    assert "Fail" == captured.one("c")["result"]


def test_the_action_of_the_context_is_the_innermost_open_one(captured):
    """None where none is open; with the ids that its record has."""
    assert current_action() is None
    with captured.client.action("a") as a:
        assert a is current_action()
        with captured.client.action("b") as b:
            assert b is current_action()
            assert (b.id, a.id) == (current_action().id, current_action().parent_id)
        assert a is current_action()
    assert current_action() is None


def test_parameters_are_taken_at_the_entrance(captured):
    """What happens to them later is not seen."""
    params = {"items": [1]}
    with captured.client.action("a", params):
        params["items"].append(2)
    assert {"items": [1]} == captured.one("a")["params"]


def test_a_model_makes_an_action_an_llm_call(captured):
    """At once or by a late update; a chosen type stays."""
    with captured.client.action("early", model=Models.GPT_4):
        pass
    with captured.client.action("late") as late:
        late.update(model="claude")
    with captured.client.action("chosen", action_type="action") as chosen:
        chosen.update(model="claude")
    kinds = [(one["action_type"], one["model"]) for one in captured.events]
    assert [("llm", "gpt-4"), ("llm", "claude"), ("action", "claude")] == kinds


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ({"event_type": ""}, "a string that is not empty"),
        ({"event_type": len}, "a string that is not empty"),
        ({"params": "x"}, "a mapping of names to values"),
        ({"action_type": "session"}, "'action', 'llm', 'api', 'screenshot', 'tool', 'log'"),
        ({"model": 5}, "the model's name"),
        ({"tags": "nightly"}, "a list of strings"),
    ],
)
def test_a_wrong_argument_raises_where_it_is_written(captured, arguments, accepted):
    """And says what is accepted; nothing is recorded."""
    with pytest.raises(ConfigurationError) as raised:
        captured.client.action(**{"event_type": "a", **arguments})
    assert accepted in str(raised.value)
    assert [] == captured.everything


# -- What is known late ----------------------------------------------------------------------------


def test_what_is_known_late_is_recorded(captured):
    """Returns, tokens, model and tags; the last word of each counts."""
    with captured.client.action("a", tags=["early"]) as action:
        action.returns = 1
        action.update(prompt_tokens=5, tags=("late",))
        action.update(completion_tokens=7, prompt_tokens=6)
        action.returns = returns = {"text": ["x"]}
        returns["text"].append("y")
        assert {"text": ["x"]} == action.returns
    one = captured.one("a")
    assert ({"text": ["x"]}, ["late"], 6, 7) == (
        one["returns"], one["tags"], one["prompt_tokens"], one["completion_tokens"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt_tokens": -1},
        {"prompt_tokens": 1.5},
        {"completion_tokens": True},
        {"model": 5},
        {"tags": "nightly"},
        {"tags": [1]},
        {"returns": 1},
        {"nonsense": 1},
        {"model": Unprintable()},
        {"nonsense": Unprintable()},
    ],
    ids=lambda wrong: "-".join(f"{name}-{type(value).__name__}" for name, value in wrong.items()),
)
def test_a_wrong_update_is_left_out_with_a_warning(captured, wrong):
    """It never raises, and what is right in it counts."""
    with captured.client.action("a") as action, pytest.warns(AgentlogWarning, match="left out"):
        action.update(**{"prompt_tokens": 5, "completion_tokens": 7, **wrong})
    one = captured.one("a")
    for name, value in {"prompt_tokens": 5, "completion_tokens": 7}.items():
        assert name in wrong or value == one[name]
    assert not set(wrong) & set(one)


def test_fail_says_that_it_failed(captured):
    """With a text, an exception, or nothing; whatever happens to the body."""
    for name, why in {"text": "no hits", "error": ValueError("x"), "nothing": None}.items():
        with captured.client.action(name) as action:
            action.fail(why)
    assert ["Fail"] * 3 == [one["result"] for one in captured.events]
    assert "no hits" == captured.one("text")["reason"]
    assert "error" not in captured.one("text")
    assert ("ValueError", "x") == (
        captured.one("error")["error"]["type"],
        captured.one("error")["error"]["message"],
    )
    assert not {"reason", "error"} & set(captured.one("nothing"))


def test_fail_and_an_exception_are_both_told(captured):
    """The reason is the user's, the error that of the exception which left the body."""
    with contextlib.suppress(KeyError), captured.client.action("a") as action:
        action.fail("no hits")
        raise KeyError("k")
    one = captured.one("a")
    assert ("Fail", "no hits", "KeyError") == (one["result"], one["reason"], one["error"]["type"])


@pytest.mark.parametrize(
    "why", [5, Unprintable(), b"x", ""], ids=["int", "unprintable", "bytes", "empty"]
)
def test_fail_never_raises(captured, why):
    """Whatever is given as the reason."""
    with captured.client.action("a") as action:
        action.fail(why)
    assert "Fail" == captured.one("a")["result"]


def test_what_comes_after_the_end_does_no_harm(captured):
    """Late words to a closed action change nothing that is recorded."""
    with captured.client.action("a") as action:
        pass
    before = captured.records
    action.returns = 1
    action.update(model="m")
    action.fail("late")
    assert before == captured.records


# -- The exception goes on -------------------------------------------------------------------------


def failing():
    """Raise an error with a cause and a note."""
    try:
        raise KeyError("inner")
    except KeyError as inner:
        error = ValueError("outer")
        error.add_note("a note")
        raise error from inner


def frames_of(error):
    """Return the files that a traceback goes through."""
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_exception_of_the_body_goes_on_untouched(captured, asynchronous):
    """It is the same object, with its cause, context and notes, and no frame of ours."""

    def sync_block():
        with captured.client.action("a"):
            failing()

    async def async_block():
        async with captured.client.action("a"):
            failing()

    with pytest.raises(ValueError, match="outer") as raised:
        asyncio.run(async_block()) if asynchronous else sync_block()
    error = raised.value
    assert ["a note"] == error.__notes__
    assert isinstance(error.__cause__, KeyError)
    assert error.__cause__ is error.__context__
    assert not [name for name in frames_of(error) if "agentlog/recording" in name]
    assert ["sync_block" if not asynchronous else "async_block", "failing"] == [
        frame.name for frame in traceback.extract_tb(error.__traceback__)
    ][-2:]


def test_the_exception_is_the_very_object_and_has_no_new_context(captured):
    """Also one that was made elsewhere."""
    error = ValueError("x")
    with pytest.raises(ValueError, match="x") as raised, captured.client.action("a"):
        raise error
    assert raised.value is error
    assert error.__context__ is None


def test_the_exception_is_not_kept(captured):
    """Once the program has let go of it, it is gone, without a round of the garbage collector."""

    class HeavyError(Exception):
        pass

    gc.disable()
    try:
        action = captured.client.action("a")
        with contextlib.suppress(HeavyError), action:
            raise HeavyError
        with captured.client.action("b") as other:
            other.fail(error := HeavyError())
        seen = weakref.ref(error)
        del error
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncio.CancelledError, "cancelled"),
        (KeyboardInterrupt, "interrupted"),
        (GeneratorExit, "abandoned"),
        (SystemExit, "exit"),
    ],
)
def test_ends_that_are_no_failure(captured, error, reason):
    """They are neither Success nor Fail, and go on."""
    with pytest.raises(error), captured.client.action("a"):
        raise error
    one = captured.one("a")
    assert ("Indeterminate", reason) == (one["result"], one["reason"])
    assert "error" not in one


def test_ctrl_c_at_the_entrance_goes_on_and_leaves_no_parent(captured):
    """A value's own code may be running when it comes: the block is not entered."""

    class Slow:
        def __repr__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), captured.client.action("a", {"x": Slow()}):
        raise AssertionError
    captured.client.record(Event("b"))
    assert current_action() is None
    assert ["b"] == captured.tree()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        in_thread(captured.client.record, Event("c"))
    assert [] == caught  # nothing is open in the main thread: that one has lost no parent


def test_an_exit_asked_by_a_value_is_not_heard(captured):
    """A repr that raises SystemExit is an unprintable value."""

    class Leaving:
        def __repr__(self):
            raise SystemExit

    with captured.client.action("a", {"x": Leaving()}) as action:
        action.returns = Leaving()
    assert {"x": "<unprintable Leaving>"} == captured.one("a")["params"]


def test_a_value_that_records_while_it_is_recorded(captured):
    """Its event hangs under the action whose parameter it is; nothing is mixed up."""

    class Chatty:
        def __repr__(self):
            captured.client.record(Event("said"))
            return "chatty"

    with captured.client.action("a", {"x": Chatty()}) as action:
        action.returns = Chatty()
    assert [("a", ["said", "said"])] in (captured.tree(), captured.tree()[::-1])
    assert ({"x": "chatty"}, "chatty") == (
        captured.one("a")["params"],
        captured.one("a")["returns"],
    )


def test_a_recursion_without_end_leaves_no_parent(captured):
    """Wherever in our code the stack ends, what comes afterwards hangs where it belongs."""

    def fall(depth):
        with captured.client.action("a"):
            fall(depth + 1)

    def from_depth(depth):
        if depth:
            return from_depth(depth - 1)
        with pytest.raises(RecursionError):
            fall(0)
        return current_action()

    limit = sys.getrecursionlimit()
    frame, here = sys._getframe(), 0
    while frame:
        frame, here = frame.f_back, here + 1
    sys.setrecursionlimit(here + 70)
    try:
        left = [from_depth(depth) for depth in range(12)]
    finally:
        sys.setrecursionlimit(limit)
    assert [None] * 12 == left
    captured.client.record(Event("afterwards"))
    assert parents(captured)["afterwards"] is None
