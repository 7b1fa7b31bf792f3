"""The server is down for as long as the programs live: what they recorded is shipped afterwards."""

import pytest

from tests.busy import up_to
from tests.shipping.faults.lab import EXIT, numbers
from tests.shipping.server import Server, closed_port, collecting

LIFE = """
ao.init(max_wait=0.05)
events(1000, int(sys.argv[1]))
flush(0.2)
leave()
"""


@pytest.mark.parametrize("way", ["next process", "ship", "ship --follow"])
def test_a_server_that_was_down_for_three_lives_gets_it_all(lab, way):
    """The next process of the destination ships it, `agentlog ship`, and `ship --follow`."""
    with closed_port() as url:
        lives = [lab.start(LIFE, url, start) for start in (0, 1000, 2000)]
        for life in lives:
            life.end()
            assert [{"pending": 1001}] == life.all_said("flush")
            assert life.exit_seconds <= up_to(EXIT)
        with Server(collecting(), port=int(url.rpartition(":")[2])) as server:
            if way == "ship":
                assert f"3006 records shipped to {url}" in lab.ship(url).text.replace(",", "")
            elif way == "next process":
                later = lab.run("ao.init(); events(1, 3000); flush(30)", url)
                assert [{"delivered": 2}] == later.all_said("flush")
            else:
                sidecar = lab.command(url, *way.split())
                assert server.sees(lambda: len(server.records) == 3003)
                sidecar.kill(2).end(None)
    assert list(range(3000 + (way == "next process"))) == numbers(server)
    assert way == "ship --follow" or [] == lab.segments()
