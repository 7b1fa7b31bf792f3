"""What each version of the AgentOps SDK sent, recorded once (`recording.py`), and sent again."""

import json
import random
import re

import pytest

from tests.server.agentops.asking import found, new, say
from tests.server.agentops.environments import FIRST, LATER
from tests.server.agentops.expected import first, later
from tests.server.agentops.recording import JWT, TRAFFIC

_SESSION = re.compile(r'"session_id": "([0-9a-f-]{36})"')


def traffic(version):
    """The requests that a version sent, in a session of their own, and its UUID."""
    text = (TRAFFIC / f"{version}.json").read_text(encoding="utf-8")
    requests, session = json.loads(text), new()
    recorded = next(filter(None, (_SESSION.search(one["body"]) for one in requests)))[1]
    return json.loads(text.replace(recorded, session)), session


def send(collector, requests):
    """Send requests, with the token that this collector gives."""
    token = ""
    for request in requests:
        headers = {name: text.replace(JWT, token) for name, text in request["headers"].items()}
        status, answer = say(collector, request["path"], request["body"].encode(), **headers)
        assert (200, []) == (status, answer["refused"])
        token = answer.get("jwt", token)


@pytest.mark.parametrize("version", FIRST)
def test_what_the_first_versions_sent_is_understood(version, collector):
    """All that the program recorded is there."""
    requests, session = traffic(version)
    send(collector, requests)
    first(version, *found(collector, session))


@pytest.mark.parametrize("version", LATER)
def test_what_later_versions_sent_is_understood(version, collector):
    """All that the program recorded is there."""
    requests, session = traffic(version)
    send(collector, requests)
    later(version, *found(collector, session))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("version", FIRST)
def test_it_may_come_in_any_order_and_twice(version, seed, collector):
    """Nothing depends on the order, and nothing doubles."""
    requests, session = traffic(version)
    requests *= 2
    random.Random(seed).shuffle(requests)
    send(collector, requests)
    first(version, *found(collector, session))
