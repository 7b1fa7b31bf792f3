"""The server is not well for a while: `flush` brings it all there, in the same process."""

import itertools
import time
from email.utils import formatdate

import pytest

from tests.shipping.faults.lab import by_path, numbers
from tests.shipping.server import Server, answering, closed_port, collecting, hanging

DOWN_FIRST = """
ao.init(max_wait=0.05)
events(1000)
flush(1.5)
asked()
flush(30)
"""


def test_refused_and_then_back(lab):
    """What is pending while nobody listens is delivered by the next flush."""
    with closed_port() as url:
        program = lab.start(DOWN_FIRST, url)
        assert {"pending": 1001} == program.said("flush")
        with Server(collecting(), port=int(url.rpartition(":")[2])) as server:
            program.tell()
            assert {"delivered": 1001} == program.said("flush")
            program.end()
    assert list(range(1000)) == numbers(server)


ALL = """
found = clients(*sys.argv[1:])
def work(name):
    for n in range(20):  # some of it while the server is not well
        events(50, 50 * n, client=found[name], case=name)
        time.sleep(0.02)
    return figures(found[name].flush(55))
say(found=at_once(work, found))
"""
SENSELESS = ["soon", "-5", "", "nan", "Thu, 01 Jan 1970 00:00:00 GMT"]
WAIT = 3
OUTAGE = 20


def later(request):
    """Answer 429 with a date."""
    answering(429, retry_after=formatdate(time.time() + WAIT, usegmt=True))(request)


def failing_for(seconds, behave):
    """Answer 503 for a time that begins with the first request."""
    began = []

    def failing(request):
        began.append(request.at)
        (answering(503) if request.at < began[0] + seconds else behave)(request)

    return failing


@pytest.mark.waits
def test_a_server_that_is_not_well_for_a_while(lab):
    """20 s of 503 in at most 25 requests; an answer that never comes; 429, whatever it asks for."""
    collect = collecting()
    behave = by_path(
        outage=[failing_for(OUTAGE, collect)],
        hanging=[hanging, collect],
        seconds=[answering(429, retry_after=str(WAIT)), collect],
        date=[later, collect],
        senseless=[*(answering(429, retry_after=value) for value in SENSELESS), collect],
    )
    cases = ["outage", "hanging", "seconds", "date", "senseless"]
    with Server(behave) as server:
        program = lab.run(ALL, server.url, *cases)
    assert [{case: {"delivered": 1001} for case in cases}] == program.all_said("found")
    assert sorted(5 * list(range(1000))) == numbers(server)
    at = {case: [r.at for r in server.requests if r.path.startswith(f"/{case}/")] for case in cases}
    assert 25 >= sum(when < at["outage"][0] + OUTAGE for when in at["outage"])
    for case in ("seconds", "date"):  # a date has whole seconds
        first, second = itertools.islice(at[case], 2)
        assert WAIT - 1 - 0.1 <= second - first <= 2 * WAIT
