"""A call to a model in the words that back ends look for: whose it is, and what was said.

The rule: all of it repeats what the span has as `agentlog.params`, `input.value` and
`output.value`. So what has no usual form is left out here, and nothing is lost by it. A text is a
message of one side; what is read of the messages, by genai.py or openinference.py, are those of the
event.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentlog.conventions.attributes import as_json, count, text
from agentlog.conventions.genai import LLM
from agentlog.conventions.openinference import KIND

EMBEDDINGS: Final = "embeddings"
"""The operation that has vectors and no messages."""

_PROVIDER: Final = ("gen_ai.provider.name", "llm.provider")
_COUNTED: Final = {
    "cached_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
}
_MOST_SPREAD: Final = 1000
"""Messages that have attributes of their own; of more, there is the JSON."""

_TEXTS: Final = ("role", "name", "tool_call_id")
_OF_CONTENT: Final = ("content", "tool_calls", "tool_call_id")

Message = Mapping[str, Any]
Told = dict[str, str | int]


def told_of(event: Mapping[str, object]) -> Told:
    """Return the attributes that tell of a call."""
    given = event.get("params")
    params = given if isinstance(given, Mapping) else {}
    operation = params["operation"] if text(params.get("operation")) in LLM else "chat"
    told: Told = {"gen_ai.operation.name": operation}
    if provider := text(params.get("provider")):
        told |= dict.fromkeys(_PROVIDER, provider)
    for name, words in _COUNTED.items():
        if number := count(params.get(name)):
            told |= dict.fromkeys(words, number)
    if operation == EMBEDDINGS:
        return {**told, KIND: "EMBEDDING"}
    return {
        **told,
        **_said("input", "user", event.get("prompt")),
        **_said("output", "assistant", event.get("returns")),
    }


def _said(side: str, role: str, value: object) -> Told:
    """Return the messages of a side; of a text, OpenInference has the value already."""
    messages = _messages(value, role)
    if not messages:
        return {}
    told: Told = {f"gen_ai.{side}.messages": as_json([_in_parts(one) for one in messages])}
    return told if isinstance(value, str) else {**told, **_spread(f"llm.{side}_messages", messages)}


def _messages(value: object, role: str) -> Sequence[Message]:
    """Return the messages that a value is; none, if it has another form."""
    if isinstance(value, str):
        return [{"role": role, "content": value}] if value else []
    found = [value] if isinstance(value, Mapping) else value if isinstance(value, list) else []
    are_all = all(isinstance(one, Mapping) and text(one.get("role")) for one in found)
    return found if are_all else []


# -- In GenAI's words ------------------------------------------------------------------------------


def _in_parts(message: Message) -> Message:
    """Return a message as GenAI's conventions have it."""
    if "parts" in message:
        return message
    content, calls = message.get("content"), message.get("tool_calls")
    if "tool_call_id" in message:
        parts = [
            {
                "type": "tool_call_response",
                "id": message["tool_call_id"],
                "response": content,
            }
        ]
    else:
        contents = content if isinstance(content, list) else [] if content is None else [content]
        parts = [_part(one) for one in contents]
    parts += [_part_of_call(one) for one in calls or ()] if isinstance(calls, list) else []
    rest = {name: one for name, one in message.items() if name not in _OF_CONTENT}
    return {**rest, "parts": parts}


def _part(content: object) -> dict[str, Any]:
    said = _text_of(content)
    if said is None and isinstance(content, Mapping) and text(content.get("type")):
        return dict(content)
    return {"type": "text", "content": as_json(content) if said is None else said}


def _text_of(content: object) -> str | None:
    """Return the text of a part of a message; None, if it is another part."""
    if isinstance(content, Mapping) and content.get("type") == "text" and len(content) == 2:  # noqa: PLR2004 - its type and its text
        content = content.get("text")
    return content if isinstance(content, str) else None


def _part_of_call(call: object) -> dict[str, Any]:
    name, arguments = _called(call)
    part = {"type": "tool_call", "id": _field(call, "id"), "name": name, "arguments": arguments}
    return {field: one for field, one in part.items() if one is not None}


def _called(call: object) -> tuple[Any, Any]:
    """Return what a call of a tool calls, and with what."""
    function = _field(call, "function")
    where = function if isinstance(function, Mapping) else call
    return _field(where, "name"), _field(where, "arguments")


def _field(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


# -- In OpenInference's ----------------------------------------------------------------------------


def _spread(root: str, messages: Sequence[Message]) -> Told:
    """Return messages by an attribute for each of their values; none, if one has another form."""
    told: Told = {}
    for place, message in enumerate(messages[: _MOST_SPREAD + 1]):
        said = _values(message)
        if said is None or place == _MOST_SPREAD:
            return {}
        told.update({f"{root}.{place}.message.{name}": one for name, one in said.items()})
    return told


def _values(message: Message) -> Told | None:
    told: Told = {name: one for name in _TEXTS if (one := text(message.get(name)))}
    content, calls = message.get("content"), message.get("tool_calls")
    if isinstance(content, str):
        told["content"] = content
    elif content is not None and not isinstance(content, list):
        return None
    for place, part in enumerate(content if isinstance(content, list) else ()):
        if (said := _text_of(part)) is None:
            return None
        here = f"contents.{place}.message_content"
        told |= {f"{here}.type": "text", f"{here}.text": said}
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        name, arguments = _called(call)
        here = f"tool_calls.{place}.tool_call"
        facts = {"id": _field(call, "id"), "function.name": name, "function.arguments": arguments}
        for word, fact in facts.items():
            if fact is not None:
                told[f"{here}.{word}"] = fact if isinstance(fact, str) else as_json(fact)
    return told
