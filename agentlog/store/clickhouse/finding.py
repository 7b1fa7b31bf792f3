"""Searching: the index says which records may have a word, and what is found is looked at here.

The rules: what a search finds is decided as with SQLite, by the words of the whole event; the index
only leaves out what cannot be meant. Words may be in different halves of an event, so each is asked
for alone. Of each the newest are enough: where all words are in very many records, events that have
them all are found among those.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from agentlog.store import search
from agentlog.store.clickhouse import events
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Address, Event

MOST: Final = 10_000
"""Records that are asked for of each word."""

_LOOKED_AT: Final = 100

_MAY_HAVE: Final = """
    SELECT session_id, id, started FROM records WHERE project = {project:String}
"""
_OF_SESSION: Final = "AND session_id = {session:String}"
_NEWEST: Final = "ORDER BY session_id DESC, started DESC NULLS LAST LIMIT {most:UInt64}"

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
    very = _fitting(link, project, words, limit, session_id, begins=False)
    some = (
        very
        if len(very) >= limit
        else (_fitting(link, project, words, limit, session_id, begins=True))
    )
    return sorted(some, key=_newest_first)


def _fitting(
    link: Link,
    project: str,
    words: Sequence[str],
    limit: int,
    session_id: str | None,
    *,
    begins: bool,
) -> list[Event]:
    fits = _test([_phrase(word) for word in words], begins=begins)
    some: list[Event] = []
    candidates = _candidates(link, project, words, session_id, begins=begins)
    for place in range(0, len(candidates), _LOOKED_AT):
        if len(some) >= limit:
            break
        read = events.at(link, project, candidates[place : place + _LOOKED_AT])
        some += (event for event in read.values() if fits(event))
    return sorted(some, key=_newest_first)[:limit]


def _candidates(
    link: Link, project: str, words: Sequence[str], session_id: str | None, *, begins: bool
) -> list[Address]:
    """Return where events may be that have all words, the newest sessions first."""
    having = [_having(link, project, word, session_id, begins=begins) for word in words]
    # A word that is in very many may be in others, too: then it tells nothing, unless all are so.
    telling = [some for some in having if len(some) < MOST] or having
    both = set(telling[0]).intersection(*telling[1:])
    starts = [{address: some[address] for address in both} for some in telling]
    return sorted(both, key=lambda address: (address[0], max(one[address] for one in starts)))[::-1]


def _having(
    link: Link, project: str, word: str, session_id: str | None, *, begins: bool
) -> dict[Address, float]:
    """Return where the newest records with a word are, and when these events began."""
    pieces = _PIECE.findall(_plain(search.spaced(word)))
    values: dict[str, object] = {"project": project, "most": MOST}
    if begins:
        values |= {f"like{place}": f"%{piece}%" for place, piece in enumerate(pieces)}
        has = " ".join(f"AND words LIKE {{like{place}:String}}" for place in range(len(pieces)))
    else:
        values["pieces"], has = pieces, "AND hasAllTokens(words, {pieces:Array(String)})"
    if session_id is not None:
        values["session"], has = session_id, f"{_OF_SESSION} {has}"
    rows = link.rows(f"{_MAY_HAVE} {has} {_NEWEST}", **values)
    # An open half comes before its close half, which mostly tells no start.
    return {(of, id_): start or 0.0 for of, id_, start in reversed(rows)}


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
