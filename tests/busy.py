"""How long things may take on a machine that is busy with other things."""

import os


def up_to(seconds):
    """Return what takes so many seconds at most where a processor is free for it."""
    waiting = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    return seconds * max(1, waiting)
