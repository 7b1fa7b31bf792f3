"""The standard library's logging: which of its lines become events, and which do not come that far.

The rule of this file: it reads what is configured, logger by logger, and takes no lock.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from structlog.stdlib import ProcessorFormatter

from agentlog.bridges.logging import EventHandler
from agentlog.bridges.structlog import EventProcessor
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, Finding
from agentlog.diagnosis.processors import Chain, asked, listed, named, numbered, troubles
from agentlog.recording.event import is_a

TOPIC = "logging"

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Station:
    """A handler, and the loggers that have it, or have the one that hands records on to it."""

    handler: Any
    loggers: tuple[logging.Logger, ...]

    @property
    def chains(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """The processors of its formatter: of plain logging's lines, then of all."""
        formatter = _part(self.handler, "formatter")
        if not is_a(formatter, ProcessorFormatter):
            return (), ()
        foreign, own = _part(formatter, "foreign_pre_chain"), _part(formatter, "processors")
        return listed(foreign) or (), listed(own) or ()

    @property
    def event_processors(self) -> list[EventProcessor]:
        """The EventProcessors in its formatter."""
        return [each for chain in self.chains for each in chain if is_a(each, EventProcessor)]

    @property
    def is_event_handler(self) -> bool:
        """Whether lines become events in the handler itself."""
        return is_a(self.handler, EventHandler)

    @property
    def level(self) -> int:
        """The level below which it drops lines."""
        level = _part(self.handler, "level")
        return level if is_a(level, int) else logging.NOTSET

    @property
    def ways(self) -> list[Any]:
        """What makes events of lines here."""
        return [*self.event_processors, *([self.handler] if self.is_event_handler else [])]

    def __str__(self) -> str:
        name = _part(self.handler, "name")
        given = f" {name!r}" if type(name) is str else ""
        owners = " and ".join(map(_called, self.loggers[:_SHOWN]))
        return f"{named(self.handler)}{given} of {owners}"


def stations() -> list[Station]:
    """Return every handler that records can come to, each once."""
    found: dict[int, Station] = {}
    for logger in _loggers():
        for handler in _handlers(logger):
            before = found.get(id(handler), Station(handler, ()))
            found[id(handler)] = Station(handler, (*before.loggers, logger))
    return list(found.values())


def examine(stations: Sequence[Station]) -> Iterator[Finding]:
    """Say which handlers make events of lines, and what does not come to them."""
    for station in stations:
        if station.is_event_handler:
            yield Finding(TOPIC, GOOD, f"{station}: lines become events here")
        elif any(station.chains):
            yield from _formatter(station)
    making = [station for station in stations if station.ways]
    yield from _levels(making)
    if any(station.is_event_handler for station in stations):
        yield from _not_reached()
    elif not making:
        text = "lines of plain logging are not recorded: no handler is an EventHandler"
        how = "logging.getLogger().addHandler(agentlog.EventHandler()) adds one"
        yield Finding(TOPIC, FACT, text, (how,))


def _formatter(station: Station) -> Iterator[Finding]:
    """Say what the formatter of a handler does with lines."""
    foreign, processors = station.chains
    first = ["foreign_pre_chain, for lines of plain logging", *numbered(foreign)] if foreign else []
    details = (*first, "processors", *numbered(processors))
    yield Finding(TOPIC, FACT, f"{station}: ProcessorFormatter", details)
    where = f" of {station}"
    yield from troubles(Chain(TOPIC, f" in the formatter{where}", processors))
    yield from troubles(Chain(TOPIC, f" in foreign_pre_chain{where}", foreign, has_end=False))


def _levels(making: Sequence[Station]) -> Iterator[Finding]:
    """Say which lines do not come to where they would become events."""
    is_everywhere = all(_drops(station.level) for station in making)
    for station in making:
        if _drops(station.level) and (station.is_event_handler or is_everywhere):
            text = f"{station} drops lines below {_level(station.level)}: they are no events"
            fix = "take its level out; which lines become events is better said by select="
            yield Finding(TOPIC, NOTICE, text, (fix,))
    loggers = {id(logger): logger for station in making for logger in station.loggers}
    for logger in loggers.values():
        if _drops(logger.level):
            text = f"{_called(logger)} drops lines below {_level(logger.level)}: they are no events"
            fix = f"{_code(logger)}.setLevel(logging.DEBUG) lets them through, to all handlers"
            yield Finding(TOPIC, NOTICE, text, (fix,))


def _not_reached() -> Iterator[Finding]:
    """Say which loggers keep their lines from the EventHandlers above them."""
    for logger in _loggers():
        if not logger.propagate and logger is not logging.root:
            handlers = list(_handlers(logger))
            if handlers and not any(is_a(handler, EventHandler) for handler in handlers):
                text = f"{_called(logger)} does not propagate: its lines come to no EventHandler"
                fix = "give it an EventHandler of its own, or let it propagate"
                yield Finding(TOPIC, NOTICE, text, (fix,))


def _loggers() -> list[logging.Logger]:
    """Return the loggers that exist, by name, the root first."""
    existing = list(logging.root.manager.loggerDict.items())
    loggers = {name: logger for name, logger in existing if is_a(logger, logging.Logger)}
    return [logging.root, *(loggers[name] for name in sorted(loggers))]


def _handlers(logger: logging.Logger) -> Iterator[Any]:
    """Return the handlers of a logger, and those that they hand records on to."""
    todo = list(logger.handlers)
    seen = set()
    for handler in todo:
        if id(handler) not in seen:
            seen.add(id(handler))
            yield handler
            listener = _part(handler, "listener")  # of a QueueHandler, from Python 3.12 on
            further = [*(listed(_part(listener, "handlers")) or ()), _part(handler, "target")]
            todo.extend(each for each in further if is_a(each, logging.Handler))


def _part(whole: Any, name: str) -> Any:
    """Return an attribute of an object of somebody else's; None if it has none to give."""
    return asked(lambda it: getattr(it, name, None), whole, default=None)


def _drops(level: int) -> bool:
    """Say whether a level keeps anything back: there is nothing below debug."""
    return level > logging.DEBUG


def _level(level: int) -> str:
    return str(logging.getLevelName(level))


def _called(logger: logging.Logger) -> str:
    return "the root logger" if logger is logging.root else f"logger {logger.name!r}"


def _code(logger: logging.Logger) -> str:
    return f"logging.getLogger({'' if logger is logging.root else repr(logger.name)})"
