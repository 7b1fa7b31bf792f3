"""What of a comparison is shown: what differs, the way to it, and for the rest how much it is.

The rule of this file: every event of both runs is shown, or counted in the place where it stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agentlog.replay.diff import Change, Row


@dataclass(frozen=True, slots=True)
class Item:
    """A row, or events that are counted in its place.

    Attributes:
        depth: Levels below the root.
        row: The row; None, if it stands for events that are not shown.
        hidden: How many those are.
        word: What is said of them: they are `alike`, or stand `below` what was added or went.
        change: Of those below.
        is_last: Whether it is the last below its parent.
        has_more: Whether something is shown below it.

    """

    depth: int
    row: Row | None
    hidden: int = 0
    word: str = ""
    change: Change | None = None
    is_last: bool = False
    has_more: bool = False


def items(rows: Sequence[Row], *, unfold: bool = False) -> list[Item]:
    """Choose what is shown, and know of each whether it is the last below its parent."""
    chosen = [Item(row.depth, row) for row in rows] if unfold else list(_chosen(rows))
    followed: list[bool] = []  # by depth, whether something follows there
    chained = []
    for item in reversed(chosen):
        followed.extend([False] * (item.depth + 1 - len(followed)))
        is_last, has_more = not followed[item.depth], len(followed) > item.depth + 1
        chained.append(replace(item, is_last=is_last, has_more=has_more))
        del followed[item.depth + 1 :]
        followed[item.depth] = True
    return chained[::-1]


def _chosen(rows: Sequence[Row]) -> Iterator[Item]:
    """Yield what differs and the way to it, and for the rest how much it is."""
    shown, ends = _shown(rows), _ends(rows)
    place = 0
    while place < len(rows):
        row, end = rows[place], ends[place]
        if not shown[place]:
            while end < len(rows) and rows[end].depth == row.depth and not shown[end]:
                end = ends[end]
            yield Item(row.depth, None, end - place, "alike")
            place = end
            continue
        yield Item(row.depth, row)
        place += 1
        if row.before is None or row.after is None:
            if end > place:
                yield Item(row.depth + 1, None, end - place, "below", row.changes[0])
            place = end


def _ends(rows: Sequence[Row]) -> list[int]:
    """Return for each row the place behind all that is below it."""
    ends = [0] * len(rows)
    behind: list[int] = []  # places, each shallower than the one before it in this list
    for place in range(len(rows) - 1, -1, -1):
        while behind and rows[behind[-1]].depth > rows[place].depth:
            behind.pop()
        ends[place] = behind[-1] if behind else len(rows)
        behind.append(place)
    return ends


def _shown(rows: Sequence[Row]) -> list[bool]:
    """Say of each row whether it differs, or something below it does."""
    shown = [False] * len(rows)
    parent_above = -1  # of the row behind that was shown last; its parent is shown too
    for place in range(len(rows) - 1, -1, -1):
        row = rows[place]
        if row.changes or row.depth < parent_above:
            shown[place] = True
            parent_above = row.depth
    return shown
