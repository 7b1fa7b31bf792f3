"""Shipper: a step at a time, with a real transport to a real server where that matters."""

import json

import pytest

from agentlog.shipping import quarantine, status
from agentlog.shipping.claim import Claim
from agentlog.shipping.http import Transport
from agentlog.shipping.shipper import NOTHING
from agentlog.shipping.status import Status
from tests.shipping import server as fake
from tests.shipping.destinations import (
    ANOTHER,
    Run,
    left,
    names,
    records,
    text_of,
    written,
)
from tests.shipping.driving import Answer, good
from tests.shipping.posting import KEY, SHORT
from tests.shipping.server import Server, answering, closed_port, collecting


def shipping(directory, url, **options):
    """Return a run with a transport to this address."""
    return Run(directory, Transport(url, KEY, **options))


def down(_):
    """Be a server that is not there."""
    return Answer(failure="refused")


# -- With a server ---------------------------------------------------------------------------------


def test_all_that_is_there_is_shipped(tmp_path):
    """In few requests over one connection; then there is nothing to do, and nothing is left."""
    left(tmp_path, records(700))
    left(tmp_path, records(300, 700), owner=ANOTHER)
    with Server(collecting()) as server:
        run = shipping(tmp_path, server.url)
        assert NOTHING == run.steps()
        assert (1000, 1) == (len(server.records), server.connections)
        assert len(server.requests) <= 3
        assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]
    assert (1000, [], []) == (run.shipper.delivered, names(tmp_path), run.warnings)
    assert server.url == status.read(tmp_path).endpoint == run.shipper.status.endpoint


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (answering(503, b"busy"), "503: busy"),
        (answering(429, retry_after="5"), "429"),
        (answering(401), "401: the key is not accepted"),
        (answering(302, location="https://example.com"), "302: moved to https://example.com"),
        (answering(200, b"<html>"), "200 without a receipt for the batch"),
        (fake.hanging, "no answer in time"),
        (fake.closing, None),
        (fake.resetting, None),
    ],
    ids=["503", "429", "401", "302", "html", "hang", "close", "reset"],
)
def test_what_stands_in_the_way_is_known_while_it_does(fault, why, tmp_path):
    """To all who ask; then it is over, and every record is there."""
    left(tmp_path, records(40))
    with Server(fault, collecting()) as server:
        run = shipping(tmp_path, server.url, read=SHORT)
        run.step(hurried=True)
        during = run.shipper.status
        assert during == status.read(tmp_path)
        assert why in {None, during.trouble} or why in during.trouble
        assert during.trouble
        assert (0, 0.0) == (run.shipper.delivered, during.acknowledged)
        assert NOTHING == run.steps()
        assert 40 == len(server.records)
    after = status.read(tmp_path)
    assert ("", "", 200) == (after.trouble, after.held, after.code)
    assert after.acknowledged == after.answered > 0


def test_refused_records_are_in_quarantine(tmp_path):
    """By the receipt; their neighbours are there."""
    poison = {json.loads(line)["id"] for line in records(2, 5)}
    left(tmp_path, records(20))
    with Server(collecting(refuse=poison)) as server:
        assert NOTHING == shipping(tmp_path, server.url).steps()
        assert 18 == len(server.records)
    assert poison == {entry.record["id"] for entry in quarantine.entries(tmp_path)}


def test_a_server_that_is_not_there(tmp_path):
    """It is tried again, at longer and longer intervals; nothing is lost by it."""
    left(tmp_path, records(3))
    with closed_port() as url:
        run = shipping(tmp_path, url)
        assert None is run.steps(60)
    assert 3 == len(text_of(records(3)).splitlines())
    assert all(0 < pause <= 60 for pause in run.pauses if pause)
    assert max(run.pauses) > 10
    assert KEY not in repr(run.shipper.status)


# -- When ------------------------------------------------------------------------------------------


def test_a_record_waits_for_others(tmp_path):
    """As long as `max_wait` says, from when it came; then for the next ones again."""
    left(tmp_path, records(1))
    run = Run(tmp_path, max_wait=5.0)
    run.shipper.gather()
    assert 5 == run.step()
    assert 0 == run.step()
    left(tmp_path, records(2))
    assert 4 < run.step() <= 5
    assert NOTHING == run.steps()
    assert [(0, 1), (1, 1)] == [(ids, 1) for ids in run.poster.ids]


def test_who_is_in_a_hurry_waits_for_nobody(tmp_path):
    """Nor does one whose records fill a batch."""
    left(tmp_path, records(1))
    run = Run(tmp_path, max_wait=5.0)
    run.shipper.gather()
    assert 0 == run.step(hurried=True)
    left(
        tmp_path,
        [b'{"id": "%016x", "p": "%s"}' % (n, b"x" * 9000) for n in range(1, 300)],
        number=2,
    )
    assert NOTHING == run.steps(hurried=True)
    assert run.seconds < 1


def test_the_own_records_go_first_and_the_others_are_left_to_themselves(tmp_path):
    """By one that leaves."""
    left(tmp_path, records(2))
    with written(tmp_path, records(2, 10)) as own, written(tmp_path, records(2, 20)):
        run = Run(tmp_path)
        assert NOTHING == run.steps(own=own.owner, leaving=True)
        assert [10, 11, 0, 1] == run.poster.ids
        assert NOTHING == run.steps(own=own.owner, hurried=True)
        assert [20, 21] == run.poster.ids[4:]


def test_a_destination_that_is_not_there_yet(tmp_path):
    """It is looked for now and then, and not made."""
    run = Run(tmp_path / "home", max_wait=0.5)
    assert (0.5, True) == (run.step(), run.shipper.is_kept_out)
    assert [] == list(tmp_path.iterdir())
    left(tmp_path / "home", records(1))
    assert NOTHING == run.steps()


# -- One at a time ---------------------------------------------------------------------------------


def test_who_is_kept_out_sends_nothing(tmp_path):
    """And goes on where the other has left it."""
    left(tmp_path, records(1200))
    first, second = Run(tmp_path), Run(tmp_path)
    first.step()
    assert (1.0, True, []) == (second.step(), second.shipper.is_kept_out, second.poster.requests)
    first.shipper.close()
    assert NOTHING == second.steps()
    assert not second.shipper.is_kept_out
    assert [*range(1200)] == first.poster.ids + second.poster.ids


def test_who_waits_for_a_server_keeps_nobody_out(tmp_path):
    """Another process tries at once; what it has shipped is not shipped again."""
    left(tmp_path, records(3))
    first = Run(tmp_path, down)
    first.step()
    assert 0 < first.step()
    second = Run(tmp_path)
    assert NOTHING == second.steps()
    first.poster.server = good
    assert NOTHING == first.steps()
    assert [0, 1, 2] == second.poster.ids == first.poster.ids
    assert (0, 3) == (first.shipper.delivered, second.shipper.delivered)


def test_two_by_turns_ship_each_record_once(tmp_path):
    """As two clients of one process with the same destination do."""
    runs = [Run(tmp_path), Run(tmp_path)]
    for number in range(20):
        left(tmp_path, records(10, 10 * number), number=number + 1)
        runs[number % 2].steps(3, hurried=True)
        runs[1 - number % 2].step(hurried=True)
    assert all(NOTHING == run.steps() for run in runs)
    assert [*range(200)] == sorted(runs[0].poster.ids + runs[1].poster.ids)


def test_nothing_to_do_is_no_reason_to_keep_others_out(tmp_path):
    """An idle shipper has no claim."""
    left(tmp_path, records(3))
    Run(tmp_path).steps()
    assert Claim(tmp_path).take()


# -- What people are told --------------------------------------------------------------------------


def test_a_hold_is_warned_of_once(tmp_path):
    """It says what the server said; another reason is another warning."""
    left(tmp_path, records(3))
    run = Run(tmp_path, lambda _: Answer(401))
    run.steps(30)
    assert ["401: the key is not accepted"] == run.warnings
    assert "401: the key is not accepted" == run.shipper.status.held
    assert run.shipper.status.retry > run.shipper.status.answered
    run.poster.server = lambda _: Answer(404)
    run.steps(30)
    assert 2 == len(run.warnings)
    run.poster.server = good
    assert NOTHING == run.steps()
    assert ("", 0.0) == (run.shipper.status.held, run.shipper.status.retry)


def test_what_passes_is_no_warning(tmp_path):
    """Nobody has to look at it."""
    left(tmp_path, records(3))
    run = Run(tmp_path, down)
    run.steps(30)
    assert [] == run.warnings
    assert "refused" == run.shipper.status.trouble


def test_trouble_is_trouble_when_the_clock_has_gone_back(tmp_path):
    """Somebody has set it."""
    said = Status("https://x", answered=500.0, answer="503", code=503, acknowledged=1000.0)
    assert "503" == said.trouble
    assert "" == said._replace(answered=1000.0).trouble
