"""The structlog processor: the lines that its rule selects become events of the tree.

It sits in the chain anywhere before the renderer. The line goes on as it was, but for the marker,
which is taken off, and the ids, by which the printed log and the replay find each other. Lines that
are not selected are remembered for the failure of the action they are logged in.
"""

from collections.abc import Mapping
from logging import LogRecord
from sys import _getframe
from typing import Any

from agentlog.bridges import select as rules
from agentlog.bridges.arguments import ARGUMENTS, with_seals
from agentlog.bridges.line import MARKER, read, take_marker
from agentlog.bridges.origin import RECORD, EventDict, record_of
from agentlog.bridges.seen import CALL, DENIED, PRINTING, caller
from agentlog.bridges.way import Selection, Way
from agentlog.client import Client
from agentlog.default import default_recorder
from agentlog.errors import ConfigurationError
from agentlog.foreign import let_pass
from agentlog.recording import ids
from agentlog.recording.recorder import NO_ROOM, Recorder
from agentlog.recording.redact import shown

_MOST_CALLS = 4096
_IDS = ("session_id", "event_id", "parent_id")


class EventProcessor(Way):
    """A structlog processor that records selected lines as events.

    Args:
        client: Whose events they are; None: the default client's, at the time of the line.
        select: The rule, one of `agentlog.select` or a function
            `(logger, method, event_dict) -> bool`. By default, lines that carry `event_type` or
            `action_type`. `agentlog=True` or `False` in the call always wins.
        correlate: Whether a selected line gets `session_id`, `event_id` and `parent_id`; `"all"`:
            the others get session and parent too, when an action is open; or a mapping of these
            names to those that they have on your lines.
        breadcrumbs: How many lines that are not selected are remembered for each action; 0 is off.

    Raises:
        ConfigurationError: If an argument is not accepted.

    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        select: Selection = rules.default,
        correlate: bool | str | Mapping[str, str] = True,
        breadcrumbs: int = 20,
    ) -> None:
        super().__init__(client, select, breadcrumbs)
        Way.in_chains = True
        self._session_key, self._event_key, self._parent_key = _names(correlate)
        self._on_all = correlate == "all"

    def __call__(  # noqa: C901, PLR0912, PLR0915 - at every line of the log: one straight line
        self, logger: Any, method: str, event_dict: EventDict
    ) -> EventDict:
        """Record the line if it is selected, and return it."""
        recorder: Recorder | None = None
        try:
            marker = event_dict.get(MARKER)
            if marker is not None:
                marker = take_marker(event_dict)
            recorder = self._own if self._has_own else default_recorder()
            if recorder is None:
                _unmark(event_dict)
                return event_dict
            call: Any = None
            if type(logger) not in PRINTING or RECORD in event_dict:
                try:
                    call = _getframe(2)
                except ValueError:
                    pass  # called from the outermost frame
                if call is None or call.f_code is not CALL or RECORD in event_dict:
                    call, record = caller(event_dict)
                    if record is not None:
                        self._take_formatted(recorder, record, marker, logger, method, event_dict)
                        return event_dict
            selected = marker is True
            if marker is None:
                try:
                    if self._select(logger, method, event_dict):
                        selected = True
                except BaseException as error:  # noqa: BLE001 - the user's function
                    let_pass(error)
                    self._warn_of_rule(error)
            if call is not None:
                if len(self._decided) > _MOST_CALLS:
                    self._decided.clear()  # of calls that are over, but for this very moment's
                self._decided[id(call)] = DENIED if marker is False else selected
            line = event_dict
            if ARGUMENTS in event_dict:
                line = with_seals(event_dict, recorder.encoder.rules)
            if selected:
                parent, event_id = recorder.parent(), ids.event_id()
                recorder.instant(parent, event_id, read(logger, method, line))
                self._stamp(event_dict, parent.session_id, event_id, parent.id)
                if call is not None:
                    recorder.stamped.publish(event_id, None)
            else:
                if self._breadcrumbs:
                    recorder.remember(self._breadcrumbs, logger, method, line)
                if self._on_all:
                    self._stamp_action(recorder, event_dict)
        except RecursionError:
            mine = recorder or self._own
            if mine is not None:
                mine.writer.process.dropped[NO_ROOM] += 1
        except Exception as error:  # noqa: BLE001 - in a log line nothing ever raises
            self._give_up(error, recorder, event_dict)
        return event_dict

    def _give_up(self, error: Exception, recorder: Recorder | None, line: object) -> None:
        """Say why a line was not recorded."""
        let_pass(error)
        if recorder is not None:
            recorder.give_up(error)
        elif type(line) in (str, bytes, tuple):
            self._warn_once(
                f"EventProcessor was given a {type(line).__name__}, and records nothing: it stands "
                "behind the renderer. Put it in front, or call agentlog.install()."
            )

    def _take_formatted(
        self,
        recorder: Recorder,
        record: LogRecord,
        marker: bool | None,  # noqa: FBT001 - as it was on the line
        logger: Any,
        method: str,
        event_dict: EventDict,
    ) -> None:
        """Record the line that a ProcessorFormatter works on, if it is selected."""
        if marker is None:
            marker = take_marker(vars(record))  # its copy: plain logging has it in `extra`
        line = {**with_seals(event_dict, recorder.encoder.rules), RECORD: record}
        stamp = self._take_record(recorder, record, marker, logger, method, line)
        if stamp is not None:
            self._stamp(event_dict, *stamp)
        elif self._on_all:
            self._stamp_action(recorder, event_dict)

    def _stamp_action(self, recorder: Recorder, event_dict: EventDict) -> None:
        """Write the action that is open, or the span, on a line that is no event."""
        if (node := recorder.innermost()) is not None and node.parent_id:
            self._stamp(event_dict, node.session_id, None, node.id)

    def _stamp(
        self, event_dict: EventDict, session_id: str, event_id: str | None, parent_id: str
    ) -> None:
        """Write where a line belongs; a key that it already has is never overwritten."""
        if self._session_key is not None:
            event_dict.setdefault(self._session_key, session_id)
        if self._event_key is not None and event_id is not None:
            event_dict.setdefault(self._event_key, event_id)
        if self._parent_key is not None:
            event_dict.setdefault(self._parent_key, parent_id)


def _unmark(event_dict: EventDict) -> None:
    """Take the marker off the LogRecord of a line, where nothing else is done with it."""
    if RECORD in event_dict and (record := record_of(event_dict)) is not None:
        take_marker(vars(record))


def _names(correlate: Any) -> tuple[str | None, ...]:
    """Return the names of the three ids on a line; None for one that is not stamped."""
    if correlate is True or correlate == "all":
        return _IDS
    if correlate is False:
        return (None, None, None)
    if isinstance(correlate, Mapping) and all(
        name in _IDS and isinstance(other, str) for name, other in correlate.items()
    ):
        return tuple(correlate.get(name) for name in _IDS)
    message = (
        f"{shown(correlate, 'correlate')} is not accepted: it is True, False, 'all', or a mapping "
        'such as {"session_id": "trace_id", "event_id": "span_id"}'
    )
    raise ConfigurationError(message)
