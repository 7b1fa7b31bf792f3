"""agentlog.bridges.onecall: whether two spans can tell of one call to a model."""

import pytest

from agentlog.bridges.onecall import contradict


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("openai/gpt-4o", "gpt-4o"),
        ("gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet-latest"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet@20240620"),
        ("anthropic.claude-3-haiku", "bedrock/anthropic.claude-3-haiku-20240307-v1:0"),
        ("llama3", "ollama/llama3:latest"),
        ("gpt-4", "gpt-4-0613"),
        ("command-r", "command-r-08-2024"),
        ("gemini-2.5-pro-preview", "gemini-2.5-pro-preview-05-06"),
        ("gemini-2.0-flash", "gemini-2.0-flash-001"),
        ("claude-sonnet-4", "claude-sonnet-4-20250514"),
        ("gpt-4o", ""),
        ("gpt-4o", None),
    ],
)
def test_models_that_may_be_one(one, other):
    """A version may stand behind the name, and a provider before it."""
    assert not contradict({"model": one}, {"model": other})
    assert not contradict({"model": other}, {"model": one})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4", "gpt-4o"),
        ("gpt-4", "gpt-4.1"),
        ("gpt-4", "gpt-4-32k"),
        ("gpt-4", "gpt-4-1106-preview"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-16k"),
        ("o1", "o1-pro"),
        ("o1", "o1-preview"),
        ("claude-sonnet-4", "claude-sonnet-4-5"),
        ("claude-sonnet-4", "claude-sonnet-4-5-20250929"),
        ("gemini-2.0-flash", "gemini-2.0-flash-exp"),
        ("llama-3", "llama-3-70b"),
        ("deepseek", "deepseek-v3:latest"),
    ],
)
def test_models_of_which_one_is_called_as_the_other_begins(one, other):
    """They are two: what stands behind is no version."""
    assert contradict({"model": one}, {"model": f"openai/{other}"})
    assert contradict({"model": f"openai/{other}"}, {"model": one})


def test_models_that_are_two():
    """So are the calls, also where the messages are the same; unless models are not asked for."""
    one, other = {"model": "router", "prompt": "Hi"}, {"model": "gpt-4o", "prompt": "Hi"}
    assert contradict(one, other)
    assert not contradict(one, other, ["prompt"])


@pytest.mark.parametrize(
    "prompt",
    [
        "Hi",
        " Hi\n",
        ["first", "Hi"],
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}],
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image"}]}],
        [{"role": "user", "content": ["Hi"]}],
    ],
)
def test_the_last_message_tells_calls_apart(prompt):
    """By its text, whatever the form of the messages."""
    assert not contradict({"prompt": prompt}, {"prompt": "Hi"})
    assert contradict({"prompt": prompt}, {"prompt": "Bye"})


@pytest.mark.parametrize("prompt", [None, [], {}, 5, [[{"lc": 1}]], [{"role": "user"}], "  "])
def test_what_has_no_text_contradicts_nothing(prompt):
    """Nobody knows what it says."""
    assert not contradict({"prompt": prompt}, {"prompt": "Hi"})
