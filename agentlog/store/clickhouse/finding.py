"""Searching: the index says which records may have a word, and what is found is looked at here.

The rules: what a search finds is decided as with SQLite, by the words of the whole event; the index
only leaves out what cannot be meant. First it is asked for records that have all words; where that
is too little, for each word alone, as they may be in different halves of an event. Of what is very
much the newest sessions are enough.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agentlog.store import search
from agentlog.store.clickhouse import events
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Address, Event

MOST: Final = 2_000
"""Records that are asked for of each word alone."""

_FOR_EACH: Final = 4
"""Records that are asked for at first, for each event that is wanted: some have two."""

_LOOKED_AT: Final = 200

_MAY_HAVE: Final = "SELECT session_id, id FROM records WHERE project = {project:String}"
_OF_SESSION: Final = "AND session_id = {session:String}"
_AMONG: Final = "AND session_id IN {sessions:Array(String)} AND id IN {ids:Array(String)}"
_NEWEST: Final = "ORDER BY session_id DESC LIMIT {most:UInt64}"
_NEWEST_OF_SESSION: Final = "ORDER BY started DESC NULLS LAST LIMIT {most:UInt64}"

_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"[0-9a-z\u0080-\U0010ffff]+")
"""What the index takes for a word: it knows no letters beyond ASCII, and no other marks."""


def found(
    link: Link, project: str, text: str, limit: int, session_id: str | None = None
) -> list[Event]:
    """Return the newest events that fit a text, the newest first.

    Where there are enough with the very words, those that only begin so are not looked for.
    """
    words = [word for word in dict.fromkeys(search.words_of(text)) if _phrase(word)]
    if not words:
        return []
    asked = _Asked(link, project, limit, session_id)
    some = asked.fitting(words, begins=False)
    return some if len(some) >= limit else asked.fitting(words, begins=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where is looked, and for how many events."""

    link: Link
    project: str
    limit: int
    session_id: str | None

    def fitting(self, words: Sequence[str], *, begins: bool) -> list[Event]:
        """Return the newest events with all words, in whatever halves if they only begin so."""
        fits = _test([_phrase(word) for word in words], begins=begins)
        most = max(MOST, _FOR_EACH * self.limit) if begins else _FOR_EACH * self.limit
        candidates, _ = self.having(words, most, begins=begins)
        some = self._looked_at(candidates, fits)
        if begins and len(words) > 1 and len(some) < self.limit:
            others = set(self._apart(words, most)) - set(candidates)
            some += self._looked_at(sorted(others, reverse=True), fits)
        return sorted(some, key=_newest_first)[: self.limit]

    def _looked_at(
        self, candidates: Sequence[Address], fits: Callable[[Event], bool]
    ) -> list[Event]:
        """Return those that fit, until there are enough; of the last session all."""
        some: list[Event] = []
        for place in range(0, len(candidates), _LOOKED_AT):
            part = candidates[place : place + _LOOKED_AT]
            if len(some) >= self.limit and part[0][0] != candidates[place - 1][0]:
                break
            read = events.at(self.link, self.project, part)
            some += (event for event in read.values() if fits(event))
        return some

    def _apart(self, words: Sequence[str], most: int) -> set[Address]:
        """Return where events may be that have all words, in one half or the other."""
        having = {word: self.having([word], most, begins=True) for word in words}
        # Of a word that is in very many the newest are known: it is asked which others have it.
        very = [word for word, (_, is_all) in having.items() if not is_all]
        telling = [set(some) for some, is_all in having.values() if is_all]
        if not telling:
            return set.intersection(*(set(some) for some, _ in having.values()))
        both = set.intersection(*telling)
        for word in very if both else ():
            both &= set(self.having([word], most, begins=True, among=both)[0])
        return both

    def having(
        self, words: Sequence[str], most: int, *, begins: bool, among: Collection[Address] = ()
    ) -> tuple[list[Address], bool]:
        """Return where the newest records are that may have all words, and whether that is all."""
        pieces = _PIECE.findall(_plain(search.spaced(" ".join(words))))
        values: dict[str, object] = {"project": self.project, "most": most}
        if begins:
            values |= {f"like{place}": f"%{piece}%" for place, piece in enumerate(pieces)}
            has = " ".join(f"AND words LIKE {{like{place}:String}}" for place in range(len(pieces)))
        else:
            values["pieces"], has = pieces, "AND hasAllTokens(words, {pieces:Array(String)})"
        if among:
            values["sessions"] = list({session_id for session_id, _ in among})
            values["ids"], has = [id_ for _, id_ in among], f"{_AMONG} {has}"
        question = f"{_MAY_HAVE} {has} {_NEWEST}"
        if self.session_id is not None:
            values["session"] = self.session_id
            question = f"{_MAY_HAVE} {_OF_SESSION} {has} {_NEWEST_OF_SESSION}"
        rows = self.link.rows(question, **values)
        if self.session_id is None and len(rows) == most and rows[0][0] == rows[-1][0]:
            # It is all of one session: of that, the newest are not yet known.
            within = replace(self, session_id=rows[0][0])
            return within.having(words, most, begins=begins, among=among)
        return list(dict.fromkeys((of, id_) for of, id_ in rows)), len(rows) < most


def _test(phrases: Sequence[str], *, begins: bool) -> Callable[[Event], bool]:
    wanted = [f" {phrase}" if begins else f" {phrase} " for phrase in phrases]

    def fits(event: Event) -> bool:
        told = f" {_phrase(search.words(event))} "
        return all(one in told for one in wanted)

    return fits


def _phrase(text: str) -> str:
    """Return the words of a text, in their order, as they are compared."""
    return " ".join(_WORD.findall(_plain(search.spaced(text))))


def _plain(text: str) -> str:
    """Return a text in small letters without accents."""
    small = text.casefold()
    if small.isascii():
        return small
    parts = unicodedata.normalize("NFD", small)
    return unicodedata.normalize("NFC", "".join(_without_marks(parts)))


def _without_marks(text: str) -> Iterator[str]:
    return (letter for letter in text if unicodedata.category(letter) != "Mn")


def _newest_first(event: Event) -> tuple[float, str]:
    start = event.get("timestamp")
    is_number = isinstance(start, int | float)
    return -start if is_number else float("inf"), str(event["id"])  # type: ignore[operator]
