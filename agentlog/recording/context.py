"""Where an event belongs: the innermost open node of the context it is recorded in.

One ContextVar holds the innermost node (an action, a session, a remote parent); each node knows the
one outside of it. A node that has closed is passed over, so whatever still runs in a copy of its
context (a callback, a task that was not awaited) hangs under what is still open. Leaving a node
takes it off the context only where it is the innermost: so leaving in the wrong order, in another
thread or in another context does no harm, where a ContextVar's token would bring back a node that
has closed.

The W3C traceparent header carries a node across processes.
Source: https://www.w3.org/TR/trace-context/#traceparent-header
"""

import contextvars
import re
from collections import deque
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from agentlog.foreign import let_pass

TRACEPARENT = "traceparent"
_MOST_HEADERS = 10_000

_FORM = (
    r"(?P<version>[0-9a-f]{2})-(?P<session>[0-9a-f]{32})-(?P<event>[0-9a-f]{16})-[0-9a-f]{2}"
    r"(?P<more>-.*)?"
)


class Node:
    """A place in the tree that events can hang under.

    `recorder` is whose events they are (None: anybody's, as for a remote parent); `outer` the node
    around this one in the context it was entered in; `crumbs` the log lines remembered for a
    failure.
    """

    __slots__ = ("closed", "crumbs", "id", "outer", "parent_id", "recorder", "session_id")

    recorder: Any
    session_id: str
    id: str
    parent_id: str | None
    outer: "Node | None"
    closed: bool
    crumbs: deque[Any] | None


class Remote(Node):
    """A parent in another process, as a traceparent header names it."""

    __slots__ = ()

    def __init__(self, session_id: str, event_id: str) -> None:
        self.recorder = None
        self.session_id = session_id
        self.id = event_id
        self.parent_id = None
        self.outer = None
        self.closed = False
        self.crumbs = None


current: contextvars.ContextVar[Node | None] = contextvars.ContextVar("agentlog", default=None)

bound_here: contextvars.ContextVar[bool] = contextvars.ContextVar("agentlog_bound", default=False)
"""Whether this context is that of a bound function: then it has no parent but of its own will."""

own_work: contextvars.ContextVar[bool] = contextvars.ContextVar("agentlog_own_work", default=False)
"""Whether agentlog itself is at work here: what the libraries that it calls log is not recorded."""


def innermost(recorder: object = None) -> Node | None:
    """Return the innermost open node of this context: the recorder's, or anybody's if None."""
    return innermost_from(current.get(), recorder)


def innermost_from(node: Node | None, recorder: object = None) -> Node | None:
    """Return the innermost open node of those that begin with this one, as `innermost` does."""
    while node is not None:
        if not node.closed and (
            recorder is None or node.recorder is recorder or node.recorder is None
        ):
            return node
        node = node.outer
    return None


def enter(node: Node) -> None:
    """Make a node the innermost of this context."""
    node.outer = current.get()
    compress(node)
    current.set(node)


def outlived(recorder: object = None) -> Node | None:
    """Return the session of this context that has closed while its work still runs."""
    node = session_around(current.get())
    while node is not None and recorder is not None and node.recorder is not recorder:
        node = session_around(node.outer)
    return node


def session_around(node: Node | None) -> Node | None:
    """Return the session that a node is, or is in by the contexts it was entered in."""
    while node is not None and (node.parent_id is not None or node.recorder is None):
        node = node.outer
    return node


def compress(node: Node) -> None:
    """Take what has closed from between a node, the one outside of it, and the next open one.

    So a chain stays as short as what is open, also where each node is left after the next is
    entered. One session that has closed stays: it is where its stragglers belong.
    """
    _skip_closed(node)
    if node.outer is not None:
        _skip_closed(node.outer)


def _skip_closed(node: Node) -> None:
    outer = node.outer
    while outer is not None and outer.closed and not _is_session(outer):
        outer = outer.outer
    node.outer = outer
    if outer is not None and outer.closed:
        beyond = outer.outer
        while beyond is not None and beyond.closed:
            beyond = beyond.outer
        outer.outer = beyond


def _is_session(node: Node) -> bool:
    return node.parent_id is None and node.recorder is not None


def leave(node: Node) -> None:
    """Close a node, and take it out of this context, from wherever it is in it."""
    node.closed = True
    inner = current.get()
    if inner is node:
        current.set(node.outer)
    while inner is not None:
        if inner.outer is node:
            inner.outer = node.outer
        inner = inner.outer


def reset(token: contextvars.Token[Node | None]) -> None:
    """Set back the context to what it was before; in another context, do nothing."""
    try:
        current.reset(token)
    except ValueError:
        pass  # a coroutine or generator that is closed elsewhere than where it ran


def write_header(headers: MutableMapping[str, str], node: Node) -> None:
    """Set the traceparent of a node, in place of one of any spelling."""
    for name in [name for name in headers if _text(name).lower() == TRACEPARENT]:
        del headers[name]
    headers[TRACEPARENT] = f"00-{node.session_id}-{node.id}-01"


@contextmanager
def attach(headers: Mapping[str, str]) -> Iterator[None]:
    """Record what happens inside under the parent that the headers name.

    Args:
        headers: A mapping with a W3C `traceparent`, in any case, as `inject` writes it. Without
            one, or with one that is malformed, the work goes to the local session.

    """
    remote = read_header(headers)
    if remote is None:
        yield
        return
    enter(remote)
    try:
        yield
    finally:
        leave(remote)


def read_header(headers: Mapping[str, str]) -> Remote | None:
    """Read the remote parent out of headers, or None; never raises."""
    try:
        pairs = islice(headers.items(), _MOST_HEADERS)
        named = [value for name, value in pairs if _text(name).lower() == TRACEPARENT]
        return _parse(_text(named[0]).strip()) if len(named) == 1 else None
    except BaseException as error:  # noqa: BLE001 - headers come from anywhere; unreadable, they name no parent
        let_pass(error)
        return None


def _text(value: object) -> str:
    """Return the text of a header's name or value; what is neither text nor bytes has none."""
    if issubclass(type(value), bytes):
        return bytes.decode(value, "latin-1")  # type: ignore[arg-type]
    return str.__str__(value) if issubclass(type(value), str) else ""


def _parse(text: str) -> Remote | None:
    form = re.fullmatch(_FORM, text)
    if form is None or form["version"] == "ff" or (form["version"] == "00" and form["more"]):
        return None
    if not int(form["session"], 16) or not int(form["event"], 16):
        return None
    return Remote(form["session"], form["event"])
