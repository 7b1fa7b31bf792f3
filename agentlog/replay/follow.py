"""A run while it goes on: what is known of it, and what has started and ended since.

The rule of this file: each start and each end of an event is told once, in order of time as far as
they are known together. Payloads are not kept.

Pure; moving.py lays it out, and agentlog/follow.py asks for the time and writes to the terminal.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agentlog.prices import DETAILS
from agentlog.replay.cost import NOTHING, Spent, total
from agentlog.replay.node import Node
from agentlog.replay.text import Tally
from agentlog.replay.tree import forest
from agentlog.store.merge import Event
from agentlog.store.state import State, silenced

_PAYLOADS: Final = frozenset(["params", "prompt", "returns", "log", "process", "notes"])
_ENDS: Final = frozenset(
    ["end_timestamp", "result", "reason", "error", "prompt_tokens", "completion_tokens"]
)
_LONGEST_ERROR: Final = 400
_MOST_ANCESTORS: Final = 64
_DEEPEST: Final = 24


@dataclass(frozen=True, slots=True)
class Step:
    """An event that has started or ended, and how deep it stands."""

    node: Node
    depth: int
    when: float | None
    is_end: bool


class Followed:
    """What is known of a session that is followed."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._recent: dict[str, None] = {}
        self._open: dict[str, None] = {}
        self._failures: set[str] = set()
        self._calls: dict[str, None] = {}
        self._spent: Spent | None = NOTHING
        self._head: Node | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be expected of the session."""
        if self._head is None:
            return bool(self._nodes) and not self._open
        return self._head.state is not State.RUNNING

    @property
    def is_running(self) -> bool:
        """Whether anything runs, so that time goes by for it."""
        return bool(self._open)

    def take(self, events: Iterable[Event]) -> list[Step]:
        """Take what is new; return what has started and ended by it."""
        steps: list[Step] = []
        for event in events:
            node = Node(_lean(event))
            before = self._nodes.get(node.id)
            self._note(node)
            steps.extend(_steps(before, node))
        placed = [Step(step.node, self._depth(step.node), step.when, step.is_end) for step in steps]
        return sorted(placed, key=_order)

    def silence(self) -> list[Step]:
        """Give up what is open, as nobody sees whether it runs; return what has ended by it."""
        return self.take([silenced(self._nodes[event_id].event) for event_id in self._open])

    def tally(self) -> Tally:
        """Return the sums of all events."""
        return Tally(
            events=len(self._nodes),
            failures=len(self._failures),
            spent=self._sum_up(),
        )

    def newest(self, most: int) -> Iterator[Node]:
        """Yield the events that were last heard of or still run, and those above them."""
        chosen: dict[str, None] = {}
        for known in (self._recent, self._open):
            for place, event_id in enumerate(reversed(known)):
                if place == most:
                    break
                chosen[event_id] = None
        return self._with_those_above(chosen)

    def _with_those_above(self, chosen: dict[str, None]) -> Iterator[Node]:
        for event_id in list(chosen):
            node: Node | None = self._nodes[event_id]
            for _ in range(_MOST_ANCESTORS):
                node = self._above(node) if node else None
                if node is None or node.id in chosen:
                    break
                chosen[node.id] = None
        if self._head:
            chosen[self._head.id] = None
        return (self._nodes[event_id] for event_id in chosen)

    def _sum_up(self) -> Spent:
        """Return what all calls took: by their place in the tree, and so only if it has changed."""
        if self._spent is None:
            nodes = self._with_those_above(dict(self._calls))
            self._spent = total(root.spent for root in forest(node.event for node in nodes))
        return self._spent

    def _note(self, node: Node) -> None:
        self._nodes[node.id] = node
        self._recent.pop(node.id, None)
        self._recent[node.id] = None
        self._open.pop(node.id, None)
        if node.state is State.RUNNING:
            self._open[node.id] = None
        if node.failed:
            self._failures.add(node.id)
        if node.tokens_in is not None or node.tokens_out is not None:
            self._calls[node.id] = None
            self._spent = None
        if node.is_root and (self._head is None or node.kind == "session"):
            self._head = node

    def _depth(self, node: Node) -> int:
        """Return how many events are above, so far as they are known and a line can be indented."""
        depth = 0
        above: Node | None = node
        while above and not above.is_root and depth < _DEEPEST:
            above = self._above(above)
            depth += 1
        return depth

    def _above(self, node: Node) -> Node | None:
        return self._nodes.get(str(node.event.get("parent_id")))


def _steps(before: Node | None, node: Node) -> Iterator[Step]:
    """Yield what an event has done since it was known last; its depth is seen later."""
    has_ended = node.state is not State.RUNNING
    is_instant = has_ended and node.ended is not None and node.when == node.ended
    if before is None and not is_instant and "event_type" in node.event:
        started = {name: value for name, value in node.event.items() if name not in _ENDS}
        yield Step(Node(started), 0, node.started, is_end=False)
    if has_ended and (before is None or (before.ended is None and before.state is not node.state)):
        yield Step(node, 0, node.ended, is_end=True)


def _order(step: Step) -> tuple[float, bool, int]:
    """Order by time; at one time, what starts goes down the tree and what ends goes up."""
    when = math.inf if step.when is None else step.when
    return when, step.is_end, -step.depth if step.is_end else step.depth


def _lean(event: Mapping[str, object]) -> Event:
    """Return an event without what no line shows."""
    lean = {name: value for name, value in event.items() if name not in _PAYLOADS}
    params = event.get("params")
    if isinstance(params, dict):
        details = {name: params[name] for name in DETAILS if name in params}
        lean |= {"params": details} if details else {}
    error = lean.get("error")
    if isinstance(error, dict):
        message = error.get("message")
        short = message[:_LONGEST_ERROR] if isinstance(message, str) else message
        lean["error"] = {"type": error.get("type"), "message": short}
    return lean
