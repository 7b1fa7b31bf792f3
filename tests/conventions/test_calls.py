"""agentlog.conventions.calls: what each vocabulary reads of a call is what was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.conventions.calls import told_of
from agentlog.conventions.openinference import NAMESPACES
from agentlog.conventions.reading import read
from agentlog.conventions.writing import span
from tests.conventions.test_writing import event, read_back

VOCABULARIES = pytest.mark.parametrize("names", [("gen_ai.",), NAMESPACES])
CALL = {
    "action_type": "llm",
    "model": "gpt-4o",
    "params": {
        "provider": "openai",
        "cached_tokens": 5,
        "cache_write_tokens": 3,
        "reasoning_tokens": 7,
    },
    "prompt": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where do owls live?"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "function": {"name": "search", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "In hollows."},
    ],
    "returns": [{"role": "assistant", "content": "In hollows."}],
    "prompt_tokens": 812,
    "completion_tokens": 96,
}
EMBEDDING = {
    "action_type": "llm",
    "model": "ada",
    "params": {"provider": "openai", "operation": "embeddings"},
}


def read_of(whole, names):
    """Return what is read of an event in the words of one vocabulary."""
    told = span(event(**whole)).attributes
    return read("call", {name: one for name, one in told.items() if name.startswith(names)})


@VOCABULARIES
@pytest.mark.parametrize("whole", [CALL, EMBEDDING])
def test_each_vocabulary_says_the_same(whole, names):
    """Whose call it is, its messages in both directions, and tokens of all kinds."""
    found = read_of(whole, names)
    assert whole["params"].items() <= found["params"].items()
    rest = {name: one for name, one in whole.items() if name != "params"}
    assert rest == {name: found.get(name) for name in rest}


@VOCABULARIES
def test_parts_that_are_texts_are_texts(names):
    """However many there are of a message, in whatever form."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    prompt = read_of({**CALL, "prompt": [{"role": "user", "content": parts}]}, names)["prompt"]
    assert ["a", "b"] == [
        part["text"] if isinstance(part, dict) else part for part in prompt[0]["content"]
    ]


def test_an_embedding_is_no_chat():
    """It has an operation, a kind and a word for its model of its own, and no messages."""
    told = span(event(**EMBEDDING, prompt="owls")).attributes
    assert ("EMBEDDING", "embeddings", "ada") == tuple(
        told[word]
        for word in ("openinference.span.kind", "gen_ai.operation.name", "embedding.model_name")
    )
    assert "llm.model_name" not in told
    assert "gen_ai.input.messages" not in told


def test_an_operation_of_somebodys_own_is_a_chat():
    """A param may have that name."""
    assert "chat" == told_of({"params": {"operation": "delete"}})["gen_ai.operation.name"]


def test_a_text_is_a_message():
    """Of whoever says it."""
    told = told_of({"prompt": "a", "returns": "b"})
    assert [("user", "a"), ("assistant", "b")] == [
        (one["role"], one["parts"][0]["content"])
        for side in ("input", "output")
        for one in json.loads(told[f"gen_ai.{side}.messages"])
    ]


def test_a_picture_is_a_part_of_genai_alone():
    """OpenInference has other words for it: the whole is in `input.value`."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    told = told_of({"prompt": [{"role": "user", "content": ["what is it?", picture]}]})
    (message,) = json.loads(told["gen_ai.input.messages"])
    assert [{"type": "text", "content": "what is it?"}, picture] == message["parts"]
    assert not [name for name in told if name.startswith("llm.")]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "function", "type", "text", "parts"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values, values, values)
def test_whatever_is_said_can_be_read_back(params, prompt, returns):
    """All of this repeats what is there anyway."""
    whole = event(action_type="llm", params=params, prompt=prompt, returns=returns)
    assert whole == read_back(span(whole))
