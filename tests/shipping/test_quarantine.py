"""The quarantine: what a server has refused, with its reason; broken files cost no other entry."""

import json
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import journal
from agentlog.shipping import quarantine
from agentlog.shipping.steps import Refused
from tests.shipping.destinations import GONE, in_time
from tests.shipping.driving import record

LINE = record(7, params={"text": "\u691c\u7d22 \\ud800"})


def refused(directory, *lines, why="poison", start=0, damaged=False):
    """Return lines of a segment as what is refused."""
    segment = journal.segment(directory, GONE, 1)
    return [Refused(segment, start + n, line, why, damaged) for n, line in enumerate(lines)]


def test_what_was_refused_is_there(tmp_path):
    """The record as it was, with the reason, the place and the time."""
    before = time.time()
    quarantine.add(tmp_path, refused(tmp_path, LINE, start=120))
    [entry] = quarantine.entries(tmp_path)
    assert (f"{GONE}-0001.jsonl", 120, "poison") == (entry.segment, entry.offset, entry.why)
    assert (json.loads(LINE), "") == (entry.record, entry.line)
    assert before <= entry.timestamp <= time.time()
    assert 0o600 == (tmp_path / "quarantine").stat().st_mode & 0o777


def test_the_oldest_comes_first(tmp_path):
    """Over as many calls as it takes."""
    for number in range(5):
        quarantine.add(tmp_path, refused(tmp_path, record(number), start=number))
    assert [0, 1, 2, 3, 4] == [entry.offset for entry in quarantine.entries(tmp_path)]


def test_the_same_line_again_is_the_same_entry(tmp_path):
    """After a crash it is refused once more; the last reason counts."""
    quarantine.add(tmp_path, refused(tmp_path, LINE, why="first"))
    quarantine.add(tmp_path, refused(tmp_path, LINE, why="second"))
    assert ["second"] == [entry.why for entry in quarantine.entries(tmp_path)]


@pytest.mark.parametrize(
    "line", [b"\xff\x00torn", b"[1]", b"", b'"text"', b"[" * 100_000], ids=range(5)
)
def test_what_is_no_record_is_kept_as_text(line, tmp_path):
    """The beginning of it."""
    quarantine.add(tmp_path, refused(tmp_path, line))
    [entry] = quarantine.entries(tmp_path)
    expected = line[:4096].decode(errors="backslashreplace")
    assert (None, expected) == (entry.record, entry.line)


def test_a_damaged_line_is_no_record_even_if_it_looks_like_one(tmp_path):
    """It was cut off."""
    quarantine.add(tmp_path, refused(tmp_path, LINE, damaged=True))
    assert None is quarantine.entries(tmp_path)[0].record


def test_what_is_kept(tmp_path):
    """Those are there from then on, and of none there is no file."""
    quarantine.add(tmp_path, refused(tmp_path, *map(record, range(4))))
    some = quarantine.entries(tmp_path)[1:3]
    quarantine.keep(tmp_path, some)
    assert some == quarantine.entries(tmp_path)
    quarantine.keep(tmp_path, [])
    quarantine.keep(tmp_path, [])
    assert [] == list(tmp_path.iterdir())
    assert [] == quarantine.entries(tmp_path)


GOOD = {"segment": "s", "offset": 0, "why": "w", "timestamp": 1.0, "record": {"id": "1"}}
WRONG = {
    "torn": b'{"segment": "s", "off',
    "binary": b"\x80\xff",
    "empty": b"",
    "list": b"[1]",
    "no fields": b"{}",
    "other fields": json.dumps(GOOD | {"x": 1}).encode(),
    "segment": json.dumps(GOOD | {"segment": []}).encode(),
    "offset": json.dumps(GOOD | {"offset": {}}).encode(),
    "why": json.dumps(GOOD | {"why": ["w"]}).encode(),
    "timestamp": json.dumps(GOOD | {"timestamp": "now"}).encode(),
    "record": json.dumps(GOOD | {"record": "text"}).encode(),
    "line": json.dumps(GOOD | {"line": 3}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG)
def test_a_broken_line_costs_no_other(line, tmp_path):
    """It is left out, wherever it stands."""
    quarantine.add(tmp_path, refused(tmp_path, record(1), start=100))
    with (tmp_path / "quarantine").open("ab") as file:
        file.write(line + b"\n")
    quarantine.add(tmp_path, refused(tmp_path, record(2), start=200))
    assert [100, 200] == [entry.offset for entry in quarantine.entries(tmp_path)]


def test_an_entry_that_was_cut_off_costs_not_the_next(tmp_path):
    """The machine went down while it was written."""
    (tmp_path / "quarantine").write_bytes(b'{"segment": "s", "off')
    quarantine.add(tmp_path, refused(tmp_path, record(1)))
    assert [json.loads(record(1))] == [entry.record for entry in quarantine.entries(tmp_path)]


@given(junk=st.binary(max_size=200))
def test_any_bytes_can_be_read(junk, tmp_path_factory):
    """Nothing is raised, and what is found is whole."""
    directory = tmp_path_factory.mktemp("home")
    (directory / "quarantine").write_bytes(junk)
    assert all(isinstance(entry.why, str) for entry in quarantine.entries(directory))


@pytest.mark.parametrize("kind", ["directory", "link", "pipe"])
def test_what_is_no_file_is_an_error_at_once(kind, tmp_path):
    """To write; to read, there is nothing."""
    path = tmp_path / "quarantine"
    if kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    with in_time(), pytest.raises(OSError):  # noqa: PT011 - each has its own
        quarantine.add(tmp_path, refused(tmp_path, LINE))
    assert [] == quarantine.entries(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
