"""How far a secret behind a name goes: in quotes, escapes, brackets and addresses."""

import json

import pytest

from agentlog import Redact
from tests.recording.made_up import MadeUp

RULES = Redact()
SECRET = MadeUp(20260503).password()
MARK = "[redacted: password]"


@pytest.mark.parametrize(
    "password",
    [
        "with space inside 77q",
        "semi;colon,comma9",
        "quote'inside9x",
        'double"inside9x',
        "br{ac}ket[9]zz",
        "back\\slash9zz",
        "ends with one\\",
        '\\"both\\\\"9zz',
        "ünïcødé9zzß",
        "<ang9zz>",
        "$dollar9zz",
    ],
)
@pytest.mark.parametrize("depth", range(4))
@pytest.mark.parametrize("dump", [json.dumps, repr], ids=["json", "repr"])
def test_a_quoted_secret_goes_as_far_as_its_quote(password, depth, dump):
    """In JSON, in JSON in JSON, and in the repr of a repr, quotes and backslashes are its own."""
    text = dump({"user": "bobby", "password": password, "host": "db.example"})
    for _ in range(depth):
        text = dump({"x": text})
    written = RULES.clean(text)[0]
    for piece in (password, password[-5:], "inside9x", "9zz"):
        assert piece not in written or piece not in password
    assert "bobby" in written
    assert "db.example" in written


DUMPS = {"json": json.dumps, "repr": repr, "both": lambda value: repr(json.dumps(value))}


@pytest.mark.parametrize("inner", DUMPS.values(), ids=list(DUMPS))
@pytest.mark.parametrize("outer", DUMPS.values(), ids=list(DUMPS))
@pytest.mark.parametrize("depth", range(3))
@pytest.mark.parametrize(
    "password", ['a"{}', "it's {}", '{0}\\"{0}', 'it\'s {0}, "{0}"', 'a\\" {} " b', "{}\\"]
)
def test_a_quote_of_its_own_ends_no_secret(inner, outer, depth, password):
    """Whichever writes the quotes and whichever escapes them, and in whatever order."""
    text = inner({"password": password.format(SECRET), "user": "ada"})
    for _ in range(depth):
        text = outer({"x": text})
    written, found = RULES.clean(text)
    assert SECRET not in written
    assert 1 == found
    assert "ada" in written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=ab\\u00e9{}", "password={}"),
        ("password=ab\\\\u5bc6{}\\\\nend", "password={}\\\\nend"),
        ("password=ab\\xc3\\xa9{}", "password={}"),
        ("password=ab\\\\cd{}", "password={}"),
        ("password={}\\u0026n=1", "password={}\\u0026n=1"),
        ("password={}\\x1b[0m n", "password={}\\x1b[0m n"),
        ("user=ada&password=AAAA%26{}&n=1", "user=ada&password={}&n=1"),
        ("/?password=AA%20{}%3D#x", "/?password={}#x"),
        ("next=%3Fa%3D1%26password%3D{}%26n%3D1", "next=%3Fa%3D1%26password%3D{}%26n%3D1"),
        ("Server=h;Password={{AA;{}}};Timeout=5", "Server=h;Password={{{}}};Timeout=5"),
        ("Password={{A1}}}};{}}};Timeout=5", "Password={{{}}};Timeout=5"),
        ('PASSWORD="a b \\\\" {}"\nPORT=8000', 'PASSWORD="{}"\nPORT=8000'),
    ],
)
def test_what_belongs_to_a_value(text, expected):
    """An escape of a letter, a `%26` in a form, a `;` in braces; and not what ends it."""
    assert (expected.format(MARK), 1) == RULES.clean(text.format(SECRET))
