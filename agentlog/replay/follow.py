"""A run while it goes on: what has started and ended since, and what a screen shows of it.

The rules of this file: each start and each end of an event is told once, in order of time as far as
they are known together. And a screen shows what happens now, however many events there are: the
newest, the ways to them, and the sums of all. Payloads are not kept.

Pure; who asks for the time and writes to the terminal is agentlog/follow.py.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from agentlog.replay.lines import GAP, Line
from agentlog.replay.node import Node
from agentlog.replay.rows import View, details_of, duration_of, role_of, trouble_of
from agentlog.replay.text import Tally, header, tree
from agentlog.replay.tree import forest
from agentlog.store import ids
from agentlog.store.merge import Event
from agentlog.store.state import State, silenced

_PAYLOADS: Final = frozenset(["params", "prompt", "returns", "log", "process", "notes"])
_ENDS: Final = frozenset(["end_timestamp", "result", "reason", "error"])
_LONGEST_ERROR: Final = 400
_FOLDED_UP_TO: Final = 1000
"""Events of which all are laid out, and alike ones folded; of more only the newest are."""

_MOST_ANCESTORS: Final = 64
_DEEPEST: Final = 24
_NO_TIME: Final = " " * len("00:00:00.000")


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
        self._tokens_in: int | None = None
        self._tokens_out: int | None = None
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
            self._note(node, before)
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
            tokens_in=self._tokens_in,
            tokens_out=self._tokens_out,
        )

    def screen(self, view: View, height: int, id_length: int = ids.LEAST) -> list[Line]:
        """Lay out as many lines as there are: who it is, and what happens now."""
        if not self._nodes:
            return []
        is_small = len(self._nodes) <= _FOLDED_UP_TO
        roots = forest(
            [node.event for node in (self._nodes.values() if is_small else self._newest(height))]
        )
        above = [*header(roots, view, id_length, self.tally()), []]
        rows = tree(roots, view if is_small else replace(view, unfold=True))
        room = max(1, height - len(above))
        if len(rows) > room:
            rows = [[(view.glyphs.ellipsis, "detail")], *rows[len(rows) - room + 1 :]]
        return [*above, *rows][-max(1, height) :]

    def _note(self, node: Node, before: Node | None) -> None:
        self._nodes[node.id] = node
        self._recent.pop(node.id, None)
        self._recent[node.id] = None
        self._open.pop(node.id, None)
        if node.state is State.RUNNING:
            self._open[node.id] = None
        if node.failed:
            self._failures.add(node.id)
        was_in, was_out = (before.tokens_in, before.tokens_out) if before else (None, None)
        self._tokens_in = _sum(self._tokens_in, node.tokens_in, was_in)
        self._tokens_out = _sum(self._tokens_out, node.tokens_out, was_out)
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

    def _newest(self, most: int) -> Iterator[Node]:
        """Yield the events that were last heard of or still run, and those above them."""
        chosen: dict[str, None] = {}
        for known in (self._recent, self._open):
            for place, event_id in enumerate(reversed(known)):
                if place == most:
                    break
                chosen[event_id] = None
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
        if tokens := view.tokens(node.tokens_in, node.tokens_out):
            written.extend((GAP, (tokens, "tokens")))
        if step.when is not None and (duration := duration_of(node, state, view)):
            written.extend((GAP, (duration, "duration")))
        if trouble := trouble_of(node, state, view):
            written.extend((GAP, trouble))
    return written


def _steps(before: Node | None, node: Node) -> Iterator[Step]:
    """Yield what an event has done since it was known last; its depth is seen later."""
    has_ended = node.state is not State.RUNNING
    is_instant = has_ended and node.ended is not None and node.when == node.ended
    if before is None and not is_instant and "event_type" in node.event:
        started = {name: value for name, value in node.event.items() if name not in _ENDS}
        yield Step(Node(started), 0, node.started, is_end=False)
    if has_ended and (before is None or (before.ended is None and before.state is not node.state)):
        yield Step(node, 0, node.ended, is_end=True)


def _sum(known: int | None, now: int | None, was: int | None) -> int | None:
    """Count the tokens of an event that had others, None where nobody counted them."""
    return known if now is None else (known or 0) + now - (was or 0)


def _order(step: Step) -> tuple[float, bool, int]:
    """Order by time; at one time, what starts goes down the tree and what ends goes up."""
    when = math.inf if step.when is None else step.when
    return when, step.is_end, -step.depth if step.is_end else step.depth


def _lean(event: Mapping[str, object]) -> Event:
    """Return an event without what no line shows."""
    lean = {name: value for name, value in event.items() if name not in _PAYLOADS}
    error = lean.get("error")
    if isinstance(error, dict):
        message = error.get("message")
        short = message[:_LONGEST_ERROR] if isinstance(message, str) else message
        lean["error"] = {"type": error.get("type"), "message": short}
    return lean


def _clock(when: float | None, zone: tzinfo | None) -> str:
    if when is None:
        return _NO_TIME
    return datetime.fromtimestamp(when, zone).strftime("%H:%M:%S.%f")[: len(_NO_TIME)]
