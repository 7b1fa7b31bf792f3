"""Recording close to the recursion limit: nothing is raised, and what is lost is counted."""

import logging
import sys

import pytest

import agentlog as ao
from agentlog.testing import capture_events

NEAR = 120
"""Frames below the limit; a record needs far less."""


def ways(client):
    """Return what is called at each depth; what has to be made before is made here."""
    event = ao.Event("x", params={"a": [1, {"b": object()}]})
    handler = ao.EventHandler(client, select=ao.select.level("debug"))
    processor = ao.EventProcessor(client)
    values = {"name": "x", "msg": "x", "levelno": 20, "levelname": "INFO"}
    records = iter([logging.makeLogRecord(values) for _ in range(NEAR + 1)])

    def in_action():
        action = client.action("x", params={"a": [object()]}, tags=["a"], model="m")
        with action:
            action.returns = [object()]
            action.update(tags=["b"], prompt_tokens=3)
            action.fail("why")

    def in_session():
        with client.session(tags=["a"]):
            client.record(event)

    def in_process_session():
        client.start_session()
        client.end_session("Fail", "3", "why")

    @client.record_action("x")
    def decorated(value):
        return value

    @client.record_action("x")
    def generator(value):
        yield value

    return {
        "record": lambda: client.record(event),
        "verb": lambda: ao.record(event),
        "action": in_action,
        "session": in_session,
        "process session": in_process_session,
        "decorated": lambda: decorated([object()]),
        "generator": lambda: list(generator([object()])),
        "line": lambda: processor(None, "info", {"event": "x", "agentlog": True, "a": [1]}),
        "logging": lambda: handler.emit(next(records)),
    }


@pytest.mark.parametrize("way", ways(ao.Client(home="/nowhere")))
def test_at_every_depth(way):
    """As long as there is room for the call itself."""
    with capture_events() as captured:
        client = captured.client
        call = ways(client)[way]
        call()
        before = client.stats().accepted
        raised = too_deep(call)
        impossible = too_deep(lambda: host_call(2))
        assert raised == list(range(len(raised)))
        assert len(raised) <= len(impossible) + 2
        stats = client.stats()
        assert {"recursion limit"} >= set(stats.reasons)
        assert stats.accepted - before >= NEAR - len(raised)
        client.record(ao.Event("after"))
    assert "after" in [one.get("event_type") for one in captured.events]


def host_call(frames):
    """Call something of the host's, which calls something else."""
    return frames and host_call(frames - 1)


def too_deep(call):
    """Return how many frames below the limit a call raises."""

    def dive(left):
        if left:
            dive(left - 1)
        else:
            call()

    raised = []
    top = sys.getrecursionlimit() - _depth()
    for left in range(NEAR):
        try:
            dive(top - left)
        except RecursionError:
            raised.append(left)
    return raised


def _depth():
    frame, depth = sys._getframe(1), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth
