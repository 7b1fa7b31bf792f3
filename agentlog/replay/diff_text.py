"""Two runs side by side, for the terminal: what became different, and the way to it.

The rules of this file: before each line stands what happened there, as `diff` marks it (`-` gone,
`+` added, `~` another), and words say it too. What is alike is counted, not shown, unless all is
asked for. All recorded text comes through `View`, so that nothing in it steers the terminal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo

from agentlog.replay import format as fmt
from agentlog.replay.diff import Change, Comparison, Row
from agentlog.replay.diff import value as value_of
from agentlog.replay.diff_items import Item, items
from agentlog.replay.glyphs import ASCII, UNICODE
from agentlog.replay.lines import GAP, LEAST_TEXT, Line, Span, broken, flow
from agentlog.replay.patch import MISSING, Patch
from agentlog.replay.rows import View, details_of, role_of, tree_lines, trouble_of
from agentlog.replay.text import header
from agentlog.replay.tree import Node
from agentlog.store import ids

_MOST_LINES = 16
"""Lines of a field's diff, unless all is asked for."""

_BEFORE_THE_DIFFERENCE = 24
"""Characters that are shown before it, of a line that is cut."""

_MARKS = {Change.ADDED: ("+ ", "added"), Change.GONE: ("- ", "gone")}
_OTHER: Span = ("~ ", "changed")
_NONE: Span = ("  ", "")
_SIGNS = {"+": "added", "-": "gone", " ": "detail"}
_FIGURES = {"model", "prompt_tokens", "completion_tokens", "level", "logger", "rating", "outcome"}
"""Fields that are told in a line: before, an arrow, and after."""


def comparison(
    compared: Comparison,
    *,
    width: int = 80,
    ascii_only: bool = False,
    unfold: bool = False,
    now: float | None = None,
    zone: tzinfo | None = None,
    id_length: int = ids.LEAST,
) -> list[Line]:
    """Lay out a comparison: both headers, what was counted, and the rows that differ.

    The options are those of `text.replay`; `unfold` shows all rows too, and diffs in full.
    """
    view = View(
        width=max(1, width),
        glyphs=ASCII if ascii_only else UNICODE,
        unfold=unfold,
        now=now,
        zone=zone,
    )
    lines = [
        *_header(compared.before, ("- ", "gone"), view, id_length),
        *_header(compared.after, ("+ ", "added"), view, id_length),
        *_counts(compared, view),
    ]
    if unfold or compared.differs:
        lines.append([])
        lines.extend(_set(items(compared.rows, unfold=unfold), view))
    return lines


def _header(roots: Sequence[Node], mark: Span, view: View, length: int) -> Iterator[Line]:
    if not roots:
        return
    narrower = replace(view, width=max(1, view.width - len(mark[0])))
    for line in header(roots, narrower, length):
        yield [mark, *line]


def _counts(compared: Comparison, view: View) -> list[Line]:
    counts = compared.counts()
    if not counts:
        return [[("no difference", "detail")]]
    parts: list[Line] = [
        [(f"{count:,} {change}", _role(change))] for change, count in counts.items()
    ]
    dot: Span = (f" {view.glyphs.dot} ", "detail")
    return flow(parts, view.width, between=dot, indent=_NONE)


def _role(change: Change) -> str:
    return {
        Change.ADDED: "added",
        Change.GONE: "gone",
        Change.FAILED: "failed",
        Change.RECOVERED: "succeeded",
    }.get(change, "changed")


# -- How it is set ---------------------------------------------------------------------------------


def _set(shown: Sequence[Item], view: View) -> Iterator[Line]:
    trails = [""]
    for item in shown:
        depth = item.depth
        del trails[depth + 1 :]
        lead, below = tree_lines(
            view.glyphs, depth, trails[depth], view.levels, is_last=item.is_last
        )
        trails.append(below)
        if item.row is None:
            text = f"{view.glyphs.ellipsis} {item.hidden:,} {item.word}"
            yield [_mark(item.change), (lead, "tree"), (text, "detail")]
            continue
        is_joined = item.has_more and depth < view.levels
        further = below + (view.glyphs.pipe if is_joined else view.glyphs.gap)
        yield from _set_row(item.row, lead, further[:-1], view)


def _set_row(row: Row, lead: str, below: str, view: View) -> Iterator[Line]:
    node, state = row.node, row.node.state
    mark = _mark(row.changes[0] if row.changes else None)
    indent: Span = (mark[0] + below, "tree")
    name: Line = [
        (view.glyphs.states[state], state),
        (" ", ""),
        (view.name(node.name), role_of(node)),
    ]
    parts: list[Line] = [
        [mark, (lead, "tree"), *name],
        *([(_said(change, row, view), _role(change))] for change in row.changes),
        *([detail] for detail in _details(row, view)),
    ]
    yield from flow(parts, view.width, between=GAP, indent=indent)
    further: Span = (_NONE[0] + below, "tree")
    if Change.FAILED in row.changes and (trouble := trouble_of(node, state, view)):
        yield from broken([trouble], view.width, indent=further)
    for field in row.fields:
        yield from _set_field(row, field, further, view)


def _details(row: Row, view: View) -> Line:
    """Say what a replay says too, but not the state twice."""
    state = row.node.state
    details = details_of([row.node], state, view)
    return details[1:] if Change.FAILED in row.changes else details


def _mark(change: Change | None) -> Span:
    return _MARKS.get(change, _OTHER) if change else _NONE


def _said(change: Change, row: Row, view: View) -> str:
    if change is Change.SLOWER and row.before and row.after:
        one, other = view.duration(row.before.duration), view.duration(row.after.duration)
        return f"{change} {one} {view.glyphs.arrow} {other}"
    return change.value


def _set_field(row: Row, field: str, indent: Span, view: View) -> Iterator[Line]:
    patch = row.patch(field)
    if field in _FIGURES or not patch:
        one, other = (_figure(side, field, view) for side in (row.before, row.after))
        told = [(f"{field} {one} {view.glyphs.arrow} {other}", "detail")]
        yield from broken(told, view.width, indent=indent)
        return
    yield [indent, (field, "changed")]
    most = len(patch) if view.unfold else _MOST_LINES
    for place in range(min(most, len(patch))):
        yield from _set_text(patch, place, indent, view)
    if len(patch) > most:
        more = fmt.plural(len(patch) - most, "line")
        yield [indent, (f"{view.glyphs.ellipsis} {more} more", "detail")]


def _figure(node: Node | None, field: str, view: View) -> str:
    value = value_of(node, field)
    return view.glyphs.dash if value is MISSING else view.detail(f"{value}")


def _set_text(patch: Patch, place: int, indent: Span, view: View) -> list[Line]:
    """Set a line of a diff; in one line, about where it differs, unless all is asked for."""
    sign, text = patch[place]
    if sign in "@…":
        said = f"{text} alike" if sign == "@" else text
        return [[indent, (f"{view.glyphs.ellipsis} {said}", "detail")]]
    role = _SIGNS[sign]
    lead: Span = (f"{sign} ", role)
    if view.unfold:
        further: Span = (indent[0] + "  ", indent[1])
        return broken([(view.name(text), role)], view.width, indent=further, lead=[indent, lead])
    room = max(LEAST_TEXT, view.width - len(indent[0]) - len(lead[0]))
    start = _start(text, _other(patch, place), room)
    part = view.name(text[start : start + 4 * room])
    cut = (view.glyphs.ellipsis if start else "") + part
    return [[indent, lead, (fmt.clip(cut, room, view.glyphs.ellipsis), role)]]


def _start(text: str, other: str | None, room: int) -> int:
    """Return where a line is shown from, so that the place where it differs is on it."""
    if other is None or len(text) <= room:
        return 0
    alike = next(
        (place for place, (one, two) in enumerate(zip(text, other, strict=False)) if one != two),
        min(len(text), len(other)),
    )
    return max(0, alike - _BEFORE_THE_DIFFERENCE) if alike >= room // 2 else 0


def _other(patch: Patch, place: int) -> str | None:
    """Return the line that came for one that went, or went for one that came, if there is one."""
    sign = patch[place][0]
    start = end = place
    while start and patch[start - 1][0] in "+-":
        start -= 1
    while end < len(patch) and patch[end][0] in "+-":
        end += 1
    gone, came = ([text for mark, text in patch[start:end] if mark == one] for one in "-+")
    number = sum(mark == sign for mark, _ in patch[start:place])
    return (came if sign == "-" else gone)[number] if len(gone) == len(came) > number else None
