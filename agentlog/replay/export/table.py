"""A session as CSV, a row an event, for spreadsheets and data frames.

The rules of this file: RFC 4180 (a header, commas, CRLF), UTF-8. Numbers are numbers. Texts are in
quotes and on one line, what cannot be seen in them is a visible escape, and none is a formula: what
begins like it, there or where a spreadsheet begins a cell that parts them by semicolons, gets an
apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from agentlog.replay.export.run import Run
from agentlog.replay.format import safe
from agentlog.replay.node import Node

_LONGEST: Final = 32_000
"""Characters of a cell; spreadsheets take 32,767."""

_FORMULA = re.compile("(?:^|(?<=;)) *(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")

Cell = str | int | float | None


def _seconds(node: Node) -> float | None:
    return None if node.duration is None else round(node.duration, 6)


def _raw(field: str) -> Callable[[Node], Cell]:
    def read(node: Node) -> Cell:
        value = node.event.get(field)
        return value if isinstance(value, str) else None

    return read


_CELLS: Final[dict[str, Callable[[Node], Cell]]] = {
    "session_id": lambda node: node.session_id,
    "id": lambda node: node.id,
    "parent_id": _raw("parent_id"),
    "event_type": lambda node: node.name,
    "action_type": lambda node: node.kind,
    "state": lambda node: node.state.value,
    "timestamp": lambda node: node.started,
    "end_timestamp": lambda node: node.ended,
    "duration": _seconds,
    "result": _raw("result"),
    "reason": _raw("reason"),
    "error": lambda node: node.error,
    "model": lambda node: node.model,
    "prompt_tokens": lambda node: node.tokens_in,
    "completion_tokens": lambda node: node.tokens_out,
    "tags": lambda node: " ".join(node.tags),
    "rating": lambda node: node.rating,
    "level": lambda node: node.level,
    "logger": lambda node: node.logger,
}

COLUMNS: Final = tuple(_CELLS)


def parts(run: Run) -> Iterator[str]:
    """Yield the header and the rows."""
    yield _row(COLUMNS)
    for event in run.shown():
        node = Node(event)
        cells = (read(node) for read in _CELLS.values())
        yield _row([_text(cell) if isinstance(cell, str) else cell for cell in cells])


def _row(cells: Sequence[Cell]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
    return text.getvalue()


def _text(value: str) -> str:
    text = safe(value[:_LONGEST])[:_LONGEST]
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"'\g<0>", text)[:_LONGEST]
