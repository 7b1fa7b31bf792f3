r"""Two values as a unified diff: lines that went, came and stayed.

The rule of this file: a value of any shape becomes lines that a person compares. A text is its own
lines, and a conversation the words of each message behind its role, with the tools that it calls;
anything else is JSON with sorted keys, where a text of several lines in it is broken at its `\n`.
What changes with every run and says nothing is left out: the address in a `repr`, and the ids
that providers of models give to calls and answers. Of more lines than anybody reads it is only said
how many they are.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agentlog.replay.align import gaps, pairs

MISSING: Final = object()
"""Stands for the value of a field that an event does not have."""

CONTEXT: Final = 3
"""Lines that are shown around what differs."""

MOST_LINES: Final = 50_000
"""Of both values together; more are not compared."""

Patch = list[tuple[str, str]]
"""Lines with what became of them: `-` went, `+` came, a blank stayed, `@` stands for as many that
are skipped, and `…` for all of them, with words that say why."""

_ADDRESS = re.compile(r"0x(?<!\w0x)[0-9a-fA-F]{6,16}\b")  # what begins with a text is found fast
_GIVEN = ("call_", "toolu_", "chatcmpl-", "msg_", "resp_", "fc_", "rs_")
"""How ids of OpenAI and Anthropic begin."""

_ID = re.compile(rf"\b({'|'.join(_GIVEN)})(?=[A-Za-z]*[0-9])[A-Za-z0-9]{{16,}}\b")
_BREAKS = re.compile(r"\\\\|\\n")


def is_same(before: object, after: object) -> bool:
    """Say whether two values read the same."""
    if before is MISSING or after is MISSING:
        return before is after
    return fingerprint(before) == fingerprint(after)


def patch(before: object, after: object) -> Patch:
    """Return how one value became another; nothing where they read the same."""
    if is_same(before, after):
        return []
    counts = _count(before), _count(after)
    if sum(counts) > MOST_LINES:
        return [("…", "{:,} lines, now {:,}: too many to compare".format(*counts))]
    one, other = _lines(before), _lines(after)
    if one == other:  # 5 and "5" read the same only while the text has no quotes
        one, other = [fingerprint(before)], [fingerprint(after)]
    return list(_hunks(one, other))


def fingerprint(value: object) -> str:
    """Return a text that is equal where values read the same."""
    return _json(value, None)


def _json(value: object, indent: int | None) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent)
    except (RecursionError, TypeError, ValueError):
        return type(value).__name__  # nothing that was read from a store gets here
    return _lasting(text)


def _lasting(text: str) -> str:
    """Leave out what changes with every run."""
    text = _ADDRESS.sub("0x…", text)
    return _ID.sub(r"\1…", text) if any(begin in text for begin in _GIVEN) else text


def _count(value: object) -> int:
    """Return about how many lines a value has, and no less."""
    if value is MISSING:
        return 0
    if isinstance(value, str):
        return value.count("\n") + 1
    text = _json(value, 2)
    return text.count("\n") + text.count("\\n") + 1


def _lines(value: object) -> list[str]:
    if value is MISSING:
        return []
    if isinstance(value, str):
        return _lasting(value).split("\n")
    messages: list[Any] = value if isinstance(value, list) else [value]
    if messages and all(map(_is_message, messages)):
        return [line for message in messages for line in _message_lines(message)]
    return _json_lines(value)


def _is_message(value: object) -> bool:
    if not isinstance(value, dict) or value.keys().isdisjoint(("content", "tool_calls")):
        return False
    role = value.get("role")
    return isinstance(role, str) and "\n" not in role


def _message_lines(message: Mapping[str, Any]) -> Iterator[str]:
    """Write a message: behind its role what it says and calls, and as JSON what else it has."""
    more = {name: value for name, value in message.items() if value is not None}
    role, calls = more.pop("role"), _calls(more.get("tool_calls"))
    if calls:
        del more["tool_calls"]
    said = more.pop("content", "") if isinstance(more.get("content", ""), str) else ""
    first, *further = _lasting(said).split("\n")
    yield f"{role}: {first}" if first else f"{role}:"
    for call in calls:
        further.extend(_lasting(call).split("\n"))
    if more:
        further.extend(_json_lines(more))
    yield from (f"  {line}" for line in further)


def _calls(value: Any) -> list[str]:
    """Return what tools are called with, in the form of OpenAI; nothing of any other."""
    try:
        called = [(one["function"]["name"], one["function"]["arguments"]) for one in value]
    except (KeyError, TypeError):
        return []
    is_told = all(isinstance(text, str) for call in called for text in call)
    return [f"calls {name} {given}" for name, given in called] if is_told else []


def _json_lines(value: object) -> list[str]:
    lines: list[str] = []
    for line in _json(value, 2).split("\n"):
        blank = " " * (len(line) - len(line.lstrip()) + 2)
        first, *further = _BREAKS.sub(_broken, line).split("\n")
        lines.extend((first, *(blank + part for part in further if part)))
    return lines


def _broken(found: re.Match[str]) -> str:
    return "\\n\n" if found[0] == "\\n" else found[0]


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines of the diff, of what stayed only so many around what did not."""
    found = pairs(before, after)
    places = gaps(found, len(before), len(after))
    changed = [place for place, gap in enumerate(places) if gap[0] or gap[1]]
    shown = -1  # up to this pair, what stayed was shown or skipped
    for number, place in enumerate(changed):
        first = max(shown + 1, place - CONTEXT)
        if first > shown + 1:
            yield "@", f"{first - shown - 1}"
        for stayed in range(first, place):
            yield " ", before[found[stayed][0]]
        gone, came = places[place]
        yield from (("-", before[line]) for line in gone)
        yield from (("+", after[line]) for line in came)
        last = changed[number + 1] if number + 1 < len(changed) else len(found)
        for stayed in range(place, min(place + CONTEXT, last)):
            yield " ", before[found[stayed][0]]
        shown = min(place + CONTEXT, last) - 1
    if shown + 1 < len(found):
        yield "@", f"{len(found) - shown - 1}"
