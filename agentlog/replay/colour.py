"""Colour for lines, by rich.

The rule of this file: rich only translates a style into escape codes. It never sees a line as a
whole, so it cannot wrap, highlight or take recorded text for markup.
"""

from collections.abc import Callable, Iterable

from agentlog.replay.lines import Line, to_plain

_STYLES = {
    "tree": "bright_black",
    "session": "bold",
    "times": "bold",
    "id": "cyan",
    "tag": "magenta",
    "model": "cyan",
    "tokens": "cyan",
    "cost": "cyan",
    "message": "italic",
    "detail": "bright_black",
    "heading": "bright_black",
    "role": "bold",
    "cause": "bold white on red",
    "recovered": "yellow",
    "error": "red",
    "bar": "green",
    "succeeded": "green",
    "failed": "bold red",
    "running": "bold blue",
    "interrupted": "bold yellow",
    "cancelled": "yellow",
    "abandoned": "yellow",
    "exited": "bright_black",
    "indeterminate": "bright_black",
    "silent": "bright_black",
    "unknown": "bright_black",
    "added": "green",
    "gone": "red",
    "changed": "yellow",
}
"""The sixteen colours that every terminal has, in the shades that its owner chose. A role that is
not here stays as the terminal writes it."""


def to_ansi(lines: Iterable[Line]) -> str:
    """Return the text of lines with colour, or without where rich is not installed."""
    try:
        paints = _paints()
    except ImportError:
        return to_plain(lines)
    return "".join(
        "".join(
            paints[role](text) if role in paints and not text.isspace() else text
            for text, role in line
        )
        + "\n"
        for line in lines
    )


def _paints() -> dict[str, Callable[[str], str]]:
    from rich.color import ColorSystem
    from rich.style import Style

    def paint(definition: str) -> Callable[[str], str]:
        style = Style.parse(definition)
        return lambda text: style.render(text, color_system=ColorSystem.STANDARD)

    return {role: paint(definition) for role, definition in _STYLES.items()}
