"""Ranks passages by a question: the part of the research agent that knows nothing of agentlog.

Okapi BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
(2009). The rule it keeps: the same passages and the same question give the same ranking.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WITHOUT_MEANING = """
    a an and are as at be by can do does for from has have how in is it its of on or out that
    the this to was were what when where which who why will with
"""
STOP_WORDS = frozenset(_WITHOUT_MEANING.split())
_ENDING = re.compile(r"(?<=\w{3})(ing|ed|es|e|(?<!s)s)$")


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph of prose, and the page on which it stands."""

    page: str
    text: str


def terms(text: str) -> list[str]:
    """Return the words of a text that carry meaning, without their commonest endings."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [_ENDING.sub("", word) for word in words if word not in STOP_WORDS]


class Index:
    """Passages, with the counts of words that it takes to rank them."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.counts = [Counter(terms(passage.text)) for passage in passages]
        self.spread = Counter(term for count in self.counts for term in count)
        self.mean_length = sum(count.total() for count in self.counts) / max(1, len(passages)) or 1

    def ranked(self, question: str) -> list[Passage]:
        """Return the passages that share a word with the question, the best first."""
        wanted = terms(question)
        scores = [self._score(wanted, count) for count in self.counts]
        best = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        return [self.passages[i] for i in best if scores[i] > 0]

    def coverage(self, question: str, text: str) -> float:
        """Return the share of the question, from 0 to 1, of which a text speaks."""
        wanted, given = set(terms(question)), set(terms(text))
        return sum(map(self.weight, wanted & given)) / (sum(map(self.weight, wanted)) or 1.0)

    def weight(self, term: str) -> float:
        """Return how much a word tells: the fewer passages have it, the more."""
        return math.log((len(self.passages) + 1) / (self.spread[term] + 0.5))

    def _score(
        self, wanted: list[str], count: Counter[str], k: float = 1.2, b: float = 0.75
    ) -> float:
        damping = k * (1 - b + b * count.total() / self.mean_length)
        return sum(
            self.weight(term) * count[term] * (k + 1) / (count[term] + damping) for term in wanted
        )
