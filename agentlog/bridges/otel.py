"""OpenTelemetry in the process: its spans as events of ours, and our actions as spans of its.

The open half of an event is written when its span starts, the close half when it ends, both by the
client's encoder. The id is the span's; session and parent are ours. What a span says is read by
`agentlog.conventions`. Nothing here raises into the program that starts and ends spans.
"""

from typing import TYPE_CHECKING, Any

try:
    from opentelemetry.sdk.trace import SpanProcessor
except ImportError as missing:
    message = "agentlog.bridges.otel needs opentelemetry-sdk: pip install 'agentlog[otel]'"
    raise ImportError(message) from missing

from opentelemetry.trace import StatusCode

from agentlog.bridges import spans
from agentlog.bridges.joint import join, join_default
from agentlog.bridges.mirror import mirror
from agentlog.bridges.mirrored import SCOPE
from agentlog.bridges.spannode import FAILED, LLM, SpanNode
from agentlog.bridges.whose import checked_client
from agentlog.client import Client
from agentlog.conventions.reading import ended, read, read_end, says_more
from agentlog.conventions.words import SECOND, SpanEvent
from agentlog.default import default_recorder
from agentlog.recording import context, ids
from agentlog.recording.event import ACTION_TYPES
from agentlog.recording.outcome import Outcome
from agentlog.recording.recorder import NO_ROOM, Instant, Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

__all__ = ["EventSpanProcessor", "mirror"]

_DETAILS = ("model", "prompt", "tags")
_UNSET = StatusCode.UNSET
_LEFT = ("Indeterminate", "abandoned", None)
_PLAIN = ("Success", None, None)
_SEE_THE_END = frozenset(
    {"openinference.instrumentation.anthropic", "openinference.instrumentation.openai"}
)
"""Instrumentations that set a status where a stream was read to its end, and there only."""


class EventSpanProcessor(SpanProcessor):
    """A span processor that records each span as an event, for `add_span_processor`.

    Calls to models are events of the type `llm`, with model, messages, parameters and tokens, if
    the spans follow the conventions of OpenInference or of OpenTelemetry's generative AI.

    Args:
        client: Whose events they are; None: the default client's, at the time of the span.

    Raises:
        ConfigurationError: If the client is none.

    """

    def __init__(self, client: Client | None = None) -> None:
        self._client = checked_client(client)
        self._stopped = False
        if client is None:
            join_default()
        else:
            join(client)

    def on_start(self, span: "Span", parent_context: "Context | None" = None) -> None:
        """Write the open half of a span's event; never raises."""
        recorder = default_recorder() if self._client is None else self._client.active
        if recorder is None or self._stopped:
            return
        try:
            _open(recorder, span, parent_context)
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is not the host's
            recorder.give_up(error)

    def on_end(self, span: "ReadableSpan") -> None:
        """Write the close half of a span's event; never raises."""
        end(span)

    def stop(self) -> None:
        """Record no more spans; those that are open will end."""
        self._stopped = True


def end(span: "ReadableSpan", *, is_ours: bool = False) -> None:
    """Write the close halves of a span's events, of whichever client they are; never raises.

    Args:
        span: The span.
        is_ours: Whether a package made it that we have switched on: a stream of which it has
            neither an answer nor a status was left.

    """
    for node in spans.let_go(span):
        recorder: Recorder = node.recorder
        try:
            _close(recorder, node, span, is_ours=is_ours)
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is not the host's
            recorder.give_up(error)


def _open(recorder: Recorder, span: "Span", within: "Context | None") -> None:
    """Write that a span has started, unless it is one that is known otherwise."""
    key, told = spans.key_of(span), span.instrumentation_scope
    scope = told.name if told is not None else ""
    if key is None or spans.is_held(key, recorder) or scope == SCOPE:
        return
    started: dict[str, Any] = span.attributes.copy()  # type: ignore[union-attr]
    texts: dict[str, Any] = {}
    fields = read(span.name, started, (), texts)
    is_call = fields["action_type"] == LLM
    is_quiet = not is_call and spans.is_quiet(scope, started)
    around = spans.innermost_span(recorder, within)
    quiet: Sequence[SpanNode] = ()
    if is_call or is_quiet:
        quiet = spans.quiet_spans(recorder, scope, fields, around)
    here = context.innermost(recorder)
    start = span.start_time or 0
    inside = quiet[0] if quiet else around
    parent = inside or here or recorder.root(since=start // 1000 / 1_000_000)
    node = SpanNode(recorder, parent, here, f"{key[1]:016x}", started, fields, scope, texts)
    spans.hold(span, key, node)
    if is_quiet:
        spans.listen(node)
    if inside is not None:
        if inside.shows_too(node):
            _write_failed_try(inside)
            return
        node.lies_in(around, quiet)
    details = None
    if is_call or "tags" in fields or "prompt" in fields or "model" in fields:
        details = {name: fields[name] for name in _DETAILS if name in fields}
    opening = recorder.encoder.opening(fields["event_type"], fields.get("params"), details)
    recorder.writer.write(
        f'{node.head},"parent_id":"{parent.id}"{opening},"action_type":"{node.kind}"'
        f',"timestamp":{_seconds(start)}}}\n',
        recorder.perf(),
    )


def _close(recorder: Recorder, node: SpanNode, span: "ReadableSpan", *, is_ours: bool) -> None:
    """Write how a span has ended, and what is new since its start."""
    node.closed = True
    node.span = None
    if node.is_quiet:
        spans.forget(node)
    if not node.process.here[0]:
        return
    events: Sequence[SpanEvent] = ()
    if getattr(span, "_events", True):  # most have none: `events` takes a lock and copies for that
        events = [SpanEvent(one.name, one.timestamp, one.attributes or {}) for one in span.events]
    attributes: dict[str, Any] = span.attributes.copy()  # type: ignore[union-attr]
    fields = read_end(span.name, attributes, events, node.started, node.fields, node.texts)
    status = span.status
    code = 0 if status.status_code is _UNSET else status.status_code.value
    if not code and fields is node.fields and node.is_plain():
        recorder.write_end(node.head, _seconds(_end_of(span)))
        return
    outcome = ended(code, status.description if code else None, fields)
    if not code and outcome == _PLAIN and _was_left(node.scope, fields, is_ours=is_ours):
        outcome = _LEFT
    node.result = outcome[0]
    if node.same is not None:
        _close_same(node, node.same, span, Outcome(*outcome), fields)
    else:
        _close_own(node, span, Outcome(*outcome), fields, events)


def _close_own(
    node: SpanNode,
    span: "ReadableSpan",
    outcome: Outcome,
    fields: dict[str, Any],
    events: "Sequence[SpanEvent]",
) -> None:
    """End a span that is an event of its own, with the lines that its events are."""
    recorder: Recorder = node.recorder
    if node.failed_try is not None and outcome.result != FAILED:
        _write_failed_try(node)
    for event in events:
        if says_more(event, outcome.reason, outcome.error):
            recorder.instant(node, ids.event_id(), _line(event))
    news = node.news(fields)
    if "event_type" in news:
        _write_whole(node, span, outcome, {**node.fields, **news})
    else:
        recorder.close(node, _end_of(span) / SECOND, outcome, news)


def _end_of(span: "ReadableSpan") -> int:
    return max(span.end_time or 0, span.start_time or 0)


def _seconds(nanoseconds: int) -> str:
    """Write a time in seconds, down to the microsecond; by its digits, a float costs twice that."""
    if type(nanoseconds) is not int or nanoseconds < SECOND:
        return f"{nanoseconds / SECOND:.6f}"
    digits = str(nanoseconds)
    return f"{digits[:-9]}.{digits[-9:-3]}"


def _close_same(
    node: SpanNode,
    around: SpanNode,
    span: "ReadableSpan",
    outcome: Outcome,
    fields: dict[str, Any],
) -> None:
    """End a span that shows the call of the one around it, unless it turns out to show another.

    One that failed is an event if its call goes on: then it was a try, and another one follows.
    """

    def write() -> None:
        _write_whole(node, span, outcome, {**node.fields, **fields})

    if node.is_another_call(fields):
        write()
    elif outcome.result == FAILED:
        around.failed_try = write
    else:
        node.tell(fields)


def _write_failed_try(node: SpanNode) -> None:
    """Write the span that failed and showed this call, which goes on."""
    write, node.failed_try = node.failed_try, None
    if write is not None:
        write()


def _was_left(scope: str, fields: dict[str, Any], *, is_ours: bool) -> bool:
    """Say whether this is a stream that was not read to its end; its span has no status."""
    if fields["action_type"] != LLM or fields.get("params", {}).get("stream") is not True:
        return False
    return scope in _SEE_THE_END or (is_ours and "returns" not in fields)


def _write_whole(
    node: SpanNode, span: "ReadableSpan", outcome: Outcome, fields: dict[str, Any]
) -> None:
    """Write an event as one record, at its end: where no half of it, or one of another name, is."""
    recorder: Recorder = node.recorder
    result, reason, error = outcome
    start, last = _seconds(span.start_time or 0), _seconds(_end_of(span))
    details = {**fields, "reason": reason, "error": error}
    name, kind, params = (
        details.pop(each, None) for each in ("event_type", "action_type", "params")
    )
    opening = recorder.encoder.opening(name, params, details)
    recorder.writer.write(
        f'{node.head},"parent_id":"{node.parent_id}"{opening}'
        f',"action_type":"{ACTION_TYPES.get(kind, "action")}","timestamp":{start}'
        f',"end_timestamp":{last},"result":"{result}"}}\n',
        recorder.perf(),
    )


def _line(event: SpanEvent) -> Instant:
    """Return what an event of a span says as an event of no duration."""
    name, when = event.name or "event", (event.time or 0) / SECOND
    params = dict(event.attributes)
    return (name, params, "log", "Indeterminate", when, None, None, {})
