"""What became of the records of one writer, whoever shipped them: what the cursors say.

It is asked from any thread and from signal handlers, so it takes no lock; and what it has said once
it never takes back, though a cursor may be lost with its file.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agentlog.journal import listed
from agentlog.shipping import cursors
from agentlog.shipping.cursors import START, Cursor


class Count(NamedTuple):
    """What is settled of a writer's lines, and whether more is on disk."""

    delivered: int
    quarantined: int
    damaged: int
    is_all: bool


class Tally:
    """Counts what is settled of the records of one writer."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Cursor] = {}

    def count(self, owner: str, unsaved: dict[str, Cursor]) -> Count:
        """Count what is settled of an owner's records.

        Args:
            owner: The owner of the segments.
            unsaved: Cursors that are not on disk yet, by the stem of their segments' names.

        """
        sizes = self._sizes(owner)
        found = cursors.of_owner(self._directory, owner)
        for stem, cursor in (*found.items(), *list(unsaved.items())):
            offset = cursor.offset
            self._known.setdefault(stem, cursor)
            if self._known[stem].offset < offset:  # no call from here on: no other thread comes by
                self._known[stem] = cursor
        if sizes is not None:
            self._forget(stem for stem in found if stem not in sizes)
        known = [cursor for stem, cursor in list(self._known.items()) if stem.startswith(owner)]
        return Count(
            sum(cursor.delivered for cursor in known),
            sum(cursor.quarantined for cursor in known),
            sum(cursor.damaged for cursor in known),
            sizes is not None
            and all(size <= self._known.get(stem, START).offset for stem, size in sizes.items()),
        )

    def _sizes(self, owner: str) -> dict[str, int] | None:
        """Return the sizes of an owner's segments, by their stems; None if they cannot be seen."""
        try:
            return {
                segment.path.stem: segment.size
                for segment in listed(self._directory)
                if segment.owner == owner
            }
        except OSError:
            return None

    def _forget(self, finished: Iterable[str]) -> None:
        """Delete the cursors of segments that are gone: their last word is known here."""
        for stem in finished:
            with suppress(OSError):
                if not (self._directory / f"{stem}.jsonl").exists():
                    (self._directory / f"{stem}.cursor").unlink()
