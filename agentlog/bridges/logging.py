"""The handler for plain logging: the records that its rule selects become events of the tree.

A LogRecord is read as a log line of structlog's: its message is the event, its `extra` are the
keys. It is not changed. What was logged through structlog and has been an event already, by an
`EventProcessor`, is left alone.
"""

import logging
import re
from typing import Any

from agentlog.bridges import select as selection
from agentlog.bridges.arguments import message_of
from agentlog.bridges.line import is_true, take_marker
from agentlog.bridges.origin import RECORD
from agentlog.bridges.way import Selection, Way
from agentlog.client import Client
from agentlog.default import default_recorder
from agentlog.foreign import ask_text, let_pass, text_of
from agentlog.recording.event import is_a
from agentlog.recording.recorder import NO_ROOM
from agentlog.recording.redact import Redact

# `re` keeps what it compiled; most programs never need it, and none at import.
_ESCAPE = (
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours and the like
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links
    r"|[@-Z\\^_])"
)
_PLAIN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
_NOT_EXTRA = _PLAIN | {"asctime", "message", "taskName", "_logger", "_name"}


class EventHandler(Way, logging.Handler):
    """A `logging.Handler` that records selected lines as events.

    In the configuration of `logging.config.dictConfig` it is `{"()": "agentlog.EventHandler"}`.

    Args:
        client: Whose events they are; None: the default client's, at the time of the line.
        select: The rule, one of `agentlog.select` or a function
            `(logger, method, event_dict) -> bool`. By default, lines whose `extra` has
            `event_type` or `action_type`. `extra={"agentlog": True}` or `False` always wins.
        breadcrumbs: How many lines that are not selected are remembered for each action; 0 is off.

    Raises:
        ConfigurationError: If an argument is not accepted.

    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        select: Selection = selection.default,
        breadcrumbs: int = 20,
    ) -> None:
        logging.Handler.__init__(self)
        Way.__init__(self, client, select, breadcrumbs)

    def emit(self, record: logging.LogRecord) -> None:
        """Record the line of a LogRecord, if it is selected; never raises, and prints no error."""
        recorder = None
        try:
            recorder = self._own if self._has_own else default_recorder()
            if recorder is None:
                return
            line = _line_of(record, recorder.encoder.rules)
            marker = take_marker(line)
            method = _plain(text_of(record.levelname)).lower()
            self._take_record(recorder, record, marker, None, method, line)
        except RecursionError:
            if recorder is not None:
                recorder.writer.process.dropped[NO_ROOM] += 1
        except Exception as error:  # noqa: BLE001 - in a log line nothing ever raises
            let_pass(error)
            if recorder is not None:
                recorder.give_up(error)


def _line_of(record: logging.LogRecord, rules: Redact | None) -> dict[Any, Any]:
    """Return a record as a line, with its `extra` as keys."""
    values = vars(record)
    line: dict[Any, Any] = {"event": None, RECORD: record}
    if "_name" in values and is_a(record.msg, dict):
        line.update(record.msg)  # from structlog, on its way to a ProcessorFormatter
    else:
        if values.keys() != _PLAIN:
            line.update((key, value) for key, value in values.items() if key not in _NOT_EXTRA)
        if line["event"] is not None:
            line["event (2)"] = line["event"]
        line["event"] = _message_of(record, line, rules)
    if is_true(record.exc_info):
        line.setdefault("exc_info", record.exc_info)
    elif is_true(record.exc_text):
        line.setdefault("exception", record.exc_text)
    if is_true(record.stack_info):
        line.setdefault("stack", record.stack_info)
    return line


def _message_of(record: logging.LogRecord, line: dict[Any, Any], rules: Redact | None) -> str:
    """Return the message of a record; arguments that do not fit into it become a param."""
    args = record.args
    has_none = args is None or (type(args) is tuple and not args)
    if has_none and type(record) is logging.LogRecord and type(record.msg) is str:
        return _plain(record.msg)
    try:
        what = (record.msg, record.args)
        message = ask_text(what, lambda _: message_of(record, rules))
    except BaseException as error:  # noqa: BLE001 - the values' own code ran
        let_pass(error)
        message = text_of(record.msg)
        line["args"] = record.args
    return _plain(message)


def _plain(text: str) -> str:
    """Return a text without the escapes of a terminal."""
    return re.sub(_ESCAPE, "", text) if "\x1b" in text else text
