"""An event as a reader meets it.

The rule of this file: every field of an event may be missing or of the wrong type, and reading it
never raises. What cannot be read counts as not there; the event stays.
"""

import json
from collections.abc import Mapping

from agentlog.replay.cost import NOTHING, Spent, spent_on
from agentlog.replay.turns import asked, is_conversation
from agentlog.store import MOST_TOKENS
from agentlog.store.merge import Event
from agentlog.store.state import BY_REASON, State, state_of

_LAST_MOMENT = 253_370_764_800.0
"""The year 9999 in seconds since the epoch: a timestamp from here on is damage, not a time."""

_LONGEST_LINE = 4096


class Node:
    """An event and the events below it, with its fields read tolerantly.

    A field of the wrong type reads as if it were not there. `failures`, `cut` (interrupted or
    silent), `unsettled` (those and running) and `events` count the node itself and everything below
    it, as `spent` does with tokens and costs; `last` is the last moment that any of it tells.
    """

    __slots__ = ("children", "cut", "event", "events", "failures", "last", "spent", "unsettled")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.children: list[Node] = []
        self.events = 1
        self.failures = 0
        self.unsettled = 0
        self.cut = 0
        self.last: float | None = None
        self.spent = NOTHING

    def __repr__(self) -> str:
        return f"<Node {self.id} {self.name!r} {self.state}>"

    @property
    def id(self) -> str:
        """The event's own id."""
        return _text(self.event.get("id")) or ""

    @property
    def session_id(self) -> str:
        """The id of its session."""
        return _text(self.event.get("session_id")) or ""

    @property
    def name(self) -> str:
        """The `event_type`; of a wrong type its JSON; `unnamed` where only the end is known."""
        name = self.event.get("event_type")
        return name if isinstance(name, str) and name else _label(name)

    @property
    def kind(self) -> str:
        """The `action_type`, `action` where it is missing."""
        return _text(self.event.get("action_type")) or "action"

    @property
    def is_root(self) -> bool:
        """Whether the event says of itself that it has no parent."""
        return self.kind == "session" or self.event.get("parent_id", "") is None

    @property
    def state(self) -> State:
        """What became of it."""
        event = self.event
        ended = "end_timestamp" in event
        return state_of(event.get("result"), event.get("reason"), ended=ended)

    @property
    def failed(self) -> bool:
        """Whether that is a failure."""
        return self.state is State.FAILED

    @property
    def is_trouble(self) -> bool:
        """Whether it or something below it has failed or was cut off."""
        return bool(self.failures or self.cut)

    @property
    def started(self) -> float | None:
        """Seconds since the epoch."""
        return moment(self.event.get("timestamp"))

    @property
    def ended(self) -> float | None:
        """Seconds since the epoch; None while it runs, and for ever if it was interrupted."""
        return moment(self.event.get("end_timestamp"))

    @property
    def when(self) -> float | None:
        """Its place in time: the start, else the end."""
        started = self.started
        return self.ended if started is None else started

    @property
    def duration(self) -> float | None:
        """Seconds; None where a timestamp is missing, or the clock was set back between them."""
        return elapsed(self.started, self.ended)

    @property
    def model(self) -> str | None:
        """The model that was asked."""
        return _text(self.event.get("model"))

    @property
    def asked(self) -> str | None:
        """What a user or a tool said last in the prompt, on one line; of another form its JSON."""
        prompt = self.event.get("prompt")
        if prompt is None:
            return None
        turn = asked(prompt) if is_conversation(prompt) else None
        last = (
            turn.said[-1] if turn else prompt[-1] if isinstance(prompt, list) and prompt else prompt
        )
        words = last if isinstance(last, str) else _label(last if turn else prompt)
        line = " ".join(words[:_LONGEST_LINE].split())
        if not line:
            return None
        return f"{turn.who} gave: {line}" if turn and turn.is_of_tool else f"asked: {line}"

    @property
    def tokens_in(self) -> int | None:
        """The tokens of the prompt."""
        return count(self.event.get("prompt_tokens"))

    @property
    def tokens_out(self) -> int | None:
        """The tokens of the completion."""
        return count(self.event.get("completion_tokens"))

    @property
    def is_uncounted(self) -> bool:
        """Whether it is an answer that was streamed, of which nobody told the tokens."""
        params = self.event.get("params")
        is_stream = isinstance(params, Mapping) and params.get("stream") is True
        is_told = self.tokens_in is not None or self.tokens_out is not None
        return self.kind == "llm" and is_stream and not is_told and self.state is State.SUCCEEDED

    @property
    def own_spent(self) -> Spent:
        """What it took itself, without what is below it."""
        given, made = self.tokens_in, self.tokens_out
        if given is None and made is None:
            return NOTHING
        return spent_on(self.model, given, made, self.when, self.event.get("params"))

    @property
    def reason(self) -> str | None:
        """The `reason` where it says more than the state does: a user's own words."""
        reason = _text(self.event.get("reason"))
        return None if reason in BY_REASON or reason == self.state else reason

    @property
    def error(self) -> str | None:
        """The first line of the error, `Type: message`."""
        error = self.event.get("error")
        if isinstance(error, str):
            return _first_line(error)
        if not isinstance(error, dict):
            return None
        parts = (_text(error.get("type")), _text(error.get("message")))
        return _first_line(": ".join(part for part in parts if part))

    @property
    def level(self) -> str | None:
        """The level of a log line."""
        return _text(self.event.get("level"))

    @property
    def logger(self) -> str | None:
        """The logger of a log line."""
        return _text(self.event.get("logger"))

    @property
    def rating(self) -> str | None:
        """How a session was rated."""
        return _text(self.event.get("rating"))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that are texts."""
        return texts(self.event.get("tags"))


def moment(value: object) -> float | None:
    """Read a timestamp: a number of seconds between the epoch and the year 9999, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _LAST_MOMENT else None


def elapsed(start: float | None, end: float | None) -> float | None:
    """Return the seconds between two moments, None where they are not known or out of order."""
    return None if start is None or end is None or end < start else end - start


def count(value: object) -> int | None:
    """Read a number of tokens as the list of a store does: an integer from 0 on, within 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < MOST_TOKENS else None


def texts(value: object) -> tuple[str, ...]:
    """Read a list of texts, leaving out what is none; a single text counts as a list of one."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple):
        return ()
    return tuple(text for text in values if isinstance(text, str) and text)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _label(value: object) -> str:
    if value is None:
        return "unnamed"
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        return type(value).__name__


def _first_line(text: str) -> str | None:
    lines = text[:_LONGEST_LINE].strip().splitlines()
    return lines[0].rstrip() if lines else None
