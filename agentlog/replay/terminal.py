"""The terminal, or what stands for it: how wide it is, what it can show, and the way there.

The rule of this file: it asks anew each time, as a program may put another stdout in its place.
"""

import codecs
import os
import shutil
import sys
from collections.abc import Iterable

from agentlog.replay.colour import to_ansi
from agentlog.replay.lines import Line, to_plain


def show(lines: Iterable[Line]) -> None:
    """Write lines to stdout, with colour where there is any; without a stdout, nowhere.

    One by one: of a text that is written at once to an unbuffered stdout, Python drops the rest
    without an error when the reader leaves in the midst of it.
    """
    if sys.stdout is not None:
        sys.stdout.writelines(written(lines).splitlines(keepends=True))


def written(lines: Iterable[Line]) -> str:
    """Return lines as they are written to stdout."""
    return (to_ansi if has_colour() else to_plain)(lines)


def width() -> int:
    """Return how many columns there are."""
    return shutil.get_terminal_size().columns


def room() -> int:
    """Return how many columns a line may take: in a pipe, which has no edge, as many as it needs.

    COLUMNS counts in a pipe too.
    """
    return width() if _is_terminal() or os.environ.get("COLUMNS") else sys.maxsize


def is_ascii() -> bool:
    """Say whether nothing beyond ASCII can be shown."""
    try:
        return codecs.lookup(sys.stdout.encoding).name != "utf-8"
    except (AttributeError, LookupError, TypeError):
        return True  # no stdout, or one that says nothing of itself


def has_colour() -> bool:
    """Decide as https://no-color.org and https://force-color.org ask for."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return _is_terminal() and os.environ.get("TERM") != "dumb"


def _is_terminal() -> bool:
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False  # no stdout, or one that is closed
