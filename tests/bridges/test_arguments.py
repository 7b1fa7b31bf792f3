"""Arguments of a message that are secrets by their key, or by the words in front of them."""

import logging
from contextlib import suppress

import pytest

import agentlog as ao
from agentlog import EventHandler, EventProcessor, Redact, select
from agentlog.testing import capture_events

SECRET = "hunter2-Zx9"


def logged(*arguments, redact=True):
    """Return the event that a line of logging becomes, and what a formatter makes of it."""
    logger = logging.Logger("agent")  # noqa: LOG001 - one that no other test has
    lines = []
    printing = logging.Handler()
    printing.emit = lambda record: lines.append(record.getMessage())
    with capture_events(redact=redact) as captured:
        logger.addHandler(EventHandler(captured.client, select=select.level("info")))
        logger.addHandler(printing)
        logger.warning(*arguments)
    return captured.events[-1], lines[0]


def test_a_mapping_of_arguments(tmp_path):
    """What is under a secret's key is redacted and counted; the line that is printed is whole."""
    given = {"user": "ada", "password": SECRET, "n": 3}
    event, line = logged("user %(user)s, %(password)s, %(n)d%%", given)
    assert "user ada, [redacted: password], 3%" == event["event_type"]
    assert {"redacted": 1} == event["notes"]
    assert f"user ada, {SECRET}, 3%" == line
    assert SECRET == given["password"]


def test_a_mapping_whose_secret_is_a_number():
    """What does not fit into the message any more is a param, by its key."""
    event, line = logged("pin %(password)d", {"password": 4711})
    assert "pin 4711" == line
    assert "4711" not in str(event)


def test_a_mapping_without_redaction():
    """As it is, where no rules are wanted."""
    event, _ = logged("%(password)s", {"password": SECRET}, redact=False)
    assert SECRET == event["event_type"]


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        ("password=%s", (SECRET,), ["[redacted: password]"]),
        ("user %s, password: %r at %d%%", ("ada", SECRET, 5), ["ada", "[redacted: password]", 5]),
        ("X-Api-Key: %s", (SECRET,), ["[redacted: api key]"]),
        ("Authorization: Bearer %s", (SECRET,), ["[redacted: bearer]"]),
        ("https://ada:%s@h/", (SECRET,), ["[redacted: password]"]),
        ("token=%d", (5,), [5]),
        ("tokens=%s", ("many",), ["many"]),
        ("password=%s", (), []),
        ("password=%s", (SECRET, "more"), ["[redacted: password]", "more"]),
    ],
)
def test_arguments_behind_a_secrets_name(captured, message, arguments, expected):
    """They are redacted apart from the message, which is a text of its own."""
    line = {"event": message, "action_type": "tool", "positional_args": arguments}
    assert {**line, "positional_args": arguments}.items() <= EventProcessor(captured.client)(
        None, "info", line
    ).items()
    event = captured.events[-1]
    assert expected == event["params"]["positional_args"]
    assert expected.count("[redacted") or "notes" not in event or event["notes"]["redacted"] == 1


def test_arguments_of_a_breadcrumb(captured):
    """As those of an event."""
    process = EventProcessor(captured.client)
    with suppress(ValueError), ao.action("failing"):
        process(None, "info", {"event": "password=%s", "positional_args": (SECRET,)})
        raise ValueError
    (line,) = captured.one("failing")["log"]
    assert ["[redacted: password]"] == line["positional_args"]


def test_names_that_a_user_added():
    """Added rules count here too."""
    event, _ = logged("ssn %(ssn)s", {"ssn": "123-45"}, redact=Redact(keys=["ssn"]))
    assert "ssn [redacted: ssn]" == event["event_type"]
