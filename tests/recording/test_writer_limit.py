"""The limit of a journal: ended runs give way, then payloads, then records; all of it counted."""

import json

import pytest

from agentlog import Client, Event, journal, losses
from agentlog.testing import ManualClock
from tests.recording.journals import busy_switching, strict, written
from tests.recording.writers import THREADS, in_threads, line, numbers, total, write, writers

ENDED = "0193f2c1a2b3-4242-9f8e7d6c"


@pytest.fixture
def clock():
    """A clock that moves when it is told to."""
    return ManualClock(100.0)


@pytest.fixture
def directory(tmp_path):
    """Name the directory of the local destination, which is not there yet."""
    return tmp_path / "journal" / "local"


@pytest.fixture
def new_writer(directory, clock):
    """Make writers that are closed at the end of the test."""
    yield from writers(directory, clock)


def ended_run(directory, number, size):
    """Write a segment of a process that has ended, of lines of ten bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    path = journal.segment(directory, ENDED, number).path
    path.write_bytes(b"123456789\n" * (size // 10))
    return path


def payloads(directory):
    """Return, for each line on disk, whether it has its payload."""
    return ["params" in json.loads(one) for one in written(directory)]


def test_ended_runs_give_way_first(new_writer, directory):
    """At the limit `local` gives up the oldest ended runs; what is recorded keeps its payload."""
    old, older = ended_run(directory, 2, 1000), ended_run(directory, 1, 1000)
    writer = new_writer(limit=1500)
    write(writer, line(1))
    assert not older.exists()
    assert old.exists()
    assert {"journal limit": 100} == losses.noted(directory)
    old.unlink()
    assert [True] == payloads(directory)
    assert (1, 0, {}) == writer.counts()


def test_an_ended_run_gives_way_before_a_payload(new_writer, directory):
    """A journal that is just at its limit gives up a run, and not a payload."""
    run = ended_run(directory, 1, 1000)
    writer = new_writer(limit=1000)
    write(writer, line(1))
    assert not run.exists()
    assert [True] == payloads(directory)


def test_then_payloads_go_and_then_records(new_writer, directory, clock):
    """Without ended runs nodes lose their payload, at twice the limit records are dropped."""
    writer = new_writer(limit=2000, segment_size=500)
    for number in range(400):
        write(writer, line(number, "x" * 100))
        clock.advance(1.01)
        assert number + 1 == total(writer)
    on_disk, waiting, dropped = writer.counts()
    whole = payloads(directory)
    assert sorted(whole, reverse=True) == whole
    assert 10 < sum(whole) < 25
    assert (len(whole), 0) == (on_disk, waiting)
    assert {"journal limit": 400 - len(whole)} == dropped
    assert 4000 <= journal.size_of(directory) < 4600


def test_a_node_without_payload_says_so(new_writer, directory):
    """`notes.dropped` counts the payloads withheld; name, outcome and type of the error stay."""
    ended_run(directory.parent / "api", 1, 1000)
    writer = new_writer(limit=600, path=directory.parent / "api")
    record = {
        "id": "a",
        "event_type": "x",
        "result": "Fail",
        "params": {"a": 1},
        "returns": "b",
        "prompt": "c",
        "log": [{}],
        "tags": ["t"],
        "error": {"type": "ValueError", "message": "m", "traceback": "t"},
        "notes": {"redacted": 2},
    }
    write(writer, json.dumps(record) + "\n")
    left = json.loads(written(directory.parent / "api")[-1])
    for payload in ("params", "returns", "prompt", "log"):
        del record[payload]
    assert left.pop("notes") == {"redacted": 2, "dropped": 4 if "type" in left["error"] else 5}
    assert left.pop("error") == {"type": "ValueError"}
    del record["error"], record["notes"]
    assert record == left


def test_a_node_that_had_no_payload_has_no_note(new_writer, directory):
    """Where nothing is withheld, nothing is noted."""
    ended_run(directory.parent / "api", 1, 1000)
    writer = new_writer(limit=600, path=directory.parent / "api")
    write(writer, '{"id":"a","event_type":"x"}\n')
    assert b'{"id":"a","event_type":"x"}' == written(directory.parent / "api")[-1]


def test_an_endpoint_gives_up_no_run(new_writer, directory):
    """What is to be shipped is not given up: payloads go at once."""
    directory = directory.parent / "api.example.com-0123456789abcdef"
    run = ended_run(directory, 1, 1000)
    writer = new_writer(limit=1000, path=directory)
    write(writer, line(1))
    assert run.exists()
    assert b'"params"' not in written(directory)[-1]


def test_payloads_come_back_when_there_is_room(new_writer, directory, clock):
    """A second after the journal was taken up and deleted, records are whole again."""
    run = ended_run(directory.parent / "api", 1, 5000)
    writer = new_writer(limit=1000, path=directory.parent / "api")
    write(writer, line(1))
    assert (0, 0, {"journal limit": 1}) == writer.counts()
    run.unlink()
    clock.advance(1.01)
    write(writer, line(2))
    assert [2] == numbers(directory.parent / "api")
    assert [True] == payloads(directory.parent / "api")


def test_losses_are_on_disk_for_the_doctor(new_writer, directory, clock):
    """What `stats` counts as dropped is noted in the journal, each loss once."""
    run = ended_run(directory.parent / "api", 1, 5000)
    writer = new_writer(limit=1000, path=directory.parent / "api")
    for number in range(30):
        write(writer, line(number))
        clock.advance(0.2)
    writer.close()
    assert {"journal limit": 30} == writer.counts()[2] == losses.noted(run.parent)


def test_the_limit_is_exact_under_threads(new_writer, directory):
    """Eight threads across the limit: every call is on disk or counted as dropped."""
    seconds = iter(range(10**9))
    writer = new_writer(limit=20_000, segment_size=2000, clock=lambda: float(next(seconds)))
    with busy_switching():
        in_threads(lambda n: [write(writer, line(n * 1000 + i)) for i in range(400)])
    on_disk, waiting, dropped = writer.counts()
    assert THREADS * 400 == on_disk + waiting + sum(dropped.values())
    assert on_disk == len(written(directory))
    assert dropped["journal limit"] > 0


@pytest.mark.parametrize("junk", ["directory", "dangling link"])
def test_junk_at_the_limit_harms_nothing(new_writer, directory, junk):
    """Something that is named like a segment and is none: records are written all the same."""
    path = ended_run(directory, 2, 1000).with_name(f"{ENDED}-0001.jsonl")
    path.mkdir() if junk == "directory" else path.symlink_to(directory / "nowhere")
    writer = new_writer(limit=600)
    write(writer, line(1))
    assert 1 == total(writer)
    assert b'"0000000000000001"' in written_files(directory)


def written_files(directory):
    """Return the contents of all segments that are files."""
    return b"".join(p.read_bytes() for p in directory.glob("*.jsonl") if p.is_file())


def test_a_client_takes_its_limit_from_the_environment(tmp_path, monkeypatch):
    """`AGENTLOG_JOURNAL_LIMIT` bounds the journal, and `stats` accounts for every record."""
    monkeypatch.setenv("AGENTLOG_JOURNAL_LIMIT", "1000")
    ended_run(tmp_path / "journal" / "local", 1, 900)
    client = Client(home=tmp_path)
    client.record(Event("x", params={"a": 1}))
    client.close()
    assert client.stats().accepted == len(written(tmp_path / "journal" / "local")) - 90
    assert "x" == strict(written(tmp_path / "journal" / "local")[-2])["event_type"]
