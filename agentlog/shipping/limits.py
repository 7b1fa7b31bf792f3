"""How much at once: the rate of refusals, and the size of a batch."""

import math
from dataclasses import dataclass
from typing import Final

BATCH_SIZE: Final = 1 << 20
"""Bytes of lines in a batch, at most."""

REFUSALS_AT_ONCE: Final = 60
REFUSALS_PER_SECOND: Final = 2.0

GROW_AFTER: Final = 20
"""Batches about as large as the limit that are taken before a larger one is tried."""


@dataclass(slots=True)
class Tokens:
    """A bucket of tokens: so many at once, and so many a second."""

    count: float = REFUSALS_AT_ONCE
    at: float = -math.inf

    def ready_at(self) -> float:
        """Return the time from which on there is a token."""
        return self.at + max(0.0, 1.0 - self.count) / REFUSALS_PER_SECOND

    def spend(self, now: float, tokens: float = 1.0) -> None:
        """Take a token, or give some back."""
        gained = (now - self.at) * REFUSALS_PER_SECOND
        self.count = min(REFUSALS_AT_ONCE, min(REFUSALS_AT_ONCE, self.count + gained) - tokens)
        self.at = now


@dataclass(slots=True)
class SizeLimit:
    """How large a batch may be: half of what was too large, or what has passed since.

    What the server counts (lines, body, compressed or not) is not known; so a batch may be too
    large that is smaller than one that passed. Then what has passed says nothing.
    """

    size: int = BATCH_SIZE
    passed: int = 0
    full: int = 0

    def took(self, size: int) -> None:
        """Take note that a batch of this size was not too large."""
        self.passed = max(self.passed, size)
        self.full += 2 * size > self.size
        if self.full >= GROW_AFTER:
            self.full = 0
            self.size = min(BATCH_SIZE, 2 * self.size)

    def refused(self, size: int) -> None:
        """Take note that a batch of this size was too large; one over the limit is no news."""
        if self.passed >= size:
            self.passed = 0
        if size <= self.size:
            self.full = 0
            self.size = max(size // 2, self.passed, 1)
