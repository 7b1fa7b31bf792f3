"""For how long a session is kept that says nothing any more, by its project. Pure.

The rule: what counts is when something of a session came last. So it goes whole or stays whole,
which a time to live of its rows would not heed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Before:
    """Moments, in seconds since the epoch: who has said nothing since then is to go.

    Attributes:
        others: That of each project that has none of its own. Before -inf nobody spoke last.
        own: By the name of a project, its own.

    """

    others: float = -math.inf
    own: Mapping[str, float] = field(default_factory=dict)

    def of(self, project: str) -> float:
        """Return the moment of a project."""
        return self.own.get(project, self.others)


@dataclass(frozen=True, slots=True)
class Retention:
    """Ages, in seconds: who has said nothing for so long is to go.

    Attributes:
        others: That of each project that has none of its own; inf keeps it for ever.
        own: By the name of a project, its own.

    """

    others: float = math.inf
    own: Mapping[str, float] = field(default_factory=dict)

    @property
    def shortest(self) -> float:
        """The shortest of its ages; inf if all is kept for ever."""
        return min((self.others, *self.own.values()))

    def before(self, now: float) -> Before:
        """Return what is too old at a moment."""
        return Before(now - self.others, {name: now - age for name, age in self.own.items()})


FOREVER: Final = Retention()


def in_project(project: str | None, before: float) -> Before:
    """Return that moment for one project alone, or without a name for each."""
    return Before(before) if project is None else Before(own={project: before})
