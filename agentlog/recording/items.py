"""What a generator yielded, as its action's `returns`: texts joined, anything else a list.

Items are taken as they are when they are yielded, for the consumer may change them, and bounded,
for a generator may never end. Texts are kept as they are and encoded at the end, all in one, so
that a secret that was cut in two by two items is found.
"""

from collections.abc import Callable
from typing import Any

from agentlog.recording.encode import PAYLOAD_ROOM, Encoded, Encoder
from agentlog.recording.natural import MOST_ITEMS

_ENOUGH_TEXT = 300 << 10


class Items:
    """Collects the items of one generator.

    With `reduce`, a function of the list of all items, the items themselves are kept until the end.
    """

    __slots__ = ("_all", "_encoder", "_notes", "_only_text", "_pieces", "_reduce", "_room")

    def __init__(self, encoder: Encoder, reduce: Callable[[list[Any]], Any] | None) -> None:
        self._encoder = encoder
        self._reduce = reduce
        self._all: list[Any] = []
        self._pieces: list[str | Encoded] = []
        self._only_text = True
        self._room = PAYLOAD_ROOM
        self._notes: dict[str, int] = {}

    def add(self, item: Any) -> None:
        """Take an item as it is now."""
        if self._reduce is not None:
            self._all.append(item)
            return
        self._only_text = self._only_text and type(item) is str
        if self._only_text:
            if self._room > PAYLOAD_ROOM - _ENOUGH_TEXT:
                self._pieces.append(item)
                self._room -= len(item) + 1
            else:
                self._notes["truncated"] = 1
        elif len(self._pieces) < MOST_ITEMS and self._room > 0:
            piece = self._encoder.piece(item, self._room)
            self._pieces.append(piece)
            self._room -= len(piece.text or "") + 1
        else:
            self._notes["truncated"] = 1

    def encoded(self) -> Encoded:
        """Return what was collected as the value of `returns`."""
        if self._reduce is not None:
            return self._reduced(self._reduce)
        if self._only_text and self._pieces:
            return self._encoder.snapshot("returns", "".join(map(str, self._pieces)))
        texts = []
        if len(self._pieces) > MOST_ITEMS:
            self._notes["truncated"] = 1
        for piece in self._pieces[:MOST_ITEMS]:
            done = piece if type(piece) is Encoded else self._encoder.piece(piece, PAYLOAD_ROOM)
            texts.append(done.text or "null")
            for kind, times in done.notes.items():
                self._notes[kind] = self._notes.get(kind, 0) + times
        return self._encoder.whole("returns", f"[{','.join(texts)}]", self._notes)

    def _reduced(self, reduce: Callable[[list[Any]], Any]) -> Encoded:
        try:
            return self._encoder.snapshot("returns", reduce(self._all))
        except Exception as error:  # noqa: BLE001 - the user's function; the generator is not harmed by it
            return self._encoder.snapshot("returns", f"<reduce raised {type(error).__name__}>")
