"""What the two ways in for log lines share: whose events, which lines, and each line once.

A line may come by more than one way: the formatters of two handlers, a formatter and an
`EventHandler`, or a structlog chain and a handler behind it. Two things tell that it was here:

* Copies of a LogRecord share its attributes, and one of them, `relativeCreated`, is an object that
  no other record has. What was done with a record is kept by client, under that object.
* A record that a structlog chain is logging just now has that chain's call among the frames that
  led here. If an `EventProcessor` of the same client is in the chain, it has had the line, in this
  thread and just before, and knows what it made of it.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from types import SimpleNamespace
from typing import Any

import structlog

from agentlog.bridges import select as rules
from agentlog.bridges.line import read, without_meta
from agentlog.client import Client
from agentlog.default import default_client
from agentlog.errors import ConfigurationError, shown, warn
from agentlog.recording import context, ids
from agentlog.recording.event import fitting
from agentlog.recording.recorder import Recorder

EventDict = MutableMapping[str, Any]
Selection = Callable[[Any, str, EventDict], bool]
Stamp = tuple[str, str, str]
"""The ids of an event: session, event, parent."""

_LOG = logging.Logger._log.__code__  # noqa: SLF001 - the frame that a record is made in
_PROXY = structlog.BoundLoggerBase._proxy_to_logger.__code__  # noqa: SLF001 - meant for wrappers
_CHAIN = structlog.BoundLoggerBase._process_event.__code__  # noqa: SLF001 - as above
_FAR = 8
_UNSEEN = object()
_NOBODY: Any = SimpleNamespace(active=None)


class Way:
    """A way in for log lines: the client they are recorded by, and the choice of lines."""

    def __init__(self, client: Client | None, select: Selection, breadcrumbs: int) -> None:
        self._client = _checked_client(client)
        self._select = rules.test_of(select)
        self._breadcrumbs = _checked_count(breadcrumbs)
        self._warned = False
        self._decided: dict[int, object] = {}
        """By thread, of its last line for logging: True, an event; False, marked as none; None."""

    def stop(self) -> None:
        """Record nothing any more, wherever this is still in use."""
        self._client = _NOBODY

    def _recorder(self) -> Recorder | None:
        client = self._client or default_client()
        return None if client is None else client.active

    def _selects(self, marker: object, logger: Any, method: str, line: EventDict) -> bool:
        """Say whether a line becomes an event: by its marker, or else by the rule."""
        if marker is True or marker is False:
            return marker
        try:
            return bool(self._select(logger, method, line))
        except Exception as error:  # noqa: BLE001 - the user's function; the line is not harmed by it
            self._warn_of_rule(error)
            return False

    def _warn_of_rule(self, error: Exception) -> None:
        kind = type(error).__name__
        self._warn_once(f"the rule for log lines raised {kind}: it selects nothing then")

    def _warn_once(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warn(message)

    def _take_record(
        self,
        recorder: Recorder,
        record: logging.LogRecord,
        marker: object,
        logger: Any,
        method: str,
        line: EventDict,
    ) -> Stamp | None:
        """Record or remember the line of a LogRecord once; return the ids if it is an event."""
        identity = vars(record).get("relativeCreated", record)
        once = recorder.once
        stamp: Stamp | None = once.get(identity, "event")
        if stamp is not None or _is_our_own(record):
            return stamp
        decided = self._decided_by_a_chain(recorder)
        if decided is True or decided is False:
            return None
        if self._selects(marker, logger, method, line):
            parent = recorder.parent()
            mine = (parent.session_id, ids.event_id(), parent.id)
            stamp = once.publish(identity, "event", mine)
            if stamp is mine:
                when = _time_of(record) if recorder.time is time.time else None
                recorder.instant(parent, mine[1], read(logger, method, line, when))
        elif (
            self._breadcrumbs
            and decided is _UNSEEN
            and once.publish(identity, "crumb", mark := object()) is mark
        ):
            values = {"logger": record.name, **without_meta(line)}
            recorder.remember(self._breadcrumbs, logger, method, values)
        return stamp

    def _decided_by_a_chain(self, recorder: Recorder) -> object:
        """Return what an `EventProcessor` of the same client has made of the line of this call."""
        for each in getattr(_logging_now(), "_processors", ()):
            if isinstance(each, Way) and each._recorder() is recorder:  # noqa: SLF001 - its own kind
                return each._decided.get(threading.get_ident())  # noqa: SLF001
        return _UNSEEN


def _logging_now() -> Any:
    """Return the bound logger of structlog whose line is being handled; None for other lines."""
    frame: Any = sys._getframe(2)  # noqa: SLF001 - as logging does, to find the caller
    behind, far, logs = None, 0, 0
    while frame is not None and far < _FAR:
        if frame.f_code is _PROXY:
            return frame.f_locals.get("self") if logs == 1 and behind is not _CHAIN else None
        logs += frame.f_code is _LOG
        far = far + 1 if logs else 0
        behind, frame = frame.f_code, frame.f_back
    return None


def _time_of(record: logging.LogRecord) -> float | None:
    """Return when a record was made; it may have waited in a queue since."""
    created = vars(record).get("created")
    return created if fitting("timestamp", created) else None


def _is_our_own(record: logging.LogRecord) -> bool:
    """Say whether a record is agentlog's, or of a library that works for it just now."""
    name = str(record.name)
    return name == "agentlog" or name.startswith("agentlog.") or context.own_work.get()


def _checked_client(client: Any) -> Client | None:
    if client is not None and not isinstance(client, Client):
        message = (
            f"client={shown(client)} is not accepted: it is a Client, or None for the default one"
        )
        raise ConfigurationError(message)
    return client


def _checked_count(breadcrumbs: Any) -> int:
    if not isinstance(breadcrumbs, int) or isinstance(breadcrumbs, bool) or breadcrumbs < 0:
        message = (
            f"breadcrumbs={shown(breadcrumbs)} is not accepted: it is a number of lines, 0 for none"
        )
        raise ConfigurationError(message)
    return breadcrumbs
