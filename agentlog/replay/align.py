"""Which items of two lists belong together: the longest common subsequence of their keys.

The rule of this file: exact wherever the lists are of a size that a person compares, fast whatever
they hold (ten thousand equal keys, or none), and the same two lists always give the same pairs.

Pure; knows nothing of events. The algorithm is Hyyrö's: a row of the table of lengths is one
integer with a bit for each item, and the table is read backwards for the pairs (H. Hyyrö,
"Bit-parallel LCS-length computation revisited", 2004).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise

Pair = tuple[int, int]
"""Places in the first and in the second list."""

_LARGEST = 1 << 28
"""Bits of the table; beyond it lists are paired by occurrence, which takes no table."""


def pairs(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[Pair]:
    """Return the places of a longest common subsequence, rising in both lists."""
    start = _common(first, second)
    end = _common(first[start:][::-1], second[start:][::-1])
    one, other = first[start : len(first) - end], second[start : len(second) - end]
    return [
        *((place, place) for place in range(start)),
        *((start + i, start + j) for i, j in _inner(one, other)),
        *((len(first) - back, len(second) - back) for back in range(end, 0, -1)),
    ]


def gaps(found: Sequence[Pair], length: int, other: int) -> list[tuple[range, range]]:
    """Return what lies before, between and behind pairs: ranges of the two lists, in order."""
    edges = [(-1, -1), *found, (length, other)]
    return [
        (range(before[0] + 1, behind[0]), range(before[1] + 1, behind[1]))
        for before, behind in pairwise(edges)
    ]


def _common(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Count how many items both lists begin with."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _inner(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[Pair]:
    """Leave out what the other list has nowhere, and pair the rest."""
    shared = set(first) & set(second)
    ours = [place for place, key in enumerate(first) if key in shared]
    theirs = [place for place, key in enumerate(second) if key in shared]
    if not shared:
        return []
    one, other = [first[place] for place in ours], [second[place] for place in theirs]
    is_large = len(one) * len(other) > _LARGEST
    found = _by_occurrence(one, other) if is_large else _longest(one, other)
    return [(ours[i], theirs[j]) for i, j in found]


def _longest(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[Pair]:
    places: dict[Hashable, int] = {}
    for place, key in enumerate(first):
        places[key] = places.get(key, 0) | 1 << place
    full = (1 << len(first)) - 1
    row, table = full, []
    for key in second:
        matching = row & places[key]
        row = ((row + matching) | (row - matching)) & full
        table.append(row)
    return _read(table, len(first), len(second))


def _read(table: Sequence[int], column: int, row: int) -> list[Pair]:
    """Read the table from its end; a bit that is not set is a step up of the length."""
    found: list[Pair] = []
    while row and column:
        bit = 1 << (column - 1)
        if table[row - 1] & bit:
            column -= 1
        elif row > 1 and not table[row - 2] & bit:
            row -= 1
        else:
            row, column = row - 1, column - 1
            found.append((column, row))
    return found[::-1]


def _by_occurrence(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[Pair]:
    """Pair the n-th of a key with the n-th of it, and keep the most that do not cross."""
    theirs = {label: place for place, label in enumerate(_labels(second))}
    labels = enumerate(_labels(first))
    both = [(place, theirs[label]) for place, label in labels if label in theirs]
    ends: list[int] = []
    chain: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(both):
        length = bisect_left(ends, place)
        before.append(chain[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        chain[length : length + 1] = [number]
    found: list[Pair] = []
    number = chain[-1] if chain else -1
    while number >= 0:
        found.append(both[number])
        number = before[number]
    return found[::-1]


def _labels(keys: Sequence[Hashable]) -> list[tuple[Hashable, int]]:
    seen: Counter[Hashable] = Counter()
    labels = []
    for key in keys:
        labels.append((key, seen[key]))
        seen[key] += 1
    return labels
