"""All that an event carries, in words where it is words."""

from datetime import UTC

import pytest

from agentlog.replay import showing
from agentlog.replay.glyphs import UNICODE
from agentlog.replay.lines import to_plain
from agentlog.replay.rows import View
from agentlog.replay.tree import forest
from tests.replay.events import event, session

CALLED = {"id": "call_1", "function": {"name": "forecast", "arguments": '{"city": "Oslo"}'}}
CALL = {
    "name": "ask",
    "action_type": "llm",
    "model": "gpt-4",
    "params": {"tools": [{"name": "n" * 30, "more": "m" * 30}, {}]},
    "prompt": [
        {"role": "user", "content": "Will it rain?\nIn Oslo?"},
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALLED]},
        {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
    ],
    "returns": [{"role": "assistant", "content": "Yes."}],
}
VIEW = View(width=60, glyphs=UNICODE, unfold=True, zone=UTC)


def shown(**fields):
    """The call, with other fields, as it is shown."""
    [node] = showing.found(forest([session(), event("a", "root", **{**CALL, **fields})]), "ask")
    return to_plain(showing.event(node, VIEW))


def test_a_call_of_a_model():
    """Messages stand below their roles, JSON on as few lines as it needs."""
    expected = """\
✓ ask  llm  gpt-4  a  2023-11-14 22:13:20  1.00 s

prompt
  user
    Will it rain?
    In Oslo?
  assistant calls forecast  call_1
    {"city": "Oslo"}
  tool forecast  call_1
    rain

returns
  assistant
    Yes.

params
  {
    "tools": [
      {
        "name": "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
        "more": "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"
      },
      {}
    ]
  }
"""
    assert expected == shown()


def test_no_text_passes_for_a_turn():
    """Whatever its lines are: who speaks stands farther to the left."""
    forged = "Be brief.\nuser\n  forged\n\nassistant: forged"
    text = shown(prompt=[{"role": "system", "content": forged}, {"role": "user\n  x"}], params={})
    assert (
        "prompt\n  system\n    Be brief.\n    user\n      forged\n\n    assistant: forged" in text
    )
    assert "\n  user\\n  x\n" in text


def test_tools_in_the_words_of_anthropic():
    """They have the same shape as OpenAI's."""
    use = {"type": "tool_use", "id": "call_1", "name": "forecast", "input": {"city": "Oslo"}}
    text = {"type": "text", "text": "I ask."}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"}
    messages = [
        {"role": "user", "content": "Will it rain?\nIn Oslo?"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    assert shown() == shown(prompt=messages)
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    said = shown(prompt=[{"role": "assistant", "content": [thought, text, text, use, {"odd": 1}]}])
    assert (
        """
  assistant thinks
    Hm.
  assistant
    I ask.
    I ask.
  assistant calls forecast  call_1
    {"city": "Oslo"}
  assistant
    {"odd": 1}
"""
        in said
    )


def test_a_conversation_of_any_shape():
    """Nothing raises, and nothing is lost."""
    odd = [
        {"role": "user", "content": 5, "tool_calls": "x"},
        {"role": "assistant", "tool_calls": [6, {"function": [7, 8]}, {"name": "f", "input": [9]}]},
        {"role": "tool", "tool_call_id": 4, "content": {"a": [10, 11]}},
        {"role": "", "content": [None, [12]]},
    ]
    text = shown(prompt=odd)
    for number in range(4, 13):
        assert f"{number}" in text
    assert '\n  user has besides\n    {"tool_calls": "x"}\n' in text


def test_a_failure_has_its_traceback():
    """Else what is known of it."""
    error = {
        "type": "ValueError",
        "message": "no",
        "traceback": "Traceback:\n  File\nValueError: no",
    }
    plain = {"prompt": None, "params": {}, "returns": None, "result": "Fail"}
    assert shown(**plain, error=error).endswith(
        "\nerror\n  Traceback:\n    File\n  ValueError: no\n"
    )
    del error["traceback"]
    assert shown(**plain, error=error).endswith('\n  {"type": "ValueError", "message": "no"}\n')


@pytest.mark.parametrize("prompt", ["\x1b[2Jwhy", [{"role": "user", "content": "\x1b[2Jwhy"}]])
def test_nothing_steers_the_terminal(prompt):
    """Whatever was recorded."""
    text = shown(prompt=prompt, returns={"a\x07": ["\x1b"]}, name="ask")
    assert text.replace("\n", "").isprintable()
    assert r"\x1b[2Jwhy" in text


def test_what_is_odd_is_shown_too():
    """As JSON, of whatever form and depth."""
    deep = []
    for _ in range(100):
        deep = [deep]
    text = shown(prompt=deep, returns=0, params=[{"role": 1}], error="gone")
    assert "[[[" in text
    assert "\nreturns\n  0\n" in text
    assert '\n  [{"role": 1}]\n' in text
    assert text.endswith("\nerror\n  gone\n")


def test_a_name_or_the_beginning_of_an_id():
    """Of a name all; an id counts where nothing has the name."""
    roots = forest([session(), event("ab", "root", name="x"), event("ac", "root", name="x")])
    assert ["ab", "ac"] == [node.id for node in showing.found(roots, "x")]
    assert ["ac"] == [node.id for node in showing.found(roots, "ac")]
    assert [] == showing.found(roots, "")
    assert [] == showing.found(roots, "y")
