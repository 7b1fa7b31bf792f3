"""The client: joins the rooms of recording.

A client has a journal, rules of redaction and a session to fall back on. Sessions are the root
events: one for the process, started by `start_session` or by the first event that has none, or any
number of them by `session()`, each for its own context. Only the process that opened a session
closes it.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from agentlog.config import Settings, settings
from agentlog.errors import warn
from agentlog.figures import FlushResult, figures
from agentlog.foreign import class_name, text_of
from agentlog.recording.action import NOT_RECORDED, Action
from agentlog.recording.context import Node
from agentlog.recording.decorator import Decorator, record_action
from agentlog.recording.encode import Encoder, Hook
from agentlog.recording.event import (
    DEFAULT_ACTION_TYPE,
    RESULTS,
    ActionType,
    Event,
    EventState,
    Models,
    check,
    fitting,
    is_a,
    kind_with_model,
    texts_of,
)
from agentlog.recording.outcome import Outcome, outcome_of
from agentlog.recording.process import error_of_the_script
from agentlog.recording.recorder import NO_ROOM, Recorder
from agentlog.recording.redact import Redact, shown
from agentlog.recording.writer import Writer
from agentlog.session import NO_SCOPE, NO_SESSION, Session, SessionScope

if TYPE_CHECKING:
    from agentlog.background import Background

ENDED_BY_EXIT: Final = Outcome(EventState.INDETERMINATE.value, "exit")

_FLUSH_TIMEOUT: Final = 30.0
_EXIT_TIMEOUT: Final = 1.8


class Client:
    """Records events into the journal of its home.

    Args:
        api_key: The key for the endpoint; default `AGENTLOG_API_KEY`.
        tags: Tags of each of its sessions, a list of strings; default `AGENTLOG_TAGS`, by commas.
        endpoint: The base address of the API, `https://…`; default `AGENTLOG_ENDPOINT`, else all
            stays local. Plain `http://` is for loopback.
        home: The directory of the journal; default `AGENTLOG_HOME`, else `agentlog` in the XDG
            state directory.
        redact: What is kept off the disk: True, the built-in rules; False, nothing; `"all"`,
            everything but names, times, outcomes and error types; a `Redact(...)`; or a function
            `(field, value) -> value`.
        max_wait: Seconds that a record waits for others before it is shipped.
        allow_http: Allow `http://` to an endpoint that is not on this machine.

    Raises:
        ConfigurationError: If an argument or a setting is not accepted.

    """

    def __init__(
        self,
        api_key: str | None = None,
        tags: Collection[str] | None = None,
        endpoint: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
        redact: bool | str | Redact | Hook = True,
        max_wait: float = 1.0,
        allow_http: bool = False,
    ) -> None:
        check(tags=tags)
        chosen = settings(
            api_key=api_key,
            tags=tags,
            endpoint=endpoint,
            home=home,
            max_wait=max_wait,
            allow_http=allow_http,
        )
        self._set_up(chosen, redact)

    @classmethod
    def from_settings(cls, chosen: Settings, redact: "bool | str | Redact | Hook") -> Self:
        """Return a client with these settings, whatever the environment says."""
        client = cls.__new__(cls)
        client._set_up(chosen, redact)  # noqa: SLF001 - its own
        return client

    def _set_up(self, chosen: Settings, redact: Any) -> None:
        self.settings = chosen
        writer = Writer(chosen.home / "journal" / chosen.destination, chosen.limit)
        self._background = _shipping(chosen, writer)
        self._recorder = Recorder(Encoder(redact), writer, self._start_implicitly)
        self.active = None if self.settings.disabled else self._recorder
        self._recorder.session = Session(None)  # the one before the first
        self._over = False
        _open_clients.add(self)

    def __repr__(self) -> str:
        """Name the client by its home and destination."""
        return f"Client(home={str(self.settings.home)!r}, {self.settings.destination})"

    # -- Sessions ----------------------------------------------------------------------------------

    def start_session(self, tags: Collection[str] | None = None) -> Session:
        """Start the session of the process, in place of the one that is open, and return it.

        Args:
            tags: Tags of this session, beside the client's: a list of strings.

        """
        try:
            check(tags=tags)
            recorder = self.active
            if recorder is None:
                return Session(None)
            self._over = False
            _open_clients.add(self)
            session = Session(recorder, self._all_tags(tags))
            before, recorder.session = recorder.session, session
            try:
                session.begin()
            finally:
                if isinstance(before, Session):
                    before.end(Outcome(EventState.INDETERMINATE.value))
        except RecursionError:
            self._recorder.writer.process.dropped[NO_ROOM] += 1
            return NO_SESSION
        return session

    def end_session(
        self,
        end_state: EventState | str = EventState.INDETERMINATE,
        rating: str | None = None,
        reason: str | None = None,
    ) -> None:
        """End the session of the process; never raises.

        Args:
            end_state: How it ended, an `EventState` or its text.
            rating: Your own rating of the run, a text.
            reason: Why it ended like this, a text.

        """
        try:
            if not fitting("result", end_state):
                given = shown(end_state, "end_state")
                warn(f"end_session({given}) is not a state: it is Indeterminate")
                end_state = EventState.INDETERMINATE
            session = self._recorder.session
            if isinstance(session, Session):
                why = None if reason is None else text_of(reason)
                stars = None if rating is None else text_of(rating)
                session.end(Outcome(RESULTS[str.__str__(end_state)], why), stars)
        except RecursionError:
            self._recorder.writer.process.dropped[NO_ROOM] += 1

    def session(self, tags: Collection[str] | None = None) -> SessionScope:
        """Return a session for a `with` block: what its context records belongs to it.

        Args:
            tags: Tags of this session, beside the client's: a list of strings.

        """
        try:
            check(tags=tags)
            return SessionScope(self.active, self._all_tags(tags))
        except RecursionError:
            self._recorder.writer.process.dropped[NO_ROOM] += 1
            return NO_SCOPE

    def _all_tags(self, tags: Collection[str] | None) -> list[str]:
        own = [] if tags is None else texts_of(tags)
        return list(dict.fromkeys((*self.settings.tags, *own)))

    def _start_implicitly(self, since: float | None = None) -> Node:
        """Start the session that the first event without one belongs to, begun at this time.

        Many threads may come here at once: the session is published in one step, as the successor
        of the one before. One whose begin was interrupted is begun again. At the end of the process
        none is opened any more.
        """
        recorder = self._recorder
        before: Any = recorder.session
        session = before
        if before.closed and not (self._over and before.id):
            candidate = Session(recorder, self.settings.tags, since)
            session = before.successor.setdefault("session", candidate)
            if recorder.session is before:
                recorder.session = session
            session = recorder.session  # or one that `start_session` has put in its place
        if not session.begun:
            session.begin()
            if self._over and session.begun:
                session.end(ENDED_BY_EXIT)
        return session  # type: ignore[no-any-return]

    # -- Events ------------------------------------------------------------------------------------

    def record(self, event: Event) -> None:
        """Record one event, under the action that is open here; never raises.

        Args:
            event: The event. Recorded twice, it is two events.

        """
        recorder = self.active
        if recorder is None:
            return
        try:
            if is_a(event, Event):
                recorder.record(event)
            else:
                recorder.writer.drop("not an event")
                warn(f"record() takes an Event, not {class_name(type(event))}: it is left out")
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1

    def action(
        self,
        event_type: str,
        params: Mapping[str, Any] | None = None,
        tags: Collection[str] | None = None,
        action_type: ActionType | str = DEFAULT_ACTION_TYPE,
        model: Models | str | None = None,
        prompt: Any = None,
    ) -> Action:
        """Return an action for a `with` block: an event with a duration that others hang under.

        Args:
            event_type: The name of the event, any non-empty string.
            params: Parameters of the operation, a mapping.
            tags: A list of strings.
            action_type: An `ActionType`, or its text.
            model: The model that is used; without an action type it makes it `llm`.
            prompt: The prompt given to it.

        Raises:
            ConfigurationError: If an argument is not accepted.

        """
        try:
            if tags is not None or model is not None or action_type is not DEFAULT_ACTION_TYPE:
                check(tags=tags, model=model, action_type=action_type)
                action_type = kind_with_model(action_type, model)
            usual = params is None or type(params) is dict
            if type(event_type) is not str or not event_type or not usual:
                check(event_type=event_type, params=params)
                event_type = str.__str__(event_type)
            return Action(self.active, event_type, params, tags, action_type, model, prompt)
        except RecursionError:
            self._recorder.writer.process.dropped[NO_ROOM] += 1
            return NOT_RECORDED

    def record_action(
        self,
        event_type: str,
        tags: Collection[str] | None = None,
        *,
        action_type: ActionType | str = DEFAULT_ACTION_TYPE,
        model: Models | str | None = None,
        ignore: Collection[str] = (),
        capture_params: bool = True,
        capture_returns: bool = True,
        reduce: Callable[[list[Any]], Any] | None = None,
    ) -> Decorator:
        """Return a decorator: each call is an action, with its parameters and returns.

        Args:
            event_type: The name of the event.
            tags: A list of strings.
            action_type: An `ActionType`, or its text.
            model: The model that the function uses.
            ignore: Names of parameters that are left out.
            capture_params: Whether the parameters are recorded.
            capture_returns: Whether the returns are recorded; of a generator, its items.
            reduce: For a generator, a function of the list of its items that gives the returns.

        Raises:
            ConfigurationError: If an argument is not accepted.

        """
        return record_action(
            lambda: self.active,
            event_type,
            tags,
            action_type=action_type,
            model=model,
            ignore=ignore,
            capture_params=capture_params,
            capture_returns=capture_returns,
            reduce=reduce,
        )

    # -- Where the records are ---------------------------------------------------------------------

    def flush(self, timeout: float | None = None) -> FlushResult:
        """Get the records to their destination, and say where they are; never raises.

        Args:
            timeout: Seconds to wait at most; None for 30. Records that are still on their way then
                wait in the journal, and are shipped later.

        """
        try:
            until = time.monotonic() + _seconds(timeout)
            writer = self._recorder.writer
            writer.look_after()
            writer.listen()  # that look has put off the next, for which the thread may wait
            if self._background and self.stats().pending:
                self._background.ship(lambda: not self.stats().pending, until)
            return self.stats()
        except RecursionError:
            return FlushResult()

    def stats(self) -> FlushResult:
        """Say where the records of this client in this process are; never raises."""
        counts = self._recorder.writer.counts()
        return figures(*counts, self._background.count() if self._background else None)

    def close(self) -> None:
        """End the session, ship what can be shipped within 2 seconds, and let go of the journal.

        What is left is shipped by the next process of this destination, or by `agentlog ship`. What
        is recorded later still gets into the journal.
        """
        self._end(ENDED_BY_EXIT)
        _leave([self])
        _open_clients.discard(self)

    def use_clock(self, time: Callable[[], float], perf: Callable[[], float]) -> None:
        """Take times from other clocks: seconds since the epoch, and ones that never go back."""
        self._recorder.time, self._recorder.perf = time, perf
        self._recorder.writer.clock = perf

    def _end(self, outcome: Outcome) -> None:
        self._over = True
        session = self._recorder.session
        if isinstance(session, Session):
            session.end(outcome)


def _shipping(chosen: Settings, writer: Writer) -> "Background | None":
    """Return what ships the records, if they are to be shipped."""
    if chosen.endpoint is None or chosen.disabled:
        return None
    # Imported here and now: in its thread, the import could be under way when the program forks.
    from agentlog.background import Background

    return Background(chosen, writer)


def _seconds(timeout: Any) -> float:
    """Return how long a flush may take."""
    if timeout is None:
        return _FLUSH_TIMEOUT
    if is_a(timeout, bool) or not (is_a(timeout, int) or is_a(timeout, float)) or not timeout >= 0:
        warn(f"flush({shown(timeout, 'timeout')}) is no number of seconds: it does not wait")
        return 0.0
    return min(float(timeout), threading.TIMEOUT_MAX)


_open_clients: set[Client] = set()


def _leave(clients: Collection[Client]) -> None:
    """Let go of the journals, and wait for what is being shipped, for all of them together."""
    until = time.monotonic() + _EXIT_TIMEOUT
    for client in clients:
        client._recorder.writer.close()  # noqa: SLF001 - this file's own
    shipping = [one for client in clients if (one := client._background)]  # noqa: SLF001
    for background in shipping:
        background.leave()
    for background in shipping:
        background.end(until)


@atexit.register
def _end_all() -> None:
    """At the exit of the interpreter, close the sessions of the process with what ended it."""
    error = error_of_the_script()
    outcome = ENDED_BY_EXIT if error is None else outcome_of(error)
    for client in list(_open_clients):
        client._end(outcome)  # noqa: SLF001 - this file's own
    _leave(list(_open_clients))
