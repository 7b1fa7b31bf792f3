"""The two alphabets of the terminal: one for UTF-8, and its twin in ASCII.

The rule of this file: every sign is one column wide in the first alphabet, whatever terminal, and
has a twin in the second; and the states differ by sign and word, so that colour only adds to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agentlog.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The signs of one alphabet."""

    states: Mapping[State, str]
    branch: str
    corner: str
    pipe: str
    gap: str = "   "
    deep: str
    times: str
    arrow: str
    cause: str
    recovered: str
    dot: str
    dash: str
    ellipsis: str
    bar: str
    bar_from_half: str
    bar_to_half: str
    bar_open: str
    instant: str
    ascii_only: bool = False


UNICODE = Glyphs(
    states={
        State.RUNNING: "▸",
        State.INTERRUPTED: "!",
        State.FAILED: "✗",
        State.CANCELLED: "⊘",
        State.ABANDONED: "◌",
        State.EXITED: "○",
        State.SUCCEEDED: "✓",
        State.INDETERMINATE: "·",
        State.SILENT: "◦",
        State.UNKNOWN: "?",
    },
    branch="├─ ",
    corner="└─ ",
    pipe="│  ",
    deep="⋯",
    times="\N{MULTIPLICATION SIGN}",
    arrow="→",
    cause="← root cause",
    recovered="← recovered",
    dot="·",
    dash="\N{EN DASH}",
    ellipsis="…",
    bar="━",
    bar_from_half="╺",
    bar_to_half="╸",
    bar_open="┅",
    instant="·",
)

ASCII = Glyphs(
    states={
        State.RUNNING: ">",
        State.INTERRUPTED: "!",
        State.FAILED: "x",
        State.CANCELLED: "/",
        State.ABANDONED: "~",
        State.EXITED: "o",
        State.SUCCEEDED: "+",
        State.INDETERMINATE: ".",
        State.SILENT: "-",
        State.UNKNOWN: "?",
    },
    branch="|- ",
    corner="`- ",
    pipe="|  ",
    deep="..",
    times="x",
    arrow="->",
    cause="<- root cause",
    recovered="<- recovered",
    dot="-",
    dash="-",
    ellipsis="...",
    bar="=",
    bar_from_half="=",
    bar_to_half="=",
    bar_open="-",
    instant=".",
    ascii_only=True,
)


def bar(glyphs: Glyphs, start: float, end: float, columns: int, *, is_open: bool) -> str:
    """Draw the stretch between two places of an axis, both from 0 to 1, in that many columns.

    A column has two halves, and a bar takes at least one of them. `is_open` is a stretch whose end
    is not known.
    """
    first = min(int(start * 2 * columns), 2 * columns - 1)
    last = max(first + 1, min(round(end * 2 * columns), 2 * columns))
    begins_half, ends_half = first % 2, last % 2
    whole = (last - ends_half - first - begins_half) // 2
    blank = " " * (first // 2)
    if is_open:
        return blank + glyphs.bar_open * (whole + begins_half + ends_half)
    return (
        blank
        + glyphs.bar_from_half * begins_half
        + glyphs.bar * whole
        + glyphs.bar_to_half * ends_half
    )


def tick(glyphs: Glyphs, place: float, columns: int) -> str:
    """Mark a place of an axis, from 0 to 1, in that many columns."""
    return " " * min(int(place * columns), columns - 1) + glyphs.instant
