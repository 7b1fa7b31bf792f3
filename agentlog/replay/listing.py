"""The list of sessions for the terminal.

The rule of this file: one session, one row, newest first; the name stands last, where it can be
as long as it is. Where the terminal is too narrow for that table, it goes without the tokens if it
has what they cost; and else a session has a second line, with its name and its counts in words.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from agentlog.replay import format as fmt
from agentlog.replay.cost import NOTHING, Spent
from agentlog.replay.glyphs import ASCII, UNICODE
from agentlog.replay.lines import GAP, Line, Span, flow, measure
from agentlog.replay.node import elapsed, moment
from agentlog.replay.rows import UNKNOWN_COST, View
from agentlog.store import SessionSummary
from agentlog.store.ids import id_length
from agentlog.store.state import CUT, State

_HEADINGS = ("session", "when", "outcome", "took", "events", "failed", "tokens", "cost")
_FIRST = 4
"""How many of them stand in the first of two lines; the last of them only if there is room."""

_TOKENS, _COST = map(_HEADINGS.index, ("tokens", "cost"))
_NUMBERS = _HEADINGS.index("took")
"""From here on they are numbers."""

_NARROW = 100
_LEAST_NAME = 12
"""Columns for names beside the table; with less there is no table."""

_BELOW: Span = ("  ", "")
"""What stands before the further lines of a session."""


def sessions(
    summaries: Iterable[SessionSummary],
    *,
    width: int = 80,
    ascii_only: bool = False,
    now: float | None = None,
    zone: tzinfo | None = None,
    known: Iterable[str] = (),
    costs: Mapping[str, Spent] | None = None,
) -> list[Line]:
    """Lay out a list of sessions, newest first, below a line of headings; nothing for none.

    `known` are the ids of further sessions, from which the written ones have to differ. `now`,
    seconds since the epoch, says for how long a session runs. `costs` says by their ids what they
    took; where that is nothing of any, there is no column for it. The rest is as for `text.replay`.
    """
    newest = sorted(summaries, key=_order, reverse=True)
    if not newest:
        return []
    length = id_length([*known, *(summary.id for summary in newest)])
    view = View(width=width, glyphs=ASCII if ascii_only else UNICODE, now=now, zone=zone)
    year, spent = _year(newest[0], view), costs or {}
    table = [
        [*_cells(summary, view, length, year), _cost(spent.get(summary.id, NOTHING), view)]
        for summary in newest
    ]
    names: list[list[Line]] = [
        [[("name", "heading")]],
        *(_name(summary, view) for summary in newest),
    ]
    rows = [_headings(view), *table]
    for left_out in (None, _TOKENS) if any(cost for *_, cost in table) else (_COST,):
        shown = [row[:left_out] + row[left_out + 1 :] if left_out else row for row in rows]
        widths = [max(map(measure, column)) for column in zip(*shown, strict=True)]
        if sum(widths) + len(widths) * len(GAP[0]) + _LEAST_NAME <= width:
            both = zip(shown, names, strict=True)
            return [line for row, name in both for line in _set_row(row, name, widths, width)]
    told = zip(table, newest, strict=True)
    return [line for row, summary in told for line in _stacked(row, summary, widths, view)]


def summary_duration(summary: SessionSummary, now: float | None = None) -> float | None:
    """Return its seconds: to the end, to now while it runs, else to the last that it said."""
    start, end = moment(summary.timestamp), moment(summary.end_timestamp)
    if end is None:
        end = now if State(summary.state) is State.RUNNING else moment(summary.last)
    return elapsed(start, end)


def _order(summary: SessionSummary) -> tuple[float, str]:
    start = moment(summary.timestamp)
    return (-1.0 if start is None else start, summary.id)


def _headings(view: View) -> list[Line]:
    """Name the columns, in a narrow terminal the counts by their first letters and a glyph."""
    short = {"events": "ev", "failed": view.glyphs.states[State.FAILED]}
    names = [short.get(name, name) if view.width < _NARROW else name for name in _HEADINGS]
    return [[(name, "heading")] for name in names]


def _year(summary: SessionSummary, view: View) -> str:
    """Return what goes without saying, in a narrow terminal, in times of the same year."""
    start = moment(summary.timestamp)
    return "" if start is None or view.width >= _NARROW else fmt.clock(start, view.zone)[:5]


def _cells(summary: SessionSummary, view: View, length: int, year: str) -> list[Line]:
    state = State(summary.state)
    tokens = view.tokens(summary.prompt_tokens, summary.completion_tokens)
    when = fmt.clock(moment(summary.timestamp), view.zone, seconds=False)
    has_tokens = summary.prompt_tokens or summary.completion_tokens
    return [
        [(view.name(summary.id[:length]), "id")],
        [(when.removeprefix(year), "detail")],
        [(f"{view.glyphs.states[state]} {state}", state)],
        [(_duration(summary, view), "duration")],
        [(f"{summary.events:,}", "detail")],
        [(f"{summary.failures:,}", State.FAILED if summary.failures else "detail")],
        [(tokens if has_tokens else "", "tokens")],
    ]


def _duration(summary: SessionSummary, view: View) -> str:
    """Write how long it took; of one whose end nobody saw, the least, as a replay's header does."""
    seconds = summary_duration(summary, view.now)
    is_least = State(summary.state) in CUT and summary.end_timestamp is None and seconds
    return view.duration(seconds) + ("+" if is_least else "")


def _cost(spent: Spent, view: View) -> Line:
    text = view.cost(spent) or (UNKNOWN_COST if spent.unpriced else "")
    return [(text, "cost")] if text else []


def _name(summary: SessionSummary, view: View) -> list[Line]:
    name = [(view.name(summary.event_type or "unnamed"), "session")]
    return [name, *([("#" + view.detail(tag), "tag")] for tag in summary.tags)]


def _set_row(
    cells: Sequence[Line], name: Sequence[Line], widths: Sequence[int], width: int
) -> list[Line]:
    """Set the cells into their columns, and name and tags behind them, or below if it is long."""
    padded = _padded(cells, widths)
    line = [span for cell in padded for span in (*cell, GAP)]
    used = measure(line)
    if used + measure(name[0]) > width:
        lead: Line = [_BELOW, *name[0]]
        return [line, *flow([lead, *name[1:]], width, between=GAP, indent=_BELOW)]
    return flow([[*line, *name[0]], *name[1:]], width, between=GAP, indent=(" " * used, ""))


def _padded(cells: Sequence[Line], widths: Sequence[int]) -> list[Line]:
    padded: list[Line] = []
    for place, (cell, column) in enumerate(zip(cells, widths, strict=False)):
        pad = (" " * (column - measure(cell)), "")
        padded.append([pad, *cell] if place >= _NUMBERS else [*cell, pad])
    return padded


def _stacked(
    cells: Sequence[Line], summary: SessionSummary, widths: Sequence[int], view: View
) -> list[Line]:
    """Set the first cells into one line, and below it name and tags, and the counts in words."""
    first = _padded(cells[:_FIRST], widths)
    if not _is_fitting(first, view):
        first = first[:-1]
    length = len(first)
    if not _is_fitting(first, view):
        first = list(cells[:length])
    name, *tags = _name(summary, view)
    counts = _counts(summary, *cells[_TOKENS:])
    second = [[_BELOW, *name], *tags, *cells[length:_FIRST], *counts]
    return [
        *flow(first, view.width, between=GAP, indent=_BELOW),
        *flow(second, view.width, between=GAP, indent=_BELOW),
    ]


def _is_fitting(cells: Sequence[Line], view: View) -> bool:
    return sum(map(measure, cells)) + (len(cells) - 1) * len(GAP[0]) <= view.width


def _counts(summary: SessionSummary, tokens: Line, cost: Line | None = None) -> list[Line]:
    counts: list[Line] = [[(fmt.plural(summary.events, "event"), "detail")]]
    if summary.failures:
        counts.append([(f"{summary.failures:,} failed", State.FAILED)])
    if measure(tokens):
        counts.append([("tokens ", "detail"), *tokens])
    if cost:
        counts.append([("cost ", "detail"), *cost])
    return counts
