"""What a call of a model took, and what all calls below an event took together.

The rule of this file: what was spent counts once. Calls are counted where they were made, and an
event around them that says just as many tokens as they have together (an action around a client
that records itself, an agent that adds up) says the same again. Where that event knows a price and
they do not, its cost is taken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from agentlog import prices

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens in and out, and what they cost; None where nobody counted, or knows a price.

    `unpriced` counts the calls whose price is not known: with such, `dollars` is the least that it
    was.
    """

    tokens_in: int | None = None
    tokens_out: int | None = None
    dollars: float | None = None
    unpriced: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        if other is NOTHING or self is NOTHING:
            return self if other is NOTHING else other
        return Spent(
            _sum(self.tokens_in, other.tokens_in),
            _sum(self.tokens_out, other.tokens_out),
            _sum(self.dollars, other.dollars),
            self.unpriced + other.unpriced,
        )

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out, as numbers."""
        return self.tokens_in or 0, self.tokens_out or 0


NOTHING = Spent()


def spent_on(
    model: str | None,
    tokens_in: int | None,
    tokens_out: int | None,
    when: float | None,
    params: object,
) -> Spent:
    """Return what a call took; `params` are those of its event."""
    details = params if isinstance(params, Mapping) else {}
    known = map(details.get, prices.DETAILS)
    cost = prices.cost(model, tokens_in, tokens_out, when, *known)
    return spent_at(cost, tokens_in, tokens_out)


def spent_at(cost: prices.Cost, tokens_in: int | None, tokens_out: int | None) -> Spent:
    """Return what a call took whose cost is known, or known to be unknown."""
    if cost == prices.UNKNOWN:
        return Spent(tokens_in, tokens_out, None, 1)
    return Spent(tokens_in, tokens_out, cost)


def with_below(own: Spent, below: Spent) -> Spent:
    """Return what an event took with all that is below it."""
    if own.tokens != below.tokens or not any(own.tokens):
        return own + below
    return own if below.unpriced and not own.unpriced else below


def total(all_spent: Iterable[Spent]) -> Spent:
    """Return what these took together."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    dollars: float | None = None
    unpriced = 0
    for spent in all_spent:
        tokens_in = _sum(tokens_in, spent.tokens_in)
        tokens_out = _sum(tokens_out, spent.tokens_out)
        dollars = _sum(dollars, spent.dollars)
        unpriced += spent.unpriced
    return Spent(tokens_in, tokens_out, dollars, unpriced)


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return one if other is None else other if one is None else one + other
