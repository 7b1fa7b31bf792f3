"""How much memory something takes of Python."""

import tracemalloc
from contextlib import contextmanager


@contextmanager
def bounded(*, megabytes):
    """Fail where a block has more than so much at once."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < megabytes << 20
