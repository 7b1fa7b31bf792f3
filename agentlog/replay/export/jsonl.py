"""A session as JSON Lines: an event a line, in the order of their start.

The rule of this file: a line is a whole record of docs/record-format.md, both halves merged, so
what reads records reads this too.
"""

from collections.abc import Iterator

from agentlog.replay.export.run import Run
from agentlog.replay.export.strict import written


def parts(run: Run) -> Iterator[str]:
    """Yield the lines."""
    for event in run.events():
        yield f"{written(event)}\n"
