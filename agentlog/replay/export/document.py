"""A replay for programs.

The rule of this file: what is written is strict JSON and, being ASCII, steers no terminal either.
"""

import json
from collections.abc import Mapping, Sequence

from agentlog.replay.tree import Node, walk


def to_json(roots: Sequence[Node], *, depth: int | None = None, only_failures: bool = False) -> str:
    """Write the event of the session and, in the order of the tree, all others.

    `depth` and `only_failures` leave out what they leave out of `text.replay`.
    """
    session = next((root.event for root in roots if root.kind == "session"), None)
    events = [
        node.event
        for level, node in walk(roots)
        if node.event is not session
        and (depth is None or level <= depth)
        and (node.failures or not only_failures)
    ]
    lines = ",\n".join(map(_json, events))
    return f'{{"session": {_json(session)},\n"events": [\n{lines}\n]}}'


def _json(value: Mapping[str, object] | None) -> str:
    return json.dumps(value, allow_nan=False)
