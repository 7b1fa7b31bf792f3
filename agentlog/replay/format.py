"""Values as a person reads them: texts, durations, tokens, times.

The rule of this file: nothing that was recorded can steer the terminal or hide on it. `safe` is
the only way from recorded text to a line; all else that is shown is made here or in `glyphs`.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BLANK = frozenset([0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0])
_BLANK_RANGES = ((0x180B, 0x180F), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF))
"""Characters that Unicode lets no terminal show (Default_Ignorable_Code_Point), though Python
counts some as printable; but not the variation selectors that emoji are written with."""

_JOINERS = "\u200c\u200d"
_at_joiners = re.compile(f"([{_JOINERS}])").split

_is_narrow = re.compile(
    "[\x00-\u02ff\u2010-\u20cf\u2100-\u22ff\u2500-\u257f\u2706-\u2709\u270c-\u2727]*"
).fullmatch
"""Whether a text is surely of one column a character: it spares most texts the slow way."""


def safe(text: str, *, ascii_only: bool = False) -> str:
    r"""Return a text in which everything that cannot be seen is a visible escape, `\x1b`.

    That is: control, format, bidirectional, zero-width and tag characters, line and paragraph
    separators, lone surrogates, and code points that are private or not assigned. A zero-width
    joiner or non-joiner passes between two characters beyond ASCII that are seen: it is part of
    how emoji and words of many scripts are written.
    """
    if text.isascii():
        return text if text.isprintable() else text.translate(_ESCAPES)
    if ascii_only:
        return text.translate(_ASCII_ESCAPES)
    pieces = _at_joiners(text)
    return "".join(
        piece if place % 2 and _is_joined(pieces, place) else piece.translate(_ESCAPES)
        for place, piece in enumerate(pieces)
    )


def _is_joined(pieces: Sequence[str], place: int) -> bool:
    sides = pieces[place - 1][-1:], pieces[place + 1][:1]
    return all(
        side.isprintable() and not side.isascii() and _is_visible(ord(side)) for side in sides
    )


class _Escapes:
    """A table for `str.translate`; with `last`, what lies behind that code point is escaped."""

    def __init__(self, last: int) -> None:
        self._last = last

    def __getitem__(self, code: int) -> str:
        if code <= self._last and _is_visible(code):
            raise LookupError(code)
        return _escape(code)


_ESCAPES = _Escapes(last=0x10FFFF)
_ASCII_ESCAPES = _Escapes(last=0x7F)


def _is_visible(code: int) -> bool:
    character = chr(code)
    if not character.isprintable():
        return unicodedata.category(character) == "Zs"
    return code not in _BLANK and not any(low <= code <= high for low, high in _BLANK_RANGES)


def _escape(code: int) -> str:
    if chr(code) in _NAMED:
        return _NAMED[chr(code)]
    if code < 0x100:  # noqa: PLR2004 the three widths of Python's own escapes
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 as above


def cells(text: str) -> int:
    """Return how many columns of a terminal a safe text takes."""
    return len(text) if _is_narrow(text) else sum(map(_cell, text))


@lru_cache(maxsize=4096)
def _cell(character: str) -> int:
    if character in _JOINERS or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def split(text: str, room: int) -> tuple[str, str]:
    """Split a text where its beginning fills `room` columns; at least one character goes first."""
    used = 0
    for place, character in enumerate(text):
        used += _cell(character)
        if used > room and place:
            cut = _before_joined(text, place)
            return text[:cut], text[cut:]
    return text, ""


def _before_joined(text: str, place: int) -> int:
    """Move a cut to the left, if it would tear apart what a joiner joins and there is room."""
    cut = place
    while cut and (text[cut - 1] in _JOINERS or not _cell(text[cut])):
        cut -= 1
    return cut or place


def wrap(text: str, room: int) -> tuple[str, str]:
    """Split a text as `split` does, but at a blank where there is one."""
    piece, rest = split(text, room)
    blank = piece.rfind(" ")
    if not rest or rest.startswith(" ") or blank <= 0:
        return piece, rest.lstrip(" ")
    return piece[:blank], text[blank + 1 :]


def clip(text: str, room: int, ellipsis: str) -> str:
    """Return a text cut to `room` columns, with an ellipsis where it was cut."""
    if cells(text) <= room:
        return text
    return split(text, max(1, room - cells(ellipsis)))[0].rstrip() + ellipsis


def duration(seconds: float, *, ascii_only: bool = False) -> str:
    """Write a duration that is not negative: 12 µs, 3.4 ms, 1.20 s, 2m03s, 1h02m, 3d04h.

    It takes at most seven columns for a year or less.
    The bounds lie where rounding would carry into the next unit.
    """
    if seconds < 59.95:  # noqa: PLR2004
        return _short_duration(seconds, "us" if ascii_only else "µs")
    if seconds < 3599.5:  # noqa: PLR2004
        return "{}m{:02}s".format(*divmod(round(seconds), 60))
    if seconds < 86_370:  # noqa: PLR2004
        return "{}h{:02}m".format(*divmod(round(seconds / 60), 60))
    return "{}d{:02}h".format(*divmod(round(seconds / 3600), 24))


def _short_duration(seconds: float, micro: str) -> str:
    for bound, factor, places, unit in (
        (0.0009995, 1e6, 0, micro),
        (0.00995, 1e3, 1, "ms"),
        (0.9995, 1e3, 0, "ms"),
        (9.995, 1, 2, "s"),
    ):
        if seconds < bound:
            return f"{seconds * factor:.{places}f} {unit}"
    return f"{seconds:.1f} s"


def tokens(given: int | None, made: int | None, arrow: str) -> str:
    """Write tokens in and out, `812→96`; nothing where neither is known."""
    if given is None and made is None:
        return ""
    return f"{_short(given or 0)}{arrow}{_short(made or 0)}"


def _short(value: int) -> str:
    """Write a count of tokens: 9,876, then 12.3k, 4.5M."""
    if value < 10_000:  # noqa: PLR2004
        return f"{value:,}"
    for bound, factor, unit in ((999_950, 1e3, "k"), (999_950_000, 1e6, "M")):
        if value < bound:
            return f"{value / factor:.1f}{unit}"
    return f"{value / 1e9:,.1f}G"


def dollars(value: float) -> str:
    """Write a cost in US dollars: $1,234.56, $0.0123 below a dollar, $0.0012 below a cent."""
    if value < 1e-6:  # noqa: PLR2004
        return "<$0.000001" if value else "$0"
    if value < 0.01:  # noqa: PLR2004
        return f"${Decimal(f'{value:.1e}'):f}"
    return f"${value:,.{4 if value < 1 else 2}f}"


def plural(value: int, noun: str) -> str:
    """Write a count with its noun: no failures, 1 failure, 2 failures."""
    if value == 0:
        return f"no {noun}s"
    return f"{value:,} {noun}" + ("" if value == 1 else "s")


def clock(timestamp: float | None, zone: tzinfo | None, *, seconds: bool = True) -> str:
    """Write a moment, seconds since the epoch, in a time zone; None is the local one."""
    if timestamp is None:
        return "unknown"
    moment = datetime.fromtimestamp(timestamp, zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
