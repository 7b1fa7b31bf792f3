"""What a part of the doctor says, and how it is laid out for the terminal.

The rule of this file: a finding that is wrong says how it is put right.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from agentlog.replay import format as fmt
from agentlog.replay import terminal
from agentlog.replay.glyphs import ASCII, UNICODE
from agentlog.replay.lines import Line, broken
from agentlog.store.state import State

FORGET = "`agentlog prune --older-than AGE` forgets what is older than that"

FACT, GOOD, NOTICE, WRONG = State.INDETERMINATE, State.SUCCEEDED, State.INTERRUPTED, State.FAILED
"""How a finding is graded: in the words, glyphs and colours that events have."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: its topic, its grade, what it is, and what belongs to it."""

    topic: str
    grade: State
    text: str
    details: tuple[str, ...] = ()


def is_wrong(findings: Iterable[Finding]) -> bool:
    """Say whether something has to be put right."""
    return any(finding.grade is WRONG for finding in findings)


def show(findings: Sequence[Finding]) -> None:
    """Print findings, as the terminal has room for them."""
    terminal.show(lay_out(findings, width=terminal.width(), ascii_only=terminal.is_ascii()))


def lay_out(
    findings: Sequence[Finding], *, width: int = 80, ascii_only: bool = False
) -> list[Line]:
    """Lay out findings below their topics, and the verdict below them all."""
    glyphs = (ASCII if ascii_only else UNICODE).states
    lines: list[Line] = []
    for topic, group in groupby(findings, key=lambda finding: finding.topic):
        lines += [[], [(topic, "session")]] if lines else [[(topic, "session")]]
        for finding in group:
            grade, role = finding.grade, finding.grade if finding.grade is WRONG else ""
            text = fmt.safe(finding.text, ascii_only=ascii_only)
            lead = [("  ", ""), (glyphs[grade], grade), (" ", "")]
            lines.extend(broken([(text, role)], width, indent=("    ", ""), lead=lead))
            for detail in finding.details:
                text = fmt.safe(detail, ascii_only=ascii_only)
                lines.extend(broken([(text, "detail")], width, indent=("      ", "")))
    wrong = sum(finding.grade is WRONG for finding in findings)
    grade = WRONG if wrong else GOOD
    verdict = f"{fmt.plural(wrong, 'problem')}"
    return [*lines, [], [(f"{glyphs[grade]} {verdict}", grade)]]


def in_bytes(count: int) -> str:
    """Return a number of bytes as a person reads it."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:  # noqa: PLR2004 - the size of the next unit
        value /= 1024
        units.pop(0)
    return f"{value:.{0 if units[0] == 'B' or value >= 100 else 1}f} {units[0]}"  # noqa: PLR2004
