"""agentlog.conventions.reading: what a span says, as fields of our record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.conventions.reading import ended, read, read_end, says_more
from agentlog.conventions.words import SpanEvent

FAILED = {
    "exception.type": "openai.RateLimitError",
    "exception.message": "slow down",
    "exception.stacktrace": "Traceback (most recent call last): ...",
}


def test_a_call_of_openinference_has_its_prompt_when_it_starts():
    """The request is JSON in `input.value`: messages, model and parameters are told apart."""
    request = {
        "messages": [{"role": "user", "content": "Hello"}],
        "model": "gpt-4o",
        "temperature": 0.2,
    }
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.system": "openai",
        "input.value": json.dumps(request),
        "input.mime_type": "application/json",
    }
    assert {
        "event_type": "ChatCompletion",
        "action_type": "llm",
        "model": "gpt-4o",
        "prompt": [{"role": "user", "content": "Hello"}],
        "params": {"provider": "openai", "temperature": 0.2},
    } == read("ChatCompletion", attributes)


def test_messages_that_are_spread_over_attributes_are_put_together():
    """Tool calls and parts of contents too, whatever order the attributes have."""
    prefix = "llm.output_messages.0.message"
    attributes = {
        "openinference.span.kind": "LLM",
        f"{prefix}.tool_calls.1.tool_call.function.name": "fetch",
        f"{prefix}.tool_calls.0.tool_call.id": "call_1",
        f"{prefix}.tool_calls.0.tool_call.function.name": "search",
        f"{prefix}.tool_calls.0.tool_call.function.arguments": '{"query": "cats"}',
        f"{prefix}.role": "assistant",
        f"{prefix}.contents.0.message_content.image.image.url": "https://example.com/a.png",
    }
    assert [
        {
            "role": "assistant",
            "content": [{"image": {"url": "https://example.com/a.png"}}],
            "tool_calls": [
                {"id": "call_1", "function": {"name": "search", "arguments": '{"query": "cats"}'}},
                {"function": {"name": "fetch"}},
            ],
        }
    ] == read("chat", attributes)["returns"]


def test_a_call_of_the_genai_conventions_has_its_messages_in_our_form():
    """Parts become `content` and `tool_calls`; the instructions of the system come first."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [{"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}],
                    "finish_reason": "tool_call",
                }
            ]
        ),
        "server.address": "api.openai.com",
    }
    assert {
        "event_type": "chat gpt-4o",
        "action_type": "llm",
        "model": "gpt-4o-2024-08-06",
        "prompt": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
        "params": {
            "provider": "openai",
            "model": "gpt-4o",
            "cached_tokens": 8,
            "temperature": 0.5,
            "server.address": "api.openai.com",
        },
        "returns": [
            {
                "role": "assistant",
                "finish_reason": "tool_call",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}],
            }
        ],
        "prompt_tokens": 12,
        "completion_tokens": 3,
    } == read("chat gpt-4o", attributes)


def test_numbers_of_items_cost_nothing():
    """A list is as long as what was said of it."""
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.output_messages.999999999.message.role": "assistant",
        "llm.output_messages.7.message.role": "user",
        f"llm.output_messages.{'9' * 5000}.message.role": "nobody",
    }
    fields = read("chat", attributes)
    assert [{"role": "user"}, {"role": "assistant"}] == fields["returns"]
    assert ["nobody"] == list(fields["params"].values())


NAMES = st.sampled_from(
    [
        "openinference.span.kind",
        "input.value",
        "output.value",
        "llm.input_messages.0",
        "llm.input_messages.0.message",
        "llm.input_messages.0.message.role",
        "llm.output_messages.0.message.tool_calls.0",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id",
        "llm.tools.3.tool.json_schema",
        "llm.tools.4",
        "embedding.embeddings.0.embedding.vector",
        "llm.invocation_parameters",
        "llm.token_count.prompt",
        "tag.tags",
        "gen_ai.operation.name",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.request.model",
        "gen_ai.request.type",
        "gen_ai.prompt.0",
        "gen_ai.prompt.0.role",
        "gen_ai.completion.0.tool_calls",
        "gen_ai.completion.0.tool_calls.0",
        "gen_ai.completion.0.tool_calls.0.name",
        "traceloop.span.kind",
        "traceloop.entity.input",
        "agentops.span.kind",
        "agentops.tool.input",
        "agentops.tool.output",
        "agentops.tags",
        "agentops.session.end_state",
        "operation.name",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({}, optional={"role": JSON, "parts": JSON, "type": JSON}), max_size=3
)
VALUES = JSON | JSON.map(json.dumps) | MESSAGES | MESSAGES.map(json.dumps) | st.binary(max_size=3)


@given(
    st.dictionaries(NAMES | st.text(), VALUES),
    st.lists(
        st.builds(
            SpanEvent,
            st.sampled_from(["exception", "gen_ai.choice", "gen_ai.user.message", "x"]),
            st.just(0),
            st.dictionaries(st.text() | st.just("message") | st.just("exception.type"), VALUES),
        ),
        max_size=3,
    ),
)
def test_nothing_that_attributes_hold_raises(attributes, events):
    """Values of wrong types become params, or nothing."""
    fields = read("span", attributes, events)
    assert {"event_type", "action_type"} <= set(fields)
    json.dumps(fields, default=repr)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000])
def test_json_that_is_too_deep_stays_a_text(text):
    """It takes no more room than Python has."""
    assert {"input": text} == read("span", {"input.value": text})["params"]


@pytest.mark.parametrize("value", ["[" + "{}," * 50_000 + "{}]", '["' + "a" * (16 << 20) + '"]'])
def test_json_that_is_large_stays_a_text(value):
    """Its values would take many times its memory, and nobody has asked for them."""
    attributes = {"openinference.span.kind": "LLM", "input.value": value}
    assert value == read("x", attributes)["prompt"]
    commas = json.dumps(["," * 90_000])
    assert ["," * 90_000] == read("x", {**attributes, "input.value": commas})["prompt"]


@pytest.mark.parametrize(
    ("name", "value", "param"),
    [
        ("llm.model_name", 5, "llm.model_name"),
        ("llm.token_count.prompt", "many", "llm.token_count.prompt"),
        ("llm.token_count.prompt", -1, "llm.token_count.prompt"),
        ("llm.token_count.completion", 1.5, "llm.token_count.completion"),
        (
            "llm.token_count.prompt_details.cache_read",
            "some",
            "llm.token_count.prompt_details.cache_read",
        ),
        ("llm.provider", 3, "llm.provider"),
        ("tag.tags", 4, "tag.tags"),
        ("gen_ai.request.model", False, "model"),
        ("gen_ai.usage.input_tokens", True, "gen_ai.usage.input_tokens"),
        ("gen_ai.usage.cache_read_input_tokens", "x", "gen_ai.usage.cache_read_input_tokens"),
    ],
)
def test_what_a_field_cannot_hold_is_a_param(name, value, param):
    """As in a log line."""
    fields = read("span", {"openinference.span.kind": "LLM", name: value})
    assert {"event_type": "span", "action_type": "llm", "params": {param: value}} == fields


def test_a_field_is_told_by_the_first_that_fits():
    """Of several attributes that may say it."""
    fields = read("span", {"llm.model_name": 5, "llm.request.model_name": "gpt-4o"})
    assert ("gpt-4o", {"llm.model_name": 5}) == (fields["model"], fields["params"])


@pytest.mark.parametrize(
    ("told", "params"),
    [
        ({"llm.request.model_name": "b", "llm.response.model_name": "a"}, {"model": "b"}),
        ({"llm.request.model_name": "b"}, None),
        (
            {"llm.provider": "azure", "llm.system": "openai"},
            {"provider": "azure", "llm.system": "openai"},
        ),
        ({"llm.provider": "openai", "llm.system": "openai"}, {"provider": "openai"}),
        ({"llm.token_count.total": 77}, {"total_tokens": 77}),
        ({"llm.token_count.total": 77, "llm.token_count.prompt": 7}, {"total_tokens": 77}),
        ({"llm.token_count.total": 77, "llm.token_count.prompt": 77}, None),
        ({"openinference.span.kind": "RETRIEVER"}, {"kind": "RETRIEVER"}),
        ({"openinference.span.kind": "Guardrail"}, {"kind": "Guardrail"}),
        ({"openinference.span.kind": "DECISION"}, {"kind": "DECISION"}),
        ({"openinference.span.kind": "TOOL", "input.value": '{"kind": 1}'}, {"kind": 1}),
        (
            {"openinference.span.kind": "CHAIN", "input.value": '{"kind": 1}'},
            {"kind": 1, "openinference.span.kind": "CHAIN"},
        ),
    ],
)
def test_what_openinference_says_besides_is_a_param(told, params):
    """Nothing is left out but what another field or param says."""
    assert params == read("span", {"openinference.span.kind": "LLM", **told}).get("params")


def test_the_last_exception_ended_the_span():
    """Its type, its message and its traceback are the error."""
    fields = read(
        "span",
        {},
        [
            SpanEvent("exception", 0, {"exception.type": "KeyError"}),
            SpanEvent("exception", 0, FAILED),
        ],
    )
    error = {
        "type": "openai.RateLimitError",
        "message": "slow down",
        "traceback": "Traceback (most recent call last): ...",
    }
    assert error == fields["error"]
    assert ("Fail", None, error) == ended(2, "RateLimitError: slow down", fields)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("__main__.Mine", "Mine"),
        ("builtins.KeyError", "KeyError"),
        ("a.__main__.B", "a.__main__.B"),
    ],
)
def test_an_exceptions_type_is_named_as_a_traceback_names_it(told, named):
    """Which leaves out the modules that say nothing."""
    assert (
        named
        == read("span", {}, [SpanEvent("exception", 0, {"exception.type": told})])["error"]["type"]
    )


def test_a_status_tells_how_a_span_ended():
    """A call that was given up is no failure; what was recorded of one that went well is none."""
    assert ("Success", None, None) == ended(0, None, {})
    assert ("Success", None, None) == ended(1, None, {"error": {"type": "KeyError"}})
    assert ("Fail", "no route", None) == ended(2, "no route", {})
    cancelled = {"error": {"type": "asyncio.exceptions.CancelledError"}}
    assert ("Indeterminate", "cancelled", None) == ended(2, "", cancelled)


@pytest.mark.parametrize("kind", ["KeyError", "__main__.Mine", "asyncio.exceptions.CancelledError"])
def test_an_exception_is_told_once(kind):
    """As the error or the reason; one that a span has got over is a line."""
    raised = SpanEvent("exception", 0, {"exception.type": kind, "exception.message": "no"})
    other = SpanEvent("exception", 0, {"exception.type": kind + "2", "exception.message": "no"})
    for code, lines in ((2, [other]), (1, [other, raised]), (0, [other, raised])):
        _, reason, error = ended(code, "", read("x", {}, [other, raised]))
        assert lines == [one for one in (other, raised) if says_more(one, reason, error)]


LONG = st.sampled_from(["q" * 100, "The owls hunt at night. " * 9])
MODELS = LONG | st.sampled_from(["gpt-4o", "gpt-4o-mini"])
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(st.fixed_dictionaries({"role": LONG, "content": LONG}), max_size=2),
        "model": MODELS,
        "system": LONG,
        "name": LONG,
    },
).map(json.dumps)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "openinference.span.kind": st.sampled_from(["LLM", "LLM", "TOOL", "RETRIEVER"]),
        "llm.system": st.sampled_from(["openai", "x"]),
        **dict.fromkeys(["input.value", "llm.invocation_parameters"], REQUEST | LONG),
        **dict.fromkeys(["llm.model_name", "llm.response.model_name"], MODELS),
        "llm.input_messages.0.message.content": LONG,
        "llm.input_messages.1.message.content": LONG,
        "llm.output_messages.0.message.content": LONG,
        "output.value": REQUEST | LONG,
        "llm.token_count.prompt": st.just(7),
        "mine": LONG,
    },
)
SAID_OTHERWISE = st.fixed_dictionaries(
    {},
    optional={
        "gen_ai.operation.name": st.sampled_from(["chat", "execute_tool"]),
        **dict.fromkeys(["gen_ai.request.model", "gen_ai.response.model"], MODELS),
        "gen_ai.system_instructions": LONG,
        "gen_ai.input.messages": REQUEST | LONG,
        "gen_ai.prompt.0.content": LONG,
        "gen_ai.prompt.1.content": LONG,
        "gen_ai.completion.0.content": LONG,
        "llm.request.type": st.just("chat"),
        **dict.fromkeys(["traceloop.entity.input", "traceloop.entity.output"], REQUEST | LONG),
        "operation.name": LONG,
        "agentops.tool.input": REQUEST,
    },
)


@given(
    SAID | SAID_OTHERWISE | st.builds(lambda one, other: {**one, **other}, SAID, SAID_OTHERWISE),
    st.randoms(use_true_random=False),
    st.sampled_from(["span", "q" * 100]),
)
def test_a_span_says_the_same_however_much_of_it_was_said_at_its_start(at_end, random, name):
    """Read in two halves it is what it is when it is read at once."""
    started = {key: value for key, value in at_end.items() if random.random() < 0.5}
    texts = {}
    known = read("span", started, (), texts)
    assert read(name, at_end) == read_end(name, at_end, (), started, known, texts)


def test_a_model_that_was_named_before_is_what_was_asked_for():
    """Where another one has taken its place."""
    started = {"openinference.span.kind": "LLM", "llm.model_name": "ask"}
    known = read("call", started)
    told = read_end("call", {**started, "llm.model_name": "gpt"}, (), started, known)
    assert ("gpt", {"model": "ask"}) == (told["model"], told["params"])


def test_what_is_none_is_not_told():
    """Neither beside what a vocabulary knows nor where none knows any of it."""
    assert {"event_type": "a", "action_type": "action"} == read("a", {"key": None})
    assert {"key": 1} == read("a", {"key": 1, "other": None})["params"]
    assert {"key": 1} == read("a", {"tool.name": None, "key": 1, "other": None})["params"]


def test_nothing_is_read_again_if_nothing_is_new():
    """Attributes are compared as objects: one that is equal may still be another."""
    started = {"x": 1, "y": 2}
    known = read("call", started)
    assert known is read_end("call", dict(started), (), started, known)
    for other in ({"x": 1, "z": 2}, {"x": True, "y": 2}, {"x": 1}):
        assert other == read_end("call", other, (), started, known)["params"]


def test_a_stream_without_a_status_is_not_guessed_at():
    """Other instrumentations set none for one that was read to its end."""
    attributes = {"openinference.span.kind": "LLM", "input.value": '{"messages":[],"stream":true}'}
    assert ("Success", None, None) == ended(0, None, read("chat", attributes))
