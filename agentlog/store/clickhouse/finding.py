"""Searching: the index says which records may have a word, and what is found is looked at here.

The rules: what a search finds is decided as with SQLite, by the words of the whole event; the index
only leaves out what cannot be meant. First it is asked for records that have all words; where that
is too little, for each word alone, as they may be in different halves of an event. Of what is very
much that is enough which came last. Of large events only where they are is kept.
"""

import re
import unicodedata
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from agentlog.store import search
from agentlog.store.clickhouse import events, fields
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Address, Event
from agentlog.store.values import LARGE

MOST: Final = 2_000
"""Records that are asked for of what begins like a word, and of each word alone."""

_FOR_EACH: Final = 4
"""Records that are asked for at first, for each event that is wanted: some have two."""

_LOOKED_AT: Final = 100
"""Events that are looked at together."""

_READ_AGAIN: Final = 16
"""Events of which the text was too much to be kept, that are read together."""

_TIMES_AS_MANY: Final = 32
_SOME_SESSIONS: Final = [128, 128 * _TIMES_AS_MANY]
"""In so many sessions it is looked first, where something came last, as long as that promises
enough: all of them may have millions."""

_SINCE: Final = """
    SELECT arrayMap(place -> toUnixTimestamp64Micro(moments[place]), {places:Array(UInt64)})
    FROM (
        SELECT arrayReverseSort(groupArray(stored)) AS moments FROM sessions FINAL
        WHERE project = {project:String}
    )
"""
_MAY_HAVE: Final = "SELECT session_id, id FROM records WHERE project = {project:String}"
_OF_SESSION: Final = "AND session_id = {session:String}"
_NEW: Final = "stored > fromUnixTimestamp64Micro({since:Int64})"
_OF_THE_NEWEST: Final = f"""
    AND {_NEW} AND session_id IN (
        SELECT session_id FROM sessions WHERE project = {{project:String}} AND {_NEW})
"""  # noqa: S608 - made of constants
_AMONG: Final = "AND session_id IN {sessions:Array(String)} AND id IN {ids:Array(String)}"
_NEWEST: Final = "ORDER BY stored DESC, started DESC NULLS LAST LIMIT {most:UInt64}"

_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"[0-9a-z\u0080-\U0010ffff]+")
"""What the index takes for a word, of texts in which `_divided` has left no signs beyond ASCII."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """An event that fits: where it is, its start, and its text unless there is too much of that."""

    place: Address
    start: float | None
    text: str | None

    def age(self) -> tuple[bool, float, str]:
        """Return what hits are sorted by, the newest first; what has no time comes last."""
        return self.start is None, -(self.start or 0.0), self.place[1]


def texts(
    link: Link, project: str, text: str, limit: int, session_id: str | None = None
) -> Generator[str]:
    """Yield the texts of the events that fit and came last, by start, the newest first.

    Where there are enough with the very words, those that only begin so are not looked for.
    """
    words = [word for word in dict.fromkeys(search.words_of(text)) if _phrase(word)]
    if not words:
        return
    asked = _Asked(link, project, limit, session_id)
    hits = asked.fitting(words, begins=False)
    hits = hits if len(hits) >= limit else asked.fitting(words, begins=True)
    hits.sort(key=_Hit.age)
    for some in events.in_parts(hits, most=_READ_AGAIN, text=lambda hit: "".join(hit.place)):
        again = [hit.place for hit in some if hit.text is None]
        read = {of: events.text_of(halves) for of, halves in events.at(link, project, again)}
        yield from (found for hit in some if (found := hit.text or read.get(hit.place)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where is looked, and for how many events."""

    link: Link
    project: str
    limit: int
    session_id: str | None

    def fitting(self, words: Sequence[str], *, begins: bool) -> list[_Hit]:
        """Return the events with all words that came last, in whatever halves if they begin so."""
        fits = _test([_phrase(word) for word in words], begins=begins)
        few = _FOR_EACH * self.limit
        many = max(MOST, few)
        hits: list[_Hit] = []
        known: set[Address] = set()
        # Of what the index finds for a beginning some have it within a word only.
        for most in dict.fromkeys((few, many) if begins else (few,)):
            candidates, is_all = self.having(words, most, begins=begins)
            hits += self._looked_at(candidates, known, fits, self.limit - len(hits))
            known.update(candidates)
            if is_all or len(hits) >= self.limit:
                break
        if begins and len(words) > 1 and len(hits) < self.limit:
            others = self._apart(words, many)
            hits += self._looked_at(others, known, fits, self.limit - len(hits))
        return hits

    def _looked_at(
        self,
        candidates: Sequence[Address],
        known: Container[Address],
        fits: Callable[[Event], bool],
        most: int,
    ) -> list[_Hit]:
        """Return the first so many new ones that fit; of their texts, those that are not much."""
        hits: list[_Hit] = []
        room = LARGE
        new = (place for place in candidates if place not in known)
        for part in events.in_parts(new, most=_LOOKED_AT, text="".join):
            if len(hits) >= most:
                break
            found: dict[Address, _Hit] = {}
            for place, halves in events.at(self.link, self.project, part):
                event = fields.event_of(halves)
                if fits(event):
                    text = events.text_of(halves)
                    room -= len(text)
                    start = fields.number(event, "timestamp")
                    found[place] = _Hit(place, start, text if room > 0 else None)
            hits += (found[place] for place in part if place in found)
        return hits[:most]

    def _apart(self, words: Sequence[str], most: int) -> list[Address]:
        """Return where events may be that have all words, in one half or the other."""
        having = {word: self.having([word], most, begins=True) for word in words}
        # Of a word that is in very many the newest are known: it is asked which others have it.
        very = [word for word, (_, is_all) in having.items() if not is_all]
        telling = [some for some, is_all in having.values() if is_all]
        known = telling or [some for some, _ in having.values()]
        common = set.intersection(*map(set, known))
        both = [place for place in known[0] if place in common]
        for word in very if telling else ():
            both = self._having_too(word, both)
        return both

    def _having_too(self, word: str, among: Sequence[Address]) -> list[Address]:
        """Return those of some events of which a record may have what begins like a word."""
        has, values = _has([word], begins=True)
        having: set[Address] = set()
        for some in events.in_parts(among, text="".join):
            values |= {"sessions": list({of for of, _ in some}), "ids": [id_ for _, id_ in some]}
            question = f"{_MAY_HAVE} {_AMONG} {has}"
            having |= set(self.link.rows(question, **values, project=self.project))
        return [place for place in among if place in having]

    def having(
        self, words: Sequence[str], most: int, *, begins: bool
    ) -> tuple[list[Address], bool]:
        """Return where the newest records are that may have all words, and whether that is all."""
        has, values = _has(words, begins=begins)
        values |= {"project": self.project, "most": most}
        if self.session_id is not None:
            rows = self.link.rows(
                f"{_MAY_HAVE} {_OF_SESSION} {has} {_NEWEST}", **values, session=self.session_id
            )
            return list(dict.fromkeys(rows)), len(rows) < most
        # Millions with the very words are sorted in a tenth of a second; what begins so takes ten.
        for since in self._moments() if begins else ():
            question = f"{_MAY_HAVE} {_OF_THE_NEWEST} {has} {_NEWEST}"
            rows = self.link.rows(question, **values, since=since)
            if len(rows) == most:
                return list(dict.fromkeys(rows)), False
            if len(rows) * _TIMES_AS_MANY < most:
                break
        rows = self.link.rows(f"{_MAY_HAVE} {has} {_NEWEST}", **values)
        return list(dict.fromkeys(rows)), len(rows) < most

    def _moments(self) -> list[int]:
        """Return since when something came of so many sessions and of no others."""
        found = self.link.rows(_SINCE, project=self.project, places=_SOME_SESSIONS)
        return [moment for moment in found[0][0] if moment]


def _has(words: Sequence[str], *, begins: bool) -> tuple[str, dict[str, object]]:
    """Return what a record has that has all words, and the values of that."""
    pieces = _PIECE.findall(_divided(_plain(search.spaced(" ".join(words)))))
    if not begins:
        return "AND hasAllTokens(words, {pieces:Array(String)})", {"pieces": pieces}
    has = " ".join(f"AND words LIKE {{like{place}:String}}" for place in range(len(pieces)))
    return has, {f"like{place}": f"%{piece}%" for place, piece in enumerate(pieces)}


def _test(phrases: Sequence[str], *, begins: bool) -> Callable[[Event], bool]:
    wanted = [f" {phrase}" if begins else f" {phrase} " for phrase in phrases]

    def fits(event: Event) -> bool:
        told = f" {_phrase(search.words(event))} "
        return all(one in told for one in wanted)

    return fits


def _phrase(text: str) -> str:
    """Return the words of a text, in their order, as they are compared."""
    return " ".join(_WORD.findall(_plain(search.spaced(text))))


def _divided(text: str) -> str:
    """Return a text with blanks in the place of signs beyond ASCII, as schema.py indexes it."""
    return "".join(
        one if one.isascii() or unicodedata.category(one)[0] in "LNM" else " " for one in text
    )


def _plain(text: str) -> str:
    """Return a text in small letters without accents."""
    small = text.casefold()
    if small.isascii():
        return small
    parts = unicodedata.normalize("NFD", small)
    return unicodedata.normalize("NFC", "".join(_without_marks(parts)))


def _without_marks(text: str) -> Iterator[str]:
    return (letter for letter in text if unicodedata.category(letter) != "Mn")
