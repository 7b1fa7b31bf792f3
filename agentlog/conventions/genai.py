"""The vocabulary of OpenTelemetry's conventions for generative AI: `gen_ai.*`.

Messages are JSON in attributes; in earlier versions they were events of the span. A message of ours
has `role` and `content`; calls of tools are `tool_calls`, as OpenAI has them.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentlog.conventions.attributes import (
    Attributes,
    Taken,
    as_params,
    by_names,
    count,
    first,
    parsed,
    rows_of,
    taken,
    text,
)
from agentlog.conventions.words import SpanEvent

LLM: Final = frozenset({"chat", "embeddings", "generate_content", "text_completion"})
"""Operations that are calls to a model."""

_ORDINARY: Final = ("chat", "execute_tool")
_OURS: Final = "gen_ai."
_REQUEST: Final = "gen_ai.request."
_WRITTEN: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
)
_FIELDS: Final[Taken] = (
    ("model", ("gen_ai.response.model", "gen_ai.request.model"), text),
    ("prompt_tokens", ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"), count),
    ("completion_tokens", ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"), count),
)
_PARAMS: Final[Taken] = (
    ("provider", ("gen_ai.provider.name", "gen_ai.system"), text),
    ("model", ("gen_ai.request.model",), text),
    ("cached_tokens", ("gen_ai.usage.cache_read.input_tokens",), count),
    ("cache_write_tokens", _WRITTEN, count),
    ("reasoning_tokens", ("gen_ai.usage.reasoning.output_tokens",), count),
)
_PAYLOADS: Final = frozenset(
    {
        "gen_ai.system_instructions",
        "gen_ai.input.messages",
        "gen_ai.prompt",
        "gen_ai.output.messages",
        "gen_ai.completion",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.definitions",
    }
)
_DETAILS: Final = "gen_ai.client.inference.operation.details"


def read(attributes: Attributes, events: Sequence[SpanEvent] = ()) -> dict[str, Any]:
    """Take what this vocabulary knows out of attributes, and return it as fields of a record."""
    for name, _, more in events:
        if name == _DETAILS:
            attributes.update({key: one for key, one in more.items() if key not in attributes})
    told = {name: attributes.pop(name) for name in tuple(attributes) if name.startswith(_OURS)}
    if not told and not events:
        return {}
    in_fields, in_params, left = _plan((*told,))
    rest = {name: told[name] for name in left}
    fields, params = taken(told, in_fields, rest), taken(told, in_params, rest)
    params = {name: value for name, value in params.items() if value}
    if params.get("model") == fields.get("model"):
        params.pop("model", None)
    if operation := text(rest.pop("gen_ai.operation.name", None)):
        fields["action_type"] = _kind(operation)
        if operation not in _ORDINARY:
            params["operation"] = operation
    if events or not _PAYLOADS.isdisjoint(rest):
        fields["prompt"], fields["returns"] = _prompt(rest, events), _returns(rest, events)
        params |= as_params(rest.pop("gen_ai.tool.call.arguments", None), "arguments")
        params["tools"] = parsed(rest.pop("gen_ai.tool.definitions", None))
    for name, value in rest.items():
        params[name.removeprefix(_REQUEST)] = value
    return {**fields, "params": params}


@by_names
def _plan(names: tuple[str, ...]) -> tuple[Taken, Taken, tuple[str, ...]]:
    """Return what is taken under some names, and the names of the rest."""
    present = frozenset(names)
    fields, params = rows_of(present, _FIELDS), rows_of(present, _PARAMS)
    told = {name for _, words, _ in fields + params for name in words}
    return fields, params, tuple(name for name in names if name not in told)


def _kind(operation: str) -> str:
    return "llm" if operation in LLM else "tool" if operation == "execute_tool" else "action"


def _prompt(attributes: Attributes, events: Sequence[SpanEvent]) -> Any:
    """Return what was asked, with the instructions of the system before it."""
    told = parsed(attributes.pop("gen_ai.system_instructions", None))
    asked = parsed(first(attributes, ("gen_ai.input.messages", "gen_ai.prompt")))
    if asked is None:
        asked = [
            {"role": name.split(".")[1], **_said(facts)}
            for name, _, facts in events
            if name.startswith("gen_ai.") and name.endswith(".message")
        ] or _content(events, "prompt")
    asked = _messages(asked)
    if told:
        rest = asked if isinstance(asked, list) else [] if asked is None else [asked]
        return [_message({"role": "system", "parts": told}), *rest]
    return asked


def _returns(attributes: Attributes, events: Sequence[SpanEvent]) -> Any:
    """Return what was answered: messages, or what a tool gave back."""
    answered = parsed(
        first(
            attributes,
            ("gen_ai.output.messages", "gen_ai.completion", "gen_ai.tool.call.result"),
        )
    )
    if answered is None:
        answered = [
            {"role": "assistant", **_said(facts)}
            for name, _, facts in events
            if name == "gen_ai.choice"
        ] or _content(events, "completion")
    return _messages(answered)


def _content(events: Sequence[SpanEvent], side: str) -> Any:
    """Return what the events of the very first version of the conventions say."""
    for name, _, facts in events:
        if name == f"gen_ai.content.{side}":
            return parsed(facts.get(f"gen_ai.{side}"))
    return None


def _said(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as an event of the span has it."""
    said = {name: parsed(value) for name, value in facts.items() if not name.startswith("gen_ai.")}
    inner = said.pop("message", None)
    return {**said, **inner} if isinstance(inner, Mapping) else said


def _messages(value: Any) -> Any:
    return [_message(one) for one in value] if isinstance(value, list | tuple) else value


def _message(value: Any) -> Any:
    """Return a message of parts in the form that others have; any other value as it is."""
    if not isinstance(value, Mapping) or not isinstance(value.get("parts"), list | tuple):
        return value
    message = {name: one for name, one in value.items() if name != "parts"}
    contents: list[Any] = []
    calls: list[Any] = []
    for part in value["parts"]:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "text" and "content" in part:
            contents.append(part["content"])
        elif kind == "tool_call":
            function = {"name": part.get("name"), "arguments": part.get("arguments")}
            calls.append({"id": part.get("id"), "function": function})
        elif kind == "tool_call_response":
            message["tool_call_id"] = part.get("id")
            contents.append(part.get("response", part.get("result")))
        else:
            contents.append(part)
    if contents:
        message["content"] = contents[0] if len(contents) == 1 else contents
    if calls:
        message["tool_calls"] = calls
    return message
