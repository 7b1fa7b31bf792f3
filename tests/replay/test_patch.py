"""Two values as lines that went, came and stayed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.patch import MISSING, is_same, patch
from tests.replay.events import texts

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just("two\nlines"),
    lambda items: st.lists(items, max_size=4) | st.dictionaries(texts, items, max_size=3),
    max_leaves=12,
)


def written(found):
    """Write a patch as `diff -u` does."""
    return [sign + text for sign, text in found]


def test_a_changed_field_is_a_line():
    """Of JSON, the lines that differ are there, and those about them."""
    assert [" {", '-  "limit": 3,', '+  "limit": 5,', '   "page": "owls"', " }"] == written(
        patch({"page": "owls", "limit": 3}, {"limit": 5, "page": "owls"})
    )


def test_a_text_is_its_own_lines():
    """A text is compared by its lines, without quotes."""
    assert [" You write.", "-Be brief.", "+Be long.", " Go."] == written(
        patch("You write.\nBe brief.\nGo.", "You write.\nBe long.\nGo.")
    )


def test_a_text_in_json_is_broken_at_its_lines():
    """A prompt within what is no message is compared by its lines too."""
    before = [{"rule": "user", "content": "a\nb\\n"}]
    after = [{"rule": "user", "content": "a\nc\\n"}]
    assert ['-      b\\\\n",', '+      c\\\\n",'] == [
        line for line in written(patch(before, after)) if line[0] in "+-"
    ]


def test_a_conversation_is_its_words():
    """Each behind its role, with the tools that are called; what else there is, is JSON."""

    def said(city):
        arguments = json.dumps({"city": city})
        call = {"id": "call_1", "function": {"name": "forecast", "arguments": arguments}}
        return [
            {"role": "user", "content": f"Will it rain?\nuser: in {city}?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"text": city}]},
        ]

    assert [
        " user: Will it rain?",
        "-  user: in Oslo?",
        '-assistant calls forecast: {"city": "Oslo"}',
        "-tool forecast: Oslo",
        "+  user: in Rome?",
        '+assistant calls forecast: {"city": "Rome"}',
        "+tool forecast: Rome",
    ] == written(patch(said("Oslo"), said("Rome")))


def test_a_conversation_of_anthropic_is_its_words_too():
    """A call of a tool, and what that gave, are parts there; what else there is, is JSON."""

    def said(city, kind):
        call = {"type": "tool_use", "id": "1", "name": "forecast", "input": {"city": city}}
        given = {"type": "tool_result", "tool_use_id": "1", "content": "rain\nwind"}
        return [
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call]},
            {"role": "user", "content": [given, {"type": kind}]},
        ]

    assert [
        " assistant: I look.",
        '-assistant calls forecast: {"city": "Oslo"}',
        '+assistant calls forecast: {"city": "Rome"}',
        " tool forecast: rain",
        "   wind",
        " user: {",
        '-    "type": "image"',
        '+    "type": "audio"',
        "   }",
    ] == written(patch(said("Oslo", "image"), said("Rome", "audio")))


def test_what_no_turn_tells_is_json():
    """As the id of a call, by which only the turns of one conversation belong together."""
    before, after = ([{"role": "tool", "tool_call_id": one, "content": "x"}] for one in "ab")
    assert ['-    "tool_call_id": "a"', '+    "tool_call_id": "b"'] == [
        line for line in written(patch(before, after)) if line[0] in "+-"
    ]


@pytest.mark.parametrize("calls", [5, "ab", [5], [{"function": "a"}], [{"function": {"name": 1}}]])
def test_a_message_of_another_form_is_compared_too(calls):
    """Whatever stands where calls are told."""
    message = {"role": "assistant", "tool_calls": calls}
    assert is_same(message, message)
    assert patch(message, {"role": "assistant", "content": None})


def test_a_role_alone_makes_no_message():
    """Params may have one."""
    assert [" {", '-  "role": "admin"', '+  "role": "guest"', " }"] == written(
        patch({"role": "admin"}, {"role": "guest"})
    )


def test_what_stayed_is_counted():
    """Beyond three lines about what differs, what is alike is a number."""
    before = [*range(20)]
    assert [
        "@8",
        "   7,",
        "   8,",
        "   9,",
        "+  99,",
        "   10,",
        "   11,",
        "   12,",
        "@8",
    ] == written(patch(before, [*range(10), 99, *range(10, 20)]))


def test_what_is_missing_has_no_lines():
    """Of a field that only one has, all lines came, or went."""
    assert ["+a", "+b"] == written(patch(MISSING, "a\nb"))
    assert ["-{}"] == written(patch({}, MISSING))


def test_a_number_is_not_its_text():
    """Where values differ and their lines do not, JSON tells them apart."""
    assert ["-5", '+"5"'] == written(patch(5, "5"))


def test_a_truth_is_no_number():
    """To Python 1 is True and 1.0; who reads it sees another value."""
    assert ['-  "x": 1', '+  "x": true'] == [
        line for line in written(patch({"x": 1}, {"x": True})) if line[0] in "+-"
    ]
    assert not is_same([0], [False])


def test_what_nobody_reads_is_not_compared():
    """Of more than 50,000 lines only their number is told, whatever they are lines of."""
    long = "\n".join("ab" * 15_000)
    told = [("…", "30,000 lines, now 30,001: too many to compare")]
    assert told == patch(long, long + "\n")
    assert [] == patch(long, long)
    assert "…" not in dict(patch([1] * 30_000, 1))
    assert [("…", "60,002 lines, now 3: too many to compare")] == patch([1] * 60_000, [2])
    assert [("…", "60,003 lines, now 0: too many to compare")] == patch(["a\n" * 60_000], MISSING)


def test_an_address_is_no_difference():
    """The address in a `repr` is another in every run, and says nothing."""
    assert is_same("<Pool at 0x7f3c2a1b4d90>", "<Pool at 0x7fffaa1b4d00>")
    assert not is_same("<Pool at 0x7f3c2a1b4d90>", "<Pond at 0x7f3c2a1b4d90>")


@given(values, values)
def test_any_values(before, after):
    """A patch is empty where values read the same, and has both sides where they do not."""
    assert [] == patch(before, before)
    found = patch(before, after)
    assert is_same(before, after) == (not found)
    assert found == [] or any(sign in "+-" for sign, _ in found)
    skipped = sum(int(text) for sign, text in found if sign == "@")
    again = patch(after, before)
    for signs, others in ((" -", " +"), (" +", " -")):
        ours = sum(sign in signs for sign, _ in found) + skipped
        theirs = sum(sign in others for sign, _ in again)
        assert ours == theirs + sum(int(text) for sign, text in again if sign == "@")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("call_b7eeef47f3717004b709642a", "call_b7aa9e7542a7a7845698ebf5"),
        ("toolu_01A09q90qw90lq917835lq9", "toolu_01B19q90qw90lq917835lq8"),
        ("chatcmpl-123abcDEF456ghiJKL789", "chatcmpl-9bcabcDEF456ghiJKL780"),
    ],
)
def test_ids_that_a_provider_gives_are_no_difference(before, after):
    """They are other ones in every run, in a prompt as in what was returned."""
    message = {"role": "tool", "tool_call_id": before, "content": "rain"}
    assert is_same([message], [message | {"tool_call_id": after}])
    assert is_same(before, after)
    assert not is_same([message], [message | {"tool_call_id": after, "content": "sun"}])


def test_what_only_begins_like_an_id_is_compared():
    """Such as the names of functions."""
    assert not is_same("call_the_customer_service", "call_the_customer_tomorrow")
    assert not is_same("call_customerservicenow", "call_customerservicesoon")
