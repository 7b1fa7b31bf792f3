"""What is left in a destination of spans: not only what is not settled."""

from agentlog.config import Settings
from agentlog.owner import new_owner
from agentlog.ship import ship
from agentlog.shipping.otlp.rest import SpanRest, rest_of
from agentlog.shipping.policy import Answer
from tests.shipping.destinations import left
from tests.shipping.otlp.test_outbox import Shipping, closing, lines, opening, taking


def test_until_all_is_told_something_is_left(tmp_path):
    """Also of a process of which all records are settled, as what it left open was interrupted."""
    left(tmp_path, lines(opening(1), opening(2), closing(2)))
    rest = SpanRest(tmp_path)
    busy = Shipping(
        tmp_path, lambda sent: taking(sent) if b"interrupted" not in sent[0] else Answer(503)
    )
    for _ in range(5):
        assert rest.size() > 0
        assert rest.records() > 0
        busy.outbox.fill(busy.machine, "", frozenset())
        busy.send()
        busy.outbox.sweep()
    assert (1, 1) == (rest.size(), rest.records())
    Shipping(tmp_path).run()
    assert (0, 0) == (rest.size(), rest.records())


def test_what_is_open_in_a_process_that_is_alive_is_not_left(tmp_path):
    """Nor in one of this program, which may have closed its client."""
    left(tmp_path, lines(opening(1)), owner=new_owner())
    Shipping(tmp_path).run()
    assert (0, 0) == (SpanRest(tmp_path).size(), SpanRest(tmp_path).records())


def test_what_waits_for_another_receiver_is_told(tmp_path):
    """Also where all that is left of it is what was interrupted."""
    other = tmp_path / "journal" / "another"
    left(other, lines(opening(1), opening(2)))
    shipping = Shipping(other)
    shipping.outbox.fill(shipping.machine, "", frozenset())
    shipping.send()
    shipping.outbox.sweep()
    assert 2 == rest_of(other).records()
    own = Settings(tmp_path, "otlp+http://127.0.0.1:9")
    outcome = ship(own)
    assert "2 records for another endpoint" in f"{outcome.text} {outcome.notes}"
