"""Lines of a terminal, made of spans, and how spans are set into them.

A span is a text and the role that it plays, so that plain text, colour and tests read the same
thing. The rule of this file: what is set is never cut. What does not fit goes to the next line, and
what would not fit into any line is broken, at a blank where there is one.
"""

from collections.abc import Iterable, Sequence

from agentlog.replay import format as fmt

Span = tuple[str, str]
"""A text and the role that it plays, for which a terminal or a page has a style."""

Line = list[Span]

GAP: Span = ("  ", "")
"""What stands between two details."""

LEAST_TEXT = 16
"""Columns that are used before a text is broken, even if the terminal does not have them."""


def measure(line: Iterable[Span]) -> int:
    """Return how many columns spans take."""
    return fmt.cells("".join([text for text, _ in line]))


def to_plain(lines: Iterable[Line]) -> str:
    """Return the text of lines, each ended by a newline."""
    return "".join("".join(text for text, _ in line).rstrip(" ") + "\n" for line in lines)


def flow(
    parts: Sequence[Line], width: int, *, between: Span, indent: Span, first: int | None = None
) -> list[Line]:
    """Set groups of spans one behind the other, and go to a new line before one does not fit.

    `first` is the width of the first line where it is not that of the others.
    """
    lines: list[Line] = []
    room = width if first is None else first
    used = 0
    for part in parts:
        needed = len(between[0]) + measure(part)
        if lines and used + needed <= room:
            lines[-1].extend((between, *part))
            used += needed
            continue
        lines.extend(broken(part, width, indent=indent, lead=None if lines else []))
        room = width if len(lines) > 1 else room
        used = measure(lines[-1])
    return lines


def broken(part: Line, width: int, *, indent: Span, lead: Line | None = None) -> list[Line]:
    """Break spans into lines that fit, each behind the indent; the first behind `lead` instead."""
    least = len(indent[0])
    most = max(width, least + LEAST_TEXT)
    lines = [[indent] if lead is None else list(lead)]
    used = measure(lines[0])
    for text, role in part:
        rest = text
        while used + fmt.cells(rest) > most:
            piece, further = fmt.wrap(rest, most - used)
            if used + fmt.cells(piece) <= most:
                lines[-1].append((piece, role))
                rest = further
            lines.append([indent])
            used = least
        lines[-1].append((rest, role))
        used += fmt.cells(rest)
    return lines
