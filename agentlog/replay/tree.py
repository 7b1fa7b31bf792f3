"""From events to a forest, and what failed first in it.

The rule of this file: the same events give the same forest, whatever order, repetition or damage
they come with. Every event is shown exactly once, nothing raises, nothing recurses (an agent may
call itself ten thousand times), and no clock is asked.

* Children are ordered by `(timestamp, id)`; an event without a usable timestamp is ordered by its
  end, and last if it has none either.
* A session event, and any event whose `parent_id` is null, is a root.
* An event whose parent is not there hangs under the root of its session, if it has one.
* A cycle of parents is cut at its first event by that order, which then counts as such an orphan.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from agentlog.replay import cycles
from agentlog.replay.cost import NOTHING, Spent, total, with_below
from agentlog.replay.node import Node
from agentlog.store.merge import Address, merged
from agentlog.store.state import CUT, State

__all__ = [
    "Fold",
    "Node",
    "State",
    "fold",
    "forest",
    "head",
    "is_recovered",
    "recovered",
    "root_cause",
    "walk",
]

_FEWEST_TO_FOLD = 3
_UNSETTLED = (State.RUNNING, *CUT)
_WENT_ON = (State.SUCCEEDED, *_UNSETTLED)


def forest(records: Iterable[object]) -> list[Node]:
    """Make a forest of records or merged events, of one session or several; return its roots."""
    nodes = {place: Node(event) for place, event in merged(records).items()}
    ordered = dict(sorted(nodes.items(), key=lambda item: _order(item[1])))
    heads = _heads(ordered)
    parents = _parents(ordered, heads)
    cycles.cut(parents, _order, lambda node: heads.get(node.session_id))
    roots: list[Node] = []
    for node, parent in parents.items():
        (roots if parent is None else parent.children).append(node)
    _tally(roots)
    return roots


def head(roots: Iterable[Node]) -> Node | None:
    """Return the event of the session itself, if it is there."""
    return next((root for root in roots if root.kind == "session"), None)


def walk(roots: Sequence[Node]) -> Iterator[tuple[int, Node]]:
    """Yield every node with its depth in the order in which a tree is read."""
    stack = [(0, node) for node in reversed(roots)]
    while stack:
        depth, node = stack.pop()
        yield depth, node
        stack.extend((depth + 1, child) for child in reversed(node.children))


def root_cause(roots: Sequence[Node]) -> Node | None:
    """Return the failure that the others followed from, or None where nothing failed.

    A failure climbs as long as the parent fails too; below a parent that did not fail it was
    recovered from. Of the failures, those count that climbed nearest to the root (a failed
    session above all), and of these the way down through failing children leads to the events
    without a failing child. The earliest of them to end is the cause.

    A failed log line reports a failure rather than being one: it counts only where, at the same
    place, nothing else failed.
    """
    tops = list(_tops(roots))
    if not tops:
        return None
    nearest = min(rank for rank, _ in tops)
    stack = [node for rank, node in tops if rank == nearest]
    causes = []
    while stack:
        node = stack.pop()
        below = _failing(node.children)
        stack.extend(below)
        if not below:
            causes.append(node)
    return min(causes, key=_end_order)


def is_recovered(roots: Sequence[Node], failure: Node) -> bool:
    """Say whether something went on in spite of a failure below it, whatever it came to."""
    above: list[Node] = []
    for depth, node in walk(roots):
        del above[depth:]
        if node is failure:
            return any(outer.state in _WENT_ON for outer in above)
        above.append(node)
    return False


def recovered(roots: Sequence[Node]) -> set[Node]:
    """Return the failures in spite of which something above went on.

    Of failures that followed from each other it is the first; of reports in log lines none.
    """
    found: set[Node] = set()
    stack = [(root, False, False) for root in roots]
    while stack:
        node, is_below_failure, went_on = stack.pop()
        if not node.failures or node.kind == "log":
            continue
        if node.failed and went_on and not is_below_failure:
            found.add(root_cause([node]) or node)
        on = went_on or node.state in _WENT_ON
        stack.extend((child, node.failed, on) for child in node.children)
    return found


@dataclass(frozen=True, slots=True)
class Fold:
    """Siblings that are alike, shown as one row with what is below them."""

    nodes: tuple[Node, ...]

    @property
    def total(self) -> float | None:
        """The time in which any of them ran, None where none is known."""
        spans = self._spans()
        if not spans:
            return None
        total, last = 0.0, -math.inf
        for start, end in spans:
            total += max(end - max(start, last), 0.0)
            last = max(end, last)
        return total

    @property
    def longest(self) -> float | None:
        """The longest of their durations, None where none is known."""
        return max(self._durations(), default=None)

    @property
    def spent(self) -> Spent:
        """What all of them took, with what is below them."""
        return total(node.spent for node in self.nodes)

    @property
    def events(self) -> int:
        """How many events the row stands for, those below included."""
        return sum(node.events for node in self.nodes)

    def _durations(self) -> list[float]:
        return [end - start for start, end in self._spans()]

    def _spans(self) -> list[tuple[float, float]]:
        """Return when each began and ended, by the begin, of those of which it is known."""
        return [
            (node.started, node.ended)
            for node in self.nodes
            if node.started is not None and node.ended is not None and node.duration is not None
        ]


def fold(children: Sequence[Node]) -> list[Node | Fold]:
    """Fold three or more consecutive siblings of the same name, kind and outcome into one.

    The outcome is the state and the user's reason. What failed, runs or was interrupted is never
    folded away, neither as one of the siblings nor anywhere below them.
    """
    folded: list[Node | Fold] = []
    for likeness, group in groupby(children, _likeness):
        nodes = tuple(group)
        if likeness is None or len(nodes) < _FEWEST_TO_FOLD:
            folded.extend(nodes)
        else:
            folded.append(Fold(nodes))
    return folded


def _order(node: Node) -> tuple[float, str, str]:
    when = node.when
    return (math.inf if when is None else when, node.id, node.session_id)


def _end_order(node: Node) -> tuple[float, str, str]:
    when, event_id, session_id = _order(node)
    ended = node.ended
    return (when if ended is None else ended, event_id, session_id)


def _heads(nodes: Mapping[Address, Node]) -> dict[str, Node]:
    """Find the root of each session: its session event, else its first event without parent."""
    heads: dict[str, Node] = {}
    for (session_id, _), node in nodes.items():
        if not node.is_root:
            continue
        head = heads.setdefault(session_id, node)
        if head.kind != "session" and node.kind == "session":
            heads[session_id] = node
    return heads


def _parents(nodes: Mapping[Address, Node], heads: Mapping[str, Node]) -> dict[Node, Node | None]:
    """Look up each node's parent: None for a root, the session's root for an orphan."""
    parents: dict[Node, Node | None] = {}
    for (session_id, _), node in nodes.items():
        parent_id = node.event.get("parent_id")
        if node.is_root:
            parents[node] = None
        elif isinstance(parent_id, str) and (session_id, parent_id) in nodes:
            parents[node] = nodes[session_id, parent_id]
        else:
            parents[node] = heads.get(session_id)
    return parents


def _tally(roots: Sequence[Node]) -> None:
    """Count in every node what is below it, children before their parents."""
    ordered = list(roots)
    for node in ordered:
        ordered.extend(node.children)
    for node in reversed(ordered):
        state = node.state
        node.failures = int(state is State.FAILED)
        node.unsettled = int(state in _UNSETTLED)
        node.cut = int(state in CUT)
        node.last = _latest(node.when, node.ended)
        below = NOTHING
        for child in node.children:
            node.events += child.events
            node.failures += child.failures
            node.unsettled += child.unsettled
            node.cut += child.cut
            node.last = _latest(node.last, child.last)
            below += child.spent
        node.spent = with_below(node.own_spent, below)


def _latest(one: float | None, other: float | None) -> float | None:
    return max((when for when in (one, other) if when is not None), default=None)


def _tops(roots: Sequence[Node]) -> Iterator[tuple[tuple[bool, int], Node]]:
    """Yield the failures whose parent did not fail, with how near to the root they came."""
    stack = [(0, node) for node in roots]
    while stack:
        depth, node = stack.pop()
        if node.failed:
            yield (node.kind == "log", depth), node
        elif node.failures:
            stack.extend((depth + 1, child) for child in node.children)


def _failing(children: Sequence[Node]) -> list[Node]:
    failing = [child for child in children if child.failed]
    return [child for child in failing if child.kind != "log"] or failing


def _likeness(node: Node) -> tuple[str, str, State, str | None] | None:
    if node.failures or node.unsettled:
        return None
    return node.name, node.kind, node.state, node.reason
