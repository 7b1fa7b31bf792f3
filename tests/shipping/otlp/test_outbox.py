"""Outbox of spans: whole events come out, whoever ships and wherever one is killed."""

import fcntl
import json
import os
import resource
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlog import journal
from agentlog.halves import merge
from agentlog.owner import new_owner
from agentlog.shipping import cursors, quarantine
from agentlog.shipping.machine import Machine
from agentlog.shipping.otlp.outbox import SpanOutbox
from agentlog.shipping.otlp.sessions import Sessions
from agentlog.shipping.policy import Answer
from agentlog.shipping.steps import Send
from tests.shipping.destinations import ANOTHER, GONE, left, names, text_of
from tests.shipping.driving import strip

SESSION = "0192f3a4b5c67" + "0" * 18 + "1"
START = 1_700_000_000.0
NOBODY = frozenset()


def ids(number):
    """Return the address of an event, in fields."""
    return {"id": f"{number:016x}", "session_id": SESSION}


def opening(number, **fields):
    """Return an open half."""
    return {
        **ids(number),
        "parent_id": None,
        "event_type": f"event {number}",
        **fields,
        "action_type": "action",
        "timestamp": START + number,
    }


def closing(number, **fields):
    """Return a close half."""
    return {**ids(number), "end_timestamp": START + number + 0.5, "result": "Success", **fields}


def lines(*records):
    """Return the lines of records, as agentlog writes them."""
    return [json.dumps(record, separators=(",", ":")).encode() for record in records]


def is_span(line):
    """Say whether a line is of an event that has closed."""
    return "end_timestamp" in json.loads(line)


def is_of(line, number):
    """Say whether a line is of an event."""
    return json.loads(line)["id"] == ids(number)["id"]


def taking(sent):
    """Be a receiver that takes all."""
    return Answer(200, json.dumps({"accepted": len(sent), "refused": []}).encode())


def refusing(number):
    """Be a receiver that refuses one event, and takes the others of its batch."""

    def server(sent):
        bad = [i for i, line in enumerate(sent) if is_span(line) and is_of(line, number)]
        entries = [{"index": index, "why": "no"} for index in bad]
        return Answer(
            200, json.dumps({"accepted": len(sent) - len(bad), "refused": entries}).encode()
        )

    return server


class Shipping:
    """An outbox and a machine, and what was sent, as it would be parsed."""

    def __init__(self, directory, server=taking, sent=None):
        self.outbox, self.machine = SpanOutbox(directory, Sessions(directory)), Machine(strip)
        self.server = server
        self.sent = [] if sent is None else sent
        self.now = 0.0

    def start_over(self):
        """Take the claim again, after somebody else."""
        self.outbox.start_over()
        self.machine.forget()

    def send(self, *, and_settle=True):
        """Send one batch, if there is one; say whether there was."""
        self.now += 100
        todo = self.machine.next(self.now)
        if not isinstance(todo, Send):
            return False
        self.sent += [json.loads(line) for line in todo.lines if is_span(line)]
        if and_settle:
            self.outbox.settle(self.machine.answered(self.server(todo.lines), self.now, 0.5))
        return True

    def run(self):
        """Read and send all that is there, and tidy up; return what was sent."""
        while self.outbox.fill(self.machine, "", NOBODY) or self.send():
            pass
        self.outbox.sweep()
        if self.outbox.fill(self.machine, "", NOBODY):
            self.run()
        return self.sent


@pytest.fixture
def shipping(tmp_path):
    """Give one for a destination."""
    return Shipping(tmp_path)


@pytest.fixture
def process(tmp_path):
    """Give a process that is alive, as the owner of segments."""
    with ExitStack() as stack:
        yield Process(tmp_path, stack)


class Process:
    """An owner that holds the segment which it writes, until it is gone."""

    def __init__(self, directory, stack, owner=ANOTHER):
        self.directory, self.owner, self.number, self.fd = directory, owner, 0, -1
        stack.callback(self.end)
        self.rotate()

    def rotate(self):
        """Go on to the next segment."""
        before, self.number = self.fd, self.number + 1
        self.fd, _ = journal.create_segment(self.directory, self.owner, self.number)
        if before >= 0:
            os.close(before)

    def write(self, *records):
        """Write records."""
        os.write(self.fd, text_of(lines(*records)))

    def end(self):
        """Be gone."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


# -- Halves ----------------------------------------------------------------------------------------


def test_a_whole_event_comes_out(shipping, tmp_path):
    """Of two halves one, also where others lie between; what is whole goes as it is."""
    note = {**opening(3), **closing(3)}
    left(tmp_path, lines(opening(1, params={"q": 1}), opening(2), note, closing(1), closing(2)))
    whole = [merge(opening(1, params={"q": 1}), closing(1)), merge(opening(2), closing(2))]
    assert [note, *whole] == shipping.run()
    assert [] == names(tmp_path)


def test_an_open_half_is_settled_when_somebody_is_there(shipping, process):
    """The cursor moves behind it with an acknowledgement, though no span is sent."""
    process.write(opening(1), opening(2))
    (segment,) = journal.segments(process.directory)
    shipping.outbox.fill(shipping.machine, "", NOBODY)
    for server, expected in ((lambda _: Answer(503), (0, 0)), (taking, (segment.size, 2))):
        shipping.server = server
        assert shipping.send()
        assert expected == cursors.read(cursors.path_of(segment))[:2]
    assert [] == shipping.sent


def test_the_other_half_may_come_later(shipping, process):
    """In the same segment, or in another one."""
    process.write(opening(1), opening(2))
    shipping.run()
    process.write(closing(1))
    process.rotate()
    process.write(closing(2))
    assert [merge(opening(n), closing(n)) for n in (1, 2)] == shipping.run()


def test_a_close_half_alone(shipping, tmp_path):
    """Its open half was lost, and it goes with what it knows."""
    left(tmp_path, lines(closing(1)))
    assert [closing(1)] == shipping.run()
    assert [] == names(tmp_path)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_close_half_that_came_first(process, restarted):
    """When its open half comes, the event goes once more, whole; and it was never interrupted."""
    shipping = Shipping(process.directory)
    process.write(closing(1))
    shipping.run()
    process.write(opening(1))
    if restarted:
        shipping = Shipping(process.directory)
    assert merge(opening(1), closing(1)) == shipping.run()[-1]
    process.end()
    assert merge(opening(1), closing(1)) == shipping.run()[-1]
    assert [] == names(process.directory)


def test_what_is_no_record_is_set_aside(shipping, tmp_path):
    """Its neighbours arrive."""
    left(tmp_path, [*lines(opening(1)), b"junk", b"", *lines(closing(1))])
    assert [merge(opening(1), closing(1))] == shipping.run()
    [entry] = quarantine.entries(tmp_path)
    assert (len(text_of(lines(opening(1)))), "junk") == (entry.offset, entry.line)


# -- Who ships -------------------------------------------------------------------------------------


def test_another_shipper_knows_what_is_open(process):
    """It stands in the journal, before the cursor."""
    process.write(opening(1))
    assert [] == Shipping(process.directory).run()
    process.write(closing(1))
    assert [merge(opening(1), closing(1))] == Shipping(process.directory).run()


def test_shippers_that_take_turns(process):
    """Each knows what the other has sent meanwhile."""
    sent = []
    both = [Shipping(process.directory, sent=sent) for _ in range(2)]
    for number in range(0, 40, 2):
        process.write(opening(number), opening(number + 1), closing(number))
        for shipping in both:
            shipping.start_over()
            shipping.run()
            process.rotate()
        process.write(closing(number + 1))
    process.end()
    both[0].start_over()
    both[0].run()
    arrived = {event["id"]: event for event in sent}
    assert {ids(n)["id"]: merge(opening(n), closing(n)) for n in range(40)} == arrived
    assert 40 == len(sent)
    assert [] == names(process.directory)


def test_a_kill_between_the_answer_and_the_cursor(process):
    """What was sent is sent again, and is the same."""
    process.write(opening(1), opening(2))
    Shipping(process.directory).run()
    process.write(closing(1))
    process.rotate()
    killed, whole = Shipping(process.directory), merge(opening(1), closing(1))
    killed.outbox.fill(killed.machine, "", NOBODY)
    killed.send(and_settle=False)
    again = Shipping(process.directory)
    assert [whole] == killed.sent == again.run()
    assert [whole] == again.run()


@pytest.mark.parametrize("number", [1, 2])
def test_a_cursor_that_is_lost(process, number):
    """It means sending again, and what had ended is never said to be interrupted."""
    process.write(opening(1), opening(2))
    Shipping(process.directory).run()
    process.rotate()
    process.write(closing(1), closing(2), opening(3))
    with journal.segments(process.directory)[0].path.open("rb") as kept:
        Shipping(process.directory).run()
        journal.segment(process.directory, process.owner, 1).path.write_bytes(kept.read())
    lost = journal.segment(process.directory, process.owner, number)
    cursors.path_of(lost).unlink()
    process.end()
    again = Shipping(process.directory)
    again.run()
    (cut,) = [event for event in again.sent if event.get("reason")]
    assert ids(3)["id"] == cut["id"]


# -- Deleting --------------------------------------------------------------------------------------


def test_a_segment_goes_though_something_in_it_is_open(shipping, process):
    """What is open is kept beside, and found there."""
    process.write(opening(1), opening(2, params={"q": "x" * 500}), closing(1))
    process.rotate()
    process.write(opening(3))
    shipping.run()
    assert [f"{ANOTHER}-0002.jsonl", f"{ANOTHER}.open"] == names(process.directory)
    process.rotate()
    process.write(closing(2))
    assert merge(opening(2, params={"q": "x" * 500}), closing(2)) == shipping.run()[-1]
    process.write(closing(3))
    process.rotate()
    assert merge(opening(3), closing(3)) == Shipping(process.directory).run()[-1]
    assert [f"{ANOTHER}-0004.jsonl"] == names(process.directory)


def test_segments_go_in_their_order(process):
    """Else an event that has closed would seem open."""
    process.write(opening(1), opening(2))
    process.rotate()
    process.write(closing(1))
    process.rotate()
    stuck = Shipping(process.directory, lambda _: Answer(503))
    first = journal.segment(process.directory, process.owner, 1)
    with first.path.open("ab") as file:
        file.write(text_of(lines(closing(2))))
    stuck.server = lambda sent: Answer(503) if b"2.5" in b"".join(sent) else taking(sent)
    for _ in range(50):
        stuck.outbox.fill(stuck.machine, "", NOBODY)
        stuck.send()
    stuck.outbox.sweep()
    assert f"{ANOTHER}-0001.jsonl" in names(process.directory)
    assert f"{ANOTHER}-0002.jsonl" in names(process.directory)


def test_what_cannot_be_kept_beside_keeps_its_segment(shipping, process):
    """As on a full disk, while what is in it is still found; it goes when there is room."""
    process.write(opening(1))
    process.rotate()
    (process.directory / f"{ANOTHER}.open.new").mkdir()
    shipping.run()
    assert f"{ANOTHER}-0001.jsonl" in names(process.directory)
    process.write(opening(2), closing(1))
    assert [merge(opening(1), closing(1))] == shipping.run()
    (process.directory / f"{ANOTHER}.open.new").rmdir()
    process.rotate()
    shipping.run()
    assert [f"{ANOTHER}-0003.jsonl", f"{ANOTHER}.open"] == names(process.directory)


@contextmanager
def starving():
    """Have no descriptor left for anything more."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


def test_what_cannot_be_read_is_not_taken_for_gone(process):
    """Nothing is handed over then, nor deleted, and it goes on when it can be read."""
    process.write(opening(1), opening(2))
    Shipping(process.directory).run()
    process.rotate()
    shipping = Shipping(process.directory)
    (first, second) = journal.segments(process.directory)
    closes = lines(closing(3), closing(1))
    with starving():
        with pytest.raises(OSError, match="Too many open files"):
            shipping.outbox.take(shipping.machine, second, 0, closes)
        assert not shipping.outbox._may_delete(first)
    assert 0 == shipping.machine.records
    process.write(closing(3), closing(1))
    assert [closing(3), merge(opening(1), closing(1))] == shipping.run()
    process.end()
    assert ids(2)["id"] == shipping.run()[-1]["id"]
    assert {"event_type": "event 2", "reason": "interrupted"}.items() <= shipping.sent[-1].items()


def test_what_is_kept_beside_may_have_moved(process):
    """Another shipper has replaced the file, and could not delete the segment: a reader held it."""
    process.write(opening(1), opening(2), opening(3))
    process.rotate()
    waiting = Shipping(process.directory)
    waiting.run()
    process.write(closing(1))
    process.rotate()
    (second, _) = journal.segments(process.directory)
    with second.path.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        Shipping(process.directory).run()
    process.write(closing(2))
    waiting.start_over()
    assert [merge(opening(2), closing(2))] == waiting.run()


# -- What was interrupted --------------------------------------------------------------------------


def interruption(number, end):
    """Return what becomes of an event whose process was gone."""
    fields = {"end_timestamp": end, "result": "Indeterminate", "reason": "interrupted"}
    fields["end_unseen"] = True
    return {**opening(number), **fields}


def test_what_a_process_has_left_open_was_interrupted(shipping, process):
    """It goes when all else of the process has gone, with the last sign of life for its end."""
    process.write(opening(1), opening(2))
    process.rotate()
    process.write(closing(2), opening(3))
    shipping.run()
    process.end()
    last = journal.segment(process.directory, process.owner, 2)
    os.utime(last.path, (START + 60, START + 60))
    assert [merge(opening(2), closing(2))] == shipping.sent
    interrupted = [interruption(number, START + 60 + 0.01) for number in (1, 3)]
    assert interrupted == shipping.run()[1:]
    assert [] == names(process.directory)


def test_what_was_told_whole_at_its_end_was_not_interrupted(shipping, process):
    """As an event that was renamed meanwhile is; it goes once."""
    whole = {**opening(1), **closing(1), "event_type": "renamed"}
    process.write(opening(1))
    shipping.run()
    process.rotate()
    process.write(whole)
    process.end()
    assert [whole] == shipping.run()
    assert [] == names(process.directory)


def test_nothing_of_a_process_that_is_alive_was_interrupted(shipping, process):
    """However long it takes."""
    process.write(opening(1))
    process.rotate()
    for _ in range(3):
        assert [] == shipping.run()


def test_a_client_of_this_process_may_come_back(tmp_path, shipping):
    """It has closed, and what is open in it may close yet."""
    owner = new_owner()
    left(tmp_path, lines(opening(1)), owner=owner)
    assert [] == shipping.run()
    left(tmp_path, lines(closing(1)), owner=owner, number=2)
    assert [merge(opening(1), closing(1))] == shipping.run()


def test_a_kill_before_an_interruption_was_acknowledged(tmp_path):
    """It is sent again."""
    left(tmp_path, lines(opening(1)))
    killed = Shipping(tmp_path)
    killed.outbox.fill(killed.machine, "", NOBODY)
    killed.outbox.sweep()
    killed.outbox.fill(killed.machine, "", NOBODY)
    assert killed.send(and_settle=False)
    (again,) = Shipping(tmp_path).run()
    assert "interrupted" == again["reason"]
    assert [] == names(tmp_path)


def test_more_that_was_interrupted_than_a_machine_takes(tmp_path):
    """It goes in parts."""
    count = 40
    left(tmp_path, lines(*(opening(n, params="x" * 100_000) for n in range(count))))
    sent = Shipping(tmp_path).run()
    assert [*range(count)] == [int(event["id"], 16) for event in sent]


# -- What is refused -------------------------------------------------------------------------------


def test_what_is_refused_is_in_quarantine_whole(process):
    """So it can be sent once more, when its open half is long gone."""
    shipping = Shipping(process.directory, refusing(1))
    process.write(opening(1, params={"q": 1}), opening(2))
    shipping.run()
    process.write(closing(1), closing(2))
    shipping.run()
    [entry] = quarantine.entries(process.directory)
    assert merge(opening(1, params={"q": 1}), closing(1)) == entry.record
    assert len(text_of(lines(opening(1, params={"q": 1}), opening(2)))) == entry.offset


def test_an_interruption_that_is_refused(tmp_path):
    """It is in quarantine too."""
    left(tmp_path, lines(opening(1)))
    Shipping(tmp_path, refusing(1)).run()
    [entry] = quarantine.entries(tmp_path)
    assert (f"{GONE}.open", "interrupted") == (entry.segment, entry.record["reason"])
    assert ["quarantine"] == names(tmp_path)


def test_what_is_too_large_loses_the_payload_of_both_halves(process):
    """And keeps its node."""
    shipping = Shipping(process.directory)
    shipping.server = lambda sent: Answer(413) if max(map(len, sent)) > 300 else taking(sent)
    process.write(opening(1, params={"q": "x" * 500}), closing(1))
    shipping.run()
    assert merge(opening(1), closing(1)) == shipping.sent[-1]


# -- Whatever happens ------------------------------------------------------------------------------

_STEPS = ("open", "close", "whole", "shuffled", "rotate", "ship", "fill", "kill", "turn")


class Voyage:
    """Processes that write, and shippers that take turns and are killed."""

    def __init__(self, directory):
        self.directory = directory
        self.halves = {}
        self.sent = []
        self.shippers = [Shipping(directory, sent=self.sent) for _ in range(2)]

    def write(self, process, *records):
        """Write records, and know them."""
        for record in records:
            number = int(record["id"], 16)
            before = self.halves.get(number, {})
            self.halves[number] = merge(record, before) if before else record
        process.write(*records)

    def go(self, process, step, random):
        """Do one step."""
        number, shipper = len(self.halves), self.shippers[0]
        running = [n for n, one in self.halves.items() if "end_timestamp" not in one]
        if step == "open":
            self.write(process, opening(number))
        elif step == "close" and running:
            self.write(process, closing(random.choice(running)))
        elif step == "whole":
            self.write(process, {**opening(number), **closing(number)})
        elif step == "shuffled":
            self.write(process, *random.sample([opening(number), closing(number)], 2))
        elif step == "rotate":
            process.rotate()
        elif step == "ship":
            shipper.run()
        elif step == "fill":
            shipper.outbox.fill(shipper.machine, "", NOBODY)
            shipper.send(and_settle=random.random() < 0.5)
        elif step == "kill":
            self.shippers[0] = Shipping(self.directory, sent=self.sent)
        elif step == "turn":
            self.shippers.reverse()
            self.shippers[0].start_over()


@settings(deadline=None)
@given(st.lists(st.sampled_from(_STEPS), max_size=50), st.randoms(use_true_random=False))
def test_every_event_arrives_as_it_was(tmp_path_factory, steps, random):
    """Over any turns of writing, rotating, shipping, being killed and others who ship.

    What was sent last of an event is all of it; and of what never closed, that it was interrupted.
    """
    voyage = Voyage(tmp_path_factory.mktemp("destination"))
    with ExitStack() as stack:
        process = Process(voyage.directory, stack)
        for step in steps:
            voyage.go(process, step, random)
    voyage.go(process, "kill", random)
    voyage.go(process, "ship", random)
    arrived = {event["id"]: event for event in voyage.sent}
    for event in arrived.values():
        if event.get("reason") == "interrupted":
            del event["end_timestamp"], event["result"], event["reason"], event["end_unseen"]
    assert {ids(number)["id"]: event for number, event in voyage.halves.items()} == arrived
    assert [] == names(voyage.directory)


def listings(directory, owners, monkeypatch):
    """Return how often the directory is listed until all of so many owners has been sent."""
    for number in range(owners):
        owner = f"0193f2c1{number:04x}-4194305-9f8e7d6c"
        left(directory, lines(opening(2 * number), closing(2 * number)), owner=owner)
        left(directory, lines(opening(2 * number + 1)), owner=owner, number=2)
    count, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: count.append(path) or listdir(path))
    assert 2 * owners == len(Shipping(directory).run())
    assert [] == names(directory)
    return len(count)


def test_many_owners_cost_no_more_listings_than_few(tmp_path, monkeypatch):
    """Else what many short programs leave takes hours."""
    few = listings(tmp_path / "few", 2, monkeypatch)
    assert few == listings(tmp_path / "many", 40, monkeypatch)


def test_a_quarantine_that_cannot_be_written_for_a_while(tmp_path):
    """What was interrupted and refused is there afterwards, and its file is gone."""
    left(tmp_path, lines(opening(1)))
    shipping = Shipping(tmp_path, refusing(1))
    shipping.outbox.fill(shipping.machine, "", NOBODY)
    shipping.send()
    shipping.outbox.sweep()
    (tmp_path / "quarantine").mkdir()
    shipping.outbox.fill(shipping.machine, "", NOBODY)
    with pytest.raises(OSError, match="quarantine"):
        shipping.send()
    assert not shipping.outbox.save()
    (tmp_path / "quarantine").rmdir()
    shipping.outbox.go_on()
    assert shipping.outbox.save()
    assert ["quarantine"] == names(tmp_path)
