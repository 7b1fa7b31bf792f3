"""A replay for programs.

The rule of this file: what is written is strict JSON and, being ASCII, steers no terminal either.
"""

import json
from collections.abc import Mapping, Sequence

from agentlog.replay.tree import Node, head, walk


def to_json(roots: Sequence[Node], *, depth: int | None = None, only_failures: bool = False) -> str:
    """Write the event of the session and, in the order of the tree, all others.

    `depth` and `only_failures` leave out what they leave out of `text.replay`.
    """
    own = head(roots)
    events = [
        node.event
        for level, node in walk(roots)
        if node is not own
        and (depth is None or level <= depth)
        and (node.is_trouble or not only_failures)
    ]
    lines = ",\n".join(map(_json, events))
    return f'{{"session": {_json(own.event if own else None)},\n"events": [\n{lines}\n]}}'


def _json(value: Mapping[str, object] | None) -> str:
    return json.dumps(value, allow_nan=False)
