"""How log lines become events: structlog's chain in force, and the standard library's logging.

The rules of this file: it changes no configuration, calls nothing that is configured, and says of
each problem how it is put right.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import structlog

from agentlog.bridges.structlog import EventProcessor
from agentlog.default import default_client
from agentlog.diagnosis import handlers
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG, Finding
from agentlog.diagnosis.handlers import Station
from agentlog.diagnosis.processors import (
    INSTALL,
    Chain,
    asked,
    belongs_before,
    client_of,
    hands_over,
    listed,
    numbered,
    troubles,
)
from agentlog.recording.event import is_a

TOPIC = "structlog"

_LEVELS = ("debug", "info", "warning", "error", "critical")


def examine(*, called: bool = False) -> list[Finding]:
    """Look at structlog and logging as they are configured in this process; raise nothing.

    Args:
        called: Whether what is looked at is a program of which only a function was called here.

    """
    configuration = structlog.get_config()
    stations = handlers.stations()
    processors = listed(configuration["processors"])
    return [
        *_configured(configuration),
        *_wrapper(configuration["wrapper_class"]),
        *(_processors(processors, stations, called=called) if processors is not None else ()),
        *handlers.examine(stations),
        *_client(processors or [], stations, called=called),
    ]


def _configured(configuration: dict[str, Any]) -> Iterator[Finding]:
    try:
        release = version("structlog")
    except PackageNotFoundError:
        release = "of an unknown version"
    said = "configured" if structlog.is_configured() else "not configured: as it is by default"
    yield Finding(TOPIC, FACT, f"{release}, {said}")
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
        fix = "give structlog.configure make_filtering_bound_logger(logging.DEBUG) as wrapper_class"
        yield Finding(TOPIC, NOTICE, text, (fix,))


def _drops(level: str) -> Callable[[Any], bool]:
    """Ask whether a method is the one that structlog puts where a bound logger drops lines."""
    return lambda wrapper: bool(getattr(wrapper, level).__name__ == "_nop")


def _processors(
    processors: list[Any], stations: Sequence[Station], *, called: bool
) -> Iterator[Finding]:
    """Say what the chain is, and how its lines become events."""
    chain = Chain(TOPIC, "", processors)
    yield Finding(TOPIC, FACT, "the chain in force", tuple(numbered(processors) or ["it is empty"]))
    found = list(troubles(chain))
    yield from found
    if not chain.places:
        yield _absent(chain, stations, called=called)
    elif not any(finding.grade is WRONG for finding in found):
        before = belongs_before(chain)
        where = f", before {before}" if before else ""
        yield Finding(TOPIC, GOOD, f"the EventProcessor stands where it belongs{where}")


def _absent(chain: Chain, stations: Sequence[Station], *, called: bool) -> Finding:
    """Say what it means that there is no EventProcessor in the chain."""
    handlers_there = any(station.is_event_handler for station in stations)
    if hands_over(chain.processors):
        formatters = any(station.event_processors for station in stations)
        if formatters or handlers_there:
            what = "the EventProcessor of a formatter" if formatters else "the EventHandler"
            return Finding(TOPIC, GOOD, f"no EventProcessor, but lines go on to {what}")
    text = "there is no EventProcessor: no line of structlog becomes an event"
    before = belongs_before(chain)
    by_hand = f", or put agentlog.EventProcessor() before {before}" if before else ""
    if structlog.is_configured():
        grade = NOTICE if handlers_there else WRONG
    elif handlers_there:
        grade = FACT
    else:
        grade = WRONG if called else NOTICE
    return Finding(TOPIC, grade, text, (INSTALL + by_hand,))


def _client(
    processors: Sequence[Any], stations: Sequence[Station], *, called: bool
) -> Iterator[Finding]:
    """Say whether the client is there yet that records what is given to no other."""
    ways = [each for each in processors if is_a(each, EventProcessor)]
    ways += [each for station in stations for each in station.ways]
    if all(map(client_of, ways)) and (ways or called or default_client()):
        return
    subject = (
        "agentlog.init() is not called by that function" if called else "no agentlog.init() yet"
    )
    text = f"{subject}: before it is called nothing is recorded"
    yield Finding("client", FACT if called else NOTICE, text)
