"""`agentlog diff`: what became different from one run to another.

The rule of this file: its exit status is that of diff(1), so that a script can ask whether two runs
differ and never takes trouble for a difference.
"""

import json
import sys
import time
from typing import Final

from agentlog.replay import diff_json, diff_text, terminal
from agentlog.replay.diff import compare
from agentlog.replay.tree import forest
from agentlog.store import Store
from agentlog.store.state import shown

SAME: Final = 0
DIFFERS: Final = 1
TROUBLE: Final = 2


def diff(
    store: Store, sessions: tuple[str, str], *, unfold: bool, as_json: bool, id_length: int
) -> int:
    """Print how a session differs from another; return the exit status.

    Args:
        store: Has both.
        sessions: Their ids.
        unfold: Show what is alike too, and all of each diff.
        as_json: Print JSON instead.
        id_length: How many digits of an id are written.

    Raises:
        StoreError: If the store cannot be read.

    """
    before, after = (
        forest(shown(store.session(session_id), is_silent=store.is_silent(session_id)))
        for session_id in sessions
    )
    compared = compare(before, after)
    if as_json:
        document = diff_json.document(compared, unfold=unfold)
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        terminal.show(
            diff_text.comparison(
                compared,
                width=terminal.width(),
                ascii_only=terminal.is_ascii(),
                unfold=unfold,
                now=time.time(),
                id_length=id_length,
            )
        )
    return DIFFERS if compared.differs else SAME
