"""One pass over any value that redacts, bounds and encodes it.

The bounds: depth 20, 1,000 items a container, 256 KiB a text, and the room of the whole. What was
done is counted in the notes:

* `redacted`: secrets replaced
* `truncated`: texts, containers and depths cut
* `replaced`: values that JSON cannot hold, with a text in their place

Nothing here raises but KeyboardInterrupt: the code of the user's values runs in it (a `repr`, a
property), so what that raises, SystemExit too, makes the value unprintable and no more. Nothing is
kept by reference, and no iterator is consumed.
"""

import re
from collections.abc import Sequence
from json.encoder import encode_basestring as quote
from typing import Any

from agentlog.recording.natural import HIDDEN, MOST_ITEMS, UNKNOWN, Items, simpler
from agentlog.recording.redact import Redact, mark

MOST_DEPTH = 20
MOST_TEXT = 256 << 10
MOST_REPR = 16 << 10
INT64 = 1 << 63

_OVERLAP = 8 << 10
_PAIR = 2
_MOST_OF_A_NAMED_VALUE = 8
_DATA_IMAGE = r"data:(image/[\w.+-]{1,64});base64,[A-Za-z0-9+/=_-]*"
class_name = type.__dict__["__name__"].__get__
"""The name of a class, whatever its metaclass makes of it."""


class Walk:
    """The encoding of one record's values, which share a room of so many bytes and the notes."""

    __slots__ = ("_path", "_room", "_rules", "notes")

    def __init__(self, rules: Redact | None, room: int, notes: dict[str, int]) -> None:
        self._rules = rules
        self._room = room
        self._path: set[int] = set()
        self.notes = notes

    def note(self, kind: str, times: int = 1) -> None:
        """Count something that was done to the record."""
        self.notes[kind] = self.notes.get(kind, 0) + times

    def value(self, value: Any, depth: int = 0) -> str:
        """Return the value as JSON text."""
        try:
            return self._value(value, depth)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the value's own code ran: whatever it raises is not the host's
            self.note("replaced")
            return self._fit(f"<unprintable {class_name(type(value))}>", MOST_REPR)

    def _value(self, value: Any, depth: int) -> str:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None:
            return self._spend("null")
        if kind is bool:
            return self._spend("true" if value else "false")
        if kind is int:
            return self._int(value)
        if kind is float:
            return self._float(value)
        if value is HIDDEN:
            return self._secret("hidden field")
        if id(value) in self._path:
            self.note("replaced")
            return self._text(f"<cycle: {class_name(kind)}>")
        self._path.add(id(value))
        try:
            return self._nested(value, kind, depth)
        finally:
            self._path.discard(id(value))

    def _nested(self, value: Any, kind: type, depth: int) -> str:
        if kind is not list and kind is not tuple and kind is not Items:
            simple = simpler(value)
            return self._repr(value) if simple is UNKNOWN else self.value(simple, depth)
        if depth >= MOST_DEPTH:
            self.note("truncated")
            return self._text(f"<{len(value)} items below depth {MOST_DEPTH}>")
        if type(value) is Items:
            return self._mapping(value, depth + 1)
        return self._sequence(value, depth + 1)

    def _mapping(self, items: Items, depth: int) -> str:
        parts: list[str] = []
        taken: dict[str, int] = {}
        named = self._kind_of_value(items)
        for key, value in items[:MOST_ITEMS]:
            if self._room <= 0:
                break
            name = self._key(key)
            kind = self._rules.kind_of_key(name) if self._rules else None
            if named and name == "value":
                kind = named
            head = self._free(self._text(name), taken)
            parts.append(f"{head}:{self._secret(kind) if kind else self.value(value, depth)}")
        self._note_rest(len(items) - len(parts))
        return self._spend("{" + ",".join(parts) + "}", len(parts) * 2 + 2)

    def _kind_of_value(self, items: Items) -> str | None:
        """Say what kind of secret is under `value` in a mapping `{"name": …, "value": …}`."""
        if self._rules is None or len(items) > _MOST_OF_A_NAMED_VALUE:
            return None
        names = [
            value
            for key, value in items
            if type(key) is str and key in ("name", "key") and type(value) is str
        ]
        return next(filter(None, map(self._rules.kind_of_key, names)), None)

    def _sequence(self, items: Sequence[Any], depth: int) -> str:
        parts: list[str] = []
        named: str | None = None
        for item in items[:MOST_ITEMS]:
            if self._room <= 0:
                break
            parts.append(self._secret(named) if named else self._item(item, depth))
            named = self._named_by_option(item)
        self._note_rest(len(items) - len(parts))
        return self._spend("[" + ",".join(parts) + "]", len(parts) + 2)

    def _item(self, item: Any, depth: int) -> str:
        """Encode an item of a sequence; of a pair of a secret's name and value, only the name."""
        if self._rules and type(item) in (list, tuple) and len(item) == _PAIR:
            name = self._as_name(item[0])
            kind = self._rules.kind_of_key(name) if name else None
            if name and kind:
                return f"[{self._text(name)},{self._secret(kind)}]"
        return self.value(item, depth)

    def _named_by_option(self, item: Any) -> str | None:
        """Say what kind of secret comes next in a list such as `["--password", "x"]`."""
        if self._rules and type(item) is str and item.startswith("-") and "=" not in item:
            return self._rules.kind_of_key(item)
        return None

    @staticmethod
    def _as_name(value: Any) -> str | None:
        if type(value) is bytes:
            return value.decode("latin-1")
        return value if type(value) is str else None

    def _key(self, key: Any) -> str:
        """Return the text of a mapping's key, as json.dumps would have it where it has one."""
        kind = type(key)
        if kind is str:
            return mend(key)
        if key is None or kind is bool:
            return {None: "null", True: "true", False: "false"}[key]
        try:
            simple = key if kind in (int, float) else simpler(key)
            return mend(
                str(simple) if type(simple) in (str, int, float) else str.__str__(repr(key))
            )
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the key's own code ran
            self.note("replaced")
            return f"<unprintable {class_name(kind)}>"

    @staticmethod
    def _free(quoted: str, taken: dict[str, int]) -> str:
        """Return a key that no other has: the second of two that meet gets ` (2)` behind it."""
        free = quoted
        while free in taken:
            taken[quoted] += 1
            free = f'{quoted[:-1]} ({taken[quoted]})"'
        taken[free] = 1
        return free

    def _int(self, value: int) -> str:
        if -INT64 <= value < INT64:
            return self._spend(int.__repr__(value))
        self.note("replaced")
        try:
            return self._fit(int.__repr__(value), MOST_REPR)
        except ValueError:  # more digits than Python writes
            return self._fit(hex(value), MOST_REPR)

    def _float(self, value: float) -> str:
        text = float.__repr__(value)
        if value - value == 0.0:
            return self._spend(text)
        self.note("replaced")
        return self._text({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[text])

    def _repr(self, value: Any) -> str:
        text = str.__str__(repr(value))
        self.note("replaced")
        return self._text(text, MOST_REPR)

    def _secret(self, kind: str) -> str:
        self.note("redacted")
        return self._fit(mark(kind), MOST_TEXT)

    def _text(self, text: str, most: int = MOST_TEXT) -> str:
        """Redact a text as far as it will be seen and some kB beyond, then cut it."""
        if text.startswith("data:image/") and (image := re.fullmatch(_DATA_IMAGE, text)):
            return self._image(text, image[1])
        text = text[: most + _OVERLAP]
        if self._rules is not None and self._rules.might_hold_secret(text):
            text, found = self._rules.clean(text)
            if found:
                self.note("redacted", found)
        return self._fit(text, most)

    def _image(self, text: str, kind: str) -> str:
        """Keep an image whole, or say what it was."""
        if len(text) + 2 <= self._room:
            return self._spend(f'"{text}"')
        self.note("replaced")
        return self._fit(f"<{kind}: {len(text)} characters>", MOST_TEXT)

    def _fit(self, text: str, most: int) -> str:
        """Quote a text, cut to `most` bytes and to the room that is left."""
        mended = mend(text)
        if mended is not text:
            self.note("replaced")
        shown = _cut(mended, most)
        while (size := len((quoted := quote(shown)).encode())) > max(self._room, 2):
            kept = shown[: len(shown) * max(self._room - 8, 0) // size]
            shown = f"{kept}…" if kept else ""
        if shown is not mended:
            self.note("truncated")
        self._room -= size
        return quoted

    def _spend(self, text: str, size: int | None = None) -> str:
        self._room -= len(text) if size is None else size
        return text

    def _note_rest(self, count: int) -> None:
        if count > 0:
            self.note("truncated")


def mend(text: str) -> str:
    """Return the text if UTF-8 can hold it, else a copy with U+FFFD for each lone surrogate."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _cut(text: str, most: int) -> str:
    """Cut a text to so many bytes of UTF-8."""
    if len(text) * 4 <= most or len(data := text.encode()) <= most:
        return text
    return data[: most - 3].decode(errors="ignore") + "…"
