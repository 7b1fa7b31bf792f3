"""A second try: what is taken this time leaves the quarantine, what is refused again stays."""

import json

import pytest

from agentlog.shipping import quarantine
from agentlog.shipping.second_try import SecondTry
from agentlog.shipping.shipper import NOTHING
from tests.shipping.destinations import Run, left, names, records
from tests.shipping.driving import Answer, good, refusing
from tests.shipping.test_quarantine import refused


def again(directory, server=good):
    """Return a source of what is in quarantine, and a shipper of it."""
    source = SecondTry(directory)
    return source, Run(directory, server, source=source)


def kept(directory):
    """Return the numbers of the records in quarantine."""
    found = (entry.record for entry in quarantine.entries(directory))
    return [int(record["id"], 16) for record in found if record]


def test_nothing_in_quarantine(tmp_path):
    """Nothing is sent, and nothing is made but the claim."""
    source, run = again(tmp_path)
    assert (0, NOTHING, []) == (source.left(), run.steps(), run.poster.requests)
    assert [] == names(tmp_path)


def test_what_is_taken_leaves(tmp_path):
    """All of it, and with the last the file."""
    quarantine.add(tmp_path, refused(tmp_path, *records(1200)))
    source, run = again(tmp_path)
    assert 1200 == source.left()
    assert NOTHING == run.steps()
    assert ([*range(1200)], 3, 0) == (run.poster.ids, len(run.poster.requests), source.left())
    assert (1200, []) == (run.shipper.delivered, names(tmp_path))


def test_what_is_refused_again_stays_with_the_new_reason(tmp_path):
    """Where it stood, once; its neighbours leave."""
    quarantine.add(tmp_path, refused(tmp_path, *records(5), why="before"))
    before = quarantine.entries(tmp_path)[2]
    source, run = again(tmp_path, refusing(2, status=422))
    assert (NOTHING, 0) == (run.steps(), source.left())
    [entry] = quarantine.entries(tmp_path)
    assert before._replace(why="422: poison", timestamp=entry.timestamp) == entry
    assert before.timestamp <= entry.timestamp


def test_what_is_no_record_stays_and_is_not_sent(tmp_path):
    """It would only be refused."""
    quarantine.add(tmp_path, refused(tmp_path, b"\xfftorn", b"[1]"))
    quarantine.add(tmp_path, refused(tmp_path, *records(1), start=10))
    source, run = again(tmp_path)
    assert (1, NOTHING, 0) == (source.left(), run.steps(), source.left())
    assert [0] == run.poster.ids
    assert [b"\xfftorn".decode(errors="backslashreplace"), "[1]"] == [
        entry.line for entry in quarantine.entries(tmp_path)
    ]


def test_a_server_that_takes_nothing(tmp_path):
    """Everything stays as it is."""
    quarantine.add(tmp_path, refused(tmp_path, *records(3)))
    before = quarantine.entries(tmp_path)
    source, run = again(tmp_path, lambda _: Answer(503))
    assert None is run.steps(5)
    run.shipper.close()
    assert (3, before) == (source.left(), quarantine.entries(tmp_path))


def failing_after(batches):
    """Be a server that takes so many batches, and then none."""
    left = [batches]

    def server(lines):
        left[0] -= 1
        return good(lines) if left[0] >= 0 else Answer(503)

    return server


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "killed"])
def test_what_was_taken_has_left_when_the_server_is_gone(is_closed, tmp_path):
    """It is not sent once more by the next one, whether this one came to its end or not."""
    quarantine.add(tmp_path, refused(tmp_path, *records(1500)))
    _, run = again(tmp_path, failing_after(2))
    run.steps(5)
    if is_closed:
        run.shipper.close()
    assert [*range(1000, 1500)] == kept(tmp_path)


def test_what_another_shipper_puts_there_meanwhile_is_kept(tmp_path):
    """While this one waits for the server; it is tried as well."""
    quarantine.add(tmp_path, refused(tmp_path, *records(3)))
    _, run = again(tmp_path, failing_after(0))
    run.steps(2)
    left(tmp_path, records(2, 10))
    assert NOTHING == Run(tmp_path, refusing(10)).steps()
    run.poster.server = refusing(1)
    assert NOTHING == run.steps()
    assert [1] == kept(tmp_path)
    assert {0, 1, 2, 10} == {*run.poster.ids}


def test_records_come_as_they_were(tmp_path):
    """The same JSON goes over the wire."""
    line = json.dumps({"id": "0" * 15 + "1", "params": {"text": "\ud800 \u691c", "n": 1e308}})
    quarantine.add(tmp_path, refused(tmp_path, line.encode()))
    _, run = again(tmp_path)
    run.steps()
    assert [[json.loads(line)]] == [list(map(json.loads, lines)) for lines in run.poster.requests]
