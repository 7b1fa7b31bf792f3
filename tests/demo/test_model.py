"""The model of the demo answers from what it is given, and calls the tools that it is given."""

import math

import pytest

from agentlog.demo.model import NOTHING, Reply, Tool, Turn, embedding, reply, spent

OWLS = "Owls hunt at night. Pumas sleep at noon. Owls hear mice."
FORECAST = Tool("forecast", "the weather", {"city": {"type": "string", "enum": ["Oslo", "Rome"]}})
SEARCH = Tool("search", "look into the pages", {"query": {"type": "string"}})
PAGE = Tool("page", "turn to a page", {"number": {"type": "integer"}, "text": {"type": "string"}})


def user(text):
    """A turn of the user."""
    return Turn("user", text)


def calls(text, *tools):
    """What is called, with what."""
    return [(call.name, call.arguments) for call in reply([user(text)], tools).calls]


def test_the_answer_quotes_what_was_given():
    """It is the two sentences that say most about the question, in the order of the text."""
    expected = Reply("Owls hunt at night. Owls hear mice.")
    assert expected == reply([Turn("system", OWLS), user("What do owls hear?")])
    assert expected == reply([user(f"What do owls hear? {OWLS}")])


@pytest.mark.parametrize("turns", [[], [user("")], [user("Who are you?")]])
def test_without_anything_to_quote_the_answer_says_so(turns):
    """Nothing is made up."""
    assert Reply(NOTHING) == reply(turns)


def test_the_tool_is_called_that_the_question_is_about():
    """Which it is, the words in its name and description say; a text goes to it as it is."""
    assert [("search", {"query": "Look for owls."})] == calls("Look for owls.", FORECAST, SEARCH)
    assert [("page", {"number": 7, "text": "Turn to 7"})] == calls("Turn to 7", SEARCH, PAGE)


def test_each_choice_that_is_named_is_a_call():
    """Calls side by side are what a model makes of a question about several things."""
    both = [("forecast", {"city": "Oslo"}), ("forecast", {"city": "Rome"})]
    assert both == calls("Will it rain in Oslo or in Rome?", FORECAST)
    assert [] == calls("Will it rain in Lima?", FORECAST)


def test_what_the_tools_found_is_the_answer():
    """After the calls the model quotes what came of them, and calls nothing any more."""
    turns = [user("Rain in Oslo?"), Turn("assistant", ""), Turn("tool", "It will rain in Oslo.")]
    assert Reply("It will rain in Oslo.") == reply(turns, [FORECAST])
    assert [{"city": "Rome"}] == [
        call.arguments for call in reply([*turns, user("And in Rome?")], [FORECAST]).calls
    ]


def test_tokens_are_words():
    """Both ways: what was said, and what the answer or the calls say."""
    assert (6, 7) == spent(
        [user("Rain in Oslo?"), user("or in Rome?")], Reply("It rains in Oslo, not in Rome.")
    )
    turn = user("Rain in Oslo and Rome?")
    assert (5, 4) == spent([turn], reply([turn], [FORECAST]))


def test_texts_that_share_words_are_near():
    """A vector has the length one, and that of nothing is nothing."""
    owls, mice, pumas = map(embedding, ["owls hunt mice", "mice fear owls", "pumas sleep"])
    assert math.isclose(1, math.hypot(*owls))
    assert math.dist(owls, mice) < 1 < math.dist(owls, pumas)
    assert {0.0} == set(embedding("the"))
