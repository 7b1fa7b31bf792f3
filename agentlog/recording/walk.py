"""One pass over any value that redacts, bounds and encodes it.

The bounds: depth 20, 1,000 items a container, 256 KiB a text, 100,000 values, and the room of the
whole. What was done is counted in the notes:

* `redacted`: secrets replaced
* `truncated`: texts, containers and depths cut
* `replaced`: values that JSON cannot hold, with a text in their place

The room is of time, too: whatever holds others, or has code of its own to run, costs some of it
before it is looked into. So a value that has no end, as its parts are in it twice, comes to one.

Nothing here raises but what is the host's own (foreign.py): whatever the values' code raises makes
the value unprintable and no more. Nothing is kept by reference, and no iterator is consumed.
"""

import codecs
import re
from collections.abc import Sequence
from json.encoder import encode_basestring as quote
from typing import Any

from agentlog.foreign import ask, ask_text, class_name, let_pass, unprintable
from agentlog.recording.named_value import PASSWORDS, is_made_up
from agentlog.recording.natural import (
    HIDDEN,
    MOST_ITEMS,
    MOST_REPR,
    MOST_TEXT,
    OVERLAP,
    UNKNOWN,
    Cut,
    Items,
    Unordered,
    pairs_of,
    repr_of,
    simpler,
)
from agentlog.recording.redact import Redact, mark, sealed

_UTF_16 = codecs.lookup("utf-16-le")
"""Looked up here, as that imports a module: no recording call may wait for another import."""

MOST_DEPTH = 20
MOST_VALUES = 100_000
INT64 = 1 << 63

_A_CALL = 4
"""What it costs to run code of a value's own, counted in values."""

_PAIR = 2
_LINE = "line of a private key"
_LONGEST_NAME = 200
_MOST_SPACES = 2
_MOST_OF_A_NAMED_VALUE = 8
_MOST_OF_A_COUNT = 9999
_LONGEST_TAG = 5
_NETLOC = "netloc"
BESIDE_ANOTHER = ("value", _NETLOC)
"""Keys under which a secret may stand by what stands beside it, or by its own form."""

_WITH_PARTS = (Items, list, tuple)
_DATA_IMAGE = r"data:(image/[\w.+-]{1,64});base64,[A-Za-z0-9+/=_-]*"


class Walk:
    """The encoding of one record's values, which share a room of so many bytes and the notes."""

    __slots__ = ("_left", "_path", "_room", "_rules", "notes")

    def __init__(self, rules: Redact | None, room: int, notes: dict[str, int]) -> None:
        self._rules = rules
        self._room = room
        self._left = MOST_VALUES
        self._path: set[int] = set()
        self.notes = notes

    def note(self, kind: str, times: int = 1) -> None:
        """Count something that was done to the record."""
        self.notes[kind] = self.notes.get(kind, 0) + times

    def value(self, value: Any, depth: int = 0) -> str:
        """Return the value as JSON text."""
        try:
            return self._value(value, depth)
        except BaseException as error:  # noqa: BLE001 - the value's own code ran
            let_pass(error)
            self.note("replaced")
            return self._fit(unprintable(value), MOST_REPR)

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
        if kind is Cut:
            self.note("truncated")
            return self._text(str.__str__(value))
        if kind is dict:
            value, kind = pairs_of(value), Items
        elif kind is not list and kind is not tuple and kind is not Items and kind is not Unordered:
            self._left -= _A_CALL
            simple = ask(simpler, value)
            if simple is UNKNOWN:
                return self._repr(value)
            rules = self._rules
            if rules is not None and type(simple) in _WITH_PARTS:
                simple = ask(lambda parts: _by_names(kind, value, parts, rules), simple)
            return self.value(simple, depth)
        self._left -= min(len(value), MOST_ITEMS)
        if self._left <= 0:
            self._room = 0
        if depth >= MOST_DEPTH:
            self.note("truncated")
            return self._text(f"<{len(value)} items below depth {MOST_DEPTH}>")
        if kind is Items:
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
            if name == _NETLOC and type(value) is str:
                parts.append(f"{head}:{self._host(value)}")
                continue
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
            named = self._kind_of_next(item, named, items) if self._rules else None
        self._note_rest(len(items) - len(parts))
        if type(items) is Unordered:
            parts.sort()
        return self._spend("[" + ",".join(parts) + "]", len(parts) + 2)

    def _item(self, item: Any, depth: int) -> str:
        """Encode an item of a sequence; of a pair of a secret's name and value, only the name."""
        if self._rules and type(item) in (list, tuple) and len(item) == _PAIR:
            name = self._as_name(item[0])
            kind = self._rules.kind_of_key(name) if name else None
            if name and kind and not _is_said_of(item[1], kind):
                return f"[{self._text(name)},{self._secret(kind)}]"
        return self.value(item, depth)

    def _kind_of_next(self, item: Any, named: str | None, items: Sequence[Any]) -> str | None:
        """Say what kind of secret comes next in a list: a named one, or a line of a private key."""
        name = self._as_name(item)
        if not name or self._rules is None:
            return None
        if name.startswith("-----BEGIN "):
            return _LINE if "PRIVATE KEY" in name[:80] and "-----END" not in name else None
        if name.startswith("-"):
            return self._rules.kind_of_key(name) if "=" not in name else None
        if type(items) is tuple and len(items) == _PAIR and item is items[0]:
            kind, value = self._rules.kind_of_key(name), self._as_name(items[1])
            return kind if kind and value and is_made_up(value, kind) else None
        return named if named == _LINE else None

    @staticmethod
    def _as_name(value: Any) -> str | None:
        """Return a text that may be a name, which is no sentence."""
        if issubclass(type(value), bytes):
            value = bytes.decode(value, "latin-1")
        if not issubclass(type(value), str):
            return None
        name = str.__str__(value)
        is_short = len(name) <= _LONGEST_NAME and name.count(" ") <= _MOST_SPACES
        return name if is_short or name.startswith("-----") else None

    def _key(self, key: Any) -> str:
        """Return the text of a mapping's key, as json.dumps would have it where it has one."""
        kind = type(key)
        if kind is str:
            return mend(key)
        if key is None or kind is bool:
            return {None: "null", True: "true", False: "false"}[key]
        try:
            simple = key if kind in (int, float) else ask(simpler, key)
            is_plain = type(simple) in (str, int, float)
            return mend(str(simple) if is_plain else ask_text(key, repr_of)[:MOST_TEXT])
        except BaseException as error:  # noqa: BLE001 - the key's own code ran
            let_pass(error)
            self.note("replaced")
            return unprintable(key)

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
        text = ask_text(value, repr_of)
        self.note("replaced")
        return self._text(text, MOST_REPR)

    def _secret(self, kind: str) -> str:
        self.note("redacted")
        return self._fit(mark(kind), MOST_TEXT)

    def _host(self, text: str) -> str:
        """Redact a host with a name and a password in front of it, as urlparse has it."""
        if self._rules is not None:
            text, found = self._rules.clean(f"//{text}")
            text = text[2:]
            if found:
                self.note("redacted", found)
        return self._fit(text, MOST_TEXT)

    def _text(self, text: str, most: int = MOST_TEXT) -> str:
        """Redact a text as far as it will be seen and some kB beyond, then cut it."""
        if text.startswith("data:image/"):
            seen = text if len(text) < self._room else text[:OVERLAP]
            if image := re.fullmatch(_DATA_IMAGE, seen):
                return self._image(text, image[1])
        text = text[: most + OVERLAP]
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


def _by_names(kind: type, value: Any, simple: Any, rules: Redact) -> Any:
    """Return values by the names that tell a secret: a model's aliases, an array's columns."""
    if kind.__module__ == "numpy":
        names = getattr(getattr(value, "dtype", None), "names", None)
        return _rows(simple, names) if type(names) is tuple else simple
    fields = getattr(kind, "__pydantic_fields__", None)
    if type(fields) is not dict or type(simple) is not Items:
        return simple
    aliases = {name: getattr(field, "alias", None) for name, field in fields.items()}
    kinds = {name: rules.kind_of_key(a) for name, a in aliases.items() if type(a) is str}
    return Items((name, sealed(said) if (said := kinds.get(name)) else v) for name, v in simple)


def _rows(simple: Any, names: tuple[str, ...]) -> Any:
    if type(simple) is tuple:
        return Items(zip(names, simple, strict=True))
    return [_rows(row, names) for row in simple] if type(simple) is list else simple


def _is_said_of(value: Any, kind: str) -> bool:
    """Say whether a pair is a word and what is said of it: its number, or what word it is."""
    if kind in PASSWORDS:
        return False
    is_small = type(value) is int and abs(value) <= _MOST_OF_A_COUNT
    is_tag = type(value) is str and value.isalpha() and value.isupper()
    return is_small or (is_tag and len(value) <= _LONGEST_TAG)


def mend(text: str) -> str:
    """Return the text if UTF-8 can hold it, else a copy with U+FFFD for each lone surrogate."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        halves, _ = _UTF_16.encode(text, "surrogatepass")
        return _UTF_16.decode(halves, "replace")[0]
    return text


def _cut(text: str, most: int) -> str:
    """Cut a text to so many bytes of UTF-8."""
    if len(text) * 4 <= most or len(data := text.encode()) <= most:
        return text
    return data[: most - 3].decode(errors="ignore") + "…"
