"""agentlog.conventions.attributes: what attributes hold, and what is remembered of their names."""

import copy
import gc
import weakref

import pytest

from agentlog.conventions.attributes import by_names, parsed
from agentlog.conventions.reading import read

MESSAGE = "llm.input_messages.0.message"


def test_what_names_say_is_found_out_once():
    """The names of a call recur; those that are many or long are not kept."""
    asked = []
    count = by_names(lambda names: asked.append(names) or len(names))
    long = ("x" * 10_000,)
    assert [2, 2, 1, 1] == [count(("a", "b")), count(("a", "b")), count(long), count(long)]
    assert [("a", "b"), long, long] == asked


def test_what_is_remembered_of_names_is_bounded():
    """By the number of the sets, and by their characters where each is large."""
    for length, most in ((5, 256), (8000, 16)):
        answer = by_names(lambda _: Found())
        found = [weakref.ref(answer((f"{at:0{length}}",))) for at in range(1000)]
        gc.collect()
        assert 0 < sum(one() is not None for one in found) <= most


class Found:
    """What is found out."""


def test_two_calls_with_the_same_names_share_nothing():
    """Only the names are remembered: each call has its own values, in lists of its own."""
    one, two = (read("chat", {f"{MESSAGE}.role": "user", f"{MESSAGE}.content": at}) for at in "12")
    one["prompt"].append("more")
    one["prompt"][0]["content"] = "other"
    assert [{"role": "user", "content": "2"}] == two["prompt"]


def test_reading_leaves_values_as_they_are():
    """A value is the program's own, also where names go on behind the one that it has."""
    attributes = {MESSAGE: {"role": "user"}, f"{MESSAGE}.content": "q", "metadata": {"a": 1}}
    before = copy.deepcopy(attributes)
    read("chat", {"openinference.span.kind": "LLM", **attributes})
    assert before == attributes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": 1} \n', {"a": 1}),
        ("[1] 2", "[1] 2"),
        ("[1", "[1"),
        (" [1]", " [1]"),
        ("{}", {}),
        ("", ""),
    ],
)
def test_a_text_that_is_json_as_a_whole_is_read(text, said):
    """What has more behind its JSON stays a text."""
    assert said == parsed(text)
