"""A replay for the terminal.

`replay` lays out the rows of a forest below a header for each session.

The rules of this file: columns stand still, tokens, costs, durations and bars being aligned over
the whole tree. Nothing that a person named is cut away: where there is too little room, the bars
give way first, then what does not fit moves to a line of its own. And the mark of the root cause
stays beside the name that it marks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import takewhile

from agentlog.conventions.words import moment_of_id
from agentlog.replay import format as fmt
from agentlog.replay.cost import NOTHING, Spent, total
from agentlog.replay.glyphs import ASCII, UNICODE, Glyphs, bar, tick
from agentlog.replay.lines import GAP, LEAST_TEXT, Line, Span, broken, flow, measure
from agentlog.replay.node import elapsed, moment
from agentlog.replay.rows import FIGURES, MARKS, UNKNOWN_COST, Row, View, rows
from agentlog.replay.tree import Node, State, head, walk
from agentlog.store import ids
from agentlog.store.state import CUT, REASONS, SHIPPED

_SPACE = 2
"""Columns between columns."""

_WIDE_ENOUGH_FOR_BARS = 72
_LEAST_BAR = 8
_USUAL_BAR = 40
_CROWDED = 0.1
"""The part of the rows that may go without their place beside the bars, before there are none."""


def replay(
    roots: Sequence[Node],
    *,
    width: int = 80,
    ascii_only: bool = False,
    unfold: bool = False,
    only_failures: bool = False,
    depth: int | None = None,
    now: float | None = None,
    zone: tzinfo | None = None,
    id_length: int = ids.LEAST,
) -> list[Line]:
    """Lay out a forest: for each of its sessions a header and the tree.

    `width` is in columns. `unfold` shows each event of a folded row, and details in full;
    `only_failures` the ways that lead to failures; `depth` that many levels below the root. With
    `now`, seconds since the epoch, a running event says for how long. `zone` is the time zone of
    what is shown, None the local one; `id_length` how many digits of a session's id are written.
    """
    view = View(
        width=max(1, width),
        glyphs=ASCII if ascii_only else UNICODE,
        unfold=unfold,
        only_failures=only_failures,
        depth=depth,
        now=now,
        zone=zone,
    )
    sessions: dict[str, list[Node]] = {}
    for root in roots:
        sessions.setdefault(root.session_id, []).append(root)
    lines: list[Line] = []
    for of_session in sessions.values():
        if lines:
            lines.append([])
        lines.extend(header(of_session, view, id_length))
        lines.append([])
        lines.extend(tree(of_session, view))
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the events of a session sum up to."""

    events: int = 0
    failures: int = 0
    spent: Spent = NOTHING


def header(
    roots: Sequence[Node], view: View, length: int, tally: Tally | None = None
) -> list[Line]:
    """Introduce a session: who and when, then how it went; `tally`, if there are more events."""
    own = head(roots) or roots[0]
    name = view.name(own.name) if own.is_root else "a session without its root"
    start, end = _extent(own, roots, view)
    who: list[Line] = [
        [(name, "session")],
        [(view.name(own.session_id[:length]), "id")],
        [(fmt.clock(start, view.zone), "detail")],
        *([("#" + view.detail(tag), "tag")] for tag in own.tags),
    ]
    dot: Span = (f" {view.glyphs.dot} ", "detail")
    return [
        *flow(who, view.width, between=GAP, indent=("  ", "")),
        *flow(
            _outcome(own, tally or _tally(roots), elapsed(start, end), view),
            view.width,
            between=dot,
            indent=("  ", ""),
        ),
    ]


def _extent(head: Node, roots: Sequence[Node], view: View) -> tuple[float | None, float | None]:
    """Return when a session began and ended, as `listing` tells it too.

    It goes to its end, to now while it runs, else to the last that it said.
    """
    nodes = [node for _, node in walk(roots)]
    starts = [node.started for node in nodes if node.started is not None]
    start = head.started if head.is_root else min(starts, default=None)
    if start is None:
        start = min(starts, default=moment(moment_of_id(head.session_id)))
    end = head.ended if head.is_root else None
    if end is None and head.is_root and head.state is State.RUNNING:
        end = view.now
    elif end is None:
        ends = [end for node in nodes for end in (node.started, node.ended) if end is not None]
        end = max(ends, default=None)
    return start, end


def _outcome(head: Node, tally: Tally, seconds: float | None, view: View) -> list[Line]:
    state = head.state if head.is_root else State.UNKNOWN
    shipped = REASONS[SHIPPED]
    word = shipped if head.is_root and head.reason == shipped and head.ended is None else state
    parts: list[Line] = [[(f"{view.glyphs.states[state]} {word}", state)]]
    if seconds is not None:
        least = "+" if state in CUT and head.ended is None and seconds else ""
        parts.append([(view.duration(seconds) + least, "duration")])
    parts.append([(fmt.plural(tally.events, "event"), "detail")])
    failed = "failed" if tally.failures else "detail"
    parts.append([(fmt.plural(tally.failures, "failure"), failed)])
    spent = tally.spent
    if tokens := view.tokens(spent.tokens_in, spent.tokens_out):
        parts.append([(f"tokens {tokens}", "detail")])
    if spent.dollars is not None or spent.unpriced:
        parts.append([(f"cost {view.cost(spent) or UNKNOWN_COST}", "detail")])
    if rating := head.rating:
        parts.append([(f"rated {view.detail(rating)}", "detail")])
    return parts


def _tally(roots: Sequence[Node]) -> Tally:
    return Tally(
        events=sum(root.events for root in roots),
        failures=sum(root.failures for root in roots),
        spent=total(root.spent for root in roots),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where the columns stand, in columns of the terminal; of a width of 0 there is none."""

    left: int
    figures: Sequence[int]
    tails: Sequence[int]
    bar: int
    start: float
    end: float
    glyphs: Glyphs

    def place(self, moment: float) -> float:
        """Return where on the axis a moment lies, from 0 to 1."""
        length = self.end - self.start
        return min(1.0, max(0.0, (moment - self.start) / length)) if length > 0 else 0.0


def tree(roots: Sequence[Node], view: View) -> list[Line]:
    """Lay out the rows of a session."""
    shown = list(rows(roots, view))
    if not shown:
        return [[("nothing failed", "detail")]]
    columns = _columns(shown, roots, view)
    return [line for row in shown for line in _set_row(row, columns, view)]


def _columns(shown: Sequence[Row], roots: Sequence[Node], view: View) -> _Columns:
    """Give the tree what it needs, and what is left to the bars, if that is enough for them.

    A few long rows are no reason to do without bars, but the row of the root cause is.
    """
    tails = [max(map(_tail, column)) for column in _by_column(shown)]
    widths = [
        max(len(_padded(figure, tail)) for figure in column)
        for column, tail in zip(_by_column(shown), tails, strict=True)
    ]
    room = view.width - sum(width + _SPACE for width in widths if width)
    start, end = _axis(roots, view)
    figures = [row for row in shown if row.has_figures]
    needs = [row.needed - _spare(row, widths) for row in figures]
    beside = room - _SPACE - _LEAST_BAR
    has_bars = (
        view.width >= _WIDE_ENOUGH_FOR_BARS
        and end > start
        and not any(row.marked > beside for row in figures)
        and not _is_crowded([*zip(figures, needs, strict=True)], beside, room)
    )
    fitting = [needed for needed in needs if not has_bars or needed <= beside]
    left = max(1, min(max(fitting, default=1), room))
    return _Columns(
        left=left,
        figures=widths,
        tails=tails,
        bar=_bar_length(room - left - _SPACE) if has_bars else 0,
        start=start,
        end=end,
        glyphs=view.glyphs,
    )


def _by_column(shown: Sequence[Row]) -> Iterable[tuple[str, ...]]:
    return zip(*(row.figures for row in shown), strict=True)


def _tail(figure: str) -> int:
    """Return the length of what stands right of the place by which figures are compared.

    Of dollars it is the point; of what else is the least that it was, the `+` comes behind it.
    """
    point = figure.find(".") if figure.startswith(("$", "<")) else -1
    return figure.endswith("+") if point < 0 else len(figure) - point


def _padded(figure: str, tail: int) -> str:
    return figure + " " * (tail - _tail(figure)) if figure else ""


def _is_crowded(needs: Sequence[tuple[Row, int]], beside: int, room: int) -> bool:
    """Say whether too much would move to further lines that without bars would not have to."""
    moved = [row for row, needed in needs if beside < needed <= room]
    return len(moved) > _CROWDED * len(needs) or any(row.marked for row in moved)


def _bar_length(free: int) -> int:
    """Give the bars what is free, and of what is more than usual one half."""
    return free if free <= _USUAL_BAR else (free + _USUAL_BAR) // 2


def _spare(row: Row, widths: Sequence[int]) -> int:
    """Return the columns that a row, having no figures for them, leaves to the tree."""
    left = takewhile(lambda column: not column[0], zip(row.figures, widths, strict=True))
    return sum(width + _SPACE for _, width in left if width)


def _axis(roots: Sequence[Node], view: View) -> tuple[float, float]:
    """Return the time that the bars span: that of the session, else that of its events."""
    own = head(roots)
    if own and own.started is not None and own.ended is not None and own.ended > own.started:
        return own.started, own.ended
    nodes = [node for _, node in walk(roots)]
    known = (moment for node in nodes for moment in (node.started, node.ended))
    moments = [moment for moment in known if moment is not None]
    if view.now is not None and any(node.state is State.RUNNING for node in nodes):
        moments.append(view.now)
    return min(moments, default=0.0), max(moments, default=0.0)


def _set_row(row: Row, columns: _Columns, view: View) -> list[Line]:
    """Return the lines of a row: tree and columns, what did not fit beside them, and the error."""
    right = _right(row, columns)
    room = columns.left + _spare(row, columns.figures)
    if not row.has_figures and row.needed > room:
        right = []  # a message in full is worth more than the mark of its time
    if right and row.needed <= room:
        lines = [[*row.left(), (" " * (room - row.needed), ""), *right]]
    else:
        lines = _set_long_row(row, right, room if right else view.width, view)
    if row.trouble:
        lines.extend(_set_error(row.trouble, (row.below, "tree"), view))
    return lines


def _set_long_row(row: Row, right: Line, room: int, view: View) -> list[Line]:
    indent: Span = (row.below, "tree")
    details = row.details
    if row.marked > view.width:  # then the mark goes before the state, to stay beside the name
        details = sorted(details, key=lambda detail: detail[1] not in MARKS)
    parts = [[(row.lead, "tree"), *row.name], *([detail] for detail in details)]
    first = view.width if row.marked > room else room
    lines = flow(parts, view.width, between=GAP, indent=indent, first=first)
    if right:
        _join(lines, right, room, indent)
    return lines


def _join(lines: list[Line], right: Line, room: int, indent: Span) -> None:
    """Set the columns beside the first line that is short enough, or on a line of their own."""
    for line in lines:
        used = measure(line)
        if used <= room:
            line.extend([(" " * (room - used), ""), *right])
            return
    lines.append([indent, (" " * max(0, room - len(indent[0])), ""), *right])


def _right(row: Row, columns: _Columns) -> Line:
    """Return the columns beside the tree, as far as this row has something to say in them."""
    line: Line = []
    places = zip(row.figures, columns.figures, columns.tails, FIGURES, strict=True)
    for figure, width, tail, role in places:
        if width and (figure or line):
            line.append((" " * _SPACE + _padded(figure, tail).rjust(width), role))
    if columns.bar and row.start is not None:
        role = "bar" if row.state is State.SUCCEEDED else row.state
        line.append((" " * _SPACE + _bar(row, row.start, columns), role))
    return line


def _bar(row: Row, start: float, columns: _Columns) -> str:
    first = columns.place(start)
    if row.end == start:
        return tick(columns.glyphs, first, columns.bar)
    last = 1.0 if row.end is None else columns.place(row.end)
    return bar(columns.glyphs, first, last, columns.bar, is_open=row.end is None)


def _set_error(trouble: Span, indent: Span, view: View) -> list[Line]:
    if view.unfold:
        return broken([trouble], view.width, indent=indent)
    text, role = trouble
    room = max(LEAST_TEXT, view.width - len(indent[0]))
    return [[indent, (fmt.clip(text, room, view.glyphs.ellipsis), role)]]
