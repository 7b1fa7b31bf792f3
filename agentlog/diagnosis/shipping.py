"""What waits to be shipped, what its server said, and what to do about it."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentlog.diagnosis.finding import FACT, FORGET, GOOD, NOTICE, WRONG, Finding
from agentlog.journal import owners_alive, read_lines, segments
from agentlog.replay import format as fmt
from agentlog.replay.node import moment
from agentlog.shipping import cursors, quarantine, status
from agentlog.shipping.otlp.rest import rest_of
from agentlog.shipping.policy import advice
from agentlog.shipping.quarantine import Entry
from agentlog.shipping.status import Status

_SHOWN = 5
_AGAIN = "`agentlog ship --quarantined` sends what is there once more"


def examine(directory: Path) -> Iterator[Finding]:
    """Say how the shipping of a destination goes."""
    said, pending = status.read(directory), rest_of(directory).records()
    last = (*_last(said), *_next(directory, said, pending))
    if pending:
        oldest = _oldest(directory)
        since = f", the oldest of {fmt.clock(oldest, None)}" if oldest else ""
        text = f"{directory.name}: {fmt.plural(pending, 'record')} pending{since}"
        yield Finding("shipping", FACT, text, last)
    else:
        yield Finding("shipping", GOOD, f"{directory.name}: nothing is pending", last)
    if said.held and pending:  # what was held has gone otherwise, if nothing is left
        text = f"{directory.name} is on hold: {said.held}"
        yield Finding("shipping", WRONG, text, (advice(said.code),))
    elif pending and said.trouble:
        how = "it is tried again and again" if owners_alive(directory) else "at the last try"
        text = f"{directory.name}: {how}: {said.trouble}"
        yield Finding("shipping", NOTICE, text, (advice(said.code),))
    yield from _quarantined(directory.name, quarantine.entries(directory))


def _last(said: Status) -> Iterator[str]:
    if said.endpoint:
        yield f"endpoint {said.endpoint}"
    if said.answered:
        yield f"last answer {fmt.clock(said.answered, None)}: {said.answer}"
    if said.acknowledged:
        yield f"last acknowledgement {fmt.clock(said.acknowledged, None)}"
    elif said.answered:
        yield "nothing was acknowledged yet"


def _next(directory: Path, said: Status, pending: int) -> Iterator[str]:
    if pending and not owners_alive(directory):
        yield "no running program ships them: `agentlog ship` does, or the next run"
    elif pending and said.retry > time.time():
        yield f"next try {fmt.clock(said.retry, None)}"


def _oldest(directory: Path) -> float | None:
    """Return the time of the oldest record that is pending."""
    times: list[float] = []
    for segment in segments(directory):
        lines, _ = read_lines(segment.path, cursors.start_of(segment).offset, 1)
        times.extend(filter(None, map(_time_of, lines[:1])))
    return min(times, default=None)


def _time_of(line: bytes) -> float | None:
    try:
        record = json.loads(line)
        return moment(record.get("timestamp")) or moment(record.get("end_timestamp"))
    except (ValueError, AttributeError, RecursionError):
        return None


def _quarantined(name: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    refused = [entry.why for entry in entries if entry.record is not None]
    damaged = [f"{entry.segment} at byte {entry.offset}" for entry in entries if not entry.record]
    if refused:
        reasons = Counter(refused).most_common()
        some = [f"{count:,} \N{MULTIPLICATION SIGN} {why}" for why, count in reasons[:_SHOWN]]
        more = [f"and {len(reasons) - _SHOWN:,} more reasons"] if len(reasons) > _SHOWN else []
        text = f"{name}: {fmt.plural(len(refused), 'record')} in quarantine, refused by the server"
        yield Finding("shipping", WRONG, text, (*some, *more, _AGAIN))
    if damaged:
        text = f"{name}: {fmt.plural(len(damaged), 'line')} set aside as damaged"
        yield Finding("shipping", WRONG, text, (*damaged[:_SHOWN], FORGET))
