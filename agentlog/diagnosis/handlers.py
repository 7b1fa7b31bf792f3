"""What the handlers of the standard library's logging do with lines: which make events of them.

The rule of this file: a handler that stands in the wrong place is not said to be right as well.
"""

from collections.abc import Iterator, Sequence
from logging.handlers import QueueHandler
from typing import Any

from structlog.stdlib import ExtraAdder

from agentlog.diagnosis import reach
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, Finding
from agentlog.diagnosis.places import of_rule, troubles
from agentlog.diagnosis.processors import Chain, numbered
from agentlog.diagnosis.stations import TOPIC, Station, code, part
from agentlog.recording.event import is_a
from agentlog.store.state import State

_ABSENT = "lines of plain logging are not recorded: no handler is an EventHandler"
_UNKNOWN = (
    "lines of plain logging are not recorded, or not in their actions: no logger has an"
    " EventHandler"
)
_FOREIGN = "foreign_pre_chain, for lines of plain logging"
_ADD = "logging.getLogger().addHandler(agentlog.EventHandler())  # behind basicConfig or dictConfig"
_CONFIGURE = (
    'or in the configuration: "events": {"()": "agentlog.EventHandler"} in "handlers", and'
    ' "events" in the handlers of "root"'
)


def examine(stations: Sequence[Station], absent: State = FACT) -> Iterator[Finding]:
    """Say which handlers make events of lines, and what does not come to them.

    Args:
        stations: The handlers that there are.
        absent: How bad it is that lines of plain logging are not recorded, if they are not.

    """
    seen: dict[tuple[int, ...], Station] = {}
    for station in stations:
        if station.is_event_handler:
            yield from _event_handler(station)
        elif station.foreign.processors or station.own.processors:
            yield from _formatter(station, seen)
    queues = list(_queues(stations))
    yield from queues
    yield from reach.examine(stations)
    if not any(station.is_event_handler or station.event_processors for station in stations):
        fix = () if absent is FACT else (_ADD, _CONFIGURE)
        yield Finding(TOPIC, absent, _UNKNOWN if queues else _ABSENT, fix)


def _event_handler(station: Station) -> Iterator[Finding]:
    """Say whether lines become events in a handler."""
    troubles = list(of_rule(TOPIC, str(station), station.handler))
    yield from troubles
    if not troubles and not station.is_behind_queue and station.gets_lines:
        yield Finding(TOPIC, GOOD, f"{station}: lines become events here")


def _formatter(station: Station, seen: dict[tuple[int, ...], Station]) -> Iterator[Finding]:
    """Say what the formatter of a handler does with lines; of a chain that was seen, only where."""
    details: list[str] = []
    found: list[Finding] = []
    for title, chain in ((_FOREIGN, station.foreign), ("processors", station.own)):
        first = seen.setdefault(tuple(map(id, chain.processors)), station)
        if not chain.processors:
            continue
        if first is not station:
            details.append(f"{title}: as of {first}")
            continue
        details += [title, *numbered(chain)]
        found += [*troubles(chain), *_extra(chain, station.foreign)]
    yield Finding(TOPIC, FACT, f"{station}: ProcessorFormatter", tuple(details))
    yield from found


def _extra(chain: Chain, foreign: Chain) -> Iterator[Finding]:
    """Say where the EventProcessors of a formatter do not get the `extra` of plain lines."""
    is_foreign = not chain.has_end
    if not chain.reached or (foreign.reached and not is_foreign):
        return
    before = chain.before(chain.reached[0]) + ([] if is_foreign else foreign.before(None))
    if not any(is_a(each, ExtraAdder) for each in before):
        text = f"the EventProcessor{chain.where} does not see the extra of plain lines"
        why = "agentlog=True in it counts, but event_type and action_type choose no line"
        where = "before it" if is_foreign else "into foreign_pre_chain"
        yield Finding(TOPIC, NOTICE, text, (why, f"put structlog.stdlib.ExtraAdder() {where}"))


def _queues(stations: Sequence[Station]) -> Iterator[Finding]:
    """Say where lines become events behind a queue, or may do so."""
    ways = [station for station in stations if station.is_way]
    for station in stations:
        if is_a(station.handler, QueueHandler) and not any(
            way.gets_from(logger)
            for way in ways
            for logger in station.loggers
            if not way.is_behind_queue
        ):
            is_behind = any(_is_in(station.handler, way.front) for way in ways)
            if is_behind or part(station.handler, "listener") is None:
                text = f"{station}: put the EventHandler beside it, not behind its listener"
                why = "there it does not see the action that a line was logged in"
                fix = f"{code(station.loggers[0])}.addHandler(agentlog.EventHandler())"
                yield Finding(TOPIC, NOTICE, text, (why, fix))


def _is_in(handler: Any, front: Sequence[Any]) -> bool:
    return any(handler is each for each in front)
