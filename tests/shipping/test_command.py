"""What `agentlog ship` does: until nothing is left, or nothing moves any more."""

import pytest

from agentlog.shipping import cursors
from agentlog.shipping.claim import Claim
from agentlog.shipping.command import PATIENCE, Rest, follow, ship
from agentlog.shipping.cursors import Cursor
from tests.shipping.destinations import ANOTHER, Run, left, names, records, text_of, written
from tests.shipping.driving import Answer, good, refusing

SIZE = len(text_of(records(1)))


class Shipping:
    """The command by a clock that is turned when it sleeps; `during` is called at each sleep."""

    def __init__(self, directory, server=good, during=lambda: None):
        self.run = Run(directory, server)
        self.rest = Rest(directory)
        self.during = during
        self.shown = []

    def sleep(self, seconds):
        """Let time pass."""
        self.run.clock.advance(seconds)
        self.during()

    def ship(self):
        """Ship; say whether nothing is left."""
        clock = self.run.clock.time
        return ship(
            self.run.shipper, self.rest.size, self.shown.append, sleep=self.sleep, clock=clock
        )


# -- What is left ----------------------------------------------------------------------------------


def test_the_rest_is_what_was_there_and_is_not_settled(tmp_path):
    """In bytes and in records; what comes later is not of it, and what is gone neither."""
    segments = [left(tmp_path, records(5), number=n) for n in (1, 2, 3)]
    rest = Rest(tmp_path)
    assert (15 * SIZE, 15) == (rest.size(), rest.records())
    cursors.write(cursors.path_of(segments[0]), Cursor(2 * SIZE, 2))
    segments[1].path.unlink()
    left(tmp_path, records(9), number=3)
    left(tmp_path, records(9), owner=ANOTHER)
    assert (8 * SIZE, 8) == (rest.size(), rest.records())


def test_a_cursor_beyond_the_rest_is_its_end(tmp_path):
    """More was written and shipped since."""
    segment = left(tmp_path, records(2))
    rest = Rest(tmp_path)
    left(tmp_path, records(9))
    cursors.write(cursors.path_of(segment), Cursor(9 * SIZE, 9))
    assert (0, 0) == (rest.size(), rest.records())


def test_of_no_destination_nothing_is_left(tmp_path):
    """And looking makes none."""
    rest = Rest(tmp_path / "none")
    assert (0, 0) == (rest.size(), rest.records())
    assert [] == list(tmp_path.iterdir())


# -- Ship ------------------------------------------------------------------------------------------


def test_nothing_is_there(tmp_path):
    """That is done at once."""
    shipping = Shipping(tmp_path / "none")
    assert shipping.ship()
    assert 0 == shipping.run.seconds


def test_all_is_shipped(tmp_path):
    """And tidied up; how far it is, is told by the way."""
    left(tmp_path, records(3000))
    shipping = Shipping(tmp_path)
    assert shipping.ship()
    assert [*range(3000)] == shipping.run.poster.ids
    assert 0 == shipping.shown[-1]
    assert [] == names(tmp_path)


def test_it_does_not_wait_for_more_records(tmp_path):
    """There is nobody to be gentle with."""
    left(tmp_path, records(3))
    shipping = Shipping(tmp_path)
    shipping.ship()
    assert 0 == shipping.run.seconds


def test_patience_has_an_end(tmp_path):
    """When nothing has moved for 30 seconds it is given up."""
    left(tmp_path, records(3))
    shipping = Shipping(tmp_path, lambda _: Answer(503))
    assert not shipping.ship()
    assert PATIENCE <= shipping.run.seconds < PATIENCE + 3
    assert 30 == PATIENCE


def test_patience_begins_anew_when_something_moves(tmp_path):
    """A server that comes late and is slow is waited for."""
    left(tmp_path, records(2000))

    def slow(lines):
        if shipping.run.seconds < 25:
            return Answer(503)
        shipping.run.clock.advance(10)
        return good(lines)

    shipping = Shipping(tmp_path, slow)
    assert shipping.ship()
    assert shipping.run.seconds > 2 * PATIENCE


def test_a_record_that_a_server_chokes_on_ends_no_patience_while_others_go(tmp_path):
    """It stands before them all, so no cursor moves; they are shipped all the same."""
    left(tmp_path, records(20_000))

    def slow(lines):
        shipping.run.clock.advance(1.0)
        return Answer(500) if records(1)[0] in lines else good(lines)

    shipping = Shipping(tmp_path, slow)
    assert not shipping.ship()
    assert {*range(1, 20_000)} == {*shipping.run.poster.ids} - {0}
    assert shipping.run.seconds > PATIENCE + 40


def test_what_a_running_program_has_recorded_is_shipped_too(tmp_path):
    """Up to now; what it records meanwhile does not keep the command."""
    with written(tmp_path, records(3)) as segment:
        shipping = Shipping(tmp_path)
        with segment.path.open("ab") as file:
            file.write(text_of(records(1, 3)) + b'{"id": "00')
        assert shipping.ship()
        assert {0, 1, 2} <= {*shipping.run.poster.ids}


def test_another_shipper_is_waited_for(tmp_path):
    """It has the claim, and ships; its progress is progress."""
    segment = left(tmp_path, records(4))
    claim, moved = Claim(tmp_path), []
    assert claim.take()

    def another():
        if shipping.run.seconds > 20 * (len(moved) + 1):
            moved.append(1)
            cursors.write(cursors.path_of(segment), Cursor(len(moved) * SIZE, len(moved)))

    shipping = Shipping(tmp_path, during=another)
    assert shipping.ship()
    assert ([], 4) == (shipping.run.poster.ids, len(moved))


def test_another_shipper_that_does_nothing_is_not_waited_for_for_ever(tmp_path):
    """Somebody has stopped it."""
    left(tmp_path, records(4))
    claim = Claim(tmp_path)
    assert claim.take()
    shipping = Shipping(tmp_path)
    assert not shipping.ship()
    assert shipping.run.seconds < PATIENCE + 3


def test_another_shipper_that_is_killed_is_followed(tmp_path):
    """Its claim is free."""
    left(tmp_path, records(4))
    claim = Claim(tmp_path)
    assert claim.take()
    shipping = Shipping(tmp_path, during=claim.let_go)
    assert shipping.ship()
    assert [0, 1, 2, 3] == shipping.run.poster.ids


def test_what_is_refused_is_not_left(tmp_path):
    """It is in quarantine."""
    left(tmp_path, records(30))
    shipping = Shipping(tmp_path, refusing(7, 8))
    assert shipping.ship()
    assert ["quarantine"] == names(tmp_path)


def test_a_line_cut_off_by_a_kill_is_not_left(tmp_path):
    """Nor is it waited for."""
    left(tmp_path, records(3), tail=b'{"id": "00')
    shipping = Shipping(tmp_path)
    assert shipping.ship()
    assert shipping.run.seconds < 1


def test_a_line_cut_off_by_a_full_disk_is_not_waited_for(tmp_path):
    """Its process is alive, and goes on in another segment; none of its records is left."""
    with written(tmp_path, records(3)) as segment:
        with segment.path.open("ab") as file:
            file.write(b'{"id": "00')
        shipping = Shipping(tmp_path)
        assert shipping.ship()
        assert shipping.run.seconds < 1


# -- Follow ----------------------------------------------------------------------------------------


class EnoughError(Exception):
    """Somebody interrupts it."""


def following(directory, server, during, most=60):
    """Follow for so many naps; return the run, what was told, and the naps."""
    run, told, slept = Run(directory, server), [], []

    def sleep(seconds):
        slept.append(seconds)
        run.clock.advance(seconds)
        during(len(slept))
        if len(slept) > most:
            raise EnoughError

    with pytest.raises(EnoughError):
        follow(run.shipper, told.append, sleep=sleep)
    return run, told, slept


def test_what_comes_is_shipped_until_somebody_interrupts_it(tmp_path):
    """Also where no destination was there at first; meanwhile it sleeps, a second at most."""
    home = tmp_path / "home"

    def record(nap):
        if nap % 10 == 0:
            left(home, records(2, nap), number=nap)

    run, told, slept = following(home, good, record)
    assert [10, 11, 20, 21, 30, 31, 40, 41] == run.poster.ids[:8]
    assert max(slept) <= 1
    assert min(slept) > 0
    assert [] == told


def test_what_stands_in_the_way_is_told_once(tmp_path):
    """And when it is over; another thing is told as well."""
    answers = [Answer(503), Answer(503), Answer(401), Answer(401)]

    def server(lines):
        return answers.pop(0) if answers else good(lines)

    left(tmp_path, records(2))
    run, told, _ = following(tmp_path, server, lambda _: None, most=200)
    assert ["503", "401: the key is not accepted", ""] == told
    assert {0, 1} == {*run.poster.ids}
