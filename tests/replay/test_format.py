"""Values as a person reads them, and nothing that steers a terminal."""

import sys
import unicodedata
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.format import (
    cells,
    clip,
    clock,
    dollars,
    duration,
    plural,
    safe,
    split,
    tokens,
    wrap,
)
from tests.replay.events import texts

UNSEEN = [
    *map(chr, [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x34F, 0x180E, 0x3164, 0xFEFF]),
    *map(chr, [*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)]),
    *map(chr, [0xD800, 0xDFFF, 0xE000, 0xFFF9, 0xFFFE, 0xE0001, 0xE0041, 0xE0100, 0x10FFFF]),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\rd\x00", "a\\nb\\tc\\rd\\x00"),
        ("a\x9bb", "a\\x9bb"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("検索 é 🚀 \xa0", "検索 é 🚀 \xa0"),
        ("می\u200cکنم 👩\u200d👧", "می\u200cکنم 👩\u200d👧"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("é\u200db a\u200dé é\u200d", "é\\u200db a\\u200dé é\\u200d"),
        ("\u2000\u200c\xa0", "\u2000\\u200c\xa0"),
        ("é\u200d\u200dé\u200d\u202e", "é\\u200d\\u200dé\\u200d\\u202e"),
    ],
)
def test_safe(text, expected):
    """What cannot be seen is written as an escape, all else stays."""
    assert expected == safe(text)


@pytest.mark.parametrize("character", UNSEEN)
def test_unseen(character):
    """No character that is invisible or steers the terminal passes."""
    assert safe(f"a{character}é").startswith("a\\")


def test_every_code_point():
    """Nothing of the categories control, format, surrogate, private or separator passes alone."""
    passed = set(safe("".join(map(chr, range(sys.maxunicode + 1)))))
    categories = {unicodedata.category(character) for character in passed}
    assert set() == categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(texts)
def test_ascii(text):
    """In ASCII mode a text is ASCII, and printable in both."""
    assert safe(text, ascii_only=True).isascii()
    assert safe(text, ascii_only=True).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", 3),
        ("検索", 4),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("e\u20d0", 1),
        ("🚀", 2),
        ("👩\u200d👧", 4),
        ("می\u200cکنم", 5),
        ("├─ ✓ ⋯ ━╸", 9),
        ("", 0),
    ],
)
def test_cells(text, expected):
    """East Asian characters and emoji take two columns, combining ones none."""
    assert expected == cells(text)


@given(texts)
def test_cells_agrees_with_itself(text):
    """The short way to a width gives what its characters give one by one."""
    text = safe(text)
    assert cells(text) == sum(cells(character) for character in text)


def test_what_is_taken_for_narrow_is_so():
    """Whatever Unicode has as wide, or as combining, is looked at one by one."""
    characters = safe("".join(map(chr, range(0x4000))))
    wide = [each for each in characters if unicodedata.east_asian_width(each) in {"W", "F"}]
    marks = {each for each in characters if unicodedata.category(each) in {"Mn", "Me"}}
    assert {2} == {cells(each) for each in wide if each not in marks}
    assert {0} == {cells(each) for each in marks}


@given(texts.map(safe), st.integers(1, 20))
def test_split(text, room):
    """The parts are the text, and the first one fits or is one character."""
    first, rest = split(text, room)
    assert text == first + rest
    assert cells(first) <= room or len(first.rstrip("\u0301")) >= 1


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("ab👩\u200d👧", 5, "ab"),
        ("ab❤\ufe0f\u200d🔥", 4, "ab"),
        ("👩\u200d👧", 3, "👩\u200d"),
        ("abc", 2, "ab"),
    ],
)
def test_what_is_joined_is_split_only_where_it_has_to_be(text, room, expected):
    """What a joiner joins goes to the next line whole, if something stands before it."""
    assert expected == split(text, room)[0]


@given(texts.map(safe), st.integers(2, 20))
def test_wrap(text, room):
    """Wrapping comes to an end and loses nothing but blanks."""
    pieces, rest = [], text
    while rest:
        piece, rest = wrap(rest, room)
        pieces.append(piece)
    assert text.replace(" ", "") == "".join(pieces).replace(" ", "")
    assert all(cells(piece) <= room for piece in pieces)


def test_wrap_at_blanks():
    """A text is wrapped between words where it can be."""
    assert ("the quick", "brown fox") == wrap("the quick brown fox", 12)
    assert ("thequick", "brown") == wrap("thequickbrown", 8)


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("検索検", 5, "検索…"), ("ab cd", 4, "ab…")],
)
def test_clip(text, room, expected):
    """A text that is cut says so, and takes no more room than there is."""
    assert expected == clip(text, room, "…")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 µs"),
        (12e-6, "12 µs"),
        (999.4e-6, "999 µs"),
        (999.6e-6, "1.0 ms"),
        (0.0034, "3.4 ms"),
        (0.00996, "10 ms"),
        (0.34, "340 ms"),
        (0.9996, "1.00 s"),
        (1.2, "1.20 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1m00s"),
        (123, "2m03s"),
        (3599.6, "1h00m"),
        (3720, "1h02m"),
        (86_399, "1d00h"),
        (273_600, "3d04h"),
    ],
)
def test_duration(seconds, expected):
    """A duration is short, and never rounds to sixty of a unit."""
    assert expected == duration(seconds)


def test_duration_in_ascii():
    """In ASCII a microsecond is written with a u."""
    assert "12 us" == duration(12e-6, ascii_only=True)


@given(st.floats(0, 3.2e7))
def test_narrow_duration(seconds):
    """A duration of a year or less takes at most seven columns."""
    assert len(duration(seconds)) <= 7


@pytest.mark.parametrize(
    ("given_", "made", "expected"),
    [
        (None, None, ""),
        (812, 96, "812→96"),
        (9_999, None, "9,999→0"),
        (12_345, 999_949, "12.3k→999.9k"),
        (999_950, 2_000_000_000, "1.0M→2.0G"),
    ],
)
def test_tokens(given_, made, expected):
    """Tokens are written in and out, large ones shortly."""
    assert expected == tokens(given_, made, "→")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "$0"),
        (9.9e-7, "<$0.000001"),
        (1.2e-5, "$0.000012"),
        (0.00299, "$0.0030"),
        (0.00999, "$0.010"),
        (0.03012, "$0.0301"),
        (0.99999, "$1.0000"),
        (1.0, "$1.00"),
        (1234.567, "$1,234.57"),
        (5.5e14, "$550,000,000,000,000.00"),
    ],
)
def test_dollars(value, expected):
    """A cost has two digits below a cent, four places below a dollar, then two."""
    assert expected == dollars(value)


def test_plural():
    """A count agrees with its noun."""
    assert ["no events", "1 event", "1,234 events"] == [plural(n, "event") for n in (0, 1, 1234)]


def test_clock():
    """A moment is written in a time zone, one that nobody knows as such."""
    assert "2023-11-14 22:13:20" == clock(1.7e9, UTC)
    assert "2023-11-15 00:13" == clock(1.7e9, timezone(timedelta(hours=2)), seconds=False)
    assert "unknown" == clock(None, UTC)
