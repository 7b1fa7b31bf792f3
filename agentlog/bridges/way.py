"""What the two ways in for log lines share: whose events, which lines, and each line once."""

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from agentlog.bridges import select as rules
from agentlog.bridges.line import META, read
from agentlog.bridges.origin import EventDict
from agentlog.bridges.seen import (
    DENIED,
    LATE,
    UNSEEN,
    Seen,
    Stamp,
    call_that_logs,
    chain_of,
    key_of,
)
from agentlog.bridges.whose import checked_client
from agentlog.client import Client
from agentlog.default import default_recorder
from agentlog.errors import AgentlogWarning, ConfigurationError, warn
from agentlog.foreign import class_name, let_pass, text_of
from agentlog.recording import context, ids
from agentlog.recording.event import fitting
from agentlog.recording.recorder import Recorder
from agentlog.recording.redact import shown

Selection = Callable[[Any, str, EventDict], bool]
_ID = r"\b[0-9a-f]{16}\b"


class Way:
    """A way in for log lines: the client they are recorded by, and the choice of lines."""

    in_chains = False
    """Whether there is an `EventProcessor`, so that a line may be out of a chain with one."""

    def __init__(self, client: Client | None, select: Selection, breadcrumbs: int) -> None:
        self._client = checked_client(client)
        self._has_own = client is not None
        self._own = client.active if client is not None else None
        self._rule = select
        self._select = rules.test_of(select)
        self._breadcrumbs = _checked_count(breadcrumbs)
        self._warned = False
        self._decided: dict[int, bool | None] = {}
        """By the identity of a call, what was made of its line: an event or not, or `DENIED`."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made of the rule, which can be pickled itself."""
        return {**vars(self), "_select": None, "_decided": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._select = rules.test_of(self._rule)

    def stop(self) -> None:
        """Record nothing any more, wherever this is still in use."""
        self._has_own, self._own = True, None

    def _recorder(self) -> Recorder | None:
        return self._own if self._has_own else default_recorder()

    def serves(self, recorder: Recorder | None) -> bool:
        """Say whether this records by a recorder; by none, when it records nothing."""
        return self._recorder() is recorder

    def _selects(
        self,
        marker: bool | None,  # noqa: FBT001 - as it was on the line
        logger: Any,
        method: str,
        line: EventDict,
    ) -> bool:
        """Say whether a line becomes an event: by its marker, or else by the rule."""
        if marker is not None:
            return marker
        try:
            return bool(self._select(logger, method, line))
        except BaseException as error:  # noqa: BLE001 - the user's function; the line is not harmed
            let_pass(error)
            self._warn_of_rule(error)
            return False

    def _warn_of_rule(self, error: BaseException) -> None:
        kind = class_name(type(error))
        self._warn_once(f"the rule for log lines raised {kind}: it selects nothing then")

    def _warn_once(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warn(message)

    def _take_record(
        self,
        recorder: Recorder,
        record: logging.LogRecord,
        marker: bool | None,  # noqa: FBT001 - as it was on the line
        logger: Any,
        method: str,
        line: EventDict,
    ) -> Stamp | None:
        """Record or remember the line of a LogRecord once; return the ids if it is an event.

        The line is this call's own.
        """
        key = key_of(record)
        known = recorder.lines.get(key)
        if known is not None:
            return known.stamp  # type: ignore[no-any-return]
        if _is_our_own(record):
            return None
        decision = _decision(recorder, record) if Way.in_chains else UNSEEN
        if decision is True or decision is DENIED:
            return None
        if decision is LATE and recorder.stamped and _is_stamped(recorder, line):
            return None
        if self._selects(marker, logger, method, line):
            return _make_event(recorder, record, logger, method, line)
        if self._breadcrumbs and decision is not False:
            mine = Seen(record)
            if key is None or recorder.crumbs.publish(key, mine) is mine:
                for key_of_formatter in META:
                    line.pop(key_of_formatter, None)
                line.setdefault("logger", record.name)
                recorder.remember(self._breadcrumbs, logger, method, line)
        return None


def _make_event(
    recorder: Recorder, record: logging.LogRecord, logger: Any, method: str, line: EventDict
) -> Stamp:
    """Record the line of a LogRecord, unless another way is first; return the ids of the event."""
    here = vars(record).get("thread") == threading.get_ident()
    parent = recorder.parent(warns=here)
    mine = Seen(record, (parent.session_id, ids.event_id(), parent.id))
    key = key_of(record)
    first: Seen = mine if key is None else recorder.lines.publish(key, mine)
    if first is mine:
        created = vars(record).get("created")
        is_real = recorder.time is time.time and fitting("timestamp", created)
        what = read(logger, method, line, created if is_real else None)
        recorder.instant(parent, mine.stamp[1], what)
    return first.stamp


def _decision(recorder: Recorder, record: logging.LogRecord) -> object:
    """Return what a structlog chain of the same client has made of the line of this call."""
    call = call_that_logs(record)
    if isinstance(call, str):
        return call
    decision: object = UNSEEN
    for each in chain_of(call):
        if isinstance(each, Way) and each.serves(recorder):
            decision = each._decided.get(id(call), False)  # noqa: SLF001 - its own kind
            if decision is not False:
                break
    return decision


def _is_stamped(recorder: Recorder, line: EventDict) -> bool:
    """Say whether a line carries the id of an event, as a key or rendered: it has been queued."""
    texts = [value for value in line.values() if type(value) is str]
    return any(found in recorder.stamped for text in texts for found in re.findall(_ID, text))


def _is_our_own(record: logging.LogRecord) -> bool:
    """Say whether a record is agentlog's, or of a library that works for it just now."""
    name = str(record.name)
    if name == "py.warnings":
        return AgentlogWarning.__name__ in text_of(record.msg) + text_of(record.args)
    return name == "agentlog" or name.startswith("agentlog.") or context.own_work.get()


def _checked_count(breadcrumbs: Any) -> int:
    if not isinstance(breadcrumbs, int) or isinstance(breadcrumbs, bool) or breadcrumbs < 0:
        given = shown(breadcrumbs, "breadcrumbs")
        message = f"{given} is not accepted: it is a number of lines, 0 for none"
        raise ConfigurationError(message)
    return breadcrumbs
