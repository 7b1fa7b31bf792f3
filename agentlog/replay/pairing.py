"""Which of two runs' siblings belong together.

The rule of this file: they are paired in their order, first by what tells most, and what is paired
is never parted by what tells less. Of a name, what was given tells most, then what was done below
and what came of it; in the end the order of the namesakes does. So one more of them in the midst
moves no other, whether they have params or not.

A pass costs what the longest common subsequence does (align.py), and there are a few of them.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache

from agentlog.replay.align import Pair, gaps, pairs
from agentlog.replay.patch import fingerprint
from agentlog.replay.tree import Node

_Fact = Callable[[Node], Hashable]
_Keys = Mapping[Node, Hashable]
"""By what nodes are paired; one without a key is not."""


def name_of(node: Node) -> tuple[str, str]:
    """Return what both of a pair have."""
    return node.name, node.kind


def paired(before: Sequence[Node], after: Sequence[Node]) -> list[Pair]:
    """Return the places of siblings that belong together, rising in both lists."""
    names, others = [name_of(node) for node in before], [name_of(node) for node in after]
    if names == others and len(set(names)) == len(names):
        return [(place, place) for place in range(len(names))]
    given, returns = cache(_given), cache(_returns)
    shape, below, first = cache(_shape), cache(_below), cache(_first)
    found = _between([], before, after, _single(before, after, given))
    for facts in (
        (given, shape, returns),
        (given, shape),
        (given, below),
        (given, first),
        (given,),
        (shape,),
        (below,),
    ):
        found = _between(found, before, after, _telling(_left(found, before, after), facts))
    return _between(found, before, after, {node: name_of(node) for node in (*before, *after)})


def _between(
    found: Sequence[Pair], before: Sequence[Node], after: Sequence[Node], keys: _Keys
) -> list[Pair]:
    """Add the pairs that lie between those that were found."""
    every: list[Pair] = []
    for number, (mine, yours) in enumerate(gaps(found, len(before), len(after))):
        ours = [place for place in mine if before[place] in keys]
        theirs = [place for place in yours if after[place] in keys]
        if ours and theirs:
            one, other = [keys[before[p]] for p in ours], [keys[after[p]] for p in theirs]
            every.extend((ours[i], theirs[j]) for i, j in pairs(one, other))
        every.extend(found[number : number + 1])
    return every


def _left(found: Sequence[Pair], before: Sequence[Node], after: Sequence[Node]) -> list[Node]:
    """Return what may still be paired: what lies between the same two pairs in both lists."""
    left: list[Node] = []
    for mine, yours in gaps(found, len(before), len(after)):
        if mine and yours:
            left.extend(before[mine.start : mine.stop])
            left.extend(after[yours.start : yours.stop])
    return left


def _single(before: Sequence[Node], after: Sequence[Node], given: _Fact) -> _Keys:
    """Return the keys of those that alone in their run were given this."""
    sides = [{node: (name_of(node), given(node)) for node in side} for side in (before, after)]
    counts = [Counter(side.values()) for side in sides]
    return {
        node: key
        for side in sides
        for node, key in side.items()
        if all(count[key] == 1 for count in counts)
    }


def _telling(nodes: Iterable[Node], facts: Sequence[_Fact]) -> _Keys:
    """Return the keys of namesakes, where they differ."""
    groups: dict[Hashable, list[Node]] = {}
    for node in nodes:
        groups.setdefault(name_of(node), []).append(node)
    telling: dict[Node, Hashable] = {}
    for name, namesakes in groups.items():
        if len(namesakes) > 2:  # noqa: PLR2004 - one of each run can only be paired with the other
            keys = {node: (name, *(fact(node) for fact in facts)) for node in namesakes}
            if len(set(keys.values())) > 1:
                telling.update(keys)
    return telling


# -- What tells ------------------------------------------------------------------------------------


def _given(node: Node) -> Hashable:
    return fingerprint([node.event.get("params"), node.event.get("prompt")])


def _returns(node: Node) -> Hashable:
    return fingerprint(node.event.get("returns"))


def _shape(node: Node) -> Hashable:
    """Return the names of two levels; in no order, as what runs at one time has none."""
    below = ((*name_of(child), *sorted(map(name_of, child.children))) for child in node.children)
    return tuple(sorted(below))


def _below(node: Node) -> Hashable:
    """Return the names of one level, however often they are there."""
    return frozenset(map(name_of, node.children))


def _first(node: Node) -> Hashable:
    """Return the name of what was done first: the rest may be missing where that failed."""
    return name_of(node.children[0]) if node.children else None
