"""How a run that goes on is written: a line at each start and each end, or a screen of it.

The rule of this file: a screen shows what happens now, however many events there are: the newest,
the ways to them, and the sums of all.
"""

from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Final

from agentlog.replay.follow import Followed, Step
from agentlog.replay.lines import GAP, Line
from agentlog.replay.rows import (
    View,
    cost_of,
    details_of,
    duration_of,
    role_of,
    tokens_of,
    trouble_of,
)
from agentlog.replay.text import header, tree
from agentlog.replay.tree import forest
from agentlog.store import ids

_FOLDED_UP_TO: Final = 1000
"""Events of which all are laid out, and alike ones folded; of more only the newest are."""

_NO_TIME: Final = " " * len("00:00:00.000")


def screen(followed: Followed, view: View, height: int) -> list[Line]:
    """Lay out as many lines as there are: who it is, and what happens now."""
    tally = followed.tally()
    if not tally.events:
        return []
    is_small = tally.events <= _FOLDED_UP_TO
    newest = followed.newest(tally.events if is_small else height)
    roots = forest(node.event for node in newest)
    above = [*header(roots, view, ids.LEAST, tally), []]
    rows = tree(roots, view if is_small else replace(view, unfold=True))
    room = max(1, height - len(above))
    if len(rows) > room:
        rows = [[(view.glyphs.ellipsis, "detail")], *rows[len(rows) - room + 1 :]]
    return [*above, *rows][-max(1, height) :]


def line(step: Step, view: View) -> Line:
    """Write a start or an end in one line: when, what, and how it ended."""
    node = step.node
    state = node.state
    written: Line = [
        (_clock(step.when, view.zone), "detail"),
        (" " + "  " * step.depth, ""),
        (view.glyphs.states[state], state),
        (" ", ""),
        (view.name(node.name), role_of(node)),
    ]
    for detail in details_of([node], state, view):
        written.extend((GAP, detail))
    if step.is_end:
        if tokens := tokens_of(node, view):
            written.extend((GAP, (tokens, "tokens")))
        if cost := cost_of([node], node.own_spent, view):
            written.extend((GAP, (cost, "cost")))
        if step.when is not None and (duration := duration_of(node, state, view)):
            written.extend((GAP, (duration, "duration")))
        if trouble := trouble_of(node, state, view):
            written.extend((GAP, trouble))
    return written


def _clock(when: float | None, zone: tzinfo | None) -> str:
    if when is None:
        return _NO_TIME
    return datetime.fromtimestamp(when, zone).strftime("%H:%M:%S.%f")[: len(_NO_TIME)]
