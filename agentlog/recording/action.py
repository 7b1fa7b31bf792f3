"""The with-block: an event with a duration, under which other events hang.

Entering writes the open half, leaving the close half; between the two it is a node of the context.
An action belongs to the process that entered it: a forked child that leaves the block writes
nothing.
"""

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Self

from agentlog.errors import warn
from agentlog.foreign import text_of
from agentlog.recording import ids
from agentlog.recording.context import Node, compress, current, leave
from agentlog.recording.encode import Encoded
from agentlog.recording.event import (
    DEFAULT_ACTION_TYPE,
    accepted,
    fitting,
    is_a,
    kind_with_model,
    texts_of,
)
from agentlog.recording.outcome import Outcome, describe, outcome_of
from agentlog.recording.recorder import NO_ROOM, Recorder, in_main_thread
from agentlog.recording.redact import shown

_FAILED = Outcome("Fail")
NOT_TAKEN = Encoded('"<unprintable>"', {"replaced": 1})
"""Stands for returns where there is no room to take them."""
_UPDATES = ("model", "tags", "prompt_tokens", "completion_tokens")


class Action(Node):
    """An action: `with client.action("plan") as action:`, or `async with`.

    Made by `Client.action`. The block is entered once; an action that is entered again is a second
    event. What it does never raises, and an exception of the body goes on untouched.

    Attributes:
        id: The event's id, 16 hex digits; empty until the block is entered.
        session_id: The id of its session, 32 hex digits.
        parent_id: The id of the event it hangs under.

    """

    __slots__ = (
        "__weakref__",
        "_again",
        "_details",
        "_epoch",
        "_head",
        "_kind",
        "_late",
        "_params",
        "_process",
        "_used",
        "event_type",
        "taken",
    )

    def __init__(
        self,
        recorder: Recorder | None,
        event_type: str,
        params: Mapping[str, Any] | None = None,
        tags: Collection[str] | None = None,
        action_type: str = DEFAULT_ACTION_TYPE,
        model: str | None = None,
        prompt: Any = None,
    ) -> None:
        self.recorder = recorder
        self.event_type = event_type
        self.id = self.session_id = ""
        self.outer = self.parent_id = None
        self.closed = True
        self.crumbs = None
        self._params = params
        self._kind = action_type if model is None else kind_with_model(action_type, model)
        self._details = (
            None
            if model is None and prompt is None and tags is None
            else {"model": model, "prompt": prompt, "tags": tags}
        )
        self._used = False
        self._late: dict[str, Any] | None = None
        self.taken: Encoded | None = None
        self._again: list[Action] | None = None

    def __repr__(self) -> str:
        """Name the action and its event; payloads stay out."""
        return f"Action({self.event_type!r}, id={self.id!r})"

    # -- The block ---------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Open the event."""
        recorder: Recorder | None = self.recorder
        if recorder is None:
            return self
        used, self._used = self._used, True  # no call between: of two threads one is the first
        if used:
            try:
                return self._enter_again()
            except RecursionError:
                recorder.writer.process.dropped[NO_ROOM] += 1
                return self
        try:
            self.outer = outer = current.get()
            if outer is not None and (
                outer.closed or (outer.outer is not None and outer.outer.closed)
            ):
                compress(self)
                outer = self.outer
            joined = recorder.joined
            parent = (
                outer
                if joined is None and outer and outer.recorder is recorder and not outer.closed
                else recorder.parent()
            )
            self.id = event_id = ids.event_id()
            self.session_id = session_id = parent.session_id
            self.parent_id = parent_id = parent.id
            self._head = head = f'{{"id":"{event_id}","session_id":"{session_id}"'
            self._process = recorder.writer.process
            if parent.parent_id is None and in_main_thread():
                recorder.in_main.add(self)
            timestamp = recorder.time()
            now = recorder.perf()
            self._epoch = timestamp - now
            self.closed = False
            current.set(self)
            opened = (
                f'{head},"parent_id":"{parent_id}"'
                f"{recorder.encoder.opening(self.event_type, self._params, self._details)}"
                f',"action_type":"{self._kind}","timestamp":{timestamp:.6f}}}\n'
            )
            recorder.writer.write(opened, now)
            if joined is not None:
                joined.enter(self, opened)
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1
        except BaseException as error:  # noqa: BLE001 - whatever goes wrong here is not the host's
            self._give_up(recorder, error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close the event; the exception, if there is one, goes on."""
        recorder: Recorder | None = self.recorder
        if recorder is None:
            return
        try:
            if (self._again and self._leave_again(error)) or self.closed:
                return
            self.closed = True  # no call since it was asked: of two threads one closes the event
            if current.get() is self:
                current.set(self.outer)
            if recorder.in_main:
                recorder.in_main.discard(self)
            closed = ""
            try:
                if not self._process.here[0]:
                    return
                now = recorder.perf()
                end = self._epoch + now
                if error is None and self._late is None:
                    self.crumbs = None
                    tail = "" if self.taken is None else recorder.encoder.returned(self.taken)
                    closed = f'{self._head},"end_timestamp":{end:.6f},"result":"Success"{tail}}}\n'
                    recorder.writer.write(closed, now)
                else:
                    closed = recorder.close(self, end, *self._ending(error))
            finally:
                if (joined := recorder.joined) is not None:
                    joined.leave(self, closed)
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1
        except Exception as unexpected:  # noqa: BLE001 - whatever goes wrong here is not the host's
            recorder.give_up(unexpected)

    def _ending(self, error: BaseException | None) -> tuple[Outcome, dict[str, Any]]:
        """Return how the action ends whose body this exception leaves, and what is known late."""
        late = {"returns": self.taken, **(self._late or {})}
        return _outcome(late.pop("failure", None), error), late

    def _give_up(self, recorder: Recorder, error: BaseException) -> None:
        """Count the open half as lost; if the error is the host's, nothing was entered."""
        try:
            recorder.give_up(error)
        except BaseException:
            leave(self)
            recorder.in_main.discard(self)
            raise

    async def __aenter__(self) -> Self:
        """Open the event."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close the event; the exception, if there is one, goes on."""
        self.__exit__(kind, error, traceback)

    # -- What is known late ------------------------------------------------------------------------

    @property
    def returns(self) -> Any:
        """The output of the action: any value, taken as it is when it is set."""
        if (twin := self._twin()) is not None:
            return twin.returns
        return None if self.taken is None else self.taken.value()

    @returns.setter
    def returns(self, value: Any) -> None:
        try:
            if self._again and (twin := self._twin()) is not None:
                twin.returns = value
            elif self.recorder is not None:
                self.taken = self.recorder.encoder.snapshot("returns", value)
        except RecursionError:
            self.taken = NOT_TAKEN
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is not the host's
            self.recorder.give_up(error)

    def update(
        self,
        *,
        model: str | None = None,
        tags: Collection[str] | None = None,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        **others: Any,
    ) -> None:
        """Add what is known only after the action began; never raises.

        Args:
            model: The model that was used; an action of no chosen type becomes `llm` by it.
            tags: A list of strings, in place of the earlier ones.
            prompt_tokens: Tokens in.
            completion_tokens: Tokens out.
            **others: Not accepted; left out with a warning.

        """
        given = {
            "model": model,
            "tags": tags,
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            **others,
        }
        try:
            if (twin := self._twin()) is not None:
                twin.update(**given)
            elif self.recorder is not None:
                self._update(given)
        except RecursionError:
            pass  # too close to the limit to look at the values

    def _update(self, given: dict[str, Any]) -> None:
        late = dict(self._late or {})
        for field, value in given.items():
            if value is None:
                continue
            if field not in _UPDATES or not fitting(field, value):
                warn(f"update({shown(value, field)}) is left out: {_accepted(field)}")
                continue
            late[field] = texts_of(value) if field == "tags" else value
        kind = kind_with_model(self._kind, late.get("model"))
        if kind != self._kind:
            late["action_type"] = kind
        self._late = late or None

    def fail(self, why: str | BaseException | None = None) -> None:
        """Say that the action failed, whatever happens to its body; never raises.

        Args:
            why: The reason in a text, or the exception behind it.

        """
        failure = _FAILED
        try:
            if (twin := self._twin()) is not None:
                twin.fail(why)
                return
            if is_a(why, BaseException):
                failure = Outcome("Fail", None, describe(why))
            elif why is not None:
                failure = Outcome("Fail", text_of(why))
        except RecursionError:
            pass  # too close to the limit to ask why
        if self.recorder is not None:
            self._late = {**(self._late or {}), "failure": failure}

    # -- Entered again -----------------------------------------------------------------------------

    def _enter_again(self) -> Self:
        """Enter a second event, as this one is a node of its own and may have closed."""
        details = self._details or {}
        twin = type(self)(
            self.recorder, self.event_type, self._params, action_type=self._kind, **details
        )
        self._again = self._again or []
        self._again.append(twin)
        return twin.__enter__()

    def _leave_again(self, error: BaseException | None) -> bool:
        """Leave the twin that is meant; say whether it is one."""
        twin = self._twin()
        if twin is None or self._again is None:
            return False
        self._again.remove(twin)
        twin.__exit__(None, error, None)
        return True

    def _twin(self) -> "Action | None":
        """Return the event that is meant, if it is not this one but one of its twins.

        It is the innermost of them in this context; where there is none, the one entered last.
        """
        twins = self._again
        if not twins:
            return None
        node = current.get()
        while node is not None:
            if node is self and not self.closed:
                return None
            if isinstance(node, Action) and node in twins:
                return node
            node = node.outer
        return twins[-1]


def _outcome(told: Outcome | None, error: BaseException | None) -> Outcome:
    """Return what was told by `fail`, completed by the exception that left the body."""
    seen = outcome_of(error)
    if told is None:
        return seen
    reason = seen.reason if told.reason is None else told.reason
    return Outcome("Fail", reason, seen.error or told.error)


def _accepted(field: str) -> str:
    return accepted(field) if field in _UPDATES else f"an action takes {', '.join(_UPDATES)}"


NOT_RECORDED = Action(None, "")
"""What there is instead of an action where there is no room to make one."""
