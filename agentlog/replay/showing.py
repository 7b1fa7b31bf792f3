"""One event for the terminal, with all that it carries: what was asked, and what was answered.

The rules of this file: nothing is cut and nothing is summed up, in words as far as they are words
(messages, tracebacks), else in JSON. And who speaks stands farther to the left than all that was
said, so that no text can pass for a turn.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from agentlog.replay import format as fmt
from agentlog.replay.lines import GAP, Line, broken, flow
from agentlog.replay.rows import View, cost_of, details_of, duration_of, role_of, tokens_of
from agentlog.replay.tree import Node, walk
from agentlog.replay.turns import is_conversation, turns

_INDENT = "  "
_PAYLOADS = ("prompt", "returns", "params", "error", "log")
_JSON_ROOM = 74
"""Columns within which an object or a list stands on one line."""

_DEEPEST = 12


def found(roots: Sequence[Node], wanted: str) -> list[Node]:
    """Return the events of a name, else those whose id begins so."""
    nodes = [node for _, node in walk(roots)]
    named = [node for node in nodes if node.name == wanted]
    return named or [node for node in nodes if wanted and node.id.startswith(wanted)]


def event(node: Node, view: View) -> list[Line]:
    """Lay out an event: what it was, how it went, and each payload below its name."""
    lines = _heading(node, view)
    for name in _PAYLOADS:
        value = node.event.get(name)
        if value in (None, {}, []):
            continue
        lines.extend([[], [(name, "heading")]])
        if is_conversation(value):
            lines.extend(_conversation(value, view))
        else:
            role = "error" if name == "error" else ""
            lines.extend(_set(_words(value), role, _INDENT, view))
    return lines


def _conversation(messages: Sequence[Mapping[str, object]], view: View) -> Iterator[Line]:
    """Lay out who speaks, and below it what was said."""
    for turn in turns(messages):
        who: Line = [(view.name(turn.who), "role")]
        if turn.id:
            who.extend([GAP, (view.name(turn.id), "id")])
        yield from broken(who, view.width, indent=(_INDENT, ""))
        for said in turn.said:
            yield from _set(_text(said), "", 2 * _INDENT, view)


def _set(text: str, role: str, indent: str, view: View) -> Iterator[Line]:
    for line in text.splitlines() or [""]:
        yield from broken([(view.name(line), role)], view.width, indent=(indent, ""))


def _heading(node: Node, view: View) -> list[Line]:
    state = node.state
    parts: list[Line] = [
        [(view.glyphs.states[state], state), (" ", ""), (view.name(node.name), role_of(node))],
        *([detail] for detail in details_of([node], state, view)),
        [(view.name(node.id), "id")],
        [(fmt.clock(node.when, view.zone), "detail")],
        [(tokens_of(node, view), "tokens")],
        [(cost_of([node], node.spent, view), "cost")],
        [(duration_of(node, state, view), "duration")],
        *([("#" + view.name(tag), "tag")] for tag in node.tags),
    ]
    told = [part for part in parts if part[-1][0]]
    return flow(told, view.width, between=GAP, indent=(_INDENT, ""))


def _words(value: object) -> str:
    """Return a payload as text: of an error its traceback, if there is one."""
    if isinstance(value, Mapping) and isinstance(trace := value.get("traceback"), str) and trace:
        return trace
    return _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "\n".join(_json(value, 0))


def _json(value: object, depth: int, before: str = "", after: str = "") -> Iterator[str]:
    """Yield lines of JSON: what fits into one is one."""
    lead = _INDENT * depth + before
    line = lead + json.dumps(value, ensure_ascii=False) + after
    if len(line) <= _JSON_ROOM or depth > _DEEPEST or not isinstance(value, dict | list):
        yield line
        return
    items = [("", one) for one in value] if isinstance(value, list) else _named(value)
    begin, end = "[]" if isinstance(value, list) else "{}"
    yield lead + begin
    for place, (name, one) in enumerate(items, 1):
        yield from _json(one, depth + 1, name, "," if place < len(items) else "")
    yield _INDENT * depth + end + after


def _named(value: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(f"{json.dumps(name, ensure_ascii=False)}: ", one) for name, one in value.items()]
