"""A run that has some of everything, and what lies in the journal of it."""

import json
from contextlib import suppress

import structlog

import agentlog as ao
from agentlog import journal


def recorded(client):
    """Return the records of a client that lie in the journal."""
    directory = client.settings.home / "journal" / client.settings.destination
    lines = [journal.read_lines(found.path, 0)[0] for found in journal.segments(directory)]
    return [json.loads(line) for some in lines for line in some]


def run(client):
    """Record some of everything."""
    logger = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[ao.EventProcessor(client), structlog.dev.ConsoleRenderer()],
    )

    @client.record_action("stream", action_type="tool")
    def stream(most):
        yield from range(most)

    with client.session(tags=["demo"]), client.action("plan", params={"question": "Höhlen? 🦉"}):
        with client.action("ask", model="gpt-4", prompt=[{"role": "user", "content": "Hi"}]) as ask:
            ask.update(prompt_tokens=3, completion_tokens=4)
            ask.returns = {"text": "Hello"}
            client.record(ao.Event("cache", returns=[1, None, {"a": 1.5}], result="Success"))
        with suppress(ValueError), client.action("search", tags=["x"]):
            logger.info("looking", page=3)
            logger.warning("slow", event_type="slow_page", seconds=2)
            raise ValueError("no bears")
        assert [0, 1, 2] == list(stream(3))
        with client.action("given_up") as action:
            action.fail("out of time")
