"""A text as a person reads it: without colours, signs of no width and wide letters.

Secrets are looked for in what is left, so that a name printed in bold is still that name.
"""

import re

# `re` keeps what it compiled; most programs never need it, and none at import.
_UNSEEN = "\x1b\\[[0-9;?]{0,16}[A-Za-z]|[\u00ad\u200b-\u200f\u2060\ufeff]"
_WIDE = "[\u00a0\uff01-\uff5e]"
_FIRST_WIDE = 0xFF01
_FIRST_NARROW = 0x21


def uncovered(text: str) -> str:
    """Return a text without what nobody sees: a terminal's colours, and signs of no width."""
    if "\x1b" not in text and text.isascii():
        return text
    return re.sub(_UNSEEN, "", text)


def narrow(text: str) -> str:
    """Return a text of the same length, with plain letters and spaces in place of wide ones."""
    return text if text.isascii() else re.sub(_WIDE, _narrow, text)


def _narrow(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(code - _FIRST_WIDE + _FIRST_NARROW) if code >= _FIRST_WIDE else " "
