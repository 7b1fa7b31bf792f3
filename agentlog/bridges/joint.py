"""What joins a client to OpenTelemetry: its recorder asks here where spans are open."""

from collections.abc import Callable
from functools import cache

from agentlog.bridges.mirrored import Mirror
from agentlog.bridges.spannode import SpanNode
from agentlog.bridges.spans import innermost_span
from agentlog.client import Client
from agentlog.default import follow
from agentlog.forklock import ForkLock
from agentlog.recording.recorder import Entered, Recorder


class Joint:
    """Joins one client to OpenTelemetry.

    Attributes:
        has_spans: Whether spans may be events of the client.
        mirrors: What makes spans of its actions.

    """

    __slots__ = ("has_spans", "mirrors")

    def __init__(self) -> None:
        self.has_spans = False
        self.mirrors: tuple[Mirror, ...] = ()

    def innermost(self, recorder: Recorder) -> SpanNode | None:
        """Return the span that an event recorded here belongs under, if it is one."""
        try:
            return innermost_span(recorder)
        except Exception:  # noqa: BLE001 - the context and the spans in it are other programs' objects
            return None

    @property
    def swap(self) -> Callable[[object], object] | None:
        """What makes another context of OpenTelemetry the current one, where it matters."""
        mirrors = self.mirrors
        return mirrors[0].swap if mirrors else None

    def enter(self, action: Entered, opened: str) -> None:
        """See that an action was entered, and its open half."""
        if self.mirrors:
            for mirror in {each.provider: each for each in self.mirrors if each.active}.values():
                mirror.enter(action, opened)

    def leave(self, action: Entered, closed: str) -> None:
        """See that it was left, and its close half, if it has one."""
        for mirror in reversed(self.mirrors):
            mirror.leave(action, closed)
            if not mirror.active:
                part(action.recorder)


_lock = ForkLock()


def join(client: Client, mirror: Mirror | None = None) -> None:
    """Join a client to OpenTelemetry, for spans or for a mirror; a disabled one is not."""
    recorder = client.active
    if recorder is None:
        return
    with _lock.held():
        joint = recorder.joined if isinstance(recorder.joined, Joint) else Joint()
        if mirror is None:
            joint.has_spans = True
        else:
            joint.mirrors = (*joint.mirrors, mirror)
        recorder.joined = joint


def part(recorder: Recorder) -> None:
    """Take the mirrors that are over out of a client's joint, and that where it has no more use."""
    with _lock.held():
        joint = recorder.joined
        if isinstance(joint, Joint):
            joint.mirrors = tuple(mirror for mirror in joint.mirrors if not mirror.is_over())
            if not joint.mirrors and not joint.has_spans:
                recorder.joined = None


def _join(client: Client) -> None:
    join(client)


@cache
def join_default() -> None:
    """Join the default client, and each that takes its place."""
    follow(_join)
