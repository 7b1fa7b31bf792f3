"""Session ids as people meet them: their beginnings, and what else a session is known by.

Pure. The rules: a beginning that is written tells its session from every other, and from those to
come. An id begins with its moment, so fewer digits than a moment has are soon those of another.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from agentlog.errors import SessionNotFoundError

LEAST = 12
"""Digits of an id that are written at least: the millisecond of its start."""

NAMED = 5
"""Sessions that are named where several are meant."""

_QUOTED = 60


def id_length(ids: Iterable[str]) -> int:
    """Return how many digits tell all these ids apart: at least `LEAST`, the same for each."""
    shared = (_shared_length(one, other) for one, other in pairwise(sorted(set(ids))))
    return max(LEAST, 1 + max(shared, default=0))


def _shared_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def quoted(text: str) -> str:
    """Repeat what somebody typed for an id, in ASCII and not at length."""
    return ascii(text) if len(text) <= _QUOTED else ascii(text[:_QUOTED]) + "…"


def the_one(prefix: str, found: Sequence[str]) -> str:
    """Return the id that is meant by a beginning, of those that begin so, in any case and sorted.

    Raises `SessionNotFoundError` if there is none, or several: then it names `NAMED` of them by as
    many digits as tell each from the others.
    """
    if not found:
        raise SessionNotFoundError(f"No session begins with {quoted(prefix)}.")
    if len(found) == 1 or {prefix, prefix.lower()} & set(found):
        return found[0]
    length = id_length(found)
    named = ", ".join(ascii(one[:length])[1:-1] for one in found[:NAMED])
    more = ", …" if len(found) > NAMED else "."
    raise SessionNotFoundError(f"Several sessions begin with {quoted(prefix)}: {named}{more}")


def is_named(text: str, session_id: str, told: Iterable[str]) -> bool:
    """Say whether each word is in what is told of a session, or its id begins with all of the text.

    Args:
        text: What is looked for, casefolded.
        session_id: The id of the session.
        told: Its name and its tags.

    """
    if session_id.casefold().startswith(text):
        return True
    texts = [one.casefold() for one in told]
    return all(any(word in one for one in texts) for word in text.split())
