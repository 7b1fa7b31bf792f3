"""A span as a node of our tree, and what several spans say of one call to a model.

A library that calls a client is seen twice where both are instrumented. What contradicts itself is
of two calls, as is what one instrumentation tells. The rule for others: what was written as a call
when it started is the call. Where that is the span around, the inner one is no event of
its own, and completes it. Where the outer one turns out to be a call only later, the inner one has
been written as the call below it; then the outer one stays the action that it was written as, and
says only what the inner one does not.

Most instrumentations make a span the current one while its work runs. Some of OpenInference's do
not (LangChain's) and tell nothing of a span at its start. Such a quiet span is around a call if it
was started in the call's context by another instrumentation, after the current span, and no call is
open in it. It may also be a stream, left open while something else is called: so at its end it has
to say the same as the call in it.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from agentlog.bridges.onecall import TELLING, contradict
from agentlog.conventions.reading import TOLD, read
from agentlog.recording import context
from agentlog.recording.context import Node
from agentlog.recording.event import ACTION_TYPES
from agentlog.recording.recorder import Recorder

if TYPE_CHECKING:
    import weakref

LLM: Final = "llm"
FAILED: Final = "Fail"

_LATE: Final = frozenset({"returns", "prompt_tokens", "completion_tokens"})
"""What is of the close half of an event, also where a span has said it at its start."""

_next_number = count(1).__next__


class SpanNode(Node):
    """A span that is an event, or one that shows the same call as the span around it.

    Attributes:
        started: The attributes of the span at its start.
        fields: What they say, as fields of our record.
        texts: What texts of requests say that were read for it.
        number: Spans have them in the order of their starts.
        scope: The name of the instrumentation.
        said: What the span has said at last.
        same: The node of the span that shows the same call; None for an event of its own.
        session: The session it belongs to, if that is one of this process.
        span: The span, as long as it is held elsewhere.
        is_quiet: Whether the span did not tell at its start what it is, as spans.py has it.
        before: The quiet span that was started in the same context before; only quiet ones have it.
        failed_try: Writes the last span that showed the same call, and failed, as an event.

    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "fields",
        "head",
        "kind",
        "number",
        "process",
        "said",
        "scope",
        "session",
        "span",
        "started",
        "texts",
    )

    # What most spans never have is here, and in the `__dict__` of those that do.
    result: str | None = None
    same: "SpanNode | None" = None
    is_quiet = False
    before: "SpanNode | None" = None
    failed_try: Callable[[], None] | None = None
    _around: "tuple[SpanNode, ...]" = ()
    _inner: "SpanNode | None" = None
    _inside: "SpanNode | None" = None
    _is_guess = False
    _more: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        recorder: Recorder,
        parent: Node,
        outer: Node | None,
        event_id: str,
        started: Mapping[str, object],
        fields: dict[str, Any],
        scope: str = "",
        texts: dict[str, Any] | None = None,
    ) -> None:
        self.recorder = recorder
        self.id = event_id
        self.session_id = parent.session_id
        self.session: Node | None = (
            parent.session if type(parent) is SpanNode else _session_of(parent, recorder)
        )
        self.parent_id = parent.id
        self.outer = outer
        self.closed = False
        self.crumbs = None
        self.process = recorder.writer.process
        self.started = started
        self.texts = texts
        self.fields = self.said = fields
        self.number = _next_number()
        self.scope = scope
        self.span: weakref.ref[Any] | None = None
        self.kind = ACTION_TYPES.get(fields["action_type"], "action")
        self.head = f'{{"id":"{event_id}","session_id":"{self.session_id}"'

    # -- When a span starts ------------------------------------------------------------------------

    def may_be_around(self, scope: str, fields: Mapping[str, Any]) -> bool:
        """Say whether a span of this instrumentation can be inside of this one, which is quiet."""
        if self.closed or self.scope == scope:
            return False
        if any(one is not None and not one.closed for one in (self._inner, self._inside)):
            return False
        return fields["action_type"] == LLM or _call(self._by_now()) is None

    def shows_too(self, inner: "SpanNode") -> bool:
        """Say whether a span right below this one shows the same call to a model; take it as that.

        A second call below is the same only if the first has failed: then it is a retry.
        """
        before = self._inner
        if before is not None and before.result != FAILED:
            return False
        if inner.fields["action_type"] != LLM or self.scope == inner.scope:
            return False
        said = self._by_now()
        if _call(said) != _call(inner.fields) or contradict(said, inner.fields):
            return False
        inner.same, self._inner = self, inner
        return True

    def lies_in(self, current: "SpanNode | None", quiet: Sequence["SpanNode"] = ()) -> None:
        """Note which spans this one is inside of: they hear of it if it is a call."""
        for span in quiet:
            span._is_guess = True  # noqa: SLF001 - its own kind
        self._around = (*quiet,) if current is None else (*quiet, current)
        if self.fields["action_type"] == LLM:
            self._is_the_call(self)

    def _is_the_call(self, call: "SpanNode") -> None:
        for span in self._around:
            span._inside = call  # noqa: SLF001 - its own kind

    def _by_now(self) -> dict[str, Any]:
        """Return what the span says by now, where it has not said all that tells calls apart."""
        span = self.span() if self.span is not None else None
        if span is None or (self.fields["action_type"] == LLM and self.fields.keys() >= TELLING):
            return self.fields
        return read(span.name, span.attributes.copy(), (), self.texts)

    # -- When it ends ------------------------------------------------------------------------------

    def is_plain(self) -> bool:
        """Say whether what it said at its start is all of it, where nothing was added later."""
        return self.kind != LLM and self.same is None and TOLD.isdisjoint(self.fields)

    def is_another_call(self, fields: dict[str, Any]) -> bool:
        """Say whether a span that was taken for the call around it turns out to be another."""
        around = self.same
        if around is None:
            return False
        unknown = [one for one in TELLING if one not in around.fields or one not in self.fields]
        if not unknown or not contradict(around._by_now(), fields, unknown):  # noqa: SLF001
            return False
        self.same = around._inner = None  # noqa: SLF001 - its own kind
        return True

    def tell(self, fields: dict[str, Any]) -> None:
        """Tell the span around this one what this one knows of their call."""
        if self.same is not None and self.result != FAILED:
            self.same._more = fields  # noqa: SLF001 - its own kind

    def news(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return what a span says at its end, and its open half has not."""
        known = self.fields
        if fields is known and not self._more and _LATE.isdisjoint(known):
            return {}
        if self._more:
            params = {**self._more.get("params", {}), **fields.get("params", {})}
            fields = {**self._more, **fields, "params": params or None}
        self.said = fields
        if fields["action_type"] == LLM != known["action_type"]:
            fields = self._turned_out(fields, known)
        return {
            name: value
            for name, value in fields.items()
            if name in _LATE or value != known.get(name)
        }

    def _turned_out(self, fields: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        """Return what a span has to say for itself that turned out to be a call."""
        if self._completes_what_is_around(fields):
            return {**known, "event_type": fields["event_type"]}
        call = None if self._inner else self._inside
        if call is None or not self._tells_of(call, fields):
            self._is_the_call(self)
            return fields
        self._is_the_call(call)
        said, params = call.said.get("params") or {}, fields.get("params") or {}
        own = {name: value for name, value in params.items() if said.get(name) != value}
        left = {name: value for name, value in fields.items() if name not in call.said}
        return {**known, **left, "params": own or None, "event_type": fields["event_type"]}

    def _tells_of(self, call: "SpanNode", fields: dict[str, Any]) -> bool:
        """Say whether what this span says is said of the call inside of it."""
        if self.scope == call.scope or contradict(fields, call.said):
            return _have_one_answer(fields, call.said)
        return not self._is_guess or _are_alike(fields, call.said)

    def _completes_what_is_around(self, fields: dict[str, Any]) -> bool:
        """Say whether the span right around this one was written as this call; complete it."""
        around = self._around[0] if self._around else None
        if around is None or around.kind != LLM or _call(around.fields) != _call(fields):
            return False
        if self._inside is not None or around._inner is not None:  # noqa: SLF001 - its own kind
            return False
        if self.scope == around.scope or contradict(around._by_now(), fields):  # noqa: SLF001
            return False
        around._inner = self  # noqa: SLF001 - its own kind
        if self.result != FAILED:
            around._more = fields  # noqa: SLF001 - its own kind
        return True


def _session_of(node: Node, recorder: Recorder) -> Node | None:
    """Return the session that a node belongs to; None for one of another process."""
    found = context.session_around(node) or recorder.session
    return found if found is not None and found.session_id == node.session_id else None


def _call(fields: Mapping[str, Any]) -> object:
    """Return the operation of a call to a model; None for what is none."""
    if fields["action_type"] != LLM:
        return None
    return fields.get("params", {}).get("operation", "chat")


def _have_one_answer(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether what two spans say came back is the same, as of a fallback and its last try."""
    names = ("returns", "completion_tokens", "prompt_tokens")
    came, too = ([fields.get(name) for name in names] for fields in (one, other))
    return came[0] is not None and any(came[1:]) and came == too


def _are_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two spans may tell of one call, by its tokens; by its model if one has none."""
    names = ("prompt_tokens", "completion_tokens")
    counted, too = ([fields.get(name) for name in names] for fields in (one, other))
    if any(counted) and any(too):
        return counted == too
    model, answered = str(one.get("model") or ""), str(other.get("model") or "")
    return model in answered or answered in model
