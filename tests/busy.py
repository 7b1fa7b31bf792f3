"""How long things may take on a machine that is busy with other things, or with other tests."""

import os

AT_ONCE = 2  # as busy as it may have become since the load was last looked at


def up_to(seconds):
    """Return what takes so many seconds at most where a processor is free for it."""
    waiting = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    return seconds * max(AT_ONCE, waiting)
