"""Which loggers' lines come to where they would become events, and what holds the others back.

The rule of this file: it is decided for each logger as logging decides it for a line, and told for
each cause.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agentlog.diagnosis.finding import NOTICE, WRONG, Finding
from agentlog.diagnosis.processors import named
from agentlog.diagnosis.stations import TOPIC, Station, above, code, loggers, together

_LEFT_OUT = (
    "asyncio.",
    "concurrent.",
    "django.server.",
    "gunicorn.access.",
    "gunicorn.error.",
    "multiprocessing.",
    "uvicorn.",
)
"""Loggers that are kept away on purpose, with those below them."""

_CHOICE = "what it drops is no event: that is right for noise"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why lines are held back, and how that is put right for the first logger it is so for."""

    text: str
    fix: str = field(compare=False)


def examine(stations: Sequence[Station]) -> Iterator[Finding]:
    """Say which lines do not come to where they would become events."""
    ways = [station for station in stations if station.is_way]
    if not ways:
        return
    yield from _disabled_levels()
    held: dict[Cause, list[logging.Logger]] = {}
    for logger in loggers():
        if not f"{logger.name}.".startswith(_LEFT_OUT):
            for cause in _causes(logger, ways):
                held.setdefault(cause, []).append(logger)
    for cause, of in held.items():
        yield Finding(TOPIC, NOTICE, cause.text, (together(of), cause.fix))
    if not any(way.gets_lines for way in ways):
        text = f"no line of any logger comes to an {_way(ways)}"
        yield Finding(TOPIC, WRONG, text, ("what is noticed above holds them all back",))


def _disabled_levels() -> Iterator[Finding]:
    """Say what is disabled for all loggers."""
    highest = logging.root.manager.disable
    if _drops(highest + 1):
        text = f"logging.disable({_level(highest)}) holds back lines up to that level, of all"
        yield Finding(TOPIC, NOTICE, f"{text} loggers", ("logging.disable(logging.NOTSET)",))


def _causes(logger: logging.Logger, ways: Sequence[Station]) -> Iterator[Cause]:
    """Return all that holds back lines of a logger."""
    if logger.disabled:
        fix = '"disable_existing_loggers": False in the configuration leaves them as they are'
        yield Cause("loggers are disabled: their lines go nowhere", fix)
        return
    if _drops(logger.getEffectiveLevel()):
        yield _by_level(logger)
    if logger.filters:
        names = ", ".join(map(named, logger.filters))
        yield Cause(f"loggers have a filter, {names}, that may drop lines", _CHOICE)
    reached = [way for way in ways if way.gets_from(logger)]
    if not reached:
        yield _elsewhere(logger, ways)
    elif all(_drops(way.level) or way.filters for way in reached):
        for way in reached:
            yield from _by_handler(way)


def _by_level(logger: logging.Logger) -> Cause:
    """Name the level that counts for a logger: its own, or that of the first above with one."""
    level, owner = _level(logger.getEffectiveLevel()), logger
    while not owner.level and owner.parent:
        owner = owner.parent
    whose = "the level of the root logger" if owner is logging.root else "a level of their own"
    fix = f"{code(owner)}.setLevel(logging.INFO)"
    return Cause(f"loggers drop lines below {level}, by {whose}: they are no events", fix)


def _elsewhere(logger: logging.Logger, ways: Sequence[Station]) -> Cause:
    """Say why a logger's lines come to none of the handlers that make events."""
    *_, last = above(logger)
    if last.parent and any(way.gets_from(last.parent) for way in ways):
        fix = _added(last) if last.handlers else f"{code(last)}.propagate = True"
        return Cause(f"loggers do not propagate: their lines come to no {_way(ways)}", fix)
    having = together(dict.fromkeys(each for way in ways for each in way.loggers))
    text = f"loggers without an {_way(ways)}: only {having}, and those below, have one"
    return Cause(text, _added(logging.root))


def _by_handler(way: Station) -> Iterator[Cause]:
    """Say what a handler that makes events does not let through."""
    if _drops(way.level):
        own = f"{way.code}.setLevel(logging.NOTSET)"
        fix = own if way.is_event_handler else _added(way.loggers[0])
        yield Cause(f"{way} drops lines below {_level(way.level)}: they are no events", fix)
    if way.filters:
        names = ", ".join(map(named, way.filters))
        yield Cause(f"{way} has a filter, {names}, that may drop lines", _CHOICE)


def _added(logger: logging.Logger) -> str:
    """Return the code that gives a logger an EventHandler, beside what else it has."""
    return f"{code(logger)}.addHandler(agentlog.EventHandler())"


def _way(ways: Sequence[Station]) -> str:
    is_handler = any(way.is_event_handler for way in ways)
    return "EventHandler" if is_handler else "EventProcessor in a formatter"


def _drops(level: int) -> bool:
    """Say whether a level keeps back what programs are expected to log."""
    return level > logging.INFO


def _level(level: int) -> str:
    return str(logging.getLevelName(level))
