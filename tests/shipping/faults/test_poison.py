"""Records that a server refuses: their neighbours arrive, they are kept with the reason."""

import pytest

from agentlog import journal
from agentlog.shipping import quarantine
from tests.busy import up_to
from tests.shipping.faults.lab import EXIT, numbers, times
from tests.shipping.server import Server, answering, collecting, receipt_for, response

PROGRAM = """
poison = set(map(int, sys.argv[1:]))
ao.init(max_wait=0.2)
for n in range(1000):
    events(1, n, name="poison" if n in poison else "event")
flush(20)
"""
FIVE = [3, 77, 78, 200, 311]
WHY = "no such field: n, says 4c2"


def refusing(how):
    """Refuse poison, with a status for the whole batch, or in the receipt."""

    def refuse(request):
        events = request.events
        poison = [n for n, event in enumerate(events) if event.get("event_type") == "poison"]
        if not poison:
            collecting()(request)
        elif how == "receipt":
            good = [event for n, event in enumerate(events) if n not in poison]
            for event in good:
                request.server.records.setdefault(event["id"], []).append(event)
            request.send(response(200, receipt_for(events, dict.fromkeys(poison, WHY))))
        else:
            answering(how, WHY.encode())(request)

    return refuse


def quarantined(lab):
    """Return the numbers of what is in quarantine, after a look at the reasons."""
    (directory,) = journal.destinations(lab.home)
    entries = quarantine.entries(directory)
    assert all(WHY in entry.why for entry in entries)
    return [entry.record["params"]["n"] for entry in entries]


@pytest.mark.parametrize(
    ("how", "poison", "most"),
    [
        pytest.param(400, FIVE, 120, id="400-five"),
        pytest.param(422, [499], 60, id="422-one", marks=pytest.mark.soak),
        pytest.param("receipt", [499], 60, id="receipt-one"),
        pytest.param("receipt", FIVE, 120, id="receipt-five", marks=pytest.mark.soak),
    ],
)
def test_poison_in_a_thousand(lab, how, poison, most):
    """Its neighbours are delivered in few requests; it is sent again by `--quarantined` alone."""
    with Server(refusing(how)) as server:
        program = lab.run(PROGRAM, server.url, *poison)
        assert most >= len(server.requests)
        healthy = 1001 - len(poison)
        told = {"delivered": healthy, "quarantined": len(poison)}
        assert [told] == program.all_said("flush")
        others = [n for n in range(1000) if n not in poison]
        assert others == numbers(server)
        assert poison == quarantined(lab)
        server.behaviours = [collecting()]
        lab.ship(server.url)
        assert others == numbers(server)
        doctor = lab.command(server.url, "doctor").end(None)
        assert f"{len(poison)} \N{MULTIPLICATION SIGN} " in doctor.text
        assert WHY in doctor.text
        lab.ship(server.url, "--quarantined")
        assert list(range(1000)) == numbers(server)
        before = len(server.requests)
        lab.ship(server.url, "--quarantined")
        assert before == len(server.requests)


ALL = """
ao.init(max_wait=0.05)
events(1000, name="poison")
flush(1)
leave()
"""


@pytest.mark.parametrize("how", [400, "receipt"])
def test_a_batch_of_poison_alone(lab, how):
    """It costs a bounded rate of requests, holds up no exit, and nothing of it is lost."""

    def refuse(request):
        if how == "receipt":
            reasons = dict.fromkeys(range(len(request.events)), WHY)
            request.send(response(200, receipt_for(request.events, reasons)))
        else:
            answering(400, WHY.encode())(request)

    with Server(refuse) as server:
        program = lab.run(ALL, server.url)
        (told,) = program.all_said("flush")
        assert {"pending", "quarantined"} >= set(told)
        assert 1001 == sum(told.values())
        assert program.exit_seconds <= up_to(EXIT)
        at = times(server)
        assert 100 >= max(sum(when <= other < when + 1 for other in at) for when in at)
        assert 150 >= len(at)
        server.behaviours = [collecting()]
        lab.command(server.url, "ship").end(None, stderr=None)
        lab.ship(server.url, "--quarantined")
    assert list(range(1000)) == numbers(server)
