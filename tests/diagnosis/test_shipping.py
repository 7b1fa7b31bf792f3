"""The doctor of shipping: what waits, what the server said, and what to do; never a key."""

import time

import pytest

import agentlog as ao
from agentlog.cli import main
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG
from agentlog.diagnosis.home import examine as examine_home
from agentlog.diagnosis.shipping import examine
from agentlog.journal import segment
from agentlog.shipping import cursors, quarantine, status
from agentlog.shipping.cursors import Cursor
from agentlog.shipping.status import Status
from agentlog.shipping.steps import Refused
from tests.shipping.destinations import lay, left, records, text_of, written
from tests.shipping.driving import record
from tests.shipping.posting import KEY
from tests.shipping.server import Server, answering

URL = "https://collector.example.com"
SIZE = len(text_of(records(1)))


@pytest.fixture
def directory(tmp_path):
    """Give a destination."""
    directory = tmp_path / "collector"
    directory.mkdir()
    return directory


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    """Give times that are the same everywhere."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def found(directory):
    """Return what is found: the grade, the text, and the details."""
    return [(each.grade, each.text, each.details) for each in examine(directory)]


def test_nothing_waits(directory):
    """That is good, and all there is to say."""
    assert [(GOOD, "collector: nothing is pending", ())] == found(directory)


def test_records_of_a_program_that_is_gone(directory):
    """How many, since when, and who ships them."""
    left(directory, [record(1, timestamp=1e9), record(2, timestamp=1e9 + 60)])
    left(directory, [record(3, end_timestamp=9e8)], number=2)
    advice = "no running program ships them: `agentlog ship` does, or the next run"
    text = "collector: 3 records pending, the oldest of 2001-09-09 01:46:40"
    text = text.replace("2001-09-09 01:46:40", "1998-07-09 16:00:00")
    assert [(FACT, text, (advice,))] == found(directory)


def test_what_is_settled_is_not_pending(directory):
    """The cursor says so."""
    segment = left(directory, records(5))
    cursors.write(cursors.path_of(segment), Cursor(4 * SIZE, 4))
    [(_, text, _)] = found(directory)
    assert "collector: 1 record pending" == text
    cursors.write(cursors.path_of(segment), Cursor(5 * SIZE, 5))
    assert "collector: nothing is pending" == found(directory)[0][1]


def test_what_the_server_said(directory):
    """Where they go, the last answer, and the last time that it was a good one."""
    status.write(directory, Status(URL, 1e9, "200", 200, 1e9))
    details = (
        f"endpoint {URL}",
        "last answer 2001-09-09 01:46:40: 200",
        "last acknowledgement 2001-09-09 01:46:40",
    )
    assert [(GOOD, "collector: nothing is pending", details)] == found(directory)


def test_a_server_that_is_tried_again(directory):
    """It is noticed while something waits, with the time of the next try and what to do."""
    retry = time.time() + 3600
    status.write(directory, Status(URL, 1e9, "503: busy", 503, 9e8, retry=retry))
    assert [GOOD] == [grade for grade, *_ in found(directory)]
    with written(directory, records(2)):
        first, (grade, text, details) = found(directory)
    assert any(detail.startswith("next try 20") for detail in first[2])
    assert (NOTICE, "collector: it is tried again and again: 503: busy") == (grade, text)
    assert ("a running program tries again by itself; `agentlog ship` tries at once",) == details


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (401, "AGENTLOG_API_KEY"),
        (403, "let this key write"),
        (404, "AGENTLOG_ENDPOINT"),
        (200, "is no collector"),
        (302, "where it has moved"),
        (0, "certificate"),
    ],
)
def test_a_hold_is_wrong_and_says_what_to_do(code, advice, directory):
    """Whatever the server said."""
    left(directory, records(1))
    status.write(directory, Status(URL, 1e9, "why", code, held="why"))
    _, (grade, text, [said]) = found(directory)
    assert (WRONG, "collector is on hold: why") == (grade, text)
    assert advice in said
    assert "nothing was acknowledged yet" in found(directory)[0][2]


def test_no_hold_where_nothing_is_held(directory):
    """What waited has gone otherwise: only the last answer is told."""
    status.write(directory, Status(URL, 1e9, "404: nothing here", 404, held="404: nothing here"))
    [(grade, _, details)] = found(directory)
    assert GOOD == grade
    assert "last answer 2001-09-09 01:46:40: 404: nothing here" in details


def test_what_is_in_quarantine(directory):
    """By reason, the most frequent first, and what can be done about it."""
    where = segment(directory, "s", 1)
    for number in range(10):
        why = "422: no tags" if number < 3 else f"reason {number}"
        quarantine.add(directory, [Refused(where, number, record(number), why)])
    _, (grade, text, details) = found(directory)
    assert (WRONG, "collector: 10 records in quarantine, refused by the server") == (grade, text)
    assert "3 \u00d7 422: no tags" == details[0]
    assert (
        "and 3 more reasons",
        "`agentlog ship --quarantined` sends what is there once more",
    ) == details[-2:]


def test_what_was_no_record(directory):
    """It names where it stood."""
    torn = Refused(segment(directory, "s", 1), 7, b"\xff", "damaged", damaged=True)
    quarantine.add(directory, [torn])
    _, (grade, text, details) = found(directory)
    assert (WRONG, "collector: 1 line set aside as damaged") == (grade, text)
    assert "s-0001.jsonl at byte 7" in details


BROKEN = {
    "status": b'{"answered": 1e300, "acknowledged": NaN, "retry": Infinity}',
    "quarantine": b'{"segment": [], "offset": {}, "why": [], "timestamp": 1, "record": {}}\n',
    "0193f2c1a2b3-4194305-9f8e7d6c-0001.jsonl": b'{"timestamp": 1e300}\n{"timestamp": NaN}\n',
    "0193f2c1a2b3-4194305-9f8e7d6c-0001.cursor": b'{"offset": 1' + b"0" * 30 + b"}",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("kind", ["content", "zeros", "directory", "link"])
def test_whatever_lies_there(name, kind, directory):
    """It becomes a finding, and never an exception."""
    left(directory, records(1), number=2)
    path = directory / name
    lay(path, kind, BROKEN[name] if kind == "content" else b"\0" * 5000)
    assert "pending" in found(directory)[0][1]


def test_a_destination_is_examined_with_its_home(home, capsys):
    """The status is 1 on a hold, and 0 when all is well; the key is not shown."""
    with Server(answering(401, KEY.encode())) as server:
        client = ao.Client(KEY, endpoint=server.url, home=home, max_wait=0.01)
        client.record(ao.Event("a"))
        client.flush(0.5)
        client.close()
    assert 1 == main(["doctor"])
    out = capsys.readouterr().out
    assert "on hold: 401: the key is not accepted" in out
    assert KEY not in out + repr(examine_home())
    assert KEY[3:12] not in "".join(map(str, home.rglob("*")))
    for path in home.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()
