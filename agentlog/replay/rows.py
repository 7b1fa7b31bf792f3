"""What of a forest is shown, row by row.

The rule of this file: it decides *what* a reader sees (which events, folded or not, in which
words), never *where*: columns, widths and bars belong to `text`. All recorded text becomes safe
here, and a name is never shortened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from agentlog.replay import format as fmt
from agentlog.replay.cost import Spent
from agentlog.replay.glyphs import Glyphs
from agentlog.replay.lines import GAP, Line, Span, measure
from agentlog.replay.tree import Fold, Node, State, fold, is_recovered, recovered, root_cause
from agentlog.store.state import CUT

CAUSE, RECOVERED = "cause", "recovered"
MARKS = (CAUSE, RECOVERED)
"""The roles of the marks of failures that a reader looks for first."""

FIGURES = ("tokens", "cost", "duration")
"""What stands in columns of its own, by the roles."""

UNKNOWN_COST = "$?"

_DETAIL = 48
"""Columns that a detail (a model, a reason, a tag) may take unless all is asked for."""

_UNANSWERED = {State.RUNNING, *CUT}
_UNSPOKEN = {State.SUCCEEDED, State.INDETERMINATE}
"""States that a glyph tells well enough: nobody has to act on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a reader wants to see it: the options of the replay, with the terminal's width."""

    width: int
    glyphs: Glyphs
    unfold: bool = False
    only_failures: bool = False
    depth: int | None = None
    now: float | None = None
    zone: tzinfo | None = None

    @property
    def levels(self) -> int:
        """How many levels are indented, before a number stands for the depth."""
        return max(2, self.width // 3 // len(self.glyphs.pipe))

    def name(self, text: str) -> str:
        """Make a name safe, all of it."""
        return fmt.safe(text, ascii_only=self.glyphs.ascii_only)

    def detail(self, text: str) -> str:
        """Make a detail safe, and short unless all is asked for."""
        if self.unfold:
            return self.name(text)
        return fmt.clip(self.name(text[: 2 * _DETAIL]), _DETAIL, self.glyphs.ellipsis)

    def duration(self, seconds: float | None) -> str:
        """Write a duration, a dash where it is not known."""
        if seconds is None or seconds < 0:
            return self.glyphs.dash
        return fmt.duration(seconds, ascii_only=self.glyphs.ascii_only)

    def tokens(self, given: int | None, made: int | None) -> str:
        """Write tokens in and out."""
        return fmt.tokens(given, made, self.glyphs.arrow)

    def cost(self, spent: Spent) -> str:
        """Write what something cost, `$0.0123`; with a `+` if that is the least."""
        if spent.dollars is None:
            return ""
        return fmt.dollars(spent.dollars) + ("+" if spent.unpriced else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the tree, in its parts.

    `lead` are the tree lines before it and `below` those before its further lines. `start` and
    `end` are its place in time; an `end` of None is one that nobody knows.
    """

    lead: str
    below: str
    state: State
    name: Line
    details: Line
    trouble: Span | None = None
    tokens: str = ""
    cost: str = ""
    duration: str = ""
    start: float | None = None
    end: float | None = None
    needed: int = field(init=False)
    """The columns that it takes on one line, without tokens, duration and bar."""

    marked: int = field(init=False)
    """The columns up to the mark of a failure and with it; 0 where it is not marked."""

    def __post_init__(self) -> None:
        # The way of dataclasses to derive a field of something frozen.
        left = self.left()
        object.__setattr__(self, "needed", measure(left))
        mark = next((place for place, (_, role) in enumerate(left, 1) if role in MARKS), 0)
        object.__setattr__(self, "marked", measure(left[:mark]))

    @property
    def figures(self) -> tuple[str, str, str]:
        """Its tokens, cost and duration, as in `FIGURES`."""
        return self.tokens, self.cost, self.duration

    @property
    def has_figures(self) -> bool:
        """Whether it has any: a log line mostly has none."""
        return any(self.figures)

    def left(self) -> Line:
        """Return what stands before the columns."""
        line = [(self.lead, "tree"), *self.name]
        for detail in self.details:
            line.extend((GAP, detail))
        return line


def rows(roots: Sequence[Node], view: View) -> Iterator[Row]:
    """Yield the rows of a forest in the order in which a tree is read."""
    glyphs = view.glyphs
    marks: dict[Node, Span] = dict.fromkeys(recovered(roots), (glyphs.recovered, RECOVERED))
    if cause := root_cause(roots):
        is_cause = not is_recovered(roots, cause)
        marks[cause] = (glyphs.cause, CAUSE) if is_cause else (glyphs.recovered, RECOVERED)
    levels = view.levels
    stack: list[tuple[Node | Fold, int, str, bool]] = [
        (root, 0, "", True) for root in reversed(_wanted(roots, view))
    ]
    while stack:
        item, depth, trail, is_last = stack.pop()
        lead, below = tree_lines(glyphs, depth, trail, levels, is_last=is_last)
        if isinstance(item, Fold):
            yield _fold_row(item, view, lead=lead, below=below)
            continue
        children = _children(item, depth, view)
        further = below + (glyphs.pipe if children and depth < levels else glyphs.gap)
        mark = marks.get(item)
        yield _node_row(item, view, mark, lead=lead, below=further[:-1], shown=len(children))
        stack.extend(
            (child, depth + 1, below, place == 0) for place, child in enumerate(reversed(children))
        )


def _wanted(nodes: Sequence[Node], view: View) -> Sequence[Node]:
    return [node for node in nodes if node.is_trouble] if view.only_failures else nodes


def _children(node: Node, depth: int, view: View) -> Sequence[Node | Fold]:
    if view.depth is not None and depth >= view.depth:
        return []
    children = _wanted(node.children, view)
    return children if view.unfold else fold(children)


def tree_lines(
    glyphs: Glyphs, depth: int, trail: str, levels: int, *, is_last: bool
) -> tuple[str, str]:
    """Return the tree lines of a row, and those of what is below it.

    Below a number of levels the indentation stops growing, and the depth is written instead.
    """
    if depth == 0:
        return "", ""
    if depth > levels:
        return f"{trail}{glyphs.deep}{depth} ", trail
    if is_last:
        return trail + glyphs.corner, trail + glyphs.gap
    return trail + glyphs.branch, trail + glyphs.pipe


def _node_row(
    node: Node, view: View, mark: Span | None, *, lead: str, below: str, shown: int
) -> Row:
    state = node.state
    start, end = node.when, node.ended
    details = details_of([node], state, view)
    if mark:
        details.insert(1, mark)
    if node.children and not shown:
        details.append((_hidden(node, view), "detail"))
    return Row(
        lead=lead,
        below=below,
        state=state,
        name=[(view.glyphs.states[state], state), (" ", ""), (view.name(node.name), role_of(node))],
        details=details,
        trouble=trouble_of(node, state, view),
        tokens=tokens_of(node, view),
        cost=cost_of([node], node.spent, view),
        duration=duration_of(node, state, view),
        start=start,
        end=end,
    )


def details_of(nodes: Sequence[Node], state: State, view: View) -> Line:
    """Say state, kind, level and logger, model and reason, as far as all the nodes agree."""
    first = nodes[0]
    details: Line = [] if state in _UNSPOKEN else [(state.value, state)]
    kind = [] if first.kind == "action" else [first.kind]
    if first.kind == "log":
        said = (_shared([node.level for node in nodes]), _shared([node.logger for node in nodes]))
        kind.extend(text for text in said if text)
    if kind:
        details.append((" ".join(map(view.detail, kind)), "detail"))
    if model := _shared([node.model for node in nodes]):
        details.append((view.detail(model), "model"))
    if first.reason and state is not State.FAILED:
        details.append((view.detail(first.reason), "detail"))
    return details


def tokens_of(node: Node, view: View) -> str:
    """Write the tokens in and out; a `?` where they were spent and nobody told how many."""
    return view.tokens(node.tokens_in, node.tokens_out) or ("?" if node.is_uncounted else "")


def cost_of(nodes: Sequence[Node], spent: Spent, view: View) -> str:
    """Write what nodes cost together; that it is unknown only of calls, not of what is around."""
    is_unknown = any(node.own_spent.unpriced for node in nodes)
    return view.cost(spent) or (UNKNOWN_COST if is_unknown else "")


def _shared(texts: Sequence[str | None]) -> str | None:
    return texts[0] if len(set(texts)) == 1 else None


def role_of(node: Node) -> str:
    """Return the role that an event's name plays."""
    return "session" if node.is_root else "message" if node.kind == "log" else "name"


def trouble_of(node: Node, state: State, view: View) -> Span | None:
    """Say why something is not well, if that is known; or what was not answered yet."""
    error = node.error or (node.reason if state is State.FAILED else None)
    if error:
        return view.name(error), "error" if state is State.FAILED else "detail"
    if state in _UNANSWERED and (asked := node.asked):
        return view.name(asked), "detail"
    return None


def duration_of(node: Node, state: State, view: View) -> str:
    """Write how long an event took, or has taken; nothing of an instant.

    Of what has no end it is the least that it took, with a `+`: to the last that is told below it.
    """
    start, end = node.started, node.ended
    if start is not None and start == end:
        return ""
    if state is State.RUNNING and start is not None and view.now is not None:
        return view.duration(view.now - start)
    if end is None and start is not None and node.last is not None and node.last > start:
        return view.duration(node.last - start) + "+"
    return view.duration(node.duration)


def _hidden(node: Node, view: View) -> str:
    failures = node.failures - node.failed
    failed = f", {failures:,} failed" if failures else ""
    return f"{view.glyphs.ellipsis} {node.events - 1:,} below{failed}"


def _fold_row(folded: Fold, view: View, *, lead: str, below: str) -> Row:
    nodes = folded.nodes
    first, state = nodes[0], nodes[0].state
    details = details_of(nodes, state, view)
    if folded.longest:
        details.append((f"longest {view.duration(folded.longest)}", "detail"))
    name: Line = [
        (view.glyphs.states[state], state),
        (" ", ""),
        (view.name(first.name), role_of(first)),
        (f" {view.glyphs.times}{len(nodes):,}", "times"),
    ]
    if folded.events > len(nodes):
        name.append((f" with {folded.events - len(nodes):,} below", "detail"))
    places = [place for node in nodes for place in (node.when, node.ended) if place is not None]
    return Row(
        lead=lead,
        below=below + view.glyphs.gap[:-1],
        state=state,
        name=name,
        details=details,
        tokens=view.tokens(
            _total([node.tokens_in for node in nodes]), _total([node.tokens_out for node in nodes])
        ),
        cost=cost_of(nodes, folded.spent, view),
        duration=view.duration(folded.total) if folded.total else "",
        start=min(places, default=None),
        end=max(places, default=None),
    )


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
