"""Searching: the index says which records may have a word, and what is found is looked at here.

The rules: what a search finds is decided as with SQLite, by the words of the whole event; the index
only leaves out what cannot be meant. First it is asked for records that have all words; where that
is too little, for each word alone, as they may be in different halves of an event. Of what is very
much that is enough which came last. Of large events only where they are is kept.
"""

import re
import unicodedata
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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

_TRIED: Final = 3
"""Words of which one should be in few enough to start from: the longest are, as a rule."""

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
    asked = _Search(link, project, limit, session_id)
    hits = asked.fitting(words, begins=False)
    hits = hits if len(hits) >= limit else asked.fitting(words, begins=True)
    hits.sort(key=_Hit.age)
    for some in events.in_parts(hits, most=_READ_AGAIN, text=lambda hit: "".join(hit.place)):
        again = [hit.place for hit in some if hit.text is None]
        read = {of: events.text_of(halves) for of, halves in events.at(link, project, again)}
        yield from (found for hit in some if (found := hit.text or read.get(hit.place)))


class _Search:
    """Looks for so many events, in one session or in all; at none that fits it looks twice."""

    def __init__(self, link: Link, project: str, limit: int, session_id: str | None) -> None:
        self._link = link
        self._project = project
        self._limit = limit
        self._session_id = session_id
        self._hits: dict[Address, _Hit] = {}
        self._room = LARGE

    def fitting(self, words: Sequence[str], *, begins: bool) -> list[_Hit]:
        """Return the events with all words that came last, in whatever halves if they begin so."""
        fits = _test([_phrase(word) for word in words], begins=begins)
        hits: list[_Hit] = []
        known: set[Address] = set()
        for candidates in self._candidates(words, begins=begins):
            new = [place for place in candidates if place not in known]
            for part in events.in_parts(new, most=_LOOKED_AT, text="".join):
                self._look_at(part, fits)
                hits += (self._hits[place] for place in part if place in self._hits)
                if len(hits) >= self._limit:
                    return hits[: self._limit]
            known.update(new)
        # What has the very words may be older than all that was looked at for beginning so.
        hits += (hit for place, hit in self._hits.items() if place not in known)
        return hits[: self._limit]

    def _look_at(self, places: Sequence[Address], fits: Callable[[Event], bool]) -> None:
        """Note which events fit; what has the very words begins so, too."""
        unknown = [place for place in places if place not in self._hits]
        for place, halves in events.at(self._link, self._project, unknown):
            event = fields.event_of(halves)
            if fits(event):
                text = events.text_of(halves)
                self._room -= len(text)
                start = fields.number(event, "timestamp")
                self._hits[place] = _Hit(place, start, text if self._room > 0 else None)

    def _candidates(self, words: Sequence[str], *, begins: bool) -> Iterator[list[Address]]:
        """Yield where events may be that fit, again and again more, as long as that is little."""
        few = _FOR_EACH * self._limit
        some, is_all = self._having(words, few, begins=begins)
        yield some
        if not begins:
            return
        many = max(MOST, few)
        if not is_all:
            yield self._having(words, many, begins=True)[0]
        if len(words) > 1:
            yield self._apart(words, many)

    def _apart(self, words: Sequence[str], most: int) -> list[Address]:
        """Return where events may be that have all words, in one half or the other."""
        # Of a word that is in very many the newest are known: it is asked which others have it.
        newest: dict[str, list[Address]] = {}
        for word in sorted(words, key=len, reverse=True)[:_TRIED]:
            some, is_all = self._having([word], most, begins=True)
            if is_all:
                newest = {word: some}
                break
            newest[word] = some
        first, *others = newest.values()
        common = set(first).intersection(*others)
        both = [place for place in first if place in common]
        for word in words:
            if word not in newest:
                both = self._having_too(word, both)
        return both

    def _having_too(self, word: str, among: Sequence[Address]) -> list[Address]:
        """Return those of some events of which a record may have what begins like a word."""
        has, values = _has([word], begins=True)
        having: set[Address] = set()
        for some in events.in_parts(among, text="".join):
            values |= {"sessions": list({of for of, _ in some}), "ids": [id_ for _, id_ in some]}
            question = f"{_MAY_HAVE} {_AMONG} {has}"
            having |= set(self._link.rows(question, **values, project=self._project))
        return [place for place in among if place in having]

    def _having(
        self, words: Sequence[str], most: int, *, begins: bool
    ) -> tuple[list[Address], bool]:
        """Return where the newest records are that may have all words, and whether that is all."""
        has, values = _has(words, begins=begins)
        values |= {"project": self._project, "most": most}
        if self._session_id is not None:
            rows = self._link.rows(
                f"{_MAY_HAVE} {_OF_SESSION} {has} {_NEWEST}", **values, session=self._session_id
            )
            return list(dict.fromkeys(rows)), len(rows) < most
        # Millions with the very words are sorted in a tenth of a second; what begins so takes ten.
        for since in self._moments if begins else ():
            question = f"{_MAY_HAVE} {_OF_THE_NEWEST} {has} {_NEWEST}"
            rows = self._link.rows(question, **values, since=since)
            if len(rows) == most:
                return list(dict.fromkeys(rows)), False
            if len(rows) * _TIMES_AS_MANY < most:
                break
        rows = self._link.rows(f"{_MAY_HAVE} {has} {_NEWEST}", **values)
        return list(dict.fromkeys(rows)), len(rows) < most

    @cached_property
    def _moments(self) -> list[int]:
        """Return since when something came of so many sessions and of no others."""
        found = self._link.rows(_SINCE, project=self._project, places=_SOME_SESSIONS)
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
