"""The structlog processor: the lines that its rule selects become events of the tree.

It sits in the chain anywhere before the renderer. The line goes on as it was, but for the marker,
which is taken off, and the ids, by which the printed log and the replay find each other. Lines that
are not selected are remembered for the failure of the action they are logged in.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

from agentlog.bridges import select as rules
from agentlog.bridges.line import MARKER, read
from agentlog.client import Client
from agentlog.default import default_client
from agentlog.errors import ConfigurationError, shown, warn
from agentlog.recording import context, ids
from agentlog.recording.action import Action
from agentlog.recording.context import Node
from agentlog.recording.recorder import Recorder

EventDict = MutableMapping[str, Any]

_IDS = ("session_id", "event_id", "parent_id")


class EventProcessor:
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
        select: Callable[[Any, str, EventDict], bool] = rules.default,
        correlate: bool | str | Mapping[str, str] = True,
        breadcrumbs: int = 20,
    ) -> None:
        self._client = _checked_client(client)
        self._select = rules.check_rule(select)
        self._by_default = select is rules.default
        self._session_key, self._event_key, self._parent_key = _names(correlate)
        self._on_all = correlate == "all"
        self._breadcrumbs = _checked_count(breadcrumbs)
        self._warned = False

    def __call__(self, logger: Any, method: str, event_dict: EventDict) -> EventDict:
        """Record the line if it is selected, and return it."""
        recorder: Recorder | None = None
        try:
            marker = event_dict.get(MARKER)
            if marker is True or marker is False:
                del event_dict[MARKER]
            client = self._client or default_client()
            recorder = None if client is None else client.active
            if recorder is None:
                return event_dict
            if marker is None and self._by_default:
                selected = "event_type" in event_dict or "action_type" in event_dict
            else:
                selected = marker is True or (
                    marker is not False and self._selects(logger, method, event_dict)
                )
            if selected:
                parent, event_id = recorder.parent(), ids.event_id()
                recorder.instant(parent, event_id, read(logger, method, event_dict))
                self._stamp(event_dict, parent, event_id)
            elif self._breadcrumbs:
                recorder.remember(self._breadcrumbs, logger, method, event_dict)
            if self._on_all and not selected:
                self._stamp_action(recorder, event_dict)
        except Exception as error:  # noqa: BLE001 - in a log line nothing ever raises
            if recorder is not None:
                recorder.give_up(error)
        return event_dict

    def _selects(self, logger: Any, method: str, event_dict: EventDict) -> bool:
        try:
            return bool(self._select(logger, method, event_dict))
        except Exception as error:  # noqa: BLE001 - the user's function; the line is not harmed by it
            if not self._warned:
                self._warned = True
                kind = type(error).__name__
                warn(f"the rule for log lines raised {kind}: it selects nothing then")
            return False

    def _stamp_action(self, recorder: Recorder, event_dict: EventDict) -> None:
        """Write the action that is open on a line that is no event."""
        if isinstance(node := context.innermost(recorder), Action):
            self._stamp(event_dict, node, None)

    def _stamp(self, event_dict: EventDict, parent: Node, event_id: str | None) -> None:
        """Write where a line belongs; a key that it already has is never overwritten."""
        if self._session_key is not None:
            event_dict.setdefault(self._session_key, parent.session_id)
        if self._event_key is not None and event_id is not None:
            event_dict.setdefault(self._event_key, event_id)
        if self._parent_key is not None:
            event_dict.setdefault(self._parent_key, parent.id)


def install(
    client: Client | None = None,
    *,
    select: Callable[[Any, str, EventDict], bool] = rules.default,
    correlate: bool | str | Mapping[str, str] = True,
    breadcrumbs: int = 20,
) -> Callable[[], None]:
    """Put an `EventProcessor` into the structlog configuration in force, just before the renderer.

    The list of processors is changed in place, so that loggers which have cached it see the change.
    Installed twice it is there once, with the newer arguments, which are those of `EventProcessor`.

    Returns:
        A function that takes the processor out again.

    """
    processor = EventProcessor(client, select=select, correlate=correlate, breadcrumbs=breadcrumbs)
    processors = structlog.get_config()["processors"]
    if not isinstance(processors, list):
        warn(
            "structlog's processors are not a list: it is configured anew, and loggers that are "
            "cached miss it"
        )
        processors = list(processors)
    if not structlog.is_configured() or processors is not structlog.get_config()["processors"]:
        structlog.configure(processors=processors)
    _take_out(processors, EventProcessor)
    processors.insert(max(len(processors) - 1, 0), processor)

    def uninstall() -> None:
        processors[:] = [other for other in processors if other is not processor]

    return uninstall


def _take_out(processors: list[Any], kind: type) -> None:
    processors[:] = [other for other in processors if not isinstance(other, kind)]


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
        f"correlate={shown(correlate)} is not accepted: it is True, False, 'all', or a mapping "
        'such as {"session_id": "trace_id", "event_id": "span_id"}'
    )
    raise ConfigurationError(message)


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
