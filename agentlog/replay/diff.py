"""What became different from one run to another.

The rule of this file: two forests are laid side by side by their place in the tree and the name of
what stands there, and a run never differs from itself. Ids and times are no difference, only that
something takes twice as long and 50 ms more.

* The sessions belong together whatever their names are. Below two events that belong together
  their children do, as far as name and kind agree and the order does; so what was put in or left
  out moves nothing else.
* Of siblings of one name those are paired first that were given the same params and prompt.

Pure: no clock, no file, nothing recurses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final, cast

from agentlog.replay.align import gaps
from agentlog.replay.pairing import name_of, paired
from agentlog.replay.patch import MISSING, Patch, is_same, patch
from agentlog.replay.tree import Node, head

SLOWER_BY: Final = 2.0
SLOWER_FROM: Final = 0.05
"""Seconds."""


class Change(StrEnum):
    """What happened to an event from one run to the other, in a word."""

    ADDED = "added"
    GONE = "gone"
    FAILED = "failed now"
    RECOVERED = "recovered"
    SLOWER = "slower"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Row:
    """An event of both runs, or of one.

    Attributes:
        depth: Levels below the root.
        before: The event of the first run.
        after: That of the second.
        changes: What is different; nothing, if nothing is.
        fields: The fields that read otherwise.

    """

    depth: int
    before: Node | None
    after: Node | None
    changes: tuple[Change, ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def node(self) -> Node:
        """The event as it is now, else as it was: a row has one of them."""
        return self.after or cast("Node", self.before)

    def patch(self, field: str) -> Patch:
        """Return how a field became another."""
        return patch(value(self.before, field), value(self.after, field))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side, in the order in which a tree is read."""

    before: Sequence[Node]
    after: Sequence[Node]
    rows: Sequence[Row]

    @property
    def differs(self) -> bool:
        """Whether anything is different."""
        return any(row.changes for row in self.rows)

    def counts(self) -> dict[Change, int]:
        """Count the events of each change; of those that there are none of nothing is said."""
        counts = {change: sum(change in row.changes for row in self.rows) for change in Change}
        return {change: count for change, count in counts.items() if count}


def compare(before: Sequence[Node], after: Sequence[Node]) -> Comparison:
    """Lay two forests side by side."""
    return Comparison(before, after, tuple(_rows(before, after)))


def _rows(before: Sequence[Node], after: Sequence[Node]) -> Iterator[Row]:
    stack = [(0, *both) for both in reversed(_roots(before, after))]
    while stack:
        depth, one, other = stack.pop()
        yield _row(depth, one, other)
        below = _siblings(one.children, other.children) if one and other else _alone(one, other)
        stack.extend((depth + 1, *both) for both in reversed(below))


_Both = tuple[Node | None, Node | None]


def _alone(one: Node | None, other: Node | None) -> list[_Both]:
    if one:
        return [(child, None) for child in one.children]
    return [(None, child) for child in other.children] if other else []


def _roots(before: Sequence[Node], after: Sequence[Node]) -> list[_Both]:
    """Pair the sessions, and what else has no parent as siblings."""
    one, other = head(before), head(after)
    if one is None or other is None:
        return _siblings(before, after)
    rest = _siblings(
        [node for node in before if node is not one], [node for node in after if node is not other]
    )
    return [(one, other), *rest]


def _siblings(before: Sequence[Node], after: Sequence[Node]) -> list[_Both]:
    """Pair children in their order; what went stands before what came in its place."""
    before, after = sorted(before, key=_by_name_at_last), sorted(after, key=_by_name_at_last)
    rows: list[_Both] = []
    found = paired(before, after)
    places = gaps(found, len(before), len(after))
    for number, (gone, came) in enumerate(places):
        rows.extend((before[place], None) for place in gone)
        rows.extend((None, after[place]) for place in came)
        if number < len(found):
            one, other = found[number]
            rows.append((before[one], after[other]))
    return rows


def _by_name_at_last(node: Node) -> tuple[float, str, str]:
    """Order what began at one moment by what both runs have: ids are of one."""
    return (inf if node.when is None else node.when, *name_of(node))


# -- What differs ----------------------------------------------------------------------------------


def _row(depth: int, one: Node | None, other: Node | None) -> Row:
    if one is None or other is None:
        return Row(depth, one, other, (Change.GONE if one else Change.ADDED,))
    fields = [name for name in _FIELDS if not is_same(value(one, name), value(other, name))]
    changes = []
    if one.failed is not other.failed:
        changes.append(Change.FAILED if other.failed else Change.RECOVERED)
        told = {"outcome", "error"} if other.failed else {"outcome"}  # by the event itself
        fields = [name for name in fields if name not in told]
    if is_slower(one.duration, other.duration):
        changes.append(Change.SLOWER)
    if any(name != "error" or one.failed is other.failed for name in fields):
        changes.append(Change.CHANGED)
    return Row(depth, one, other, tuple(changes), tuple(fields))


def is_slower(before: float | None, after: float | None) -> bool:
    """Say whether something takes twice as long, and so much longer that one notices."""
    if before is None or after is None:
        return False
    return after >= SLOWER_BY * before and after - before >= SLOWER_FROM


def value(node: Node | None, field: str) -> object:
    """Read a field as it is compared: one of `FIELDS`, or `MISSING`."""
    found = _FIELDS[field](node) if node else None
    return MISSING if found is None or found in ("", ()) else found


def _raw(field: str) -> Callable[[Node], object]:
    return lambda node: node.event.get(field)


def _error(node: Node) -> object:
    """Return an error without its traceback, where every line may have moved."""
    error = node.event.get("error")
    if not isinstance(error, dict):
        return error
    return {name: error[name] for name in ("type", "message") if name in error}


def _outcome(node: Node) -> str:
    return f"{node.state}: {node.reason}" if node.reason else node.state.value


_FIELDS: Final[Mapping[str, Callable[[Node], object]]] = {
    "outcome": _outcome,
    "error": _error,
    "model": lambda node: node.model,
    "params": _raw("params"),
    "prompt": _raw("prompt"),
    "returns": _raw("returns"),
    "tags": lambda node: node.tags,
    "prompt_tokens": lambda node: node.tokens_in,
    "completion_tokens": lambda node: node.tokens_out,
    "level": lambda node: node.level,
    "logger": lambda node: node.logger,
    "rating": lambda node: node.rating,
}
"""What is compared, in the order in which it is told."""

FIELDS: Final = tuple(_FIELDS)
