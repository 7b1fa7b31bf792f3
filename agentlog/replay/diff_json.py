"""A comparison for programs and for the page: the same rows that the terminal shows.

The rule of this file: an answer is bounded. Of a long diff its first lines are there and the
number of the others, and when all of them together are too long, only the numbers.
"""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

from agentlog.replay.cost import total
from agentlog.replay.diff import Comparison
from agentlog.replay.diff_items import Item, items
from agentlog.replay.patch import Patch
from agentlog.replay.tree import Node, head, walk

MOST_LINES: Final = 400
"""Of the diff of a field."""

MOST_TEXT: Final = 8 << 20
"""Characters of all diffs together."""

_LONGEST_LINE: Final = 4096


def document(compared: Comparison, *, unfold: bool = False) -> dict[str, object]:
    """Return a comparison as a JSON value; `unfold` keeps what is alike.

    `{"before": ..., "after": ..., "differs": ..., "counts": {...}, "rows": [...]}`: the sessions,
    how many events of each change, and rows in the order in which a tree is read. A row is an
    event, or `{"depth", "hidden", "word"}` for as many that are not shown.
    """
    diffs = _Diffs()
    return {
        "before": _session(compared.before),
        "after": _session(compared.after),
        "differs": compared.differs,
        "counts": {change.value: count for change, count in compared.counts().items()},
        "rows": [_item(item, diffs) for item in items(compared.rows, unfold=unfold)],
    }


class _Diffs:
    """Writes diffs as long as there is room for them."""

    def __init__(self) -> None:
        self._room = MOST_TEXT

    def written(self, field: str, patch: Patch) -> dict[str, object]:
        """Return the diff of a field: lines with their signs, and how many there are more."""
        lines: list[tuple[str, str]] = []
        for sign, text in patch[:MOST_LINES]:
            self._room -= len(text)
            if self._room < 0:
                break
            lines.append((sign, text[:_LONGEST_LINE]))
        return {"field": field, "lines": lines, "more": len(patch) - len(lines)}


def _session(roots: Sequence[Node]) -> dict[str, object] | None:
    if not roots:
        return None
    own = head(roots) or roots[0]
    return {
        "session_id": own.session_id,
        "tags": own.tags,
        "last": own.last,
        "events": sum(1 for _ in walk(roots)),
        "failures": sum(root.failures for root in roots),
        "spent": astuple(total(root.spent for root in roots)),
        **_event(own),
    }


def _item(item: Item, diffs: _Diffs) -> dict[str, object]:
    if item.row is None:
        return {
            "depth": item.depth,
            "hidden": item.hidden,
            "word": item.word,
            "change": item.change and item.change.value,
        }
    row = item.row
    return {
        "depth": row.depth,
        "name": row.node.name,
        "kind": row.node.kind,
        "changes": [change.value for change in row.changes],
        "before": row.before and _event(row.before),
        "after": row.after and _event(row.after),
        "fields": [diffs.written(field, row.patch(field)) for field in row.fields],
    }


def _event(node: Node) -> dict[str, object]:
    return {
        "id": node.id,
        "name": node.name,
        "state": node.state.value,
        "timestamp": node.when,
        "duration": node.duration,
        "model": node.model,
        "error": node.error,
    }
