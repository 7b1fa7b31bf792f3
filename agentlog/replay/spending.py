"""What sessions took, for a list of them, without their trees.

The rule of this file: it says what the tree would (cost.py), of nothing but the calls and what is
around them; orphans and cycles of parents hang where they do there (tree.py).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from agentlog import prices
from agentlog.replay import cycles
from agentlog.replay.cost import NOTHING, Spent, spent_at, total, with_below
from agentlog.replay.node import count
from agentlog.store import Call


def by_session(sessions: Iterable[tuple[str, list[Call]]]) -> dict[str, Spent]:
    """Return what sessions took, by their ids, of the calls of each and what is around them.

    Where there are no prices nobody asks for tokens alone: then it is nothing, and no call is
    looked at.
    """
    if not prices.are_there():
        return {}
    return {session_id: _total(calls) for session_id, calls in sessions}


def _total(calls: list[Call]) -> Spent:
    around = {call.parent_id for call in calls}
    if not any(call.is_head or call.id in around for call in calls if call.has_tokens):
        return total(map(_own, calls))
    return _climbed({call.id: call for call in calls})


def _climbed(calls: Mapping[str, Call]) -> Spent:
    """Add up from the innermost to the roots."""
    parents = _parents(calls)
    left = Counter(parents.values())
    below: dict[str | None, Spent] = defaultdict(lambda: NOTHING)
    ready = [id_ for id_ in calls if not left[id_]]
    for id_ in ready:
        above = parents[id_]
        below[above] += with_below(_own(calls[id_]), below[id_])
        left[above] -= 1
        if above is not None and not left[above]:
            ready.append(above)
    return below[None]


def _parents(calls: Mapping[str, Call]) -> dict[str, str | None]:
    head = next((call.id for call in calls.values() if call.is_head), None)
    parents = {
        id_: call.parent_id if call.parent_id is None or call.parent_id in calls else head
        for id_, call in calls.items()
    }
    cycles.cut(parents, lambda id_: _order(calls[id_]), lambda _: head)
    return parents


def _order(call: Call) -> tuple[float, str]:
    return (math.inf if call.when is None else call.when, call.id)


def _own(call: Call) -> Spent:
    return spent_at(call.cost, count(call.tokens_in), count(call.tokens_out))
