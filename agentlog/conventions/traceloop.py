"""The vocabulary of OpenLLMetry: `traceloop.*`, and what it added to `gen_ai.*` and `llm.*`.

Its present instrumentations speak that of genai.py. Those before it, which AgentOps' descend from,
spread the messages of a call over attributes, `gen_ai.prompt.0.role`, as OpenInference does.

https://github.com/traceloop/openllmetry/tree/main/packages/opentelemetry-semantic-conventions-ai
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentlog.conventions.attributes import (
    Attributes,
    Shapes,
    as_params,
    by_names,
    count,
    first,
    held,
    lists,
    parsed,
    shapes_of,
    text,
)

_TOOLS: Final = ("gen_ai.request.tools", "gen_ai.request.functions", "llm.request.functions")
_LISTS: Final = frozenset({"gen_ai.prompt", "gen_ai.completion", *_TOOLS})
_REQUESTS: Final = frozenset({"chat", "completion", "embedding", "embeddings", "rerank"})
_TYPES: Final = ("llm.request.type", "gen_ai.request.type")
_TOTALS: Final = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")
NAMESPACES: Final = (
    *("traceloop.", "llm.request.", "llm.usage."),
    *("gen_ai.prompt.", "gen_ai.completion.", "gen_ai.request.type", *_TOOLS),
    *("gen_ai.usage.total_tokens", "gen_ai.usage.cache_", "gen_ai.usage.reasoning_tokens"),
)
"""What the names of its attributes begin with."""

_COUNTED: Final = {
    "cached_tokens": ("gen_ai.usage.cache_read_input_tokens",),
    "cache_write_tokens": ("gen_ai.usage.cache_creation_input_tokens",),
    "reasoning_tokens": ("gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
}


def read(attributes: Attributes, _: Sequence[Any] = ()) -> dict[str, object]:
    """Take what this vocabulary knows out of attributes, and return it as fields of a record."""
    request = text(first(attributes, _TYPES))
    kind = text(attributes.pop("traceloop.span.kind", None))
    given = parsed(attributes.pop("traceloop.entity.input", None))
    spread = lists(attributes, _shapes)
    asked, answered = spread.pop("gen_ai.prompt", None), spread.pop("gen_ai.completion", None)
    tools = next((spread.pop(name) for name in _TOOLS if name in spread), None)
    first(attributes, _TOTALS)  # the sum of two that are told
    return {
        "event_type": text(attributes.pop("traceloop.entity.name", None)),
        "action_type": "llm" if request in _REQUESTS else kind and _kind(kind),
        "prompt": _messages(asked),
        "returns": _messages(answered) or parsed(attributes.pop("traceloop.entity.output", None)),
        "params": {
            **as_called(given, "input"),
            "tools": tools,
            **spread,
            **_counted(attributes),
        },
    }


@by_names
def _shapes(names: tuple[str, ...]) -> Shapes:
    return shapes_of(names, _LISTS)


def _counted(attributes: Attributes) -> dict[str, int | None]:
    return {
        name: held(attributes, names, count, attributes) or None for name, names in _COUNTED.items()
    }


def as_called(value: object, name: str) -> Mapping[str, Any]:
    """Return what a function was called with as params: by name, and `args` for the others."""
    if not isinstance(value, Mapping) or not {"args", "kwargs"} >= value.keys():
        return as_params(value, name)
    named = value.get("kwargs")
    args = {"args": value["args"]} if value.get("args") else {}
    return {**(named if isinstance(named, Mapping) else {}), **args}


def _kind(kind: str) -> str:
    return "tool" if kind == "tool" else "action"


def _messages(messages: list[Any] | None) -> list[Any] | None:
    """Return messages in our form: a call of a tool has a function."""
    return [_message(one) if isinstance(one, dict) else one for one in messages or ()] or None


def _message(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    told = {name: parsed(one) if name == "content" else one for name, one in message.items()}
    if isinstance(calls, list):
        told["tool_calls"] = [_call(one) for one in calls]
    return told


def _call(call: Any) -> Any:
    if not isinstance(call, Mapping) or "name" not in call:
        return call
    function = {name: call[name] for name in ("name", "arguments") if name in call}
    return {"id": call.get("id"), "function": function}
