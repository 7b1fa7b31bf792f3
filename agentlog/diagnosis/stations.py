"""The loggers and handlers of the standard library's logging, and the ways of lines between them.

The rule of this file: it reads what is configured as logging itself does, and takes no lock.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from logging.handlers import QueueHandler
from typing import Any

from structlog.stdlib import ProcessorFormatter

from agentlog.bridges.logging import EventHandler
from agentlog.bridges.structlog import EventProcessor
from agentlog.diagnosis.processors import Chain, asked, listed, named
from agentlog.recording.event import is_a

TOPIC = "logging"

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Station:
    """A handler, and the loggers whose records it is given.

    Attributes:
        handler: The handler itself.
        loggers: The loggers that have it, or have the first of `front`.
        front: The handlers that hand records on to it, the one that a logger has first.

    """

    handler: Any
    loggers: tuple[logging.Logger, ...]
    front: tuple[Any, ...] = ()

    @property
    def foreign(self) -> Chain:
        """The processors of its formatter that lines of plain logging pass first."""
        return self._chain("foreign_pre_chain", has_end=False)

    @property
    def own(self) -> Chain:
        """The processors of its formatter that all lines pass."""
        return self._chain("processors", has_end=True)

    def _chain(self, name: str, *, has_end: bool) -> Chain:
        formatter = part(self.handler, "formatter")
        is_one = is_a(formatter, ProcessorFormatter)
        processors = listed(part(formatter, name)) if is_one else None
        where = f" in {'the formatter' if has_end else name} of {self}"
        return Chain(TOPIC, where, processors or (), has_end)

    @property
    def event_processors(self) -> list[EventProcessor]:
        """The EventProcessors in its formatter."""
        chains = (self.foreign, self.own)
        return [chain.processors[at] for chain in chains for at in chain.places]

    @property
    def is_event_handler(self) -> bool:
        """Whether lines become events in the handler itself."""
        return is_a(self.handler, EventHandler)

    @property
    def is_way(self) -> bool:
        """Whether lines that come here can become events."""
        return self.is_event_handler or bool(self.foreign.reached or self.own.reached)

    @property
    def is_behind_queue(self) -> bool:
        """Whether lines come here in another thread than the one that logged them."""
        return any(is_a(handler, QueueHandler) for handler in self.front)

    @property
    def level(self) -> int:
        """The level below which no lines come here: a handler that hands on asks for no other."""
        level = part((*self.front, self.handler)[0], "level")
        return level if is_a(level, int) else logging.NOTSET

    @property
    def filters(self) -> list[Any]:
        """The filters that lines pass on their way to it, its own last."""
        held = (listed(part(each, "filters")) or () for each in (*self.front, self.handler))
        return [each for some in held for each in some]

    @property
    def code(self) -> str:
        """The handler that a logger has, as an expression."""
        owner, first = self.loggers[0], (*self.front, self.handler)[0]
        at = next(at for at, each in enumerate(owner.handlers) if each is first)
        return f"{code(owner)}.handlers[{at}]"

    def gets_from(self, logger: logging.Logger) -> bool:
        """Say whether the handlers of a logger, and of those above it, lead here."""
        return any(each is other for each in above(logger) for other in self.loggers)

    @property
    def gets_lines(self) -> bool:
        """Whether a line of any logger can come here: not all of them are held back."""
        return any(
            self.gets_from(logger)
            and not logger.disabled
            and max(self.level, logger.getEffectiveLevel()) <= logging.CRITICAL
            for logger in loggers()
            if logger.manager.disable < logging.CRITICAL
        )

    def __str__(self) -> str:
        name = part(self.handler, "name")
        given = f" {name!r}" if type(name) is str else ""
        return f"{named(self.handler)}{given} of {together(self.loggers)}"


def stations() -> list[Station]:
    """Return every handler that records can come to, each way to it once."""
    found: dict[tuple[int, ...], Station] = {}
    for logger in loggers():
        for handler, front in _handlers(logger):
            way = (*map(id, front), id(handler))
            before = found.get(way, Station(handler, (), front))
            found[way] = Station(handler, (*before.loggers, logger), front)
    return list(found.values())


def loggers() -> list[logging.Logger]:
    """Return the loggers that exist, by name, the root first."""
    existing = list(logging.root.manager.loggerDict.items())
    found = {name: logger for name, logger in existing if is_a(logger, logging.Logger)}
    return [logging.root, *(found[name] for name in sorted(found))]


def above(logger: logging.Logger) -> Iterator[logging.Logger]:
    """Return a logger, and those above it whose handlers are given its lines."""
    each: logging.Logger | None = logger
    while each is not None:
        yield each
        each = each.parent if each.propagate else None


def called(logger: logging.Logger) -> str:
    """Name a logger."""
    return "the root logger" if logger is logging.root else f"logger {logger.name!r}"


def together(some: Iterable[logging.Logger]) -> str:
    """Name some loggers, and say how many more there are."""
    names = [called(each) for each in some]
    more = len(names) - _SHOWN
    if more > 0:
        return f"{', '.join(names[:_SHOWN])} and {more:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def code(logger: logging.Logger) -> str:
    """Return the expression for a logger."""
    return f"logging.getLogger({'' if logger is logging.root else repr(logger.name)})"


def part(whole: Any, name: str) -> Any:
    """Return an attribute of an object of somebody else's; None if it has none to give."""
    return asked(lambda it: getattr(it, name, None), whole, default=None)


def _handlers(logger: logging.Logger) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Return the handlers of a logger, and those that they hand records on to, with the former."""
    todo: list[tuple[Any, tuple[Any, ...]]] = [(handler, ()) for handler in logger.handlers]
    seen = set()
    for handler, front in todo:
        if id(handler) not in seen:
            seen.add(id(handler))
            yield handler, front
            listener = part(handler, "listener")  # of a QueueHandler, from Python 3.12 on
            further = [*(listed(part(listener, "handlers")) or ()), part(handler, "target")]
            todo += [(each, (*front, handler)) for each in further if is_a(each, logging.Handler)]
