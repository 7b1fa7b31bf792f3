"""Takes batches of whole events to an OTLP receiver; what came back is an Answer, as of any other.

What cannot be a span, because it has no ids or is no record at all, is not sent: the receipt says
so, beside what the receiver says of the others.

An open half is no span yet. A batch of nothing else is a question, a request without spans: whoever
answers it as a receiver does acknowledges them, so that nobody counts as told who is not there.
"""

from collections.abc import Callable, Sequence
from typing import Final

from agentlog.endpoint import Headers, address_of
from agentlog.shipping.http import Connection, Timeouts
from agentlog.shipping.otlp.answers import PROTOBUF, receipt, understood
from agentlog.shipping.otlp.encoding import body_of, event_of
from agentlog.shipping.otlp.sessions import Sessions
from agentlog.shipping.policy import Answer

PATH: Final = "/v1/traces"


class SpanTransport:
    """Sends events to one receiver, as spans.

    Args:
        endpoint: The base address, with `otlp+` before it; a path in it is kept.
        api_key: The key, or None to send none.
        headers: More headers for every request; `authorization` there goes before the key.
        sessions: Knows what program a session is of.
        warn: Called with what a receiver says about spans that it took, or did not take.
        timeouts: `connect`, `read` and `deadline`, as `Timeouts` has them.

    """

    def __init__(
        self,
        endpoint: str,
        api_key: str | None = None,
        headers: Headers = (),
        *,
        sessions: Sessions,
        warn: Callable[[str], None],
        **timeouts: float,
    ) -> None:
        self.endpoint = endpoint
        self._sessions = sessions
        self._warn = warn
        self._connection = Connection(
            address_of(endpoint).rstrip("/") + PATH,
            api_key,
            headers,
            content_type=PROTOBUF,
            timeouts=Timeouts(**timeouts),
        )

    def post(self, lines: Sequence[bytes]) -> Answer:
        """Send the lines of whole events and of open halves as one batch; never raises."""
        events = [event_of(line) for line in lines]
        if not any(event is not None for event in events):
            return Answer(200, receipt(events))
        spans = [event for event in events if event]
        resources = self._sessions.resources_of({str(span["session_id"]) for span in spans})
        try:
            body = body_of(spans, resources)
        except Exception:  # noqa: BLE001 - protobuf's, writing's: one event holds up no other
            return Answer(400, b"agentlog cannot make a span of it")
        answer, said = understood(self._connection.post([body]), events)
        if said:
            self._warn(said)
        return answer

    def close(self) -> None:
        """Close the connection; the next batch opens one."""
        self._connection.close()
