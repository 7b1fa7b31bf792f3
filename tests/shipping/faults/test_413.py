"""A server with a limit of its own: all nodes arrive, and what fits keeps its payload."""

import pytest

from tests.shipping.faults.lab import events_of, numbers
from tests.shipping.server import Server, collecting, no_larger_than

LIMIT = 64_000
PROGRAM = """
import random
chance = random.Random(1)
letters = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.,;"
def text(length):
    return "".join(chance.choices(letters, k=length))
ao.init(max_wait=0.2)
for n in range(1000):
    events(1, n, text=text(150_000 if n in (100, 101, 999) else 300))
flush(30)
"""


@pytest.mark.parametrize("packed", [False, True], ids=["decompressed", "raw"])
def test_413_above_64_kb(lab, packed):
    """What is too large alone goes without its payload, which its notes say."""
    with Server(no_larger_than(LIMIT, collecting(), packed=packed)) as server:
        program = lab.run(PROGRAM, server.url)
    assert [{"delivered": 1001}] == program.all_said("flush")
    nodes = [event for event in events_of(server) if event["event_type"] == "event"]
    assert 1000 == len(nodes)
    assert [n for n in range(1000) if n not in (100, 101, 999)] == numbers(server)
    bare = [event for event in nodes if "params" not in event]
    assert [1, 1, 1] == [event["notes"]["dropped"] for event in bare]
    assert 200 >= len(server.requests)
