"""The session: the root event of a tree.

There is one for the process, and any number of them by `with client.session()`, each for its own
context. Only the process that opened a session closes it.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Final

from agentlog.recording import context, ids
from agentlog.recording.context import Node
from agentlog.recording.outcome import Outcome, outcome_of
from agentlog.recording.process import describe_process, program_name
from agentlog.recording.recorder import NO_ROOM, Recorder, in_main_thread

_SHORTLY: Final = 1.0
"""Seconds by which an event may begin before the session that it starts; more is a date of old."""


class Session(Node):
    """The root event of a tree; made by `start_session` or `session`.

    Attributes:
        session_id: The id of the session, 32 hex digits.
        id: The id of its root event, 16 hex digits.
        parent_id: None, as a session has no parent.
        tags: The tags of the client and of the session.

    """

    __slots__ = ("_process", "_started", "_timestamp", "_under_way", "begun", "successor", "tags")

    def __init__(
        self, recorder: Recorder | None, tags: Iterable[str] = (), since: float | None = None
    ) -> None:
        self.recorder = recorder
        self.tags = list(tags)
        self.outer = self.parent_id = self.crumbs = None
        self.closed = True
        self.id = self.session_id = ""
        self.successor: dict[str, Session] = {}
        self.begun = False
        self._under_way = False
        if recorder is not None:
            self.closed = False
            now = recorder.time()
            self._timestamp = since if since and 0 <= now - since < _SHORTLY else now
            self._started = recorder.perf() - (now - self._timestamp)
            self._process = recorder.writer.process
            self.id = ids.event_id()
            self.session_id = ids.session_id(self._timestamp)

    def __repr__(self) -> str:
        """Name the session by its id."""
        return f"Session({self.session_id!r})"

    def begin(self) -> None:
        """Write the open half, once; what Ctrl-C breaks off here, the next event does.

        Else a run whose first event was interrupted would have no root.
        """
        recorder: Recorder | None = self.recorder
        if recorder is None or self.begun:
            return
        try:
            under_way, self._under_way = self._under_way, True  # no call between: one is the first
            if not under_way:
                fields = {"tags": self.tags or None, "process": describe_process()}
                recorder.open(self, self._timestamp, program_name(), "session", fields)
                self.begun = True
        except BaseException:
            self._under_way = False
            raise

    def end(self, outcome: Outcome, rating: str | None = None) -> None:
        """Write the close half, once, and in the process that opened the session."""
        recorder: Recorder | None = self.recorder
        if recorder is None or self.closed:
            return
        self.closed = True
        if self.begun and self._process.here[0]:
            duration = max(recorder.perf() - self._started, 0.0)
            recorder.close(self, self._timestamp + duration, outcome, {"rating": rating})


class SessionScope:
    """`with client.session() as session:`, or `async with`: a session for this context.

    It ends with Success, or as the exception says that leaves it. Entered again, it is another
    session.
    """

    __slots__ = ("_recorder", "_sessions", "_tags")

    def __init__(self, recorder: Recorder | None, tags: list[str]) -> None:
        self._recorder = recorder
        self._tags = tags
        self._sessions: list[Session] = []

    def __enter__(self) -> Session:
        """Open a session."""
        try:
            session = Session(self._recorder, self._tags)
            self._sessions = [*self._sessions, session]
            if self._recorder is not None:
                context.enter(session)
                if in_main_thread():
                    self._recorder.in_main.add(session)
                session.begin()
        except RecursionError:
            if self._recorder is not None:
                self._recorder.writer.process.dropped[NO_ROOM] += 1
            return self._sessions[-1] if self._sessions else NO_SESSION
        except BaseException as error:  # Ctrl-C: the block is not entered
            self.__exit__(type(error), error, None)
            raise
        return session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close the session; the exception, if there is one, goes on."""
        if not self._sessions:
            return
        try:
            here = context.current.get()
            session = next((one for one in self._sessions if one is here), self._sessions[-1])
            self._sessions = [other for other in self._sessions if other is not session]
            if self._recorder is not None:
                self._recorder.in_main.discard(session)
            session.end(outcome_of(error))
            context.leave(session)
        except RecursionError:
            if self._recorder is not None:
                self._recorder.writer.process.dropped[NO_ROOM] += 1
        except Exception as unexpected:  # noqa: BLE001 - whatever goes wrong here is not the host's
            if self._recorder is not None:
                self._recorder.give_up(unexpected)

    async def __aenter__(self) -> Session:
        """Open a session."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close the session; the exception, if there is one, goes on."""
        self.__exit__(kind, error, traceback)


NO_SESSION = Session(None)
NO_SCOPE = SessionScope(None, [])
"""What there is instead of a session where there is no room to make one."""
