"""What a generator yielded, as its action's `returns`: texts joined, anything else a list.

Items are taken as they are when they are yielded, for the consumer may change them, and bounded,
for a generator may never end. Texts are kept as they are and encoded at the end, all in one, and
the texts of other items are read one after the other (torn.py), so that a secret that was cut in
two by two items is found.
"""

import json
from collections.abc import Callable
from typing import Any

from agentlog.foreign import class_name, let_pass
from agentlog.recording.encode import PAYLOAD_ROOM, Encoded, Encoder
from agentlog.recording.natural import MOST_ITEMS
from agentlog.recording.torn import replace_torn, without_unfinished

_ENOUGH_TEXT = 300 << 10
_SEVERAL = 2


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
                self._room -= _size(item) + 1
            else:
                self._notes["truncated"] = 1
        elif len(self._pieces) < MOST_ITEMS and self._room > 0:
            piece = self._encoder.piece(item, self._room)
            self._pieces.append(piece)
            self._room -= _size(piece.text or "") + 1
        else:
            self._notes["truncated"] = 1

    def encoded(self) -> Encoded:
        """Return what was collected as the value of `returns`."""
        if self._reduce is not None:
            return self._reduced(self._reduce)
        if self._only_text and self._pieces:
            text = "".join(map(str, self._pieces))
            text = without_unfinished(text, rules) if (rules := self._encoder.rules) else text
            return self._encoder.snapshot("returns", text)
        texts, room = [], PAYLOAD_ROOM
        if len(self._pieces) > MOST_ITEMS:
            self._notes["truncated"] = 1
        for piece in self._pieces[:MOST_ITEMS]:
            done = piece if type(piece) is Encoded else self._encoder.piece(piece, max(room, 8))
            texts.append(done.text or "null")
            room -= _size(texts[-1]) + 1
            for kind, times in done.notes.items():
                self._notes[kind] = self._notes.get(kind, 0) + times
        return self._encoder.whole("returns", self._mended(f"[{','.join(texts)}]"), self._notes)

    def _mended(self, text: str) -> str:
        """Return the list without the secrets that were torn in two by its items."""
        rules = self._encoder.rules
        if rules is None or len(self._pieces) < _SEVERAL or '"' not in text:
            return text
        items = json.loads(text)
        if (found := replace_torn(items, rules)) is None:
            return text
        if found:
            self._notes["redacted"] = self._notes.get("redacted", 0) + found
        return json.dumps(items, ensure_ascii=False, separators=(",", ":"))

    def _reduced(self, reduce: Callable[[list[Any]], Any]) -> Encoded:
        try:
            return self._encoder.snapshot("returns", reduce(self._all))
        except BaseException as error:  # noqa: BLE001 - the user's function; the generator is not harmed by it
            let_pass(error)
            return self._encoder.snapshot("returns", f"<reduce raised {class_name(type(error))}>")


def _size(text: str) -> int:
    """Return how many bytes of UTF-8 a text takes."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
