"""The tracer provider behind `instrument`: its spans are for us alone.

What the environment says of OpenTelemetry is meant for the program's own set-up. So this provider
is on where the SDK is disabled, samples everything, and has no limits: with the SDK's 128
attributes the messages of a longer conversation would be dropped.

Its spans have to be the current ones while a call runs, also for the program's own instrumentation.
There they show the ids of the span around them: so what the program exports has the parents that it
would have without us, and none that nobody will ever see.
"""

import os
from typing import Any, Final

from openinference.instrumentation import TraceConfig
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import get_current_span

from agentlog.bridges import spans
from agentlog.bridges.otel import EventSpanProcessor, end
from agentlog.recording import ids

_LONGEST_PICTURE: Final = 4 << 20
"""Characters of base64; more, and what else the request says may not be read as JSON."""


def trace_config() -> TraceConfig:
    """Return the settings of OpenInference's packages: what the environment says, and one of ours.

    It says of a picture of more than 32,000 characters that it was redacted. Here it gets through,
    as it is kept whole or noted by the client's encoder.
    """
    is_set = "OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH" in os.environ
    return TraceConfig(base64_image_max_length=None if is_set else _LONGEST_PICTURE)


_NO_LIMITS: Final = SpanLimits(
    max_attributes=SpanLimits.UNSET,
    max_events=SpanLimits.UNSET,
    max_links=SpanLimits.UNSET,
    max_span_attributes=SpanLimits.UNSET,
    max_event_attributes=SpanLimits.UNSET,
    max_link_attributes=SpanLimits.UNSET,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)


class OwnProvider(TracerProvider):
    """A provider whose processors can be taken out again."""

    def __init__(self) -> None:
        self.processors: tuple[EventSpanProcessor, ...] = ()
        super().__init__(
            sampler=ALWAYS_ON,
            resource=Resource.get_empty(),
            shutdown_on_exit=False,
            active_span_processor=_Ways(self),  # type: ignore[arg-type]
            id_generator=_OwnIds(),
            span_limits=_NO_LIMITS,
        )
        self._disabled = False  # the SDK's own: it makes no spans where the environment disables it

    def add(self, processor: EventSpanProcessor) -> None:
        """Record the spans by this processor too."""
        self.processors = (*self.processors, processor)

    def remove(self, processor: EventSpanProcessor | None) -> None:
        """Record no more spans by this processor; those that are open will end."""
        self.processors = tuple(other for other in self.processors if other is not processor)


class _Ways(SpanProcessor):
    """Hands spans to the processors of the moment."""

    def __init__(self, provider: OwnProvider) -> None:
        self._provider = provider

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        around = get_current_span(parent_context)
        for processor in self._provider.processors:
            processor.on_start(span, parent_context)
        spans.show(span, around.get_span_context())

    def on_end(self, span: ReadableSpan) -> None:
        end(span, is_ours=True)


class _OwnIds(IdGenerator):
    """Ids that no `random.seed` of the program's makes the same."""

    def generate_span_id(self) -> int:
        return int(ids.event_id(), 16)

    def generate_trace_id(self) -> int:
        return int(ids.session_id(0.0)[16:] + ids.event_id(), 16)
