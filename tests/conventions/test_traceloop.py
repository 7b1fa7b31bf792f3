"""agentlog.conventions.traceloop: the spans of OpenLLMetry."""

from agentlog.conventions.reading import read


def test_a_call_of_its_earlier_instrumentations():
    """Messages, tools and counts were spread over attributes, and so they are in AgentOps'."""
    call = "gen_ai.completion.0.tool_calls.0"
    assert {
        "event_type": "openai.chat",
        "action_type": "llm",
        "model": "gpt-4o",
        "prompt": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        ],
        "returns": [
            {
                "role": "assistant",
                "finish_reason": "tool_calls",
                "tool_calls": [
                    {"id": "c1", "function": {"name": "search", "arguments": '{"q": 1}'}}
                ],
            }
        ],
        "params": {
            "provider": "OpenAI",
            "tools": [{"name": "search", "description": "finds"}],
            "cached_tokens": 8,
            "reasoning_tokens": 3,
            "temperature": 0.2,
            "llm.is_streaming": False,
        },
        "prompt_tokens": 12,
        "completion_tokens": 5,
    } == read(
        "openai.chat",
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.request.temperature": 0.2,
            "llm.is_streaming": False,
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": '[{"type": "text", "text": "Hi"}]',
            "llm.request.functions.0.name": "search",
            "llm.request.functions.0.description": "finds",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "tool_calls",
            f"{call}.id": "c1",
            f"{call}.name": "search",
            f"{call}.arguments": '{"q": 1}',
            "gen_ai.usage.prompt_tokens": 12,
            "gen_ai.usage.completion_tokens": 5,
            "gen_ai.usage.cache_read_input_tokens": 8,
            "gen_ai.usage.reasoning_tokens": 3,
            "llm.usage.total_tokens": 17,
        },
    )


def test_a_function():
    """What a workflow, a task or a tool was called with are params."""
    assert {
        "event_type": "search",
        "action_type": "tool",
        "params": {"query": "cats", "args": [1], "traceloop.workflow.name": "research"},
        "returns": ["a", "b"],
    } == read(
        "search.tool",
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "search",
            "traceloop.workflow.name": "research",
            "traceloop.entity.input": '{"args": [1], "kwargs": {"query": "cats"}}',
            "traceloop.entity.output": '["a", "b"]',
        },
    )


def test_an_input_of_another_form():
    """An object gives the params that it has, a text one of its own."""
    for told, expected in (('{"inputs": {"a": 1}}', {"inputs": {"a": 1}}), ("x", {"input": "x"})):
        assert expected == read("chain", {"traceloop.entity.input": told})["params"]


def test_a_call_of_a_tool_of_another_form_stays():
    """As does whatever else is there instead of a message."""
    call = {"id": "c1", "function": {"name": "f"}}
    told = {"gen_ai.completion.0.tool_calls": [call], "gen_ai.completion.1": "text"}
    assert [{"tool_calls": [call]}, "text"] == read("chat", told)["returns"]
