"""What a client's nodes record with: encoder, writer, clocks, and the session to fall back on.

One Recorder belongs to one client. Its methods write whole records and the two halves of a node;
they never raise, and what goes wrong inside is counted as dropped and said once.

Where the program is close to the recursion limit there may be no room for another call, not even
for one that counts. So each way in counts a RecursionError by itself, without a call:
`recorder.writer.process.dropped[NO_ROOM] += 1`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

from agentlog.errors import call_site, warn
from agentlog.foreign import let_pass
from agentlog.recording import context, ids
from agentlog.recording.context import Node, current
from agentlog.recording.crumbs import UNCHANGING, as_log, taken
from agentlog.recording.encode import Encoder
from agentlog.recording.event import ACTION_TYPES, RESULTS, Event, fitting, is_a
from agentlog.recording.natural import Items, items_of
from agentlog.recording.outcome import Outcome
from agentlog.recording.recent import Recent
from agentlog.recording.redact import shown
from agentlog.recording.writer import Writer

NO_ROOM = "recursion limit"
"""The reason for which a record is dropped that was made too close to that limit."""

_DETAILS = ("model", "prompt", "tags", "returns")

Instant = tuple[str, Any, str, str, float | None, str | None, str | None, dict[str, Any]]
"""An event of no duration: name, params, kind, result, time, level, logger, other fields.

A plain tuple, as one is made for each log line that is selected.
"""


class OwnWork(Exception):  # noqa: N818 - nothing is wrong
    """What is to be recorded is agentlog's own work, as by a library that it calls."""


class Entered(Protocol):
    """An action, as far as what is joined looks at it."""

    event_type: str
    recorder: "Recorder"


class Joined(Protocol):
    """What else nests in this program: OpenTelemetry's spans."""

    def innermost(self, recorder: "Recorder") -> Node | None:
        """Return the node of a span, where an event recorded here belongs under one."""

    @property
    def swap(self) -> Callable[[object], object] | None:
        """What makes another context of its own the current one, and returns the one before.

        None where there is no need to, as no action is one of its spans.
        """

    def enter(self, action: Entered, opened: str) -> None:
        """See that an action was entered, and its open half; never raises."""

    def leave(self, action: Entered, closed: str) -> None:
        """See that it was left, and its close half, if it has one; never raises."""


class Recorder:
    """The recording side of one client.

    `start` opens and returns the session that events without a parent belong to; it is called when
    there is none, with the time of an event that has begun before. `time` and `perf` are the
    clocks: seconds since the epoch, and seconds that never go back. `joined` is None until
    OpenTelemetry is joined to the client.
    """

    __slots__ = (
        "_broken",
        "_warned_of_thread",
        "crumbs",
        "encoder",
        "in_main",
        "joined",
        "lines",
        "perf",
        "session",
        "stamped",
        "start",
        "time",
        "writer",
    )

    def __init__(
        self, encoder: Encoder, writer: Writer, start: Callable[[float | None], Node]
    ) -> None:
        self.encoder = encoder
        self.writer = writer
        self.start = start
        self.time = time.time
        self.perf = time.perf_counter
        self.session: Node | None = None
        self.joined: Joined | None = None
        self.in_main: set[Node] = set()  # sessions, and actions right below one
        self.lines = Recent()  # log records that are events, with their ids
        self.crumbs = Recent()  # log records that are remembered
        self.stamped = Recent()  # ids of events whose lines went on to the logging module
        self._warned_of_thread = False
        self._broken = False

    def parent(self, *, warns: bool = True) -> Node:
        """Return the node that an event recorded here and now belongs under."""
        joined = self.joined
        if joined is not None and (span := joined.innermost(self)) is not None:
            return span
        node = current.get()
        if node is not None and node.recorder is self and not node.closed:
            return node
        return context.innermost(self) or self.root(warns=warns)

    def innermost(self) -> Node | None:
        """Return the innermost node that is open here, if one is."""
        joined = self.joined
        span = None if joined is None else joined.innermost(self)
        return span or context.innermost(self)

    def root(self, *, warns: bool = True, since: float | None = None) -> Node:
        """Return the node for what has no open node in its context, and has begun at this time.

        Raises `OwnWork` where agentlog itself is at work, of which nothing is recorded.
        """
        if context.own_work.get():
            raise OwnWork
        if (
            warns
            and not self._warned_of_thread
            and self.in_main
            and not in_main_thread()
            and not context.bound_here.get()
        ):
            self._warned_of_thread = True
            warn(
                f"{call_site()} records in a thread that does not know its parent, while an action "
                "is open in the main thread. Wrap the function in ao.bind(...), or use "
                "ao.ThreadPoolExecutor, and its events become children of that action."
            )
        outlived = context.outlived(self)
        if outlived is not None:
            return outlived
        return self.start(since)

    def open(
        self, node: Node, timestamp: float, event_type: str, kind: str, fields: dict[str, Any]
    ) -> None:
        """Write the open half of a node; never raises."""
        parent = f'"{node.parent_id}"' if node.parent_id else "null"
        try:
            opened = (
                f'{{"id":"{node.id}","session_id":"{node.session_id}","parent_id":{parent}'
                f"{self.encoder.opening(event_type, None, fields)}"
                f',"action_type":"{kind}","timestamp":{timestamp:.6f}}}\n'
            )
            self.writer.write(opened, self.perf())
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is not the host's
            self.give_up(error)

    def record(self, event: Event) -> None:
        """Write an event, whole, under what is open here; never raises."""
        try:
            self.instant(self.parent(), ids.event_id(), _instant_of(event))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is not the host's
            self.give_up(error)

    def instant(self, parent: Node, event_id: str, what: Instant) -> None:
        """Write an event of no duration, whole."""
        name, params, kind, result, time, level, logger, fields = what
        encoder = self.encoder
        labels = encoder.labels.get((level, logger))
        if labels is None and (labels := encoder.learn_labels(level, logger)) is None:
            fields = {**fields, "level": level, "logger": logger}
        when = f"{self.time():.6f}" if time is None else _number(time)
        self.writer.write(
            f'{{"id":"{event_id}","session_id":"{parent.session_id}","parent_id":"{parent.id}"'
            f"{encoder.opening(name, params, fields or None)}{labels or ''}"
            f',"action_type":"{kind}","timestamp":{when},"end_timestamp":{when}'
            f',"result":"{result}"}}\n',
            self.perf(),
        )

    def remember(
        self, most: int, logger: Any, level: str | None, line: MutableMapping[Any, Any]
    ) -> None:
        """Remember a log line with the innermost open node of this context, the last `most`."""
        node = current.get()
        if node is None or node.closed or node.recorder is not self:
            node = context.innermost(self) or self.session
            if node is None or node.closed or node.recorder is None:
                return  # nothing is open here: a parent in another process fails unseen
        crumbs = node.crumbs
        if crumbs is None:
            crumbs = node.crumbs = deque(maxlen=most)
        if type(line) is dict:  # the usual line in place, as this is done at each that is logged
            try:
                for value in line.values():
                    if type(value) not in UNCHANGING:
                        break
                else:
                    crumbs.append((self.time(), logger, level, {**line}))
                    return
            except BaseException as error:  # noqa: BLE001 - it changes just now, or a class has a hash of its own
                let_pass(error)
        crumbs.append((self.time(), logger, level, taken(line, self.encoder)))

    def close(self, node: Node, end: float, outcome: Outcome, late: dict[str, Any]) -> str:
        """Write the close half of a node, and return it, if it could be made; never raises."""
        result, reason, error = outcome
        crumbs, node.crumbs = node.crumbs, None
        try:
            if result == "Fail" and crumbs:
                late["log"] = as_log(list(crumbs))
            fields = self.encoder.fields({"reason": reason, **late, "error": error})
            head = f'{{"id":"{node.id}","session_id":"{node.session_id}"'
            return self.write_end(head, f"{end:.6f}", result, fields)
        except Exception as unexpected:  # noqa: BLE001 - whatever goes wrong here is not the host's
            self.give_up(unexpected)
            return ""

    def write_end(self, head: str, end: str, result: str = "Success", more: str = "") -> str:
        """Write a close half of these parts, and return it; a plain success has no more to say."""
        closed = f'{head},"end_timestamp":{end},"result":"{result}"{more}}}\n'
        self.writer.write(closed, self.perf())
        return closed

    def give_up(self, error: BaseException) -> None:
        """Count a record that could not be made; say so once. For what should not happen.

        Raises what is the host's own: Ctrl-C, and what came out of a signal handler.
        """
        if not issubclass(type(error), Exception):
            raise error
        let_pass(error)
        if type(error) is OwnWork:
            return
        if issubclass(type(error), RecursionError):
            self.writer.drop(NO_ROOM)
            return
        self.writer.drop("internal error")
        if not self._broken:
            self._broken = True
            try:
                warn(f"a record was lost to an error inside agentlog: {shown(error)}")
            except Exception:  # noqa: BLE001 - no room to say it here, or no interpreter any more
                self._broken = False


def _number(time: float) -> str:
    """Return the JSON of a time that fits its field, whatever its type says of itself."""
    exact = float.__pos__(time) if is_a(time, float) else float(int.__pos__(time))
    return float.__repr__(exact)


def _instant_of(event: Event) -> Instant:
    """Return an event's fields; a value set late that its field cannot hold is a param."""
    values: dict[str, Any] = {name: getattr(event, name, None) for name in Event.__slots__}
    wrong = {name: values.pop(name) for name in tuple(values) if not fitting(name, values[name])}
    params = values.get("params")
    if wrong:
        params = Items([*(() if params is None else items_of(params)), *wrong.items()])
    return (
        str.__str__(values.get("event_type", "event")),
        params,
        ACTION_TYPES[str.__str__(values.get("action_type", "action"))],
        RESULTS[str.__str__(values.get("result", "Indeterminate"))],
        values.get("timestamp"),
        None,
        None,
        {name: values[name] for name in _DETAILS if values.get(name) is not None},
    )


def in_main_thread() -> bool:
    """Say whether this is the main thread of the process."""
    return threading.get_ident() == threading.main_thread().ident
