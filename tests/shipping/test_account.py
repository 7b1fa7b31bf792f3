"""Each line is settled once, in one way, and what is held is what is not settled."""

import pytest

from agentlog.shipping.account import Account
from agentlog.shipping.ledger import Advance
from agentlog.shipping.steps import Refused, Settled
from agentlog.shipping.stretch import Stretch

STRETCH = Stretch("a", 0, (b'{"a":1}', b"", b"torn", b'{"b":2}', b"{bad}"))


def test_taking():
    """What may be a record is held; a torn line is set aside, and an empty one leaves no trace."""
    account = Account()
    held = account.take(STRETCH)
    assert [Stretch("a", 0, STRETCH.lines[:1]), Stretch("a", 14, STRETCH.lines[3:])] == held
    assert (3, 22) == (account.records, account.size)
    torn = Refused("a", 9, b"torn", "damaged: the line is no JSON object", damaged=True)
    assert Settled(refused=(torn,)) == account.settled()
    assert Settled() == account.settled()


def test_settling():
    """Everything is counted where it belongs, and nothing is held in the end."""
    account = Account()
    first, second = account.take(STRETCH)
    account.settle(first, {})
    (good,) = account.without_damaged((second,))
    assert Stretch("a", 14, (b'{"b":2}',)) == good
    account.settle(good, {0: "odd"})
    refused = [("torn", 9, True), ("{bad}", 22, True), ('{"b":2}', 14, False)]
    settled = account.settled("why", "warning")
    assert refused == [(one.line.decode(), one.start, one.damaged) for one in settled.refused]
    assert (Advance("a", 28, delivered=1, quarantined=1, damaged=2),) == settled.advances
    assert ("why", "warning") == (settled.why, settled.warning)
    assert (0, 0) == (account.records, account.size)


@pytest.mark.parametrize(
    "line",
    [b"{}x}", b"{" * 50_000 + b"}", b'{"a":\xff}', '{"a":1}'.encode("utf-16-le") + b"}", b"{1:2}"],
    ids=range(5),
)
def test_what_only_looks_like_a_record(line):
    """It is damaged when it is looked at."""
    account = Account()
    assert () == account.without_damaged(tuple(account.take(Stretch("a", 0, (line,)))))
    assert 1 == account.settled().advances[0].damaged
