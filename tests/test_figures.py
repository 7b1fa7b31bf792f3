"""Figures: each record is counted once, in one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import FlushResult
from agentlog.figures import figures
from agentlog.shipping.tally import Count

NUMBERS = st.integers(0, 50)
REASONS = st.dictionaries(
    st.sampled_from(["journal removed", "journal limit", "not writable", "damaged"]),
    st.integers(1, 9),
)
COUNTS = st.builds(Count, NUMBERS, NUMBERS, NUMBERS, st.booleans())


def test_without_an_endpoint_what_is_in_the_journal_is_delivered():
    """What waits in memory is pending."""
    expected = FlushResult(5, 2, 0, 3, {"journal limit": 3})
    assert expected == figures(5, 2, {"journal limit": 3}, None)


@pytest.mark.parametrize(
    ("written", "dropped", "settled", "expected"),
    [
        (0, {}, Count(0, 0, 0, is_all=True), FlushResult()),
        (9, {}, Count(0, 0, 0, is_all=False), FlushResult(pending=9)),
        (9, {}, Count(4, 2, 0, is_all=False), FlushResult(4, 3, 2)),
        (9, {}, Count(7, 2, 0, is_all=True), FlushResult(7, 0, 2)),
        (9, {}, Count(7, 0, 2, is_all=True), FlushResult(7, 0, 0, 2, {"damaged": 2})),
        (9, {}, Count(7, 0, 2, is_all=False), FlushResult(7, 2)),
        (9, {}, Count(4, 0, 0, is_all=True), FlushResult(4, 0, 0, 5, {"journal removed": 5})),
        (
            9,
            {},
            Count(4, 0, 1, is_all=True),
            FlushResult(4, 0, 0, 5, {"damaged": 1, "journal removed": 4}),
        ),
        (9, {}, Count(9, 0, 3, is_all=True), FlushResult(9)),
        (
            3,
            {"journal removed": 6},
            Count(4, 1, 0, is_all=True),
            FlushResult(4, 0, 1, 4, {"journal removed": 4}),
        ),
        (9, {}, Count(10, 0, 0, is_all=True), FlushResult(10)),
    ],
    ids=range(11),
)
def test_with_an_endpoint_the_cursors_say_what_became_of_them(written, dropped, settled, expected):
    """What is neither there nor settled is lost; a record that had arrived before is not."""
    assert expected == figures(written, 0, dropped, settled)


@given(NUMBERS, NUMBERS, REASONS, COUNTS)
def test_every_record_is_in_one_place(written, waiting, dropped, settled):
    """Accepted is what was recorded, unless more is known to have arrived."""
    found = figures(written, waiting, dropped, settled)
    assert found.accepted == found.delivered + found.pending + found.quarantined + found.dropped
    assert found.dropped == sum(found.reasons.values())
    assert (settled.delivered, settled.quarantined) == (found.delivered, found.quarantined)
    assert min(found.pending, found.dropped, *found.reasons.values(), 0) == 0
    recorded = written + waiting + sum(dropped.values())
    arrived = settled.delivered + settled.quarantined
    if arrived <= written:
        assert recorded == found.accepted
        assert dropped.items() <= found.reasons.items() or settled.is_all
    else:
        assert recorded <= found.accepted or "journal removed" in dropped
    if settled.is_all:
        assert waiting == found.pending


@given(NUMBERS, NUMBERS, REASONS, COUNTS, NUMBERS)
def test_what_arrives_only_moves(written, waiting, dropped, settled, more):
    """A receipt makes pending records delivered, and none comes or goes."""
    left = written - settled.delivered - settled.quarantined
    if settled.is_all or left < more:
        return
    before = figures(written, waiting, dropped, settled)
    after = figures(written, waiting, dropped, settled._replace(delivered=settled.delivered + more))
    assert (before.accepted, before.pending - more) == (after.accepted, after.pending)


@given(NUMBERS, NUMBERS, REASONS, st.none() | COUNTS)
def test_what_was_dropped_is_not_changed(written, waiting, dropped, settled):
    """The account is of a moment."""
    before = {**dropped}
    figures(written, waiting, dropped, settled)
    assert before == dropped
