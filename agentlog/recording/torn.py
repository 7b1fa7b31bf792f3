"""Secrets that are torn in two by the items of a list: `[{"delta": "my ke"}, {"delta": "y is …"}]`.

Texts that stand in the same place of one item after the other are read as one text, as they are
when a stream is put together. The items are plain JSON values, whose secrets were replaced one by
one; what is found now goes from one item to the next.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from agentlog.recording.redact import Redact, Span, mark, sealed

_OF_KEYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.%-"
_MARK = r"\[redacted: ([^\]]{1,80})\]"
# `re` keeps what it compiled; most programs never need it, and none at import.
_UNFINISHED = (
    r"(?:(?P<key>(?<![A-Za-z0-9])(?:sk-(?:proj|ant|or|svcacct|admin)-|gh[pousr]_|github_pat_|glpat-"
    r"|gsk_|hf_|npm_|[rs]k_(?:live|test)_|xox[a-z]-|xapp-|AKIA|ASIA|AIza|ya29\.|SG\.|eyJ|dapi"
    r"|dop_v1_|whsec_|pypi-)(?=[\w.-]{0,80}[0-9]|[\w.-]{0,80}[a-z][A-Z])[\w.-]{4,512})"
    r"|\w://[^\s/@:?#\[\"']{0,64}:(?!\d{1,5}\Z)(?P<password>[^\s/@\"']{4,64}))\Z"
)
_LONGEST_END = 700
_LONGEST_PIECE = 4096
_SHORTEST_PIECE = 4


class _Place(NamedTuple):
    """Where a text stands: in a list or an object, under an index or a key."""

    inside: Any
    key: Any

    @property
    def text(self) -> str:
        return str(self.inside[self.key])


def replace_torn(items: list[Any], rules: Redact) -> int | None:
    """Replace, in place, secrets that go from item to item.

    Returns:
        How many there were beside those that were found before; None if nothing was replaced.

    """
    rows: dict[tuple[Any, ...], list[_Place]] = {}
    for index, item in enumerate(items):
        for path, place in _texts(item, (), _Place(items, index)):
            rows.setdefault(path, []).append(place)
    found = [_replace_in_row(places, rules) for places in rows.values() if len(places) > 1]
    counts = [count for count in found if count is not None]
    return sum(counts) if counts else None


def without_unfinished(text: str, rules: Redact) -> str:
    """Seal the beginning of a secret in the end of a text, the rest of which never came."""
    span = _unfinished(text, rules)
    return f"{text[: span[0]]}{sealed(span[2])}" if span else text


def _unfinished(text: str, rules: Redact) -> Span | None:
    begin = max(len(text) - _LONGEST_END, 0)
    match = re.search(_UNFINISHED, text[begin:])
    if match is None or any(stop > match.start() for _, stop, _ in rules.secrets(text[begin:])):
        return None
    group = "key" if match["key"] else "password"
    return begin + match.start(group), len(text), group


def _texts(
    value: Any, path: tuple[Any, ...], place: _Place
) -> Iterator[tuple[tuple[Any, ...], _Place]]:
    if type(value) is str:
        yield path, place
    elif type(value) is dict:
        for key, item in value.items():
            yield from _texts(item, (*path, key), _Place(value, key))
    elif type(value) is list:
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index), _Place(value, index))


def _replace_in_row(places: list[_Place], rules: Redact) -> int | None:
    texts = [place.text for place in places]
    borders = list(accumulate(map(len, texts), initial=0))
    whole = "".join(texts)
    found = rules.secrets(whole) if rules.might_hold_secret(whole) else []
    if last := _unfinished(whole, rules):
        found.append(last)
    spans = sorted([*found, *_continued(whole, borders)])
    if not spans:
        return None
    for place, text, begin in zip(places, texts, borders, strict=False):
        left = _without(text, begin, spans)
        if left != text:
            place.inside[place.key] = left
    return len(found)


def _continued(whole: str, borders: list[int]) -> Iterator[Span]:
    """Find the marks of secrets that went on in the item before or behind."""
    for found in re.finditer(_MARK, whole):
        start, stop = found.span()
        before = whole[max(start - _LONGEST_PIECE, 0) : start]
        behind = whole[stop : stop + _LONGEST_PIECE]
        begin = start - len(before) + len(before.rstrip(_OF_KEYS))
        end = stop + len(behind) - len(behind.lstrip(_OF_KEYS))
        border = borders[bisect_left(borders, start) - 1]
        begin = begin if begin < border and _is_a_piece(whole[begin:border]) else start
        border = borders[min(bisect_left(borders, stop), len(borders) - 1)]
        end = end if _is_a_piece(whole[border:end]) else stop
        if (begin, end) != (start, stop):
            yield begin, end, found[1]


def _without(text: str, begin: int, spans: list[tuple[int, int, str]]) -> str:
    """Return a piece of the whole without its secrets; the mark stands where a secret begins."""
    parts, done, end = [], begin, begin + len(text)
    for start, stop, kind in spans:
        if stop <= done or end <= start:
            continue
        parts.append(text[done - begin : max(start - begin, done - begin)])
        if start >= done:
            parts.append(mark(kind))
        done = min(stop, end)
    return "".join((*parts, text[done - begin :]))


def _is_a_piece(text: str) -> bool:
    """Say whether a text looks like a piece of a key: with a digit, or capitals in the midst."""
    is_word = text.isalpha() and (text.islower() or text.istitle() or text.isupper())
    return len(text) >= _SHORTEST_PIECE and not is_word
