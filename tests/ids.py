"""Names of parametrized tests that are the same in each process that runs some of them."""

import re


def named(value):
    """Name a value by its repr, without the address that an object may have in it."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
