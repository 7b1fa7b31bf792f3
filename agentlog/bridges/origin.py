"""Where a log line comes from: its level, its logger, and the LogRecord behind it."""

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from agentlog.foreign import let_pass
from agentlog.recording.event import is_a

EventDict = MutableMapping[str, Any]

LEVELS = {
    "notset": 0,
    "debug": 10,
    "info": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "exception": 40,
    "err": 40,
    "failure": 40,
    "critical": 50,
    "fatal": 50,
}

NUMBERS = {
    spelling: number
    for name, number in LEVELS.items()
    for spelling in (name, name.upper(), name.title())
}
"""The numbers of the levels as they are usually spelled."""

FAILING = LEVELS["error"]
"""The level from which on a line says that something failed."""

RECORD = "_record"
"""The key under which a line has the LogRecord that it comes from, as ProcessorFormatter has it."""


def record_of(line: Mapping[Any, Any]) -> logging.LogRecord | None:
    """Return the LogRecord that a line comes from; None if it comes from none."""
    record = line.get(RECORD)
    return record if is_a(record, logging.LogRecord) else None


def level_of(method: Any, line: Mapping[Any, Any]) -> int:
    """Return the number of a line's level: of its `level`, else of the method that logged it."""
    name: Any = line.get("level")
    if not is_a(name, str):
        name = method
    number = number_of(str.__str__(name)) if is_a(name, str) else None
    if number is None:
        number = getattr(record_of(line), "levelno", 0)
    return int.__pos__(number) if is_a(number, int) else 0


def number_of(name: str) -> int | None:
    """Return the number of a level of any spelling, also one that the program has named itself."""
    number = LEVELS.get(name.lower())
    if number is None:
        own = logging.getLevelNamesMapping()
        number = own.get(name, own.get(name.upper()))
    return number


def name_of(logger: Any, line: Mapping[Any, Any]) -> str | None:
    """Return the name of a line's logger, where there is one."""
    name: Any = line.get("logger")
    if name is None or not is_a(name, str):
        name = _name_in(logger)
    if name is None and RECORD in line:
        name = _name_in(record_of(line))
    return name if name is None or type(name) is str else str.__str__(name)


def _name_in(holder: Any) -> str | None:
    try:
        name = getattr(holder, "name", None)
    except BaseException as error:  # noqa: BLE001 - the logger's own code
        let_pass(error)
        return None
    return name if name is not None and is_a(name, str) else None
