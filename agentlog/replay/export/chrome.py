"""A session as a trace of Chrome's, which Perfetto (https://ui.perfetto.dev) opens.

The rules of this file: an event with a duration is a complete event (`X`), one without an instant
(`i`). Times are microseconds from the session's start; when that was stands in `otherData`. What
has no end goes to the last time that is known. It is read twice: first without payloads, to know
the tracks.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agentlog.replay.export.lanes import Stretch, lanes
from agentlog.replay.export.run import Run
from agentlog.replay.export.strict import written
from agentlog.replay.node import Node
from agentlog.replay.tree import forest, walk
from agentlog.store.merge import Address, address
from agentlog.store.state import State

_SKELETON: Final = (
    "id",
    "session_id",
    "parent_id",
    "action_type",
    "timestamp",
    "end_timestamp",
)
_ARGUMENTS: Final = (
    "id",
    "parent_id",
    "result",
    "reason",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "tags",
    "level",
    "logger",
    "error",
    "params",
    "prompt",
    "returns",
)
_COLOURS: Final = {
    State.FAILED: "terrible",
    State.INTERRUPTED: "bad",
    State.CANCELLED: "bad",
    State.RUNNING: "thread_state_running",
}
_PROCESS: Final = 1


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an event is drawn: nanoseconds from the start, and the track."""

    start: int
    end: int
    is_instant: bool
    track: int


def parts(run: Run) -> Iterator[str]:
    """Yield the document."""
    head = Node(run.head())
    began, places = _places(run)
    name = head.name if head.event.get("event_type") else "a session without its root"
    about = {"session_id": head.session_id, "start": began, "by": "agentlog"}
    yield f'{{"displayTimeUnit":"ms","otherData":{written(about)},"traceEvents":[\n'
    yield written(_named("process_name", name, 1))
    for track in range(1 + max((place.track for place in places.values()), default=0)):
        yield ",\n" + written(
            _named("thread_name", f"beside {track}" if track else name, track + 1)
        )
    for event in run.shown():
        place = places.get(address(event) or ("", ""))
        if place:  # what has come since the first reading is left out
            yield ",\n" + written(_drawn(Node(event), place))
    yield "\n]}\n"


def _named(what: str, name: str, track: int) -> Mapping[str, object]:
    return {"name": what, "ph": "M", "pid": _PROCESS, "tid": track, "args": {"name": name}}


def _drawn(node: Node, place: _Place) -> dict[str, object]:
    state = node.state
    told: dict[str, object] = {name: node.event[name] for name in _ARGUMENTS if name in node.event}
    drawn: dict[str, object] = {
        "name": node.name,
        "cat": f"{node.kind},{state}",
        "ph": "i" if place.is_instant else "X",
        "ts": place.start / 1000,
        "pid": _PROCESS,
        "tid": place.track + 1,
        "args": {"state": state.value, **told},
    }
    if place.is_instant:
        drawn["s"] = "t"
    else:
        drawn["dur"] = (place.end - place.start) / 1000
    if state in _COLOURS:
        drawn["cname"] = _COLOURS[state]
    return drawn


def _places(run: Run) -> tuple[float, dict[Address, _Place]]:
    """Read a session without its payloads; return when it began, and where events are drawn."""
    events = ({name: event[name] for name in _SKELETON if name in event} for event in run.events())
    nodes, parents = _in_order(forest(events))
    known = [when for node in nodes for when in (node.started, node.ended) if when is not None]
    began, last = min(known, default=0.0), max(known, default=0.0)
    times = [_times(node, began, last) for node in nodes]
    order = sorted(range(len(nodes)), key=lambda number: (times[number][0], number))
    ranks = {number: rank for rank, number in enumerate(order)}
    stretches = []
    for rank, number in enumerate(order):
        parent = ranks.get(parents[number], rank)
        stretches.append(Stretch(*times[number], parent if parent < rank else None))
    places: dict[Address, _Place] = {}
    for number, stretch, track in zip(order, stretches, lanes(stretches), strict=True):
        node = nodes[number]
        is_instant = node.ended is not None and node.when == node.ended
        place = _Place(stretch.start, stretch.end, is_instant, track)
        places[node.session_id, node.id] = place
    return began, places


def _in_order(roots: Sequence[Node]) -> tuple[list[Node], list[int]]:
    """Return the nodes in the order in which a tree is read, and the place of each one's parent."""
    nodes: list[Node] = []
    parents: list[int] = []
    above: list[int] = []
    for depth, node in walk(roots):
        del above[depth:]
        parents.append(above[-1] if above else -1)
        above.append(len(nodes))
        nodes.append(node)
    return nodes, parents


def _times(node: Node, began: float, last: float) -> tuple[int, int]:
    """Return nanoseconds from the start of all, which is as exact as the numbers are."""
    start = began if node.when is None else node.when
    end = last if node.ended is None else node.ended
    return round((start - began) * 1e9), round((max(start, end) - began) * 1e9)
