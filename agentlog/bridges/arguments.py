"""Arguments of a message that are secrets by their key, or by the words in front of them.

`log.info("password=%s", "x")` is a secret once it is one text; a line on its way to become one has
the two apart. The line itself stays as it is, for whoever prints it.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from agentlog.recording.event import is_a
from agentlog.recording.redact import Redact, sealed

ARGUMENTS = "positional_args"
"""The key of structlog's lines, as `structlog.stdlib` makes them."""

_PLACE = r"%(?:%|[-#0 +]{0,5}(?:\*|\d{1,4})?(?:\.(?:\*|\d{1,4}))?[hlL]?[a-zA-Z])"
_LIKE = "aB3dE5gH7jK9mN1pQ"
"""What no rule takes for a word."""


def with_seals(line: Mapping[Any, Any], rules: Redact | None) -> dict[Any, Any]:
    """Return a copy of a line, with a seal in place of each argument that is a secret."""
    copy = {**line}
    event, arguments = copy.get("event"), copy.get(ARGUMENTS)
    if rules is None or type(event) is not str or type(arguments) is not tuple:
        return copy
    if rules.might_hold_secret(event):
        copy[ARGUMENTS] = tuple(_sealed(event, arguments, rules))
    return copy


def _sealed(message: str, arguments: tuple[Any, ...], rules: Redact) -> Iterator[Any]:
    """Look at the message with a text that looks like a secret in place of each argument."""
    places = [place for place in re.finditer(_PLACE, message) if place[0] != "%%"]
    begin, parts = 0, []
    for place, argument in zip(places, arguments, strict=False):
        parts += [message[begin : place.start()], str(argument) if type(argument) is int else _LIKE]
        begin = place.end()
    found = rules.secrets("".join((*parts, message[begin:])))
    borders = list(accumulate(map(len, parts), initial=0))
    for at, argument in enumerate(arguments):
        inside = borders[2 * at + 1 : 2 * at + 3]
        kinds = [
            kind for start, stop, kind in found if inside and start < inside[1] and inside[0] < stop
        ]
        yield sealed(kinds[0]) if kinds else argument


def message_of(record: logging.LogRecord, rules: Redact | None) -> str:
    """Return the message of a record; of a mapping's values, those under secret keys are sealed."""
    given: Any = record.args
    is_usual = type(record).getMessage is logging.LogRecord.getMessage
    if rules is not None and is_usual and is_a(given, dict):
        kinds = {key: rules.kind_of_key(key) for key in dict.keys(given) if type(key) is str}
        secret = {key: sealed(kind) for key, kind in kinds.items() if kind}
        if secret:
            return str(record.msg) % {**given, **secret}
    return record.getMessage()
