"""Rules that say which log lines become events: `level("warning") & ~logger("urllib3*")`.

Carefully consider what events to record; do not simply record whatever the agent logs. A rule is
any callable `(logger, method, event_dict) -> bool`; the ones here combine by `&`, `|` and `~`.
"""

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from agentlog.errors import ConfigurationError, shown
from agentlog.recording.event import is_a

Test = Callable[[Any, str, Mapping[Any, Any]], bool]

LEVELS = {
    "notset": 0,
    "debug": 10,
    "info": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "exception": 40,
    "critical": 50,
    "fatal": 50,
}


FAILING = frozenset(
    spelling
    for name, number in LEVELS.items()
    if number >= LEVELS["error"]
    for spelling in (name, name.upper(), name.title())
)
"""The levels of lines that say that something failed, as they are spelled."""


class Rule:
    """A rule that combines with others by `&`, `|` and `~`."""

    __slots__ = ("_test",)

    def __init__(self, test: Test) -> None:
        self._test = test

    def __call__(self, logger: Any, method: str, event_dict: Mapping[Any, Any]) -> bool:
        """Say whether the line is selected."""
        return bool(self._test(logger, method, event_dict))

    def __and__(self, other: Test) -> "Rule":
        """Select what both rules select."""
        check_rule(other)
        return Rule(lambda *line: self._test(*line) and other(*line))

    def __or__(self, other: Test) -> "Rule":
        """Select what either rule selects."""
        check_rule(other)
        return Rule(lambda *line: self._test(*line) or other(*line))

    def __invert__(self) -> "Rule":
        """Select what this rule does not."""
        return Rule(lambda *line: not self._test(*line))


def marked() -> Rule:
    """Select lines with `agentlog=True`, and no others."""
    return Rule(lambda _logger, _method, line: line.get("agentlog") is True)


def has(key: str) -> Rule:
    """Select lines that carry this key."""
    if not is_a(key, str):
        message = f"has({shown(key)}) is not accepted: it is the name of a key"
        raise ConfigurationError(message)
    return Rule(lambda _logger, _method, line: key in line)


def level(name: str) -> Rule:
    """Select lines of this level and above."""
    least = LEVELS.get(name.lower()) if is_a(name, str) else None
    if least is None:
        message = f"level({shown(name)}) is not accepted: it is one of {', '.join(LEVELS)}"
        raise ConfigurationError(message)
    return Rule(lambda _logger, method, line: level_of(method, line) >= least)


def event(glob: str) -> Rule:
    """Select lines whose event fits the pattern, such as `"search*"`."""
    fits = _pattern("event", glob)
    return Rule(
        lambda _logger, _method, line: fits(line.get("event_type")) or fits(line.get("event"))
    )


def logger(glob: str) -> Rule:
    """Select lines of the loggers whose name fits the pattern, such as `"agent.*"`."""
    fits = _pattern("logger", glob)
    return Rule(lambda logger, _method, line: fits(name_of(logger, line)))


def default(_logger: Any, _method: str, line: Mapping[Any, Any]) -> bool:
    """Select lines that carry `event_type` or `action_type`."""
    return "event_type" in line or "action_type" in line


def check_rule(rule: Any) -> Test:
    """Return the rule; raise if it is none."""
    if not callable(rule):
        message = (
            f"{shown(rule)} is not a rule: it is one of agentlog.select, such as level('warning'), "
            "or a function (logger, method, event_dict) -> bool"
        )
        raise ConfigurationError(message)
    return rule  # type: ignore[no-any-return]


def level_of(method: Any, line: Mapping[Any, Any]) -> int:
    """Return the number of a line's level: of its `level`, else of the method that logged it."""
    name: Any = line.get("level")
    if not is_a(name, str):
        name = method
    return LEVELS.get(name.lower(), 0) if is_a(name, str) else 0


def name_of(logger: Any, line: Mapping[Any, Any]) -> str | None:
    """Return the name of a line's logger, where there is one."""
    name = line.get("logger")
    if name is None or not is_a(name, str):
        name = getattr(logger, "name", None)
    return name if name is not None and is_a(name, str) else None


def _pattern(rule: str, glob: Any) -> Callable[[Any], bool]:
    if not is_a(glob, str) or not glob:
        message = f"{rule}({shown(glob)}) is not accepted: it is a pattern, such as 'agent*'"
        raise ConfigurationError(message)
    match = re.compile(fnmatch.translate(glob)).match
    return lambda text: is_a(text, str) and match(text) is not None


def __dir__() -> list[str]:
    return ["Rule", "default", "event", "has", "level", "logger", "marked"]
