"""What is sent, when, and what is settled by it, whatever a server answers."""

import json
import math
import subprocess
import sys
from bisect import bisect
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlog.shipping.ledger import Advance
from agentlog.shipping.machine import HOLD, Machine
from agentlog.shipping.policy import Answer
from agentlog.shipping.steps import Refused, Send, Settled, Wait
from tests.shipping.driving import Drive, good, number_of, receipt, record, refusing, strip

THOUSAND = [record(number) for number in range(1000)]
TEN = THOUSAND[:10]


def always(status, **fields):
    """Be a server that answers one thing."""
    return lambda _: Answer(status, **fields)


def busiest_minute(times):
    """Return the largest number of requests in any minute."""
    return max((bisect(times, start + 60) - place for place, start in enumerate(times)), default=0)


# -- The calls -------------------------------------------------------------------------------------


def test_the_calls_of_a_shipper():
    """Lines go in, a batch comes out, and a receipt moves the cursor behind its lines."""
    machine = Machine(strip)
    assert Wait(math.inf) == machine.next(0.0)
    assert Settled() == machine.take("a", 100, TEN)
    assert Send(tuple(TEN)) == machine.next(0.0) == machine.next(9.0)
    size = sum(len(line) + 1 for line in TEN)
    expected = Settled(advances=(Advance("a", 100 + size, delivered=10),))
    assert expected == machine.answered(receipt(TEN), 0.0, 0.5)
    assert Wait(math.inf) == machine.next(0.0)
    assert 0 == machine.records


def test_an_answer_that_nobody_asked_for():
    """Without a batch under way, an answer settles nothing."""
    machine = Machine(strip)
    machine.take("a", 0, TEN)
    assert Settled() == machine.answered(receipt(TEN), 0.0, 0.5)
    assert 10 == machine.records


def test_a_gap_between_lines_is_a_mistake():
    """Lines of a source follow each other: a cursor could say nothing else."""
    machine = Machine(strip)
    machine.take("a", 0, TEN[:1])
    with pytest.raises(ValueError, match="goes on at"):
        machine.take("a", 500, TEN[1:])


def test_what_a_receipt_refuses_is_quarantined():
    """A record goes to the quarantine with where it stood and the server's reason."""
    machine = Machine(strip)
    machine.take("a", 0, TEN)
    machine.next(0.0)
    settled = machine.answered(receipt(TEN, {0: "no", 9: "never"}), 0.0, 0.5)
    last = sum(len(line) + 1 for line in TEN[:9])
    expected = (Refused("a", 0, TEN[0], "no"), Refused("a", last, TEN[9], "never"))
    assert expected == settled.refused
    assert (8, 2) == (settled.advances[0].delivered, settled.advances[0].quarantined)


def test_batches():
    """At most 500 records and 1 MiB; several sources share a batch."""
    drive = Drive().take(THOUSAND[:400]).take(THOUSAND[400:], "b").run()
    assert [500, 500] == [len(lines) for _, lines, _ in drive.requests]
    assert drive.done
    large = [record(number, params="x" * 300_000) for number in range(7)]
    drive = Drive().take(large).run()
    assert [3, 3, 1] == [len(lines) for _, lines, _ in drive.requests]


def test_room():
    """The machine takes as much as it can use, and no more than it may hold."""
    lines = [record(number, params="x" * 1000) for number in range(9000)]
    drive = Drive(always(503), held_size=3 << 20).take(lines)
    size = len(lines[0]) + 1
    assert 1 << 20 <= size * drive.machine.records < 2 << 20
    drive.run(until=3600.0)
    assert 3 << 20 <= size * drive.machine.records < 4 << 20
    drive.server = good
    assert drive.run().done


# -- Not now ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [503, 0, 103, 408])
def test_twenty_seconds_of_503(status):
    """It is tried at most 25 times in 20 s, whatever chance says, and then it goes."""
    for random in (0.0, 0.5, 1.0):
        drive = Drive(always(status), random=lambda random=random: random).take(THOUSAND)
        drive.run(until=20.0)
        assert 4 <= len(drive.requests) <= 25
        drive.server = good
        assert drive.run(until=90.0).done


def test_a_long_outage():
    """After a while there is one small request a minute, of other records each time."""
    drive = Drive(always(0), random=lambda: 1.0).take(THOUSAND).run(until=7200.0)
    late = [lines for when, lines, _ in drive.requests if when > 3600]
    assert 55 <= len(late) <= 65
    assert {1} == {len(lines) for lines in late}
    assert len(set(late)) == len(late)
    drive.server = good
    drive.run()
    assert drive.done
    assert len(drive.times(200)) < 40
    assert [] == drive.warnings


@pytest.mark.parametrize("seconds", ["30", "300", "999999999999", "Sun, 06 Nov 1994 08:50:07 GMT"])
def test_retry_after(seconds):
    """What a server asks to wait is waited, and 300 s at most."""
    drive = Drive(always(429, retry_after=seconds, date=784111777.0)).take(TEN).run(requests=2)
    asked = {"999999999999": 300.0, "300": 300.0}.get(seconds, 30.0)
    first, second = drive.times()
    assert asked <= second - first <= asked + 1


@pytest.mark.parametrize("asked", ["", "-5", "0", "soon", "1e9", "Sun, 06 Nov 1994 08:49:00 GMT"])
def test_a_senseless_retry_after(asked):
    """It is as if there were none."""
    drive = Drive(always(429, retry_after=asked, date=784111777.0)).take(TEN).run(requests=2)
    first, second = drive.times()
    assert second - first <= 1


def test_a_retry_after_does_not_hurry():
    """A server that always says "in a second" is asked less and less often, as others are."""
    drive = Drive(always(503, retry_after="1"), random=lambda: 1.0).take(TEN).run(requests=9)
    assert [2, 2, 4, 8, 16, 32, 60, 60] == [
        round(later - sooner) for sooner, later in pairwise(drive.times())
    ]


def test_hurry():
    """Who waits for a flush need not wait for a minute when the server is back."""
    drive = Drive(always(503), random=lambda: 1.0).take(THOUSAND).run(until=100.0)
    drive.server = good
    drive.hurried = True
    assert drive.run(until=102.5).done


@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_hurry_has_its_limits(random):
    """Somebody who waits all the time does not make it more than 25 requests in 20 s."""
    drive = Drive(always(0), random=lambda: random).take(THOUSAND)
    drive.hurried = True
    assert 10 <= len(drive.run(until=20.0).requests) <= 25
    drive = Drive(always(401)).take(THOUSAND)
    drive.hurried = True
    assert [0.0, 1.0, 3.0, 5.0] == [round(when, 1) for when in drive.run(until=5.5).times()]
    drive = Drive(always(429, retry_after="50")).take(THOUSAND)
    drive.hurried = True
    assert 1 == len(drive.run(until=50.0).requests)


# -- Hold ------------------------------------------------------------------------------------------

LIES = [b"<html>Log in</html>", b"{}", b"[]", b"null", b"", b'{"accepted": 0}']


@pytest.mark.parametrize("status", [401, 403, 404, 301, 302, 307, 308, 405, 410, 451, 600])
def test_hold(status):
    """Everything is held, probed after a second and then each minute, and warned of once."""
    drive = Drive(always(status)).take(THOUSAND).run(until=4.0)
    assert len(drive.requests) == 2
    drive.run(until=601.5)
    waits = [later - sooner for sooner, later in pairwise(drive.times()[1:])]
    assert waits == pytest.approx([HOLD] * len(waits), abs=0.01)
    assert 12 == len(drive.requests)
    assert max(len(lines) for _, lines, _ in drive.requests[1:]) <= 10
    assert 1 == len(drive.warnings)
    assert drive.warnings[0].startswith(str(status))
    assert drive.machine.held
    assert 1000 == drive.machine.records
    drive.server = good
    assert drive.run().done
    assert not drive.machine.held


@pytest.mark.parametrize("body", LIES)
@pytest.mark.parametrize("status", [200, 202, 204])
def test_no_receipt_is_no_acknowledgement(status, body):
    """A captive portal has taken nothing, whatever its status says."""
    drive = Drive(always(status, body=body)).take(TEN).run(until=200.0)
    assert not drive.delivered
    assert {} == drive.cursors
    assert 1 == len(drive.warnings)
    drive.server = good
    assert drive.run().done


def test_one_garbled_answer_is_over_in_a_second():
    """One answer without a receipt, and all is well: that costs a second, not a minute."""
    answers = iter([Answer(200, b"\xff\xfe")])
    drive = Drive(lambda lines: next(answers, None) or receipt(lines)).take(THOUSAND).run()
    assert drive.done
    assert drive.now < 2


def test_each_cause_is_warned_of_once():
    """Another cause is another warning."""
    answers = [Answer(401), Answer(401), Answer(404), Answer(503), Answer(401), Answer(302)]
    left = iter(answers)
    drive = Drive(lambda lines: next(left, None) or receipt(lines)).take(TEN).run()
    assert ["401", "404", "302"] == [warning[:3] for warning in drive.warnings]
    left = iter([Answer(failure=why, lasting=True) for why in ("key", "key", "proxy")])
    drive = Drive(lambda lines: next(left, None) or receipt(lines)).take(TEN).run()
    assert ["key", "proxy"] == drive.warnings


# -- Refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("poison", [0, 1, 250, 499, 500, 777, 999])
def test_one_poison_record(status, poison):
    """Its neighbours are delivered and it is quarantined, with at most 60 requests, at once."""
    drive = Drive(refusing(poison, status=status)).take(THOUSAND).run()
    assert drive.done
    assert {poison: 1} == drive.refused
    assert f"{status}: poison" == drive.reasons[poison]
    assert 999 == len(drive.delivered)
    assert len(drive.requests) <= 60
    assert drive.now < 1


@settings(max_examples=8)
@given(st.sets(st.integers(0, 999), min_size=5, max_size=5))
def test_five_poison_records(poison):
    """Five of a thousand, wherever they are, take at most 120 requests."""
    drive = Drive(refusing(*poison)).take(THOUSAND).run()
    assert drive.done
    assert dict.fromkeys(poison, 1) == drive.refused
    assert len(drive.requests) <= 120
    assert drive.now < 10


def test_all_of_a_batch():
    """A bounded rate for what is all poison; its neighbours do not wait for it."""
    drive = Drive(refusing(*range(500))).take(THOUSAND).run()
    assert drive.done
    assert dict.fromkeys(range(500), 1) == drive.refused
    assert drive.times(200)[-1] < 1
    assert busiest_minute(drive.times(400)) <= 60 + 2 * 60 + 1


def test_a_server_that_refuses_everything():
    """It is asked twice a second, so few records are lost to a mistake that is soon mended."""
    drive = Drive(always(400)).take(THOUSAND).run(until=60.0)
    assert len(drive.refused) <= 100
    drive.server = good
    assert drive.run().done
    assert len(drive.delivered) >= 900


def test_new_lines_go_on_while_others_are_bisected():
    """What comes later is delivered while the poison of a batch is looked for."""
    drive = Drive(refusing(*range(500))).take(THOUSAND[:500]).run(until=30.0)
    drive.take(THOUSAND[500:]).run(until=31.0)
    assert 500 == len(drive.delivered)
    assert 0 < len(drive.refused) < 500
    assert drive.cursors["a"] < 500 * len(THOUSAND[0])


@pytest.mark.parametrize("traffic", [False, True])
def test_a_record_at_which_a_server_breaks(traffic):
    """A record that makes a 500 is tried for ever, and holds up nothing but itself."""
    drive = Drive(refusing(77, status=500)).take(THOUSAND[:500])
    for second in range(1, 1800):
        if traffic:
            drive.take([record(second * 1000 + 999)], "b")
        drive.run(until=float(second))
    others = len(drive.delivered)
    assert (499 + 1799 if traffic else 499) == others
    assert 1 == drive.machine.records
    assert not drive.refused
    assert busiest_minute([when for when in drive.times(500) if when > 600]) <= 4
    drive.server = good
    assert drive.run().done


# -- Too large -------------------------------------------------------------------------------------


def limited(size, measure=lambda lines: len(b'{"events":[]}') + len(b",".join(lines))):
    """Be a server with a limit."""
    return lambda lines: Answer(413) if measure(lines) > size else good(lines)


def test_too_large():
    """Batches are halved until they pass, and the next ones begin there."""
    lines = [record(number, params="x" * 1000) for number in range(2000)]
    drive = Drive(limited(64_000)).take(lines).run()
    assert drive.done
    assert not drive.refused
    assert len(drive.times(413)) <= 8
    assert {number_of(line) for _, sent, _ in drive.requests for line in sent} == set(range(2000))
    assert max(drive.times(413)[:4]) < drive.times(200)[0]


def test_a_record_too_large_alone_loses_its_payload():
    """The node is delivered; what is not too large keeps all it has."""
    sizes = {number: 100_000 if number % 100 == 50 else 500 for number in range(1000)}
    lines = [record(number, params="x" * size) for number, size in sizes.items()]
    drive = Drive(limited(64_000)).take(lines).run()
    assert drive.done
    assert not drive.refused
    taken = {line for _, sent, answer in drive.requests if answer.status == 200 for line in sent}
    bare = {strip(line) for line in lines if len(line) > 64_000}
    assert bare | {line for line in lines if len(line) <= 64_000} == taken
    assert drive.now < 5
    assert len(drive.requests) < 60


def test_many_records_too_large_alone():
    """What is delivered in the end earns the refusals on the way: it goes on at once."""
    drive = Drive(limited(500)).take([record(n, params="x" * 1000) for n in range(300)]).run()
    assert drive.done
    assert 300 == len(drive.delivered)
    assert drive.now < 30


def test_a_record_too_large_without_its_payload():
    """It is quarantined as it was recorded."""
    line = record(1, event_type="x" * 1000, params="y")
    drive = Drive(limited(500)).take([record(0), line, record(2)]).run()
    assert drive.done
    assert {1: 1} == drive.refused
    assert "413: too large, and there is no payload to leave out" == drive.reasons[1]


def test_a_server_that_has_room_again():
    """A limit that was lifted is found again."""
    lines = [record(number, params="x" * 1000) for number in range(12_000)]
    drive = Drive(limited(20_000)).take(lines).run(requests=100)
    drive.server = good
    drive.run()
    assert drive.done
    assert max(len(sent) for _, sent, _ in drive.requests[100:]) > 400


@given(st.integers(1, 2000), st.lists(st.integers(0, 3000), min_size=1, max_size=60))
def test_any_limit(size, payloads):
    """Whatever the limit and the sizes, each node arrives or is in the quarantine."""
    lines = [record(n, params="x" * length) for n, length in enumerate(payloads)]
    drive = Drive(limited(size)).take(lines).run()
    assert drive.done
    fits = {n for n, line in enumerate(lines) if len(strip(line)) + 13 <= size}
    assert fits == set(drive.delivered)


# -- Damage ----------------------------------------------------------------------------------------

TORN = b'{"id":"0000000000000009","par'
LOOKS_WHOLE = b'{"id":"0000000000000009","params":{"a":{}'


def test_what_is_no_record_is_set_aside():
    """A torn line is not sent; an empty one is nobody's."""
    drive = Drive().take([TEN[0], b"", TORN, b"\0" * 9, TEN[1], b""]).run()
    assert drive.done
    assert {None: 2} == drive.refused
    assert "damaged: the line is no JSON object" == drive.reasons[None]
    assert [(TEN[0], TEN[1])] == [lines for _, lines, _ in drive.requests]


def test_lines_of_nobody_only():
    """A source without a record is done at once."""
    drive = Drive().take([b"", b"", TORN])
    assert drive.done
    assert [] == drive.requests


def test_damage_that_a_server_finds():
    """When a batch is refused its lines are looked at, and the others are sent again whole."""
    drive = Drive().take([*TEN[:5], LOOKS_WHOLE, *TEN[5:]]).run()
    assert drive.done
    assert {None: 1} == drive.refused
    assert [11, 10] == [len(lines) for _, lines, _ in drive.requests]


def test_two_lines_that_are_one_record():
    """What makes a batch hold another number of records than lines cannot be acknowledged."""
    one, two = b'{"id":"1","a":"{}', b'{"}'
    two_in_one = b'{"id":"2"},{"id":"3"}'

    def server(lines):
        try:
            count = len(json.loads(b"[" + b",".join(lines) + b"]"))
        except ValueError:
            return Answer(400)
        return receipt(lines) if count == len(lines) else Answer(200, b'{"accepted":%d}' % count)

    drive = Drive(server).take([TEN[0], two_in_one, TEN[1]]).run()
    assert drive.done
    assert drive.now < 1
    assert [] == drive.warnings
    assert {None: 1} == drive.refused
    drive = Drive(server).take([TEN[0], one, two, TEN[1]]).run()
    assert drive.done
    assert {None: 2} == drive.refused


def test_damage_alone():
    """A batch of nothing but damage is refused once, and nothing is left of it."""
    drive = Drive().take([LOOKS_WHOLE] * 3).run()
    assert drive.done
    assert {None: 3} == drive.refused
    assert 1 == len(drive.requests)


# -- Any sequence of answers -----------------------------------------------------------------------


def _lie(lines, kind):
    """Return a receipt that does not cover the batch."""
    count = len(lines)
    return [
        b'{"accepted": %d}' % (count + 1),
        b'{"accepted": %d, "refused": []}' % (count - 1),
        b'{"accepted": true, "refused": []}',
        b'{"accepted": %d, "refused": [{"index": %d, "why": "x"}]}' % (count - 1, count),
        b'{"accepted": %d, "refused": [{"index": true, "why": "x"}]}' % (count - 1),
        b'{"accepted": %d, "refused": null}' % count,
        b'{"accepted": %d.0, "refused": []}' % count,
        b'{"accepted": 1' + b"0" * 5000 + b"}",
        *LIES,
    ][kind % 14]


_statuses = [0, 103, 301, 400, 400, 400, 401, 404, 408, 413, 413, 422, 429, 500, 503, 503]
_moves = st.one_of(
    st.sampled_from(["receipt", "receipt", "refusals"]),
    st.sampled_from(_statuses),
    st.integers(1000, 1013),
)
_waits = st.sampled_from([None, "", "1", "120", "99999999999", "-3", "soon"])
_lines = st.one_of(st.just("record"), st.just("large"), st.sampled_from([b"", TORN, LOOKS_WHOLE]))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), _lines), max_size=40),
    st.lists(st.tuples(_moves, _waits, st.integers(0, 99)), max_size=80),
    st.randoms(use_true_random=False),
    st.integers(1, 9),
)
def test_any_sequence_of_answers(kinds, moves, random, batch_records):
    """Nothing is lost or settled twice, and when the server turns good everything is delivered."""
    sources = {}
    for number, (source, kind) in enumerate(kinds):
        fields = {"params": "x" * 900} if kind == "large" else {}
        line = kind if isinstance(kind, bytes) else record(number, **fields)
        sources.setdefault(source, []).append(line)
    left = iter(moves)

    def server(lines):
        move, wait, seed = next(left, ("good", None, 0))
        broken = None in map(number_of, lines)
        if move == "good" or (broken and isinstance(move, str)):
            return good(lines)
        if move == "receipt":
            return receipt(lines)
        if move == "refusals":
            return receipt(lines, {seed % len(lines): "no", (seed // 7) % len(lines): "no"})
        if move >= 1000:
            return Answer(200, _lie(lines, move))
        return Answer(move, retry_after=wait)

    drive = Drive(server, random=random.random, batch_records=batch_records)
    for source, lines in sources.items():
        drive.take(lines, source)
    drive.run(requests=len(moves))
    settled = set(drive.delivered) | set(drive.refused) - {None}
    records = {number for number, (_, kind) in enumerate(kinds) if isinstance(kind, str)}
    unseen = sum(kind == LOOKS_WHOLE for _, kind in kinds)
    assert 0 <= drive.machine.records - len(records - settled) <= unseen
    turned, sent = drive.now, len(drive.requests)
    drive.run()
    assert drive.done
    assert 0 == drive.machine.records
    assert drive.now - turned <= 420
    assert len(drive.requests) - sent <= 3 * len(kinds) + 1
    assert records == set(drive.delivered) | set(drive.refused) - {None}
    assert not set(drive.delivered) & set(drive.refused)
    assert all(count == 1 for number, count in drive.refused.items() if number is not None)
    assert all(count == 1 for count in drive.delivered.values())


@settings(max_examples=8)
@given(
    st.lists(st.sampled_from([0, 200, 302, 400, 401, 404, 413, 422, 429, 503]), min_size=1),
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_any_server_that_takes_nothing(statuses, random, chance):
    """Whatever it answers instead of receipts, the requests of any minute are bounded."""
    drive = Drive(lambda _: Answer(random.choice(statuses)), random=lambda: chance)
    drive.take(THOUSAND).run(requests=400)
    assert busiest_minute(drive.times()) <= 2 * (60 + 2 * 60) + 60
    assert busiest_minute(drive.times(0, 200, 302, 401, 404, 429, 503)) <= 2 * (60 + 2 * 60)
    assert not drive.delivered


@given(st.lists(st.sampled_from([0, 302, 401, 404, 429, 503]), min_size=1), st.floats(0, 1))
def test_any_outage(statuses, chance):
    """Where nothing gets through and nothing is refused, few requests are made."""
    left = iter(statuses * 400)
    drive = Drive(lambda _: Answer(next(left)), random=lambda: chance)
    drive.take(THOUSAND).run(until=300.0)
    assert busiest_minute(drive.times()) <= 16
    assert sum(when < 20 for when in drive.times()) <= 25


def test_deciding_needs_no_requests():
    """Only what sends imports requests."""
    code = "import sys, agentlog.shipping.machine; sys.exit('requests' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
