"""What an answer means: the table of DESIGN.md, *Shipping*, as a pure function.

| answer | decision |
|---|---|
| 2xx with a receipt that covers every record | ACKNOWLEDGED |
| 2xx without one, 3xx, 401, 403, 404 and every other 4xx | HOLD: somebody has to look at it |
| none, for a reason that lasts (a certificate) | HOLD |
| none, 1xx, 408, 425, 429, 5xx | RETRY, for as long as it takes |
| 413 | SHRINK |
| 400, 422 | BISECT |

The rule: only a receipt that accounts for each record of the batch, once, is an acknowledgement.
Whatever else says "200 OK" (a captive portal, a proxy, another service) has taken nothing.

No sockets, clocks or randomness here; what happens with a decision is machine.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final, TypeGuard

from agentlog.shipping.objects import object_of

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 60.0
LONGEST_RETRY_AFTER: Final = 300.0
LEAST_JITTER: Final = 0.1
"""The part of a delay that chance cannot take away: so also bad luck is a bounded rate."""

_LONGEST_WHY = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a batch, or why nothing did.

    Attributes:
        status: The HTTP status; 0 if no whole answer came.
        body: What was read of the body, decoded.
        failure: Why no whole answer came, a short text; empty if one did.
        lasting: Whether only a person can mend that: a certificate, an address, a key.
        retry_after: The header of that name, as it stands.
        location: The header of that name, as it stands.
        content_type: The header of that name, as it stands.
        date: Seconds since the epoch when it was sent, by the server's clock if it says so.

    """

    status: int = 0
    body: bytes = b""
    failure: str = ""
    lasting: bool = False
    retry_after: str | None = None
    location: str | None = None
    content_type: str | None = None
    date: float = 0.0


class Verdict(Enum):
    """What happens with the batch."""

    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    HOLD = "hold"
    SHRINK = "shrink"
    BISECT = "bisect"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The account of a batch.

    Attributes:
        accepted: Records that the server has.
        refused: Why it does not have the others, by their index in the batch.

    """

    accepted: int
    refused: dict[int, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What an answer means for the batch that it answers.

    Attributes:
        verdict: What happens.
        why: What stands in the way, a short text for people; empty if nothing does.
        receipt: The account of the batch, if it is acknowledged.
        after: Seconds that the server asks to wait, if it does; 300 at most.

    """

    verdict: Verdict
    why: str = ""
    receipt: Receipt | None = None
    after: float | None = None


def decide(answer: Answer, lines: Sequence[bytes]) -> Decision:
    """Say what an answer means for the lines that were sent."""
    status = answer.status
    if status < 200:  # noqa: PLR2004 - an interim answer, or none
        verdict = Verdict.HOLD if answer.lasting else Verdict.RETRY
        return Decision(verdict, answer.failure or f"{status} and no answer after it")
    if status < 300:  # noqa: PLR2004
        receipt = receipt_of(answer.body, lines)
        if receipt is None:
            return Decision(Verdict.HOLD, _without_receipt(answer))
        return Decision(Verdict.ACKNOWLEDGED, receipt=receipt)
    if status in (408, 425, 429) or 500 <= status < 600:  # noqa: PLR2004
        after = seconds_to_wait(answer.retry_after, answer.date)
        return Decision(Verdict.RETRY, _with_body(answer), after=after)
    if status == 413:  # noqa: PLR2004
        return Decision(Verdict.SHRINK, _with_body(answer))
    if status in (400, 422):
        return Decision(Verdict.BISECT, _with_body(answer))
    if status < 400 and answer.location:  # noqa: PLR2004
        return Decision(Verdict.HOLD, f"{status}: moved to {excerpt(answer.location)}")
    return Decision(Verdict.HOLD, _with_body(answer))


# -- Receipts ------------------------------------------------------------------------------------


def receipt_of(body: bytes, lines: Sequence[bytes]) -> Receipt | None:
    """Read the receipt `{"accepted": n, "refused": [{"index", "id", "why"}]}` of a batch.

    Returns None for whatever does not account for each of the lines exactly once. `refused` may be
    left out when nothing is; an `id` has to be one that stands in the line of its index: a server
    that counts from 1 would otherwise have the wrong records refused.
    """
    said = object_of(body)
    if said is None:
        return None
    accepted, entries = said.get("accepted"), said.get("refused", [])
    if not _is_count(accepted) or not isinstance(entries, list):
        return None
    if accepted + len(entries) != len(lines):
        return None
    refused: dict[int, str] = {}
    for entry in entries:
        index = _index_of(entry, lines)
        if index is None or index in refused:
            return None
        refused[index] = excerpt(entry.get("why")) or "refused without a reason"
    return Receipt(accepted, refused)


def _index_of(entry: object, lines: Sequence[bytes]) -> int | None:
    """Return the index that an entry of `refused` names, if there is such a line."""
    if not isinstance(entry, dict):
        return None
    index, name = entry.get("index"), entry.get("id")
    if not _is_count(index) or index >= len(lines):
        return None
    if isinstance(name, str) and name.encode(errors="replace") not in lines[index]:
        return None
    return index


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# -- When to try again ---------------------------------------------------------------------------


def delay_after(failures: int, random: float) -> float:
    """Return the seconds to wait after so many failures in a row: full jitter, 1 to 60 s.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("Full
    Jitter"), with a floor of a tenth.

    Args:
        failures: How many there were, 1 or more.
        random: A number from 0 to 1.

    """
    longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16))
    return longest * (LEAST_JITTER + (1 - LEAST_JITTER) * random)


def seconds_to_wait(retry_after: str | None, date: float) -> float | None:
    """Return the seconds that a `Retry-After` asks for, 300 at most; None if it makes no sense.

    Source: RFC 9110, 10.2.3: a number of seconds, or a date.

    Args:
        retry_after: The header's value, if there is one.
        date: Seconds since the epoch when the answer was sent, for one that names a date.

    """
    text = (retry_after or "").strip()
    seconds: float
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - date
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            return None
    return min(seconds, LONGEST_RETRY_AFTER) if seconds > 0 else None


# -- Texts for people ----------------------------------------------------------------------------

_MEANINGS: Final = {
    401: "the key is not accepted",
    403: "the key may not write here",
    404: "there is nothing at this address (that of an OpenTelemetry receiver begins with otlp+)",
    407: "the proxy asks for a password",
    413: "too large",
}


_ADVICE: Final = {
    400: "the server takes no record of agentlog's: is it a collector?",
    401: "set AGENTLOG_API_KEY to a key that the server accepts",
    403: "have whoever runs the server let this key write",
    404: (
        "check AGENTLOG_ENDPOINT: records go to /v1/events below it. If it is an OpenTelemetry "
        "receiver, say otlp+http:// or otlp+https://: spans go to /v1/traces"
    ),
    407: "put the user and the password of the proxy into HTTPS_PROXY",
}


def advice(status: int) -> str:
    """Say what to do about an answer of this HTTP status, 0 for none."""
    if status in _ADVICE:
        return _ADVICE[status]
    if 300 <= status < 400:  # noqa: PLR2004
        return "set AGENTLOG_ENDPOINT to where it has moved, if you trust that address"
    if 200 <= status < 300:  # noqa: PLR2004
        return "check AGENTLOG_ENDPOINT: what answers there is no collector; a login page, a proxy?"
    if status == 0:
        return (
            "check that the server runs, the address, and the proxy, if any; REQUESTS_CA_BUNDLE "
            "names the certificates of an authority of your own"
        )
    if status in (408, 425, 429) or status >= 500:  # noqa: PLR2004
        return "a running program tries again by itself; `agentlog ship` tries at once"
    return "ask whoever runs the server what it means; it is asked again now and then"


def excerpt(value: object) -> str:
    """Return the beginning of a foreign text, on one line and without control characters."""
    if isinstance(value, bytes):
        value = value[: 4 * _LONGEST_WHY].decode(errors="replace")
    if not isinstance(value, str):
        return ""
    text = "".join(c if c.isprintable() else " " for c in value[: 4 * _LONGEST_WHY])
    return " ".join(text.split())[:_LONGEST_WHY]


def _with_body(answer: Answer) -> str:
    said = _MEANINGS.get(answer.status) or excerpt(answer.body)
    return f"{answer.status}: {said}" if said else str(answer.status)


def _without_receipt(answer: Answer) -> str:
    kind = excerpt(answer.content_type)
    return f"{answer.status} without a receipt for the batch" + (f" ({kind})" if kind else "")
