"""A lock that a forked child can take, whatever thread held it when the child was forked.

Of the threads of its parent a child has only the one that forked. What another one held nobody
would ever release: so each child has a lock of its own.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ForkLock:
    """A lock for what a module holds; the thread that has it may take it again."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for a block; a child that is forked in there releases what was taken."""
        with self._lock:
            yield
