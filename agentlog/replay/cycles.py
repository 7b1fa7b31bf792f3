"""Parents that go round in a circle, which is damage: where the circle is cut.

The rule: at its first, which then hangs under the head of its session; so whoever adds up or draws
the same events says the same.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

One = TypeVar("One", bound=Hashable)


def cut(
    parents: dict[One, One | None],
    order: Callable[[One], Any],
    head_of: Callable[[One], One | None],
) -> None:
    """Cut every cycle of parents, in place.

    Args:
        parents: That of each; None for a root.
        order: By which the first of a cycle is the first.
        head_of: Returns what an orphan hangs under, None if it is a root then.

    """
    settled: set[One] = set()
    for start in parents:
        path: dict[One, None] = {}
        one: One | None = start
        while one is not None and one not in settled and one not in path:
            path[one] = None
            one = parents[one]
        if one is not None and one in path:
            way = list(path)
            first = min(way[way.index(one) :], key=order)
            parents[first] = head_of(first)
        settled.update(path)
