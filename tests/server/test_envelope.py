"""How much work a body may make, whatever it is made of."""

import gzip
import time

import pytest

from agentlog.server import intake
from agentlog.server.envelope import TOO_DEEP, Rejection
from agentlog.server.intake import Batch
from tests.server.collector import event_id, record, session_id

HEAD = f'{{"events":[{{"id":"{event_id()}","session_id":"{session_id()}","event_type":"x","params":'
DEEP = '{"events":[' + "[" * 3000


def seconds(body):
    """Read a body; return what came of it, and how many seconds of this process it took."""
    began = time.process_time()
    found = intake.read(body.encode(), None)
    return found, time.process_time() - began


TEXTS = {
    "no end": lambda: '"' + r"\"" * 1_000_000,
    "no end, escaped": lambda: '"' + r"\"" * 1_000_000 + "\\",
    "quotes escaped": lambda: r'"\"' * 1_000_000,
    "empty texts": lambda: '""' * 1_000_000,
    "backslashes": lambda: r'"\\",' * 1_000_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_within_what_is_nested_too_deeply_costs_little(name):
    """However many quotes stand in it: the end of the value is looked for in one go."""
    found, took = seconds(DEEP + TEXTS[name]())
    assert 400 == found.status
    assert took < 1


def test_what_is_nested_too_deeply_is_one_record_s_fault():
    """Whatever texts stand in it, brackets and quotes among them."""
    deep = "[" * 100_000 + r'"]\"]", "", {"a\\": 1}, "[{"' + "]" * 100_000
    found, _ = seconds(f'{{"events":[{deep}, {deep}]}}')
    assert [(0, TOO_DEEP), (1, TOO_DEEP)] == [(one.index, one.why) for one in found.refused]


TOO_MANY = {
    "objects": lambda: "[" + '{"a":1},' * 1_250_000 + "1]",
    "nested": lambda: "[" + '{"a":{}},' * 700_000 + "1]",
    "empty": lambda: "[" + "{}," * 1_400_000 + "1]",
    "keys": lambda: "{" + ",".join(f'"{number:x}":1' for number in range(1_800_000)) + "}",
    "halves": lambda: '"' + r"\ud800" * 3_300_000 + '"',
    "other halves": lambda: '"' + r"\uDC00" * 3_300_000 + '"',
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_so_many_values_are_not_parsed_at_all(name):
    """What would take seconds is turned down before it is parsed, and is to be sent in parts."""
    found, took = seconds(HEAD + TOO_MANY[name]() + "}]}")
    assert isinstance(found, Rejection)
    assert 413 == found.status
    assert took < 1


LARGE = {
    "escapes": lambda: '"' + r"\u4e2d" * 3_300_000 + '"',
    "lines": lambda: '"' + r"\n" * 9_000_000 + '"',
    "numbers": lambda: "[" + "1," * 2_000_000 + "1]",
    "objects": lambda: "[" + ('{"name": "a", "value": 17.25},' * 400_000) + "1]",
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_body_that_is_no_bomb_is_taken(name):
    """Up to its 20 MiB: text of another script that is escaped, lines, numbers, small objects."""
    found, _ = seconds(HEAD + LARGE[name]() + "}]}")
    assert isinstance(found, Batch)
    assert 1 == len(found.entries)


def test_five_thousand_ordinary_records_are_no_bomb():
    """Packed or not."""
    records = [record(number, params={"number": number}) for number in range(1, 5001)]
    body = f'{{"events": {records!r}}}'.replace("'", '"').replace("None", "null")
    data = body.encode()
    for found in (intake.read(data, None), intake.read(gzip.compress(data), "gzip")):
        assert isinstance(found, Batch)
        assert 5000 == len(found.entries)
