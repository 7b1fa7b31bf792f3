"""What is wrong with the EventProcessors of a chain: with where they stand, and with what they are.

The rule of this file: each finding but a fact says what is to be done about it.
"""

import logging
from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from structlog.contextvars import merge_contextvars
from structlog.processors import EventRenamer
from structlog.stdlib import PositionalArgumentsFormatter, filter_by_level

from agentlog.bridges import select
from agentlog.bridges.chain import comes_behind, renders
from agentlog.diagnosis.finding import FACT, NOTICE, WRONG, Finding
from agentlog.diagnosis.processors import (
    Chain,
    asked,
    belongs_before,
    client_of,
    named,
)
from agentlog.recording.event import is_a

INSTALL = "call agentlog.install() after structlog.configure(...)"

_RULES: dict[Any, str] = {
    select.marked: "marked()",
    select.has: 'has("tool")',
    select.level: 'level("warning")',
    select.event: 'event("search*")',
    select.logger: 'logger("agent.*")',
}
"""The functions that make rules, and how each is called."""


def troubles(chain: Chain) -> Iterator[Finding]:
    """Say what is wrong with the EventProcessors of a chain, and with where they stand."""
    for each in chain.classes:
        text = f"{named(each)}{chain.where} is the class: each line raises a TypeError there"
        yield Finding(chain.topic, WRONG, text, (f"write {named(each)}()",))
    for at in chain.places:
        yield from _behind(chain, at)
        yield from of_rule(chain.topic, f"the EventProcessor{chain.where}", chain.processors[at])
    if chain.places:
        yield from _dropped(chain, chain.before(max(chain.places)))
        yield from _added(chain, chain.behind(min(chain.places)))
    yield from _twice(chain)


def of_rule(topic: str, subject: str, way: Any) -> Iterator[Finding]:
    """Say where the rule of an EventProcessor or EventHandler is one of the functions for rules."""
    rule = asked(lambda it: it._select, way, default=None)  # noqa: SLF001 - of a kind of ours
    for function, call in _RULES.items():
        if rule is function:
            text = f"the rule of {subject} is the function {function.__name__}: it chooses no line"
            in_json = 'in a file, name one of your own: "select": "ext://myapp.rules.chosen"'
            yield Finding(topic, WRONG, text, (f"write select=agentlog.select.{call}", in_json))


def _behind(chain: Chain, at: int) -> Iterator[Finding]:
    """Say what the EventProcessor at this index stands behind, and should not."""
    before = chain.before(at)
    rendering, reading = (next(filter(is_so, before), None) for is_so in (renders, comes_behind))
    if rendering is not None:
        grade, what = WRONG, f"the renderer, {named(rendering)}: no lines come to it"
    elif is_a(reading, EventRenamer):
        grade, what = WRONG, f"{named(reading)}: the event's name has another key there"
    elif chain.is_last(at):
        grade, what = WRONG, f"{named(before[-1])}, as the last, where the renderer belongs"
    elif reading is not None:
        grade, what = NOTICE, f"{named(reading)}, which exports lines with markers and without ids"
    else:
        return
    text = f"the EventProcessor{chain.where} stands behind {what}"
    fix = f"put it before {belongs_before(chain)}" + ("" if chain.where else f", or {INSTALL}")
    yield Finding(chain.topic, grade, text, (fix,))


def _dropped(chain: Chain, before: list[Any]) -> Iterator[Finding]:
    """Say which processors keep lines from an EventProcessor behind them."""
    for each in before:
        if each is filter_by_level:
            text = "lines below the loggers' levels are no events: filter_by_level drops them"
            level = f"the root logger's level is {logging.getLevelName(logging.root.level)}"
            yield Finding(chain.topic, FACT, text, (level,))
        elif asked(_names_drop_event, each, default=False):
            text = f"{named(each)} may drop lines before the EventProcessor{chain.where} gets them"
            choice = "that is right for noise; put the EventProcessor before it to record them too"
            yield Finding(chain.topic, NOTICE, text, (choice,))


def _added(chain: Chain, behind: list[Any]) -> Iterator[Finding]:
    """Say what comes to a line only behind an EventProcessor."""
    for each in behind:
        if each is merge_contextvars:
            what = "what is bound to the context is"
        elif is_a(each, PositionalArgumentsFormatter):
            what = "the arguments of a line are"
        else:
            continue
        text = f"{what} not in the events: {named(each)} comes behind the EventProcessor"
        fix = f"put the EventProcessor{chain.where} behind {named(each)}"
        yield Finding(chain.topic, NOTICE, text, (fix,))


def _twice(chain: Chain) -> Iterator[Finding]:
    """Say where a chain has two EventProcessors that record for the same client."""
    first: dict[int, int] = {}
    for at in chain.places:
        other = first.setdefault(id(client_of(chain.processors[at])), at)
        if other != at:
            where = f"twice{chain.where}, as {other + 1} and {at + 1}"
            text = f"the EventProcessor is there {where}, for the same client"
            fix = "take one of them out" + ("" if chain.where else f", or {INSTALL}")
            yield Finding(chain.topic, WRONG, text, (fix,))


def _names_drop_event(processor: Any) -> bool:
    """Say so of the code that runs when the processor is called; raise where it is not Python."""
    function: Any = processor.func if is_a(processor, partial) else processor
    if not is_a(function, FunctionType, MethodType):
        function = type(function).__call__
    return "DropEvent" in function.__code__.co_names
