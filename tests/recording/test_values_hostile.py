"""Hostile values on every way into a record: the event is there, and nothing else happens."""

import time

import pytest

from agentlog import Client, Event
from tests.recording.hostile import LARGE, VALUES
from tests.recording.journals import MOST_OF_A_LINE, strict, warned
from tests.recording.ways import WAYS, crumb, error, event, failure, record_of_logging


def harms_nothing(tape, way, value, seconds):
    """Record a value; return what went wrong."""
    begun, wrong = time.process_time(), []
    with warned() as warnings:
        try:
            way(tape.client, value)
        except BaseException as error:
            wrong.append((way.__name__, type(error)))
    if time.process_time() - begun > seconds:
        wrong.append((way.__name__, "takes long"))
    said = [str(one.message) for one in warnings]
    wrong += [(way.__name__, text) for text in said if "inside agentlog" in text]
    lines = tape.lines()
    assert len(lines) >= 1
    assert all(len(line) <= MOST_OF_A_LINE for line in lines)
    assert all(isinstance(strict(line), dict) for line in lines)
    return wrong


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_value_harms_nothing(tape, name):
    """Wherever it is recorded: nobody raises or hangs, and each line is one that JSON can read."""
    assert [] == [wrong for way in WAYS for wrong in harms_nothing(tape, way, VALUES[name](), 2)]
    assert 0 == tape.client.stats().dropped


LIKE_ANOTHER = {"200,000 keys", "doubled tuple", "doubled set", "doubled dict"}
"""Of those that take long, the ones that take the way of another."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if name in LIKE_ANOTHER else [])
        for name in LARGE
    ],
)
def test_a_value_without_end_comes_to_one(tape, name):
    """Within two seconds for each of the fields, and what was cut is noted."""
    value = LARGE[name]()
    ways = [event, failure, error, crumb, record_of_logging]
    assert [] == [wrong for way in ways for wrong in harms_nothing(tape, way, value, 6)]
    assert 0 == tape.client.stats().dropped
    tape.client.record(Event("x", returns=value))
    assert {"truncated", "replaced"} & set(strict(tape.lines()[-1])["notes"])


def test_a_client_has_hostile_tags_refused_or_read(tmp_path):
    """A list of tags that lies is read as what it holds."""

    class Tags(list):
        __iter__ = __len__ = __bool__ = __eq__ = None

    client = Client(home=tmp_path)
    session = client.start_session(tags=Tags(["a"]))
    client.close()
    assert ["a"] == session.tags
