"""A session as CSV: rows that a spreadsheet and a program read alike."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.export import table
from agentlog.store.merge import merged
from tests.cli.commandline import STEERING
from tests.replay.events import event, records, session
from tests.replay.exports import run_of


def rows(events):
    """Return the rows of what is written."""
    text = "".join(table.parts(run_of(events)))
    assert text.count("\n") == text.count("\r\n")
    assert text.encode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_row_is_an_event():
    """The list fields are columns; numbers are numbers."""
    step = event(
        "a",
        "root",
        end=1.25,
        model="gpt-4",
        tags=["x", "y z"],
        prompt_tokens=812,
        result="Fail",
        error={"type": "ValueError", "message": 'no "bears", no\nmore'},
    )
    _, row = rows([session(), step])
    expected = {
        "id": "a",
        "parent_id": "root",
        "event_type": "a",
        "action_type": "action",
        "state": "failed",
        "timestamp": "1700000000.0",
        "duration": "1.25",
        "result": "Fail",
        "error": 'ValueError: no "bears", no',
        "model": "gpt-4",
        "prompt_tokens": "812",
        "completion_tokens": "",
        "tags": "x y z",
    }
    assert expected == {name: row[name] for name in expected}
    assert list(table.COLUMNS) == list(row)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-cmd", "'-cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1dHYPERLINK()", "'\uff1dHYPERLINK()"),
        ("\t=1+1", "\\t=1+1"),
        ("\r=1+1", "\\r=1+1"),
        ("-5", "-5"),
        ("+12.50", "+12.50"),
        ("-5+cmd", "'-5+cmd"),
        ("a=1", "a=1"),
        (" =1+1", "' =1+1"),
        ("a;=HYPERLINK(1)", "a;'=HYPERLINK(1)"),
        ("a; @SUM(A1);b;-1", "a;' @SUM(A1);b;'-1"),
        ("\x1b[31m", "\\x1b[31m"),
    ],
    ids=ascii,
)
def test_no_text_is_a_formula(name, cell):
    """What begins like a formula gets an apostrophe, and what cannot be seen is an escape."""
    assert cell == rows([session(event_type=name)])[0]["event_type"]


def test_texts_are_in_quotes():
    """And numbers are not."""
    lines = "".join(table.parts(run_of([session(event_type='a "b"')]))).splitlines()
    assert lines[0].startswith('"session_id","id",')
    assert '"a ""b""","session","succeeded",1700000000.0,1700000010.0,10.0,' in lines[1]


@pytest.mark.parametrize("sign", ["\x00", ";="])
def test_a_huge_text_fits_into_a_cell(sign):
    """Spreadsheets take 32,767 characters."""
    (row,) = rows([session(event_type=sign * 40_000)])
    assert 32_000 == len(row["event_type"])


@given(st.lists(records, max_size=8))
def test_any_records(some):
    """Every event is a row, nothing steers, and no cell is a formula."""
    found = rows(some)
    assert sorted(merged(some)) == sorted((row["session_id"], row["id"]) for row in found)
    for cell in (cell for row in found for cell in row.values()):
        assert not STEERING.search(cell)
        assert cell[:1] not in ("=", "@", "\t")
        assert cell[:1] not in ("+", "-") or float(cell) is not None
