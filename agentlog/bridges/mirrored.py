"""The spans of a program's TracerProvider that our open actions are.

A span begins with its action and is the current one meanwhile: so spans that the program's other
instrumentation makes are its children, and the program's exporter ships it. What it says is what
the journal says of the action, redacted as that is. A span ends with its action, or when nobody
holds that any more, which then will never be left.
"""

import json
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.context import Context, attach, get_current

from agentlog._version import __version__
from agentlog.conventions import words, writing
from agentlog.errors import warn
from agentlog.foreign import let_pass
from agentlog.recording.pen import Process
from agentlog.recording.recorder import Entered
from agentlog.recording.redact import shown

SCOPE: Final = writing.SCOPE
"""The instrumentation scope of these spans, by which they are known: none is recorded again."""


class Mirror:
    """The spans of the actions that are open; none of its methods raises."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self.provider = provider
        self.active = True
        self._tracer = provider.get_tracer(SCOPE, __version__)
        self._open: WeakKeyDictionary[Entered, _Mirrored] = WeakKeyDictionary()

    def is_over(self) -> bool:
        """Say whether there is nothing to do any more: no action will be entered or left."""
        return not (self.active or self._open)

    def enter(self, action: Entered, opened: str) -> None:
        """Begin a span, and make it the current one."""
        try:
            before, event = get_current(), json.loads(opened)
            span = self._tracer.start_span(event["event_type"])
            self._open[action] = _Mirrored(span, before, event, action.recorder.writer.process)
            attach(trace.set_span_in_context(span, before))
        except Exception as error:  # noqa: BLE001 - samplers and processors are the program's own code
            _give_up(action, error)

    def leave(self, action: Entered, closed: str) -> None:
        """End a span; where it is the current one, the one before it is."""
        mirrored = self._open.pop(action, None)
        if mirrored is None:
            return
        try:
            if trace.get_current_span() is mirrored.span:
                attach(mirrored.before)
            mirrored.end(closed)
        except Exception as unexpected:  # noqa: BLE001 - as above
            _give_up(action, unexpected)

    def swap(self, other: object) -> object:
        """Make another context the current one, unless it is None; return the one before."""
        before = get_current()
        if other is not None:
            attach(cast("Context", other))
        return before


class _Mirrored:
    """The span of an action that is open: the context before, the open half, and whose it is."""

    __slots__ = ("before", "opened", "process", "span")

    def __init__(
        self, span: trace.Span, before: Context, opened: dict[str, Any], process: Process
    ) -> None:
        self.span, self.before, self.opened, self.process = span, before, opened, process

    def end(self, closed: str = "") -> None:
        """End the span, once, and in the process that began it."""
        if self.process.here[0] and self.span.is_recording():
            _tell(self.span, writing.span({**self.opened, **json.loads(closed or "{}")}))
            self.span.end()

    def __del__(self) -> None:
        try:
            self.end()
        except Exception as error:  # noqa: BLE001 - as above; nobody is there to hear of it
            let_pass(error)


def _tell(span: trace.Span, said: words.Span) -> None:
    """Tell a span of the program's what an event says as a span."""
    span.set_attributes({**said.attributes, words.MIRRORED: said.span_id})
    for event in said.events:
        span.add_event(event.name, event.attributes, event.time)
    if said.status == words.ERROR:
        span.set_status(trace.StatusCode.ERROR, said.message)
    elif said.status == words.OK:
        span.set_status(trace.StatusCode.OK)


def _give_up(action: Entered, error: Exception) -> None:
    """Say that something went wrong; the action itself is recorded."""
    let_pass(error)
    warn(f"{action!r} has no whole span in OpenTelemetry: {shown(error)}")
