"""record_action: a function whose calls are actions.

One wrapper a kind of function: plain, coroutine, generator, async generator. Each is of the same
kind as the function, so `inspect` tells the same of both. The function is called exactly once, with
the very arguments; what cannot be recorded is left out.

A generator's action is the innermost node during each step of its body (steps.py): so what the body
does hangs under it, and what the consumer does between two steps does not.
"""

import asyncio
import functools
import inspect
import sys
import types
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from agentlog.errors import ConfigurationError
from agentlog.recording.action import NOT_RECORDED, NOT_TAKEN, Action
from agentlog.recording.binding import Binding
from agentlog.recording.context import current
from agentlog.recording.event import (
    DEFAULT_ACTION_TYPE,
    check,
    is_a,
    kind_with_model,
    texts_of,
)
from agentlog.recording.items import Items
from agentlog.recording.recorder import NO_ROOM, Recorder
from agentlog.recording.redact import shown
from agentlog.recording.steps import LEAVING, NewSteps, Steps, stepwise, stepwise_async

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")

Swap = Callable[[object], object]
GetRecorder = Callable[[], Recorder | None]
Reduce = Callable[[list[Any]], Any]


class Decorator(Protocol):
    """What `record_action(...)` returns: it keeps a function's signature."""

    @overload
    def __call__(self, function: "classmethod[C, P, R]", /) -> "classmethod[C, P, R]": ...
    @overload
    def __call__(self, function: "staticmethod[P, R]", /) -> "staticmethod[P, R]": ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...


class Spec:
    """What is recorded of a decorated function, and with whose recorder."""

    __slots__ = (
        "action_type",
        "binding",
        "capture_returns",
        "event_type",
        "get_recorder",
        "model",
        "reduce",
        "tags",
    )

    def __init__(
        self,
        get_recorder: GetRecorder,
        event_type: str,
        tags: list[str] | None,
        action_type: str,
        model: str | None,
        binding: Binding | None,
        capture_returns: bool,  # noqa: FBT001
        reduce: Reduce | None,
    ) -> None:
        self.get_recorder = get_recorder
        self.event_type = event_type
        self.tags = tags
        self.action_type = action_type
        self.model = model
        self.binding = binding
        self.capture_returns = capture_returns
        self.reduce = reduce

    def begin(self, recorder: Recorder, args: Any, kwargs: Any) -> Action:
        """Open the action of one call."""
        try:
            params = None
            if self.binding is not None:
                try:
                    params = self.binding.bind(*args, **kwargs)
                except TypeError:
                    # A wrong call: the function itself will say so.
                    params = self.binding.unbound(args, kwargs)
            action = Action(
                recorder, self.event_type, params, self.tags, self.action_type, self.model
            )
            action.__enter__()
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1
            return NOT_RECORDED
        return action


def record_action(
    get_recorder: GetRecorder,
    event_type: str,
    tags: Collection[str] | None = None,
    *,
    action_type: str = DEFAULT_ACTION_TYPE,
    model: str | None = None,
    ignore: Collection[str] = (),
    capture_params: bool = True,
    capture_returns: bool = True,
    reduce: Reduce | None = None,
) -> Decorator:
    """Return the decorator; the other arguments are those of `Client.record_action`."""
    if callable(event_type):
        message = 'record_action is written with the name of the event: @record_action("plan")'
        raise ConfigurationError(message)
    check(event_type=event_type, tags=tags, action_type=action_type, model=model)
    _check_capture(ignore, reduce)

    def decorate(function: Any) -> Any:
        if isinstance(function, classmethod | staticmethod):
            return type(function)(decorate(function.__func__))
        if not callable(function):
            message = f"record_action takes a function, not {type(function).__name__}"
            raise ConfigurationError(message)
        spec = Spec(
            get_recorder,
            str.__str__(event_type),
            None if tags is None else texts_of(tags),
            kind_with_model(action_type, model),
            model,
            Binding(function, ignore) if capture_params else None,
            capture_returns,
            reduce,
        )
        copied = functools.WRAPPER_UPDATES if inspect.isroutine(function) else ()
        return functools.wraps(function, updated=copied)(_wrapper(function, spec))

    return decorate


def _check_capture(ignore: Any, reduce: Any) -> None:
    """Raise ConfigurationError if what is said of the values to be recorded cannot be meant."""
    if not _is_list_of_names(ignore):
        message = f"{shown(ignore, 'ignore')} is not accepted: it is a list of parameter names"
        raise ConfigurationError(message)
    if reduce is not None and not callable(reduce):
        message = (
            f"{shown(reduce, 'reduce')} is not accepted: it is a function of the list of items"
        )
        raise ConfigurationError(message)


def _is_list_of_names(ignore: Any) -> bool:
    return (
        isinstance(ignore, Iterable)
        and not isinstance(ignore, str)
        and all(isinstance(name, str) for name in ignore)
    )


def _wrapper(function: Callable[..., Any], spec: Spec) -> Callable[..., Any]:
    called = function if inspect.isroutine(function) else _called(function)
    is_generator = inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called)
    if spec.reduce is not None and not is_generator:
        message = f"reduce is for generator functions: {shown(function)} is none"
        raise ConfigurationError(message)
    if _is_coroutine_function(called) or _is_coroutine_function(function):
        return _coroutine(function, spec)
    if inspect.isasyncgenfunction(called):
        return stepwise_async(function, _steps_of(spec))
    if inspect.isgeneratorfunction(called):
        wrapper = stepwise(function, _steps_of(spec))
        code = getattr(called, "__code__", None)
        is_awaitable = bool(code and code.co_flags & inspect.CO_ITERABLE_COROUTINE)
        return types.coroutine(wrapper) if is_awaitable else wrapper
    return _plain(function, spec)


def _is_coroutine_function(function: Any) -> bool:
    """Say whether calling it gives a coroutine; mocks and the like are marked as such."""
    if sys.version_info >= (3, 12):
        return inspect.iscoroutinefunction(function)
    return asyncio.iscoroutinefunction(function)


def _called(function: Any) -> Any:
    """Return the function that a partial or a callable object runs."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


def _plain(function: Callable[..., Any], spec: Spec) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = spec.get_recorder()
        if recorder is None:
            return function(*args, **kwargs)
        action = spec.begin(recorder, args, kwargs)
        try:
            value = function(*args, **kwargs)
            if spec.capture_returns:
                action.returns = value
        except BaseException as error:
            action.__exit__(None, error, None)
            raise
        action.__exit__(None, None, None)
        return value

    return wrapper


def _coroutine(function: Callable[..., Awaitable[Any]], spec: Spec) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = spec.get_recorder()
        if recorder is None:
            return await function(*args, **kwargs)
        action = spec.begin(recorder, args, kwargs)
        try:
            value = await function(*args, **kwargs)
            if spec.capture_returns:
                action.returns = value
        except BaseException as error:
            action.__exit__(None, error, None)
            raise
        action.__exit__(None, None, None)
        return value

    return wrapper


class _RecordedSteps(Steps):
    """The steps of a generator that is an action."""

    __slots__ = ("_action", "_items", "_left_by")

    def __init__(self, spec: Spec, recorder: Recorder, args: Any, kwargs: Any) -> None:
        outside = current.get()
        self._left_by: type[BaseException] | None = None
        self._action = spec.begin(recorder, args, kwargs)
        self._items = Items(recorder.encoder, spec.reduce) if spec.capture_returns else None
        super().__init__(current.get())
        current.set(outside)

    def take(self, item: Any) -> Any:
        """Remember an item for `returns`."""
        if self._items is not None:
            try:
                self._items.add(item)
            except RecursionError:
                self._items, self._action.taken = None, NOT_TAKEN
        return item

    def throw(self, error: BaseException) -> None:
        """Note what is thrown in at a `yield`: it may be the consumer, leaving."""
        self._left_by = type(error) if is_a(error, *LEAVING) else None

    def went_on(self) -> None:
        """Note that the body gave one more item; after GeneratorExit it must not."""
        if self._left_by is not None and issubclass(self._left_by, GeneratorExit):
            self._action.fail("generator ignored GeneratorExit")
        self._left_by = None

    def end(self, error: BaseException | None) -> None:
        """Close the action, with the items as its returns."""
        try:
            if self._items is not None:
                self._action.returns = self._items.encoded()
        except RecursionError:
            self._action.taken = NOT_TAKEN
        if self._left_by is not None and (error is None or is_a(error, *LEAVING)):
            error = GeneratorExit()
        self._action.__exit__(None, error, None)


class _MirroredSteps(_RecordedSteps):
    """The steps of a generator whose action is a span of OpenTelemetry's too."""

    __slots__ = ("_context", "_swap")

    def __init__(self, spec: Spec, recorder: Recorder, args: Any, kwargs: Any, swap: Swap) -> None:
        outside = swap(None)
        super().__init__(spec, recorder, args, kwargs)
        self._swap = swap
        self._context = swap(outside)

    def __enter__(self) -> None:
        self._context = self._swap(self._context)
        super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._context = self._swap(self._context)


class _UnrecordedSteps(Steps):
    """The steps of a generator while nothing is recorded: the context is left alone."""

    __slots__ = ()

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


_UNRECORDED = _UnrecordedSteps(None)


def _steps_of(spec: Spec) -> NewSteps:
    def new_steps(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
        recorder = spec.get_recorder()
        if recorder is None:
            return _UNRECORDED
        try:
            joined = recorder.joined
            if joined is not None and (swap := joined.swap) is not None:
                return _MirroredSteps(spec, recorder, args, kwargs, swap)
            return _RecordedSteps(spec, recorder, args, kwargs)
        except RecursionError:
            recorder.writer.process.dropped[NO_ROOM] += 1
            return _UNRECORDED

    return new_steps
