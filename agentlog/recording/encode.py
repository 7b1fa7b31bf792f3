"""Any value → one bounded piece of JSON, as it is at the call.

`Encoder` serves the frequent shapes (texts and numbers in a mapping) in a straight line; everything
else takes `Walk`, in walk.py, which redacts, bounds and encodes in one pass.
"""

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring as quote
from types import MappingProxyType
from typing import Any, TypeVar

from agentlog.errors import ConfigurationError
from agentlog.foreign import ask, let_pass
from agentlog.recording.redact import Redact, shown
from agentlog.recording.walk import BESIDE_ANOTHER, INT64, Walk, mend

HEAD_ROOM = 32 << 10
ERROR_ROOM = 160 << 10
PAYLOAD_ROOM = (1 << 20) - HEAD_ROOM - ERROR_ROOM - 1024  # ids and times: a record has 1 MiB
LEAST_ROOM = 64 << 10  # for each of several payloads

_HEAD = frozenset({"event_type", "model", "tags", "logger", "level", "source", "reason", "rating"})
"""The fields with a room of their own, so that no payload can push them out."""

_PAYLOAD = frozenset({"params", "returns", "prompt", "error", "log", "process", "tags", "rating"})
"""The fields that a redacting function sees."""

_NAMES = ("event_type", "action_type", "reason", "error")
"""The fields of which `redact="all"` leaves something, beside ids, times and results."""

_HEAVY = ("params", "returns", "prompt", "log")
_OUR_REASONS = ("cancelled", "interrupted", "abandoned", "exit")
_SHORT = 4096
_CACHED = 1024
_MOST_TEXT = 256 << 10  # characters of remembered texts
_FREQUENT = 32
_IN_LISTS = (str, dict)
_MOST_NESTED = 4  # levels of a mapping in others
_LOOKED_AT = 512  # characters of a text that are searched for secrets twice, if it holds one
_PAIR = 2  # may be the name of a secret and the secret: the walk knows

T = TypeVar("T")
Hook = Callable[[str, Any], Any]


class Encoder:
    """Turns the fields of a record into JSON.

    Args:
        redact: True for the built-in rules, False for none, `"all"` for names, times, outcomes and
            error types only, a `Redact` for rules of your own, or a function `(field, value) ->
            value` that sees each payload as plain JSON values after the built-in rules.

    Raises:
        ConfigurationError: If `redact` is something else.

    """

    def __init__(self, redact: "bool | str | Redact | Hook" = True) -> None:  # noqa: FBT002
        self.rules = redact if isinstance(redact, Redact) else Redact() if redact else None
        self._hook = redact if callable(redact) else None
        self._only_names = redact == "all"
        if not (isinstance(redact, bool | Redact) or self._only_names or self._hook):
            message = (
                f"{shown(redact, 'redact')} is not accepted: it is True, False, 'all', a "
                "Redact(...) or a function (field, value) -> value"
            )
            raise ConfigurationError(message)
        self._plain = self._hook is None and not self._only_names
        self._might_hold_secret = self.rules.might_hold_secret if self.rules else _never
        self._names: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._text_kept = 0
        self._cleared: dict[str, str] = {}  # texts that look like a secret's and hold none
        self.labels: dict[tuple[str | None, str | None], str] = {}

    def opening(
        self,
        event_type: str,
        params: Mapping[str, Any] | None,
        details: dict[str, Any] | None = None,
    ) -> str:
        """Return `,"event_type":…,"params":…` and the details' fields, as a piece of a record."""
        name = self._names.get(event_type)
        if name is None:
            self._learn_name(event_type)
        elif params is None or type(params) is dict:
            text = "" if params is None else self._frequent(params)
            if text is not None:
                head = f'{name},"params":{text}' if text else name
                if not details:
                    return head
                more = self._quick_fields(details) if len(text) <= LEAST_ROOM // 4 else None
                if more is not None:
                    return head + more
        return self.fields({"event_type": event_type, "params": params, **(details or {})})

    def learn_labels(self, level: str | None, logger: str | None) -> str | None:
        """Remember `,"level":…,"logger":…` in `labels`; None for those that need a note."""
        if not (self._is_plain(level or "") and self._is_plain(logger or "")):
            return None
        text = self.fields({"level": level, "logger": logger})
        return _store(self.labels, (level, logger), text)

    def snapshot(self, field: str, value: Any) -> "Encoded":
        """Encode a field's value now, to be written later; one that is encoded stays as it is."""
        if type(value) is Encoded:
            return value
        if (text := self._quick(value)) is not None and len(text) <= PAYLOAD_ROOM // 4:
            return Encoded(text)
        walk = Walk(self.rules, PAYLOAD_ROOM, {})
        return Encoded(self._field(field, value, walk), walk.notes)

    def piece(self, value: Any, room: int) -> "Encoded":
        """Encode a part of a payload, in so much room; `whole` makes the payload of the parts."""
        walk = Walk(self.rules, room, {})
        return Encoded(walk.value(value), walk.notes)

    def whole(self, field: str, text: str, notes: dict[str, int]) -> "Encoded":
        """Return a payload that was put together of pieces."""
        walk = Walk(self.rules, PAYLOAD_ROOM, notes)
        return Encoded(None if self._only_names else self._seen_by_user(field, text, walk), notes)

    def returned(self, returns: "Encoded") -> str:
        """Return `,"returns":…` for a snapshot."""
        if returns.text is not None and not returns.notes:
            return f',"returns":{returns.text}'
        return self.fields({"returns": returns})

    def fields(self, values: Mapping[str, Any]) -> str:
        """Return `,"name":value` for each value that is not None, and `,"notes":…` if any."""
        if (text := self._quick_fields(values)) is not None:
            return text
        notes: dict[str, int] = {}
        head = Walk(self.rules, HEAD_ROOM, notes)
        given = {name: value for name, value in values.items() if value is not None}
        payloads = [name for name in given if name not in _HEAD]
        taken = [value.text or "" for value in given.values() if type(value) is Encoded]
        room = PAYLOAD_ROOM - sum(len(text.encode()) for text in taken)
        parts = []
        for name, value in given.items():
            if type(value) is Encoded:
                text = value.text
                for kind, times in value.notes.items():
                    head.note(kind, times)
            elif (text := self._quick(value)) is not None and len(text) <= LEAST_ROOM // 4:
                room -= 4 * len(text)
            elif name in _HEAD:
                text = self._field(name, value, head)
            else:
                kept = LEAST_ROOM * (len(payloads) - payloads.index(name) - 1)
                size = ERROR_ROOM if name == "error" else max(room - kept, LEAST_ROOM)
                text = self._field(name, value, Walk(self.rules, size, notes))
                room -= len((text or "").encode())
            if text is not None:
                parts.append(f',"{name}":{text}')
        if notes:
            parts.append(f',"notes":{json.dumps(notes, separators=(",", ":"))}')
        return "".join(parts)

    def _quick_fields(self, values: Mapping[str, Any]) -> str | None:
        """Encode fields that are short and clean; None leaves them to the walk."""
        if not self._plain:
            return None
        parts = []
        for name, value in values.items():
            if value is not None:
                if (text := self._quick(value)) is None or len(text) > LEAST_ROOM // 4:
                    return None
                parts.append(f',"{name}":{text}')
        return "".join(parts)

    def _quick(self, value: Any, depth: int = 0) -> str | None:
        """Encode a number, or clean texts alone or in a container; None leaves it to the walk."""
        if not self._plain:
            return None
        kind = type(value)
        if kind is int:
            return str(value) if -INT64 <= value < INT64 else None
        if value is None:
            return "null"
        if kind is str:
            known = self._texts.get(value) if len(value) <= _SHORT else None
            return known or self._learn_text(value)
        if (kind is list or (kind is tuple and len(value) != _PAIR)) and len(value) <= _FREQUENT:
            parts = []
            for item in value:
                if type(item) not in _IN_LISTS or (text := self._quick(item, depth)) is None:
                    return None
                parts.append(text)
            return f"[{','.join(parts)}]"
        return self._frequent(value, depth) if kind is dict else None

    def _field(self, name: str, value: Any, walk: Walk) -> str | None:
        if self._only_names:
            if name == "error":
                value = {"type": value["type"]}
            elif name not in _NAMES or (name == "reason" and value not in _OUR_REASONS):
                return None
        return self._seen_by_user(name, walk.value(value), walk)

    def _seen_by_user(self, name: str, text: str, walk: Walk) -> str | None:
        """Give a payload to the user's function, if there is one; return what it makes of it."""
        if self._hook is None or name not in _PAYLOAD:
            return text
        try:
            hook = self._hook
            answer = ask(lambda value: hook(name, value), json.loads(text))
        except BaseException as error:  # noqa: BLE001 - the user's function: what it did not pass is withheld
            let_pass(error)
            walk.note("redacted")
            return None
        return Walk(None, PAYLOAD_ROOM, walk.notes).value(answer)

    def _frequent(  # noqa: C901, PLR0912 - one straight line
        self, values: dict[str, Any], depth: int = 0
    ) -> str | None:
        """Encode a mapping of short clean texts and numbers; None leaves it to the walk."""
        if not self._plain or len(values) > _FREQUENT:
            return None
        parts = []
        keys, texts = self._keys, self._texts
        try:
            for key, value in values.items():
                head = keys.get(key) if type(key) is str else None
                if head is None and (head := self._learn_key(key)) is None:
                    return None
                kind = type(value)
                if kind is str:
                    text = texts.get(value) if len(value) <= _SHORT else None
                    text = text or self._learn_text(value) or self._cleared_text(value)
                    if text is None:
                        return None
                    parts.append(head + text)
                elif kind is int:
                    if not -INT64 <= value < INT64:
                        return None
                    parts.append(f"{head}{value}")
                elif value is None:
                    parts.append(head + "null")
                elif kind is bool:
                    parts.append(head + ("true" if value else "false"))
                elif kind is float and value - value == 0.0:
                    parts.append(f"{head}{value!r}")
                else:
                    text = self._quick(value, depth + 1) if depth < _MOST_NESTED else None
                    if text is None or len(text) > _SHORT:
                        return None
                    parts.append(head + text)
        except RuntimeError:
            # Another thread changed the mapping under us; the walk takes a copy first.
            return None
        return f"{{{','.join(parts)}}}"

    def _learn_text(self, value: str) -> str | None:
        """Quote a text, and remember it: names recur, and each request has all messages before."""
        if len(value) > _SHORT or mend(value) is not value or self._might_hold_secret(value):
            return None
        self._text_kept += len(value)
        if self._text_kept > _MOST_TEXT:
            self._texts.clear()
            self._text_kept = len(value)
        return _store(self._texts, value, quote(value))

    def _cleared_text(self, value: str) -> str | None:
        """Quote a short text that has a look of a secret and holds none, as URLs do.

        For values in mappings only: in a list, a text may say that the next one is a secret.
        """
        if (known := self._cleared.get(value)) is not None:
            return known
        rules = self.rules
        if rules is None or len(value) > _LOOKED_AT or mend(value) is not value:
            return None
        if rules.clean(value)[1]:
            return None
        return _store(self._cleared, value, quote(value))

    def _learn_key(self, key: Any) -> str | None:
        """Remember how an ordinary key is written; None for one that takes the walk."""
        if type(key) is not str or not self._is_plain(key):
            return None
        rules = self.rules
        if rules is not None and (key in BESIDE_ANOTHER or rules.kind_of_key(key) is not None):
            return None
        return _store(self._keys, key, quote(key) + ":")

    def _learn_name(self, event_type: str) -> None:
        if type(event_type) is str and self._is_plain(event_type):
            _store(self._names, event_type, f',"event_type":{quote(event_type)}')

    def _is_plain(self, text: str) -> bool:
        return len(text) <= 256 and mend(text) is text and not self._might_hold_secret(text)  # noqa: PLR2004


class Encoded:
    """A value as it was when taken: its JSON text, None where it is withheld, and the notes."""

    __slots__ = ("notes", "text")

    def __init__(self, text: str | None, notes: Mapping[str, int] = MappingProxyType({})) -> None:
        self.text = text
        self.notes = notes

    def value(self) -> Any:
        """Return the value as plain JSON types; None where it is withheld."""
        return None if self.text is None else json.loads(self.text)


def _store(cache: dict[Any, T], key: Any, value: T) -> T:
    """Remember a value; a full cache starts over."""
    if len(cache) >= _CACHED:
        cache.clear()
    cache[key] = value
    return value


def without_payload(line: bytes) -> bytes:
    """Return a record's line without its payloads; its notes say that they were dropped."""
    record = json.loads(line)
    dropped = [name for name in _HEAVY if record.pop(name, None) is not None]
    if isinstance(record.get("error"), dict):
        record["error"] = {"type": record["error"].get("type")}
    if dropped:
        notes = record.get("notes")
        record["notes"] = {**(notes if isinstance(notes, dict) else {}), "dropped": len(dropped)}
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return mend(text).encode() + b"\n"


def _never(_: str) -> bool:
    return False
