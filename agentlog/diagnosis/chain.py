"""How log lines become events: structlog's chain in force, and the standard library's logging.

The rules of this file: it changes no configuration, calls nothing that is configured, and says of
each problem how it is put right.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import structlog
from structlog.stdlib import LoggerFactory

from agentlog.bridges.structlog import EventProcessor
from agentlog.config import is_disabled
from agentlog.default import default_client
from agentlog.diagnosis import handlers
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG, Finding
from agentlog.diagnosis.places import INSTALL, troubles
from agentlog.diagnosis.processors import (
    Chain,
    asked,
    belongs_before,
    client_of,
    hands_over,
    listed,
    numbered,
)
from agentlog.diagnosis.stations import Station, stations
from agentlog.recording.event import is_a

TOPIC = "structlog"

_IN_FORMATTER = "no EventProcessor: lines go on to a formatter, to be events there"
_UNUSED = "not configured: it is not used, or as it is by default"
_LEVELS = ("debug", "info", "warning", "error", "critical")


def examine(*, called: bool = False) -> list[Finding]:
    """Look at structlog and logging as they are configured in this process; raise nothing.

    Args:
        called: Whether what is looked at is a program of which only a function was called here.

    """
    configuration = structlog.get_config()
    there = stations()
    processors = listed(configuration["processors"])
    chain = Chain(TOPIC, "", processors or ())
    if not structlog.is_configured() and not chain.places:
        said = [Finding(TOPIC, FACT, f"{_release()}, {_UNUSED}")]
        grade = WRONG
    else:
        said = [*_configured(configuration), *_wrapper(configuration["wrapper_class"])]
        said += _processors(chain, there) if processors is not None else ()
        grade = NOTICE if hands_over(chain.processors) or _is_by_logging() else FACT
    return [
        *said,
        *handlers.examine(there, absent=grade),
        *_client(chain.processors, there, called=called),
    ]


def _is_by_logging() -> bool:
    """Say whether structlog's lines are printed by the standard library's logging."""
    return is_a(structlog.get_config()["logger_factory"], LoggerFactory)


def _release() -> str:
    try:
        return version("structlog")
    except PackageNotFoundError:
        return "of an unknown version"


def _configured(configuration: dict[str, Any]) -> Iterator[Finding]:
    said = "configured" if structlog.is_configured() else "not configured: as it is by default"
    yield Finding(TOPIC, FACT, f"{_release()}, {said}")
    processors = configuration["processors"]
    if listed(processors) is None:
        text = f"processors is a {type(processors).__name__}: to look into it would use it up"
        yield Finding(TOPIC, WRONG, text, ("give structlog.configure(processors=[...]) a list",))
    elif not is_a(processors, list):
        text = f"processors is a {type(processors).__name__}, which cannot be changed in place"
        why = "agentlog.install() has to configure structlog anew then, and cached loggers miss it"
        fix = "give structlog.configure(processors=[...]) a list"
        yield Finding(TOPIC, NOTICE, text, (why, fix))


def _wrapper(wrapper: Any) -> Iterator[Finding]:
    """Say from which level on a filtering bound logger lets lines into the chain."""
    passing = [level for level in _LEVELS if not asked(_drops(level), wrapper, default=False)]
    if passing[:1] != ["debug"]:
        text = f"loggers drop lines below {' '.join(passing[:1]) or 'all'}: they are no events"
        fix = "wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)"
        is_usual = passing[:1] == ["info"]
        yield Finding(TOPIC, *((FACT, text) if is_usual else (NOTICE, text, (fix,))))


def _drops(level: str) -> Callable[[Any], bool]:
    """Ask whether a method is the one that structlog puts where a bound logger drops lines."""
    return lambda wrapper: bool(getattr(wrapper, level).__name__ == "_nop")


def _processors(chain: Chain, stations: Sequence[Station]) -> Iterator[Finding]:
    """Say what the chain is, and how its lines become events."""
    yield Finding(TOPIC, FACT, "the chain in force", tuple(numbered(chain) or ["it is empty"]))
    found = list(troubles(chain))
    yield from found
    if not chain.places and not chain.classes:
        yield _absent(chain, stations)
    elif all(finding.grade is FACT for finding in found):
        before = belongs_before(chain)
        where = f", before {before}" if before else ""
        yield Finding(TOPIC, GOOD, f"the EventProcessor stands where it belongs{where}")


def _absent(chain: Chain, stations: Sequence[Station]) -> Finding:
    """Say what it means that there is no EventProcessor in the chain."""
    in_handler = any(station.is_event_handler and station.gets_lines for station in stations)
    in_formatter = any(station.own.reached and station.gets_lines for station in stations)
    if hands_over(chain.processors):
        if in_formatter or in_handler:
            what = "the EventProcessor of a formatter" if in_formatter else "the EventHandler"
            return Finding(TOPIC, GOOD, f"no EventProcessor, but lines go on to {what}")
        if any(station.own.places for station in stations):
            return Finding(TOPIC, FACT, _IN_FORMATTER)
    what = "no line of structlog becomes an event"
    if in_handler and _is_by_logging():
        what = "the EventHandler gets lines as they are printed, without their keys"
    text = f"there is no EventProcessor: {what}"
    before = belongs_before(chain)
    by_hand = f", or put agentlog.EventProcessor() before {before}" if before else ""
    return Finding(TOPIC, NOTICE if in_handler else WRONG, text, (INSTALL + by_hand,))


def _client(
    processors: Sequence[Any], stations: Sequence[Station], *, called: bool
) -> Iterator[Finding]:
    """Say whether the client is there yet, and records, that has what is given to no other."""
    client = default_client()
    if is_disabled() if called or client is None else client.settings.disabled:
        yield Finding("client", NOTICE, "AGENTLOG_DISABLED is set: nothing is recorded")
    ways = [each for each in processors if is_a(each, EventProcessor)]
    for station in stations:
        ways += station.event_processors
        ways += [station.handler] if station.is_event_handler else []
    if all(map(client_of, ways)) and (ways or called or client):
        return
    subject = (
        "agentlog.init() is not called by that function" if called else "no agentlog.init() yet"
    )
    text = f"{subject}: before it is called nothing is recorded"
    yield Finding("client", FACT if called else NOTICE, text)
