"""What a collector lets in of OTLP: from the body of a request to records.

The rule: what is wrong with a span is told of this one, and the others are kept; a span of which a
vocabulary makes something that cannot be kept (a number without end, say) is kept as it came. What
spans share is theirs in every record, so the records of a body may take many times its bytes: of
what is beyond `MOST_TEXT`, nothing is kept.

Pure.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from agentlog.conventions.words import Span
from agentlog.server.envelope import Parser, Rejected, Rejection, inflated, unpacked, weighed
from agentlog.server.intake import Batch, of_record, size_of
from agentlog.server.otlp import json_form, records
from agentlog.server.otlp.spans import Found, Origin
from agentlog.store import Refusal
from agentlog.store.merge import Event

if TYPE_CHECKING:
    from agentlog.store.intake import Entry

MOST_SPANS: Final = 10_000
MOST_TEXT: Final = 60 << 20
"""Bytes of the records of a body."""

Spans = Iterator[tuple[Origin, Found]]


def read_json(body: bytes, encoding: str | None) -> Batch | Rejection:
    """Read a body of JSON."""
    return _read(lambda: json_form.spans(unpacked(body, encoding)))


def read_protobuf(body: bytes, encoding: str | None) -> Batch | Rejection:
    """Read a body of protobuf, whose texts may be JSON."""
    try:
        from agentlog.server.otlp import protobuf
    except ModuleNotFoundError as error:
        return Rejection(415, f"protobuf needs {error.name}: pip install 'agentlog[server]'")
    return _read(lambda: protobuf.spans(weighed(inflated(body, encoding))))


def _read(spans: Callable[[], Spans]) -> Batch | Rejection:
    taking = _Taking()
    try:
        for origin, found in spans():
            taking.take(origin, found)
    except Rejected as rejected:
        return rejected.rejection
    return Batch(tuple(taking.entries), tuple(taking.refused), taking.size)


class _Taking:
    """Takes the spans of one body, one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.refused: list[Refusal] = []
        self.size = 0
        self._count = 0
        self._parse = Parser()
        self._resource: object = None
        self._sessions: set[object] = set()
        self._full = ""

    def take(self, origin: Origin, found: Found) -> None:
        """Take a span, or why there is none; raises `Rejected` when there are too many."""
        index, self._count = self._count, self._count + 1
        if index == MOST_SPANS:
            raise Rejected(413, f"a body has at most {MOST_SPANS:,} spans")
        if isinstance(found, str):
            self.refused.append(Refusal(index, None, found))
        elif why := self._full or self._keep(origin, found):
            self.refused.append(Refusal(index, found.span_id, why))

    def _keep(self, origin: Origin, span: Span) -> str:
        """Keep the records of a span, all or none; say why they are not."""
        kept, size = [], self.size
        for entry in self._entries(origin, span):
            if isinstance(entry, str):
                return entry
            size += size_of(entry)
            if size > MOST_TEXT:
                self._full = "there is too much in this request: send less at once"
                return self._full
            kept.append(entry)
        self.size = size
        self.entries += kept
        return ""

    def _entries(self, origin: Origin, span: Span) -> "Iterator[Entry | str]":
        """Yield the records of a span, or why one cannot be kept, as they are asked for."""
        record, is_own = records.of_span(origin, span), records.is_own(span)
        entry = of_record(record, self._parse)
        if isinstance(entry, str):
            record, is_own = records.plainly(origin, span), False
            entry = of_record(record, self._parse)
        yield entry
        is_new = self._is_new(origin, record["session_id"])
        if not is_own:
            for more in self._around(origin, span, record, is_new=is_new):
                yield of_record(more, self._parse)
        elif is_new and record.get("action_type") != "session":
            yield of_record(records.session(origin, str(record["session_id"])), self._parse)

    def _is_new(self, origin: Origin, session_id: object) -> bool:
        """Say whether a span is the first of its session; those of one resource come together."""
        if origin.resource is not self._resource:
            self._resource = origin.resource
            self._sessions.clear()
        is_new = session_id not in self._sessions
        self._sessions.add(session_id)
        return is_new

    def _around(
        self, origin: Origin, span: Span, record: Event, *, is_new: bool
    ) -> Iterator[Event]:
        """Yield what a span tells beside its record."""
        if span.events:
            yield from records.of_events(origin, span, record)
        if not span.parent_id:
            yield records.begun_session(origin, span, record)
            if span.end:
                yield records.ended_session(span, record)
        elif is_new:
            yield records.session(origin, span.trace_id)
