"""Which track an event is drawn on, where a track nests by time alone.

The rule of this file: on a track, what lies within another event is below it in the tree, and what
overlaps lies on another track. So the nesting that is seen is that of the tree.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, in any whole unit, and the number of its parent, if it has one."""

    start: int
    end: int
    parent: int | None = None


def lanes(stretches: Iterable[Stretch]) -> list[int]:
    """Return the track of each stretch, from 0; they come by start, parents before children."""
    known = list(stretches)
    chosen: list[int] = []
    tracks: list[list[int]] = []
    free: list[int] = []
    ends: list[tuple[int, int]] = []  # of what lies at the bottom of a track, and the track
    for number, stretch in enumerate(known):
        while ends and ends[0][0] <= stretch.start:
            _, ended = heapq.heappop(ends)
            tracks[ended].clear()
            heapq.heappush(free, ended)
        track = _with_parent(stretch, known, chosen, tracks)
        if track is None:
            if not free:
                free.append(len(tracks))
                tracks.append([])
            track = heapq.heappop(free)
            heapq.heappush(ends, (stretch.end, track))
        tracks[track].append(number)
        chosen.append(track)
    return chosen


def _with_parent(
    stretch: Stretch, known: list[Stretch], chosen: list[int], tracks: list[list[int]]
) -> int | None:
    """Return the track of the parent, if the stretch lies within it and nothing is in its way."""
    if stretch.parent is None:
        return None
    track = chosen[stretch.parent]
    open_ones = tracks[track]
    while (
        open_ones and known[open_ones[-1]].end <= stretch.start and open_ones[-1] != stretch.parent
    ):
        open_ones.pop()
    is_next = bool(open_ones) and open_ones[-1] == stretch.parent
    return track if is_next and stretch.end <= known[stretch.parent].end else None
