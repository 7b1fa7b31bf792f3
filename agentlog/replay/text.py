"""A replay for the terminal.

`replay` lays out the rows of a forest below a header for each session. A line is a list of spans,
`(text, role)`, so that plain text, colour and tests read the same thing.

The rule of this file: columns stand still. Tokens, durations and bars are aligned over the whole
tree; what does not fit beside them moves to a line of its own, and nothing that a person named is
cut away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise

from agentlog.replay import format as fmt
from agentlog.replay.glyphs import ASCII, UNICODE, Glyphs, bar, tick
from agentlog.replay.rows import GAP, Line, Row, Span, View, measure, rows
from agentlog.replay.tree import Node, State, walk

_SPACE = 2
"""Columns between columns."""

_LEAST_ID = 8
_LEAST_ERROR = 20
_WIDE_ENOUGH_FOR_BARS = 72
_LEAST_BAR = 12
_MOST_BAR = 40


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
    id_length: int = _LEAST_ID,
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
        lines.extend(_header(of_session, view, id_length))
        lines.append([])
        lines.extend(_tree(of_session, view))
    return lines


def to_plain(lines: Iterable[Line]) -> str:
    """Return the text of lines, each ended by a newline."""
    return "".join("".join(text for text, _ in line).rstrip(" ") + "\n" for line in lines)


def id_length(ids: Iterable[str]) -> int:
    """Return how many digits tell all these ids apart: at least eight, the same for each."""
    ordered = sorted(set(ids))
    shared = (_shared_length(one, other) for one, other in pairwise(ordered))
    return max(_LEAST_ID, 1 + max(shared, default=0))


def _shared_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def flow(
    parts: Sequence[Line], width: int, *, between: Span, indent: Span, first: int | None = None
) -> list[Line]:
    """Set groups of spans one behind the other, and go to a new line before one does not fit.

    `first` is the width of the first line where it is not that of the others.
    """
    lines: list[Line] = []
    room = width if first is None else first
    used = 0
    for part in parts:
        needed = measure(part)
        if lines and used + len(between[0]) + needed <= room:
            lines[-1].extend((between, *part))
            used += len(between[0]) + needed
            continue
        room = width if lines else room
        used = needed + (len(indent[0]) if lines else 0)
        lines.append([indent, *part] if lines else list(part))
    return lines


def _header(roots: Sequence[Node], view: View, length: int) -> list[Line]:
    """Introduce a session: who and when, then how it went."""
    head = next((root for root in roots if root.kind == "session"), roots[0])
    name = view.name(head.name) if head.is_root else "a session without its root"
    who: list[Line] = [
        [(name, "session")],
        [(view.name(head.session_id[:length]), "id")],
        [(fmt.clock(head.when, view.zone), "detail")],
        *([("#" + view.detail(tag), "tag")] for tag in head.tags),
    ]
    dot: Span = (f" {view.glyphs.dot} ", "detail")
    return [
        *flow(who, view.width, between=GAP, indent=("  ", "")),
        *flow(_outcome(head, roots, view), view.width, between=dot, indent=("  ", "")),
    ]


def _outcome(head: Node, roots: Sequence[Node], view: View) -> list[Line]:
    parts: list[Line] = []
    if head.is_root:
        state = head.state
        parts.append([(f"{view.glyphs.states[state]} {state}", state)])
        seconds = head.duration
        if state is State.RUNNING and head.started is not None and view.now is not None:
            seconds = view.now - head.started
        if seconds is not None:
            parts.append([(view.duration(seconds), "duration")])
    failures = sum(root.failures for root in roots)
    events = sum(root.events for root in roots)
    parts.append([(fmt.plural(events, "event"), "detail")])
    parts.append([(fmt.plural(failures, "failure"), "failed" if failures else "detail")])
    if tokens := _tokens(roots, view):
        parts.append([(f"tokens {tokens}", "detail")])
    if rating := head.rating:
        parts.append([(f"rated {view.detail(rating)}", "detail")])
    return parts


def _tokens(roots: Sequence[Node], view: View) -> str:
    nodes = [node for _, node in walk(roots)]
    given = [tokens for node in nodes if (tokens := node.tokens_in) is not None]
    made = [tokens for node in nodes if (tokens := node.tokens_out) is not None]
    return view.tokens(sum(given), sum(made)) if given or made else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where the columns stand, in columns of the terminal; of a width of 0 there is none."""

    left: int
    tokens: int
    duration: int
    bar: int
    start: float
    end: float
    glyphs: Glyphs

    def place(self, moment: float) -> float:
        """Return where on the axis a moment lies, from 0 to 1."""
        length = self.end - self.start
        return min(1.0, max(0.0, (moment - self.start) / length)) if length > 0 else 0.0


def _tree(roots: Sequence[Node], view: View) -> list[Line]:
    shown = list(rows(roots, view))
    if not shown:
        return [[("nothing failed", "detail")]]
    columns = _columns(shown, roots, view)
    return [line for row in shown for line in _set_row(row, columns, view)]


def _columns(shown: Sequence[Row], roots: Sequence[Node], view: View) -> _Columns:
    """Give the tree what it needs, and what is left to the bars, if that is enough for them."""
    tokens = max(len(row.tokens) for row in shown)
    duration = max(len(row.duration) for row in shown)
    room = view.width - sum(column + _SPACE for column in (tokens, duration) if column)
    start, end = _axis(roots, view)
    has_bars = view.width >= _WIDE_ENOUGH_FOR_BARS and room > 2 * _LEAST_BAR and end > start
    needs = [row.needed - _spare(row, tokens, duration) for row in shown if row.has_figures]
    left = _left(needs, room, has_bars=has_bars)
    return _Columns(
        left=left,
        tokens=tokens,
        duration=duration,
        bar=min(_MOST_BAR, room - left - _SPACE) if has_bars else 0,
        start=start,
        end=end,
        glyphs=view.glyphs,
    )


def _left(needs: list[int], room: int, *, has_bars: bool) -> int:
    """Choose how wide the tree is: as it needs, but one row in ten is no reason for short bars."""
    needs = sorted(needs) or [0]
    if not has_bars:
        return max(1, min(needs[-1], room))
    most = needs[int(0.9 * len(needs))]
    return max(1, min(most, room - _LEAST_BAR - _SPACE), min(needs[-1], room - _MOST_BAR - _SPACE))


def _spare(row: Row, tokens: int, duration: int) -> int:
    """Return the columns that a row, having no figures for them, leaves to the tree."""
    if row.tokens:
        return 0
    spare = tokens + _SPACE if tokens else 0
    return spare if row.duration else spare + duration + _SPACE


def _axis(roots: Sequence[Node], view: View) -> tuple[float, float]:
    """Return the time that the bars span: that of the session, else that of its events."""
    head = next((root for root in roots if root.kind == "session"), None)
    if head and head.started is not None and head.ended is not None and head.ended > head.started:
        return head.started, head.ended
    nodes = [node for _, node in walk(roots)]
    known = (moment for node in nodes for moment in (node.started, node.ended))
    moments = [moment for moment in known if moment is not None]
    if view.now is not None and any(node.state is State.RUNNING for node in nodes):
        moments.append(view.now)
    return min(moments, default=0.0), max(moments, default=0.0)


def _set_row(row: Row, columns: _Columns, view: View) -> list[Line]:
    """Return the lines of a row: tree and columns, what did not fit beside them, and the error."""
    right = _right(row, columns)
    room = columns.left + _spare(row, columns.tokens, columns.duration)
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
    parts = [[(row.lead, "tree"), *row.name], *([detail] for detail in row.details)]
    lines = flow(parts, view.width, between=GAP, indent=indent, first=room)
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
    if row.tokens:
        line.append((" " * _SPACE + row.tokens.rjust(columns.tokens), "tokens"))
    if row.has_figures:
        line.append((" " * _SPACE + row.duration.rjust(columns.duration), "duration"))
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
    text, role = trouble
    room = max(_LEAST_ERROR, view.width - len(indent[0]))
    if not view.unfold:
        return [[indent, (fmt.clip(text, room, view.glyphs.ellipsis), role)]]
    lines: list[Line] = []
    while text:
        piece, text = fmt.wrap(text, room)
        lines.append([indent, (piece, role)])
    return lines
