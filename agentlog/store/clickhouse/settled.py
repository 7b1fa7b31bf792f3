"""Summaries of sessions to which nothing comes any more, so that a list need not make them again.

The rules: a summary counts as long as the table of sessions names the same moment for what came
last of one, and that has to be so long ago that whatever was inserted before is seen by all. A
server may delete records by and by, so no summary is kept for long; and none that is large.
"""

import threading
import time
from collections import OrderedDict
from typing import Final

from agentlog.store import SessionSummary
from agentlog.store.merge import Address

MOST: Final = 5_000
"""Summaries."""

LARGEST: Final = 2_000
"""Letters of one: anybody may give a session a name, and tags, of a MiB."""

LONGEST: Final = 60.0
"""Seconds."""


class Settled:
    """Summaries by project and id, each with the moment of what came last of its session."""

    def __init__(self) -> None:
        self._known: OrderedDict[Address, tuple[int, float, SessionSummary]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: Address, moment: int | None) -> SessionSummary | None:
        """Return the summary of a session of which something came last at a moment."""
        told, until, summary = self._known.get(place, (None, 0.0, None))
        return summary if told == moment and time.monotonic() < until else None

    def keep(self, place: Address, moment: int | None, summary: SessionSummary) -> None:
        """Keep a summary; the moment is None if something came just now, and then it is not."""
        if moment is None or len(repr(summary)) > LARGEST:
            return
        with self._lock:
            self._known[place] = moment, time.monotonic() + LONGEST, summary
            self._known.move_to_end(place)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
