"""Rules that say which log lines become events: `level("warning") & ~logger("urllib3*")`.

Carefully consider what events to record; do not simply record whatever the agent logs. A rule is
any callable `(logger, method, event_dict) -> bool`; the ones here combine by `&`, `|` and `~`. They
are asked at every line of the log, so each is one small function, and remembers what recurs.
"""

import fnmatch
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from agentlog.bridges.origin import LEVELS, NUMBERS, level_of, name_of, number_of
from agentlog.errors import ConfigurationError
from agentlog.recording.event import is_a
from agentlog.recording.redact import shown

Test = Callable[[Any, str, Mapping[Any, Any]], object]

_REMEMBERED = 1024
_SHORT = 200


class Rule:
    """A rule that combines with others by `&`, `|` and `~`.

    It is known by the call that makes it, `factory(*arguments)`: so it can be printed and pickled.
    """

    __slots__ = ("_arguments", "_factory", "test")

    def __init__(self, test: Test, factory: Callable[..., "Rule"], *arguments: Any) -> None:
        self.test = test
        self._factory = factory
        self._arguments = arguments

    def __call__(self, logger: Any, method: str, event_dict: Mapping[Any, Any]) -> bool:
        """Say whether the line is selected."""
        return bool(self.test(logger, method, event_dict))

    def __and__(self, other: Test) -> "Rule":
        """Select what both rules select."""
        return _both(self, other)

    def __rand__(self, other: Test) -> "Rule":
        """Select what both rules select."""
        return _both(other, self)

    def __or__(self, other: Test) -> "Rule":
        """Select what either rule selects."""
        return _either(self, other)

    def __ror__(self, other: Test) -> "Rule":
        """Select what either rule selects."""
        return _either(other, self)

    def __invert__(self) -> "Rule":
        """Select what this rule does not."""
        test = self.test
        return Rule(lambda of, how, line: not test(of, how, line), operator.invert, self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Make the rule again where it is unpickled."""
        return self._factory, self._arguments

    def __repr__(self) -> str:
        arguments = ", ".join(map(repr, self._arguments))
        return f"{self._factory.__name__.strip('_')}({arguments})"


def marked() -> Rule:
    """Select lines with `agentlog=True`, and no others."""
    return Rule(lambda _logger, _method, line: line.get("agentlog") is True, marked)


def has(key: str) -> Rule:
    """Select lines that carry this key."""
    if not is_a(key, str):
        message = f"has({shown(key)}) is not accepted: it is the name of a key"
        raise ConfigurationError(message)
    return Rule(lambda _logger, _method, line: key in line, has, key)


def level(name: str) -> Rule:
    """Select lines of this level and above."""
    least = number_of(name) if is_a(name, str) else None
    if least is None:
        message = (
            f"level({shown(name)}) is not accepted: it is one of {', '.join(LEVELS)}, or a name "
            "that logging.addLevelName has been told"
        )
        raise ConfigurationError(message)

    def test(_logger: Any, method: str, line: Mapping[Any, Any]) -> bool:
        try:
            return NUMBERS[line.get("level", method)] >= least
        except Exception:  # noqa: BLE001 - another spelling, or a value that is no name
            return level_of(method, line) >= least

    return Rule(test, level, name)


def event(glob: str) -> Rule:
    """Select lines whose event fits the pattern, such as `"search*"`."""
    fits = _Fits("event", glob)

    def test(_logger: Any, _method: str, line: Mapping[Any, Any]) -> bool:
        try:
            return fits[line.get("event")] or ("event_type" in line and fits[line["event_type"]])
        except Exception:  # noqa: BLE001 - a value that cannot be looked up is no name
            return fits.text(line.get("event")) or fits.text(line.get("event_type"))

    return Rule(test, event, glob)


def logger(glob: str) -> Rule:
    """Select lines of the loggers whose name fits the pattern, such as `"agent.*"`."""
    fits = _Fits("logger", glob)

    def test(of: Any, _method: str, line: Mapping[Any, Any]) -> bool:
        name = line.get("logger")
        return fits[name if type(name) is str else name_of(of, line)]

    return Rule(test, logger, glob)


def _default() -> Rule:
    return Rule(
        lambda _logger, _method, line: "event_type" in line or "action_type" in line, _default
    )


default = _default()
"""Selects lines that carry `event_type` or `action_type`."""


def _both(one: Test, other: Test) -> Rule:
    first, second = test_of(one), test_of(other)
    return Rule(
        lambda of, how, line: first(of, how, line) and second(of, how, line), _both, one, other
    )


def _either(one: Test, other: Test) -> Rule:
    first, second = test_of(one), test_of(other)
    return Rule(
        lambda of, how, line: first(of, how, line) or second(of, how, line), _either, one, other
    )


def test_of(rule: Any) -> Test:
    """Return the function that decides for a rule; raise if it is none."""
    if not callable(rule):
        message = (
            f"{shown(rule)} is not a rule: it is one of agentlog.select, such as level('warning'), "
            "or a function (logger, method, event_dict) -> bool"
        )
        raise ConfigurationError(message)
    return rule.test if isinstance(rule, Rule) else rule


class _Fits(dict[Any, bool]):
    """Which texts fit a pattern; those that recur are looked up."""

    def __init__(self, rule: str, glob: Any) -> None:
        super().__init__()
        if not is_a(glob, str) or not glob:
            message = f"{rule}({shown(glob)}) is not accepted: it is a pattern, such as 'agent*'"
            raise ConfigurationError(message)
        self._match = re.compile(fnmatch.translate(glob)).match

    def __missing__(self, text: Any) -> bool:
        fits = self.text(text)
        if type(text) is str and len(text) <= _SHORT and len(self) < _REMEMBERED:
            self[text] = fits
        return fits

    def text(self, text: Any) -> bool:
        """Say whether a text fits; whatever is no text does not."""
        return is_a(text, str) and self._match(text) is not None


def __dir__() -> list[str]:
    return ["Rule", "default", "event", "has", "level", "logger", "marked"]
