"""A conversation in turns: who spoke, and what, in one shape for the words of every vendor.

A call of a tool is a turn of its own, and so is what the tool gave, whether it came as OpenAI's
`tool_calls` and role `tool` or as Anthropic's parts `tool_use` and `tool_result`. The rule of this
file: whatever was recorded, reading it never raises, and what has no known shape is handed on as
it is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

_TOLD = {"role": str, "content": object, "tool_calls": list, "tool_call_id": str}
_KINDS_OF_WORDS = ("text", "input_text", "output_text")
_ASKING = ("user", "human", "tool", "function")
_TOOLS = ("tool", "function")


@dataclass(slots=True)
class Turn:
    """What somebody said: their role, what they did, the id of a call, and the pieces of it."""

    role: str
    does: str = ""
    id: str = ""
    said: list[object] = field(default_factory=list)

    @property
    def who(self) -> str:
        """The role, and what it does unless that is to speak: `assistant calls forecast`."""
        return f"{self.role} {self.does}".rstrip()

    @property
    def is_of_tool(self) -> bool:
        """Whether a tool gave it."""
        return self.role in _TOOLS


def is_conversation(value: object) -> TypeGuard[list[Mapping[str, object]]]:
    """Say whether a payload is a list of messages."""
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def turns(messages: Sequence[Mapping[str, object]]) -> Iterator[Turn]:
    """Yield the turns of messages: one for each, and for each call of a tool and its result."""
    names: dict[str, str] = {}
    for message in messages:
        together: list[Turn] = []
        for turn in _turns(message):
            if turn.id and turn.does.startswith("calls "):
                names[turn.id] = turn.does.removeprefix("calls ")
            elif turn.is_of_tool and not turn.does:
                turn.does = names.get(turn.id, "")
            if together and (together[-1].who, together[-1].id) == (turn.who, turn.id):
                together[-1].said.extend(turn.said)
            else:
                together.append(turn)
        yield from together or [Turn(str(message["role"]))]


def asked(messages: Sequence[Mapping[str, object]]) -> Turn | None:
    """Return what a user, or a tool, said last: it is what waits for an answer."""
    spoken = [turn for turn in turns(messages) if turn.said]
    asking = [turn for turn in spoken if turn.role in _ASKING]
    return next(reversed(asking or spoken), None)


def _is_message(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("role"), str)


def _turns(message: Mapping[str, object]) -> Iterator[Turn]:
    role, content = str(message["role"]), message.get("content")
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        if part is not None and part != "":
            yield _of_part(part, role, _text(message.get("tool_call_id")))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        yield _call(call, role)
    more = {
        name: one
        for name, one in message.items()
        if one is not None and not isinstance(one, _TOLD.get(name, ()))
    }
    if more:
        yield Turn(role, "has besides", "", [more])


def _of_part(part: object, role: str, call_id: str) -> Turn:
    if not isinstance(part, Mapping):
        return Turn(role, "", call_id, [part])
    kind = part.get("type")
    if kind == "tool_use":
        return _call(part, role)
    if kind == "tool_result":
        return Turn("tool", "", _text(part.get("tool_use_id")), _pieces(part.get("content")))
    if kind == "thinking" and isinstance(thought := part.get("thinking"), str):
        return Turn(role, "thinks", "", [thought])
    return Turn(role, "", call_id, [_piece(part)])


def _call(call: object, role: str) -> Turn:
    """Read a call of a tool: `{"id", "function": {"name", "arguments"}}` or `{"name", "input"}`."""
    fields = call if isinstance(call, Mapping) else {}
    function = fields.get("function")
    called = function if isinstance(function, Mapping) else fields
    name = called.get("name")
    if not isinstance(name, str):
        return Turn(role, "calls", "", [call])
    given = called.get("arguments", called.get("input"))
    return Turn(role, f"calls {name}", _text(fields.get("id")), [_parsed(given)])


def _parsed(given: object) -> object:
    try:
        return json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        return given


def _pieces(content: object) -> list[object]:
    if content is None:
        return []
    return [_piece(one) for one in content] if isinstance(content, list) else [content]


def _piece(part: object) -> object:
    """Return the words of a part that is nothing but words, else the part."""
    if not isinstance(part, Mapping) or not set(part) <= {"type", "text"}:
        return part
    kind, words = part.get("type", "text"), part.get("text")
    return words if isinstance(words, str) and kind in _KINDS_OF_WORDS else part


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
