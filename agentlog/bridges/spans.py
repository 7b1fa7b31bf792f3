"""OpenTelemetry's spans as nodes of our tree: which are open, and where new ones belong.

A span says which one is current by OpenTelemetry's context, an action by ours. The two are joined
by one rule. A span remembers the innermost node of ours at its start. It is the innermost place of
all where that node still is the innermost: what has been entered since is inside of the span.
A parent that is named counts also where what is open was not entered there at all, but elsewhere.
A span whose session has ended is no place any more, unless what is open here belongs to that too.

What is inside of a span that is not recorded belongs to the nearest that is. OpenTelemetry hands
its context down, but no way from a span to those around it. So a recorded span leaves its mark in
the context whenever another starts in it.

A span that is not made the current one counts where its instrumentation tells that it is
(`get_current_span`, which OpenInference's package for LangChain has), and where spannode.py says.
Of two that count, the one that was started last is inside of the other.

A span that nobody holds any more will never end. Its event is closed as abandoned.
"""

import sys
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from opentelemetry.context import Context, attach, create_key, get_value, set_value
from opentelemetry.trace import SpanContext, get_current_span

from agentlog.bridges.spannode import SpanNode
from agentlog.conventions.openinference import KIND
from agentlog.recording import context
from agentlog.recording.context import Node
from agentlog.recording.outcome import Outcome
from agentlog.recording.recorder import Recorder

_MARK: Final = create_key("agentlog")
ABANDONED: Final = Outcome("Indeterminate", "abandoned")

Key = tuple[int, int]
"""Trace id and span id."""

_PACKAGES: Final = "openinference."
"""What the names of the instrumentations begin with whose spans may be quiet."""

_open: dict[Key, tuple[SpanNode, ...]] = {}
"""The nodes of the spans that have not ended, one for each client that records the span."""


def key_of(span: Any) -> Key | None:
    """Return the ids of a span of the SDK's; None for any other, of which nothing is recorded."""
    known = getattr(span, "context", None)
    return None if known is None else known[:2]  # it is a tuple, and a slice of one is a plain one


def show(span: Any, ids: SpanContext) -> None:
    """Have a span say that these are its ids, and leave its mark where it is asked for them.

    The SDK asks where another span starts in it. The mark has both its real ids and these.
    """
    _set_mark(span, span.context[:2], ids, ids[:2])


def _set_mark(span: Any, key: Key, ids: SpanContext, shown: Key) -> None:
    span.get_span_context = partial(_say_ids, ids, (key, shown))


def _say_ids(ids: SpanContext, mark: tuple[Key, Key]) -> SpanContext:
    """Return the ids that a span shows, and leave its mark where it is the current one."""
    key = mark[0]
    if key in _open and get_value(_MARK) != mark and key_of(get_current_span()) == key:
        attach(set_value(_MARK, mark))
    return ids


class _Held(weakref.ref[Any]):
    """A span that has not ended. It knows the key, and not the nodes, which know it."""

    __slots__ = ("key",)

    key: Key


def hold(span: Any, key: Key, node: SpanNode) -> None:
    """Keep a node until its span ends, or is collected without having ended."""
    node.span = held = _Held(span, _abandon)
    held.key = key
    if key in _open:
        _open[key] = (*_open[key], node)
    else:
        _open[key] = (node,)
        _set_mark(span, key, span.context, key)


def is_held(key: Key, recorder: Recorder) -> bool:
    """Say whether a client has this span already, by another processor."""
    return key in _open and any(node.recorder is recorder for node in _open.get(key, ()))


def let_go(span: Any) -> tuple[SpanNode, ...]:
    """Return the nodes of a span that has ended; the first who asks gets them."""
    key = key_of(span)
    return _open.pop(key, ()) if key else ()


def _abandon(held: _Held) -> None:
    """Close the events of a span that was collected; called wherever that happens."""
    for node in _open.pop(held.key, ()):
        recorder: Recorder = node.recorder
        node.closed = True
        if node.same is None and node.process.here[0]:
            recorder.close(node, recorder.time(), ABANDONED, {})


# -- Where an event belongs ------------------------------------------------------------------------


def innermost_span(recorder: Recorder, within: Context | None = None) -> SpanNode | None:
    """Return the open span that an event recorded here belongs under, if it is one.

    Args:
        recorder: Whose event it is.
        within: The context of OpenTelemetry; None: the one in force.

    """
    if not _open:
        return None
    found = _nearest(recorder, within)
    if _tellers and within is None:
        found = _told(recorder, found)
    return found if found is not None and _is_here(found, recorder, within) else None


def _is_here(found: SpanNode, recorder: Recorder, within: Context | None = None) -> bool:
    """Say whether nothing of ours was entered inside of an open span, nor its session left."""
    if found.closed:
        return False
    here = context.innermost(recorder)
    if found.session is not None and found.session.closed:
        beside = here or context.outlived(recorder)
        if beside is None or beside.session_id != found.session_id:
            return False
    place = context.innermost_from(found.outer, recorder)
    if here is None or here is place:
        return True
    return within is not None and place is not None and not _is_inside(here, place)


def _nearest(recorder: Recorder, within: Context | None) -> SpanNode | None:
    """Return the node of the current span, or of the nearest around it that has one."""
    span: Any = get_current_span(within)
    key = key_of(span) or span.get_span_context()[:2]  # a header's may be of this very process
    if (found := _found(key, recorder)) is not None:
        return found
    mark: Any = get_value(_MARK, within)
    marked, shown = mark or (None, None)
    outside = getattr(span, "parent", None)
    named = outside and (outside.trace_id, outside.span_id)
    for key in (marked, named) if named == shown else (named, marked):
        if (found := _found(key, recorder)) is not None:
            return found
    return None


def _is_inside(node: Node | None, place: Node) -> bool:
    """Say whether a node was entered where this one was open."""
    while node is not None and node is not place:
        node = node.outer
    return node is place


def _found(key: Key | None, recorder: Recorder) -> SpanNode | None:
    for node in _open.get(key, ()) if key else ():
        if node.recorder is recorder:
            return node.same or node
    return None


# -- Spans that are not made the current ones ------------------------------------------------------

_quiet: ContextVar[SpanNode | None] = ContextVar("agentlog_quiet_span", default=None)
"""The last span that was started in this context and did not tell what it is."""

_tellers: dict[str, Callable[[], Any] | None] = {}
"""By the names of instrumentations: what tells which of their spans is the current one."""


def is_quiet(scope: str, started: Mapping[str, object]) -> bool:
    """Say whether a span did not tell at its start what it is, as it is with some packages."""
    return KIND not in started and f"{scope}".startswith(_PACKAGES)


def listen(node: SpanNode) -> None:
    """Remember that a quiet span was started in this context."""
    node.is_quiet = True
    node.before = _first_open(_quiet.get())
    _quiet.set(node)
    if node.scope not in _tellers:
        _tellers[node.scope] = getattr(sys.modules.get(node.scope), "get_current_span", None)


def forget(node: SpanNode) -> None:
    """Take a span that has ended out of this context, where it is the last quiet one."""
    if _quiet.get() is node:
        _quiet.set(_first_open(node.before))


def ask_no_more(scope: str) -> None:
    """Ask an instrumentation no more which of its spans is the current one."""
    _tellers.pop(scope, None)


def quiet_spans(
    recorder: Recorder, scope: str, fields: Mapping[str, Any], around: SpanNode | None
) -> list[SpanNode]:
    """Return the quiet spans that a call may be inside of, the innermost first.

    Args:
        recorder: Whose event it is.
        scope: The instrumentation that sees the call.
        fields: What its span says; where that is not a call, it may turn out to be one.
        around: The span that the call is inside of for certain.

    """
    node, found = _quiet.get(), []
    while node is not None and (around is None or node.number > around.number):
        if (
            node.recorder is recorder
            and node.may_be_around(scope, fields)
            and _is_here(node, recorder)
        ):
            found.append(node)
        node = node.before
    return found


def _first_open(node: SpanNode | None) -> SpanNode | None:
    """Return the first of these nodes that is open, and let go of all that are not."""
    while node is not None and node.closed:
        node = node.before
    inner = node
    while inner is not None:
        while (before := inner.before) is not None and before.closed:
            inner.before = before.before
        inner = before
    return node


def _told(recorder: Recorder, found: SpanNode | None) -> SpanNode | None:
    """Return the current span as instrumentations tell it, unless this one is inside of it."""
    for ask in (*_tellers.values(),):
        node: SpanNode | None = None
        with suppress(Exception):  # it is other code
            node = _found(key_of(ask()), recorder) if ask is not None else None
        if node is not None and not node.closed and (found is None or node.number > found.number):
            found = node
    return found
