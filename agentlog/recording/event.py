"""Event and its vocabulary: what a person hands over to be recorded.

The checks here raise where a person writes the value. What is recorded without a person at hand (a
log line, an attribute set late) goes through the same tests by `fitting`, which answers instead of
raising. A value is judged by its type and by what it holds, and none of its own code runs.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from agentlog.errors import ConfigurationError
from agentlog.foreign import ask, let_pass
from agentlog.recording.redact import shown

if TYPE_CHECKING:
    from typing_extensions import TypeIs

T = TypeVar("T")

now = time.time
"""The clock of a new event's timestamp, in seconds since the epoch."""


class EventState(StrEnum):
    """How an event ended."""

    SUCCESS = "Success"
    FAIL = "Fail"
    INDETERMINATE = "Indeterminate"


class ActionType(StrEnum):
    """What kind of thing an event is."""

    ACTION = "action"
    LLM = "llm"
    API = "api"
    SCREENSHOT = "screenshot"
    TOOL = "tool"
    LOG = "log"


class Models(StrEnum):
    """The models that AgentOps named; any other is a plain string."""

    GPT_3_5_TURBO = "gpt-3.5-turbo"
    GPT_3_5_TURBO_0301 = "gpt-3.5-turbo-0301"
    GPT_3_5_TURBO_0613 = "gpt-3.5-turbo-0613"
    GPT_3_5_TURBO_16K = "gpt-3.5-turbo-16k"
    GPT_3_5_TURBO_16K_0613 = "gpt-3.5-turbo-16k-0613"
    GPT_4 = "gpt-4"
    GPT_4_0314 = "gpt-4-0314"
    GPT_4_0613 = "gpt-4-0613"
    GPT_4_32K = "gpt-4-32k"
    GPT_4_32K_0314 = "gpt-4-32k-0314"
    TEXT_EMBEDDING_ADA_002 = "text-embedding-ada-002"


class _Unset(str):
    """The word `action` where nobody chose it: a model may turn it into `llm`."""

    __slots__ = ()


DEFAULT_ACTION_TYPE = _Unset(ActionType.ACTION.value)

RESULTS: Mapping[str, str] = {state.value: state.value for state in EventState}
ACTION_TYPES: Mapping[str, str] = {kind.value: kind.value for kind in ActionType}


class Event:
    """One thing that happened, to be given to `record`.

    Args:
        event_type: The name of the event, any non-empty string.
        params: Parameters of the operation, a mapping.
        returns: Its output, any value.
        result: An `EventState`, or its text.
        action_type: An `ActionType`, or its text. With a model, and none given, it is `llm`.
        model: The model used, a `Models` member or any string.
        prompt: The prompt given to it, a text or a list of messages.
        tags: A list of strings.

    Attributes:
        timestamp: When it happened, in seconds since the epoch; now, unless set.

    Raises:
        ConfigurationError: If a value is not accepted; the message names what is.

    """

    __slots__ = (
        "action_type",
        "event_type",
        "model",
        "params",
        "prompt",
        "result",
        "returns",
        "tags",
        "timestamp",
    )

    def __init__(
        self,
        event_type: str,
        params: Mapping[str, Any] | None = None,
        returns: Any = None,
        result: EventState | str = EventState.INDETERMINATE,
        action_type: ActionType | str = DEFAULT_ACTION_TYPE,
        model: Models | str | None = None,
        prompt: Any = None,
        tags: Collection[str] | None = None,
    ) -> None:
        check(event_type=event_type, params=params, action_type=action_type, model=model, tags=tags)
        check(result=result)
        self.event_type = event_type
        self.params = params
        self.returns = returns
        self.result = RESULTS[str.__str__(result)]
        self.action_type = kind_with_model(action_type, model)
        self.model = model
        self.prompt = prompt
        self.tags = tags
        self.timestamp = now()

    def __repr__(self) -> str:
        """Name the event and its kind; payloads stay out."""
        return f"Event({self.event_type!r}, action_type={str(self.action_type)!r})"


def kind_with_model(action_type: str, model: str | None) -> str:
    """Return the action type, which is `llm` for a model when nobody chose one."""
    if type(action_type) is _Unset:
        return action_type if model is None else ActionType.LLM.value
    text = str.__str__(action_type)
    return ACTION_TYPES.get(text, text)


def texts_of(tags: Collection[str]) -> list[str]:
    """Return tags that fit their field as a list of texts of no other class."""
    base: Any = next(base for base in _COLLECTIONS if is_a(tags, base))
    return [str.__str__(tag) for tag in base.__iter__(tags)]


def check(**values: Any) -> None:
    """Raise a ConfigurationError for the first value that its field cannot hold."""
    for field, value in values.items():
        if not fitting(field, value):
            message = f"{shown(value, field)} is not accepted: {accepted(field)}"
            raise ConfigurationError(message)


def accepted(field: str) -> str:
    """Say what a field accepts."""
    return _FIELDS[field][1]


def fitting(field: str, value: Any) -> bool:
    """Say whether a field of the record can hold the value."""
    return _FIELDS[field][0](value)


def is_a(value: object, *kinds: type[T]) -> "TypeIs[T]":
    """Say whether a value is of one of the kinds, as its type has it and not its `__class__`."""
    return issubclass(type(value), kinds)


def _is_text(value: Any) -> bool:
    return is_a(value, str) and str.__len__(value) > 0


def _is_tags(value: Any) -> bool:
    for base in _COLLECTIONS:
        if is_a(value, base):
            return all(is_a(tag, str) for tag in base.__iter__(value))
    return False


def _is_count(value: Any) -> bool:
    return is_a(value, int) and not is_a(value, bool) and 0 <= int.__pos__(value) < 1 << 63


def _is_timestamp(value: Any) -> bool:
    if is_a(value, float):
        return math.isfinite(float.__pos__(value))
    return is_a(value, int) and not is_a(value, bool) and abs(int.__pos__(value)) < _LATEST


def _is_mapping(value: Any) -> bool:
    if value is None or is_a(value, dict):
        return True
    try:
        return ask(lambda one: is_a(one, Mapping), value)
    except BaseException as error:  # noqa: BLE001 - a metaclass is code, too
        let_pass(error)
        return False


def _is_one_of(accepted: Mapping[str, str]) -> Callable[[Any], bool]:
    return lambda value: is_a(value, str) and str.__str__(value) in accepted


def _one_of(accepted: Mapping[str, str]) -> str:
    return "it is one of " + ", ".join(map(repr, accepted))


_LATEST = 1 << 63
_COLLECTIONS: tuple[Any, ...] = (list, tuple, set, frozenset)

_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "event_type": (_is_text, "it is the event's name, a string that is not empty"),
    "params": (
        _is_mapping,
        'it is a mapping of names to values, such as {"query": "…"}, or None',
    ),
    "returns": (lambda _: True, "it is any value"),
    "prompt": (lambda _: True, "it is any value"),
    "result": (_is_one_of(RESULTS), _one_of(RESULTS)),
    "action_type": (_is_one_of(ACTION_TYPES), _one_of(ACTION_TYPES)),
    "model": (
        lambda value: value is None or _is_text(value),
        "it is the model's name, a string or a member of Models, or None",
    ),
    "tags": (
        lambda value: value is None or _is_tags(value),
        'it is a list of strings, such as ["nightly"], or None',
    ),
    "timestamp": (_is_timestamp, "it is a number of seconds since the epoch"),
    "prompt_tokens": (_is_count, "it is a number of tokens, an int from 0 up"),
    "completion_tokens": (_is_count, "it is a number of tokens, an int from 0 up"),
}
"""What each field can hold, and how that is said."""
