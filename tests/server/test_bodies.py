"""Bodies as other programs write them."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.server import bodies

SUITE = Path(__file__).parents[3] / "shared" / "corpora" / "jsontestsuite.zip"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": NaN}', {"a": "NaN"}),
        (b"[Infinity, -Infinity]", ["Infinity", "-Infinity"]),
        (b"[1e999, 1.5]", ["1e999", 1.5]),
        (b"[9223372036854775807, -9223372036854775808]", [2**63 - 1, -(2**63)]),
        (b"[9223372036854775808, -9223372036854775809]", [str(2**63), str(-(2**63) - 1)]),
        (b"[" + b"9" * 5000 + b"]", ["9" * 5000]),
        (rb'["\ud800", "\ud83d\ude00"]', ["\ufffd", "\U0001f600"]),
        (rb'{"\udfff": 1}', {"\ufffd": 1}),
    ],
)
def test_what_is_not_quite_json_is_mended(body, expected):
    """A number that cannot be held is its text, a half of a surrogate pair is U+FFFD."""
    assert expected == bodies.read(body)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'"\xed\xa0\x80"', b"[" * 100_000, b"{'a': 1}", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_says_so(body):
    """Nothing is guessed, and nothing but the one error is raised."""
    with pytest.raises(bodies.NotJSONError, match="The body is"):
        bodies.read(body)


@given(VALUES)
def test_what_python_writes_can_be_read_and_written_strictly(value):
    """Whatever the SDK can serialise comes out as JSON for everybody."""
    read = bodies.read(json.dumps(value).encode())
    assert json.dumps(read, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.skipif(not SUITE.exists(), reason="the corpora are not here")
def test_every_document_of_the_suite_is_read_or_refused():
    """What is JSON is read, whatever else comes is read or says why not; nothing else happens."""
    with zipfile.ZipFile(SUITE) as suite:
        documents = {
            name.removeprefix("test_parsing_"): suite.read(name)
            for name in suite.namelist()
            if name.startswith("test_parsing_")
        }
    refused = set()
    for name, body in documents.items():
        try:
            json.dumps(bodies.read(body), allow_nan=False)
        except bodies.NotJSONError:
            refused.add(name)
    assert len(documents) > 300
    assert not [name for name in refused if name.startswith("y_")]
    assert {name for name in documents if name.startswith("n_")} - refused <= PYTHONS


PYTHONS = {"n_number_NaN.json", "n_number_infinity.json", "n_number_minus_infinity.json"}
"""What is no JSON, but Python writes and reads it."""
