"""All the ways by which a value gets into a record."""

import logging

import structlog

import agentlog as ao


def event(client, value):
    """Record an event with the value in each field that takes any."""
    client.record(ao.Event("x", params={"value": value}, returns=value, prompt=value))


def event_set_late(client, value):
    """Record an event whose fields were set after it was made."""
    late = ao.Event("x")
    for field in ("event_type", "params", "model", "tags", "result", "action_type", "timestamp"):
        setattr(late, field, value)
    client.record(late)


def action(client, value):
    """Open an action with the value, and set it late."""
    with client.action("x", {"value": value}, prompt=value) as opened:
        opened.returns = value
        opened.update(model=value, tags=value, prompt_tokens=value)


def failure(client, value):
    """Let an action fail for the value."""
    with client.action("x") as opened:
        opened.fail(value)


def error(client, value):
    """Let an exception that holds the value leave an action."""
    raised = ValueError(value)
    try:
        with client.action("x"):
            raise raised
    except ValueError as seen:
        assert seen is raised  # noqa: PT017 - what pytest.raises makes of it would run its code


def decorated(client, value):
    """Call a recorded function with the value."""

    @client.record_action("x")
    def function(one, *args, default=value, **kwargs):
        return one

    assert function(value, value, more=value) is value


def generator(client, value):
    """Run a recorded generator that yields the value."""

    @client.record_action("x")
    def function():
        yield value
        yield 1

    assert next(iter(list(function()))) is value


def reduced(client, value):
    """Run a recorded generator whose items are reduced to the value."""

    @client.record_action("x", reduce=lambda _: value)
    def function():
        yield 1

    assert [1] == list(function())


def session(client, value):
    """End a session with the value."""
    client.start_session()
    client.record(ao.Event("x"))
    client.end_session(value, rating=value, reason=value)


def _chain(client):
    def drop(*_):
        raise structlog.DropEvent

    return structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[ao.EventProcessor(client), drop],
        wrapper_class=structlog.BoundLogger,
    )


FIELDS = (
    "event_type",
    "params",
    "returns",
    "result",
    "action_type",
    "model",
    "prompt",
    "tags",
    "prompt_tokens",
    "level",
    "logger",
    "timestamp",
    "exc_info",
    "exception",
    "lineno",
    "pathname",
    "_record",
    "other",
)


def line(client, value):
    """Log lines of structlog's that have the value in one of the fields."""
    log = _chain(client)
    for field in FIELDS:
        log.info("x", agentlog=True, **{field: value})
    log.info(value, agentlog=True)


def crumb(client, value):
    """Log a line that is remembered, and fail."""
    try:
        with client.action("x"):
            _chain(client).info(value, value=value, level=value, logger=value, event_=[value])
            raise KeyError
    except KeyError:
        pass


def record_of_logging(client, value):
    """Log by the standard library, with the value as message, argument and extra."""
    logger = logging.Logger("hostile")  # noqa: LOG001 - one that nothing else is told by
    logger.addHandler(ao.EventHandler(client, select=ao.select.level("debug")))
    logger.info("x", extra={"value": value, "event_type": value})
    logger.info("%s %s", value, value)
    logger.info(value)


WAYS = [
    event,
    event_set_late,
    action,
    failure,
    error,
    decorated,
    generator,
    reduced,
    session,
    line,
    crumb,
    record_of_logging,
]
