r"""Two values as a unified diff: lines that went, came and stayed.

The rule of this file: a value of any shape becomes lines that a person compares. A text is its own
lines, and a conversation the words of each of its turns (turns.py) behind who spoke; anything else
is JSON with sorted keys, where a text of several lines in it is broken at its `\n`.
What changes with every run and says nothing is left out: the address in a `repr`, and the ids
that providers of models give to calls and answers. Of more lines than anybody reads it is only said
how many they are.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from agentlog.replay.align import gaps, pairs
from agentlog.replay.turns import Turn, is_conversation, turns

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
_SAID: Final = {"content", "tool_calls"}
"""What makes a message of an object that has a role: params may have one too."""

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
    for form in (_lines, _json_lines, _one_line):  # 5 and "5" read the same without quotes
        one, other = form(before), form(after)
        if one != other:
            break
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
    messages = [value] if isinstance(value, dict) and value.keys() & _SAID else value
    if is_conversation(messages):
        return [line for turn in turns(messages) for line in _turn_lines(turn)]
    return _plain_lines(value)


def _turn_lines(turn: Turn) -> Iterator[str]:
    """Write what somebody said behind who it was; what a tool is called with is one line."""
    form = _one_line if turn.does.startswith("calls") else _plain_lines
    said = "\n".join(line for piece in turn.said for line in form(piece))
    between = " " if said and said[0] != "\n" else ""
    first, *further = f"{_lasting(turn.who)}:{between}{said}".split("\n")
    yield first
    yield from (f"  {line}" for line in further)


def _plain_lines(piece: object) -> list[str]:
    return _lasting(piece).split("\n") if isinstance(piece, str) else _json_lines(piece)


def _one_line(value: object) -> list[str]:
    return [fingerprint(value)]


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
