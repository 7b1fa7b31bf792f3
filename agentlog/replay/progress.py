"""A bar that grows on the terminal while a command works; elsewhere nothing is shown."""

import sys
from typing import Final

from agentlog.replay import terminal
from agentlog.replay.glyphs import ASCII, UNICODE

_COLUMNS: Final = 30


class Progress:
    """Shows on stderr how much of something is done.

    Args:
        what: The word before the bar.
        total: How much there is.

    """

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._shown = ""
        self._is_seen = sys.stderr is not None and sys.stderr.isatty()

    def show(self, left: int) -> None:
        """Show how much is left."""
        done = min(max(1 - left / self._total, 0.0), 1.0) if self._total else 1.0
        glyphs = ASCII if terminal.is_ascii() else UNICODE
        columns = max(min(_COLUMNS, terminal.width() - len(f"{self._what}  100% ")), 0)
        bar = (glyphs.bar * round(done * columns)).ljust(columns)
        self._draw(f"{self._what} {bar} {done:4.0%}")

    def clear(self) -> None:
        """Leave the line as it was found."""
        self._draw("")

    def _draw(self, text: str) -> None:
        if self._is_seen and text != self._shown:
            sys.stderr.write("\r" + text.ljust(len(self._shown)) + ("" if text else "\r"))
            sys.stderr.flush()
            self._shown = text
