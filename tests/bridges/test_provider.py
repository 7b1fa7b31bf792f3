"""agentlog.bridges.provider: what it relies on in OpenTelemetry's SDK, which says so nowhere."""

import inspect

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider

from agentlog.bridges.provider import OwnProvider


class Seen(SpanProcessor):
    """Keeps what it is told of, and has each span show other ids."""

    def __init__(self, shown=None):
        self.shown, self.started, self.ended = shown, [], []

    def on_start(self, span, parent_context=None):
        self.started.append(span)
        if self.shown is not None:
            span.get_span_context = lambda: self.shown

    def on_end(self, span):
        self.ended.append(span)


def tracer_of(*processors):
    """A tracer of the SDK's."""
    provider = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider.get_tracer("test")


def test_a_span_may_show_other_ids_than_it_has():
    """A method put on it is what others ask; its context stays, also at its end."""
    shown = trace.SpanContext(1, 2, is_remote=False)
    seen = Seen(shown)
    span = tracer_of(seen).start_span("a")
    assert shown is span.get_span_context()
    own = span.context
    assert shown.span_id != own.span_id
    span.end()
    (started,), (ended,) = seen.started, seen.ended
    assert started is span
    assert own == ended.context


def test_a_span_that_starts_asks_the_current_one_for_its_ids_and_keeps_them():
    """That is the moment at which a span knows that another starts in it."""
    asked = []
    shown = trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(1))
    outer = tracer_of().start_span("outer")
    outer.get_span_context = lambda: asked.append("asked") or shown
    with trace.use_span(outer):
        inner = tracer_of().start_span("inner")
    assert asked
    assert shown is inner.parent


@pytest.mark.parametrize("value", ["true", "false"])
def test_whether_the_sdk_is_disabled_is_one_attribute_of_a_provider(monkeypatch, value):
    """Set to false, spans are made."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert (value == "true") is TracerProvider(shutdown_on_exit=False)._disabled
    assert OwnProvider().get_tracer("test").start_span("a").is_recording()


def test_every_limit_of_the_sdk_is_lifted():
    """One that a version of it adds would not be; the first stands in for those not given."""
    limits = OwnProvider()._span_limits
    first, *names = inspect.signature(SpanLimits).parameters
    assert "max_attributes" == first
    assert {None} == {getattr(limits, name) for name in names}
