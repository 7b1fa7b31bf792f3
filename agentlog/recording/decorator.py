"""record_action: a function whose calls are actions.

One wrapper a kind of function: plain, coroutine, generator, async generator. Each is of the same
kind as the function, so `inspect` tells the same of both. The function is called exactly once, with
the very arguments; what cannot be recorded is left out.

A generator's body runs in steps, each in the context of whoever asks for the next item. Its action
is the innermost node during a step and is taken off again at its end: so what the body does hangs
under the generator, and what the consumer does between two steps does not.
"""

import asyncio
import functools
import inspect
import sys
import types
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from agentlog.errors import ConfigurationError, shown
from agentlog.recording.action import Action
from agentlog.recording.binding import Binding
from agentlog.recording.context import current, reset
from agentlog.recording.event import DEFAULT_ACTION_TYPE, check, kind_with_model
from agentlog.recording.items import Items
from agentlog.recording.recorder import Recorder

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")

_LEAVING = (GeneratorExit, asyncio.CancelledError)

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
        params = None
        if self.binding is not None:
            try:
                params = self.binding.bind(*args, **kwargs)
            except TypeError:
                # A wrong call: the function itself will say so.
                params = self.binding.unbound(args, kwargs)
        action = Action(recorder, self.event_type, params, self.tags, self.action_type, self.model)
        action.__enter__()
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
    if not _is_list_of_names(ignore):
        message = f"ignore={shown(ignore)} is not accepted: it is a list of parameter names"
        raise ConfigurationError(message)
    if reduce is not None and not callable(reduce):
        message = f"reduce={shown(reduce)} is not accepted: it is a function of the list of items"
        raise ConfigurationError(message)

    def decorate(function: Any) -> Any:
        if isinstance(function, classmethod | staticmethod):
            return type(function)(decorate(function.__func__))
        if not callable(function):
            message = f"record_action takes a function, not {type(function).__name__}"
            raise ConfigurationError(message)
        spec = Spec(
            get_recorder,
            event_type,
            None if tags is None else list(tags),
            kind_with_model(action_type, model),
            model,
            Binding(function, ignore) if capture_params else None,
            capture_returns,
            reduce,
        )
        copied = functools.WRAPPER_UPDATES if inspect.isroutine(function) else ()
        return functools.wraps(function, updated=copied)(_wrapper(function, spec))

    return decorate


def _is_list_of_names(ignore: Any) -> bool:
    return (
        isinstance(ignore, Iterable)
        and not isinstance(ignore, str)
        and all(isinstance(name, str) for name in ignore)
    )


def _wrapper(function: Callable[..., Any], spec: Spec) -> Callable[..., Any]:
    called = function if inspect.isroutine(function) else _called(function)
    if inspect.iscoroutinefunction(called):
        return _coroutine(function, spec)
    if inspect.isasyncgenfunction(called):
        return _async_generator(function, spec)
    if inspect.isgeneratorfunction(called):
        wrapper = _generator(function, spec)
        code = getattr(called, "__code__", None)
        is_awaitable = bool(code and code.co_flags & inspect.CO_ITERABLE_COROUTINE)
        return types.coroutine(wrapper) if is_awaitable else wrapper
    return _plain(function, spec)


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


class _Steps:
    """The action of a running generator: `with steps:` is one step of its body.

    Between two steps the body's innermost node (its own action, or one that the body has open
    across a `yield`) is kept here, and the context is the consumer's again.
    """

    __slots__ = ("_action", "_inside", "_items", "_left_by", "_token")

    def __init__(self, spec: Spec, recorder: Recorder, args: Any, kwargs: Any) -> None:
        outside = current.get()
        self._left_by: type[BaseException] | None = None
        self._action = spec.begin(recorder, args, kwargs)
        self._items = Items(recorder.encoder, spec.reduce) if spec.capture_returns else None
        self._inside = current.get()
        current.set(outside)

    def __enter__(self) -> None:
        self._token = current.set(self._inside)

    def __exit__(self, *_: object) -> None:
        self._inside = current.get()
        reset(self._token)

    def take(self, item: Any) -> Any:
        """Remember an item for `returns`."""
        if self._items is not None:
            self._items.add(item)
        return item

    def throw(self, error: BaseException) -> None:
        """Note what is thrown in at a `yield`: it may be the consumer, leaving."""
        self._left_by = type(error) if isinstance(error, _LEAVING) else None

    def went_on(self) -> None:
        """Note that the body gave one more item; after GeneratorExit it must not."""
        if self._left_by is not None and issubclass(self._left_by, GeneratorExit):
            self._action.fail("generator ignored GeneratorExit")
        self._left_by = None

    def end(self, error: BaseException | None) -> None:
        """Close the action, with the items as its returns."""
        if self._items is not None:
            self._action.returns = self._items.encoded()
        if self._left_by is not None and (error is None or isinstance(error, _LEAVING)):
            error = GeneratorExit()
        self._action.__exit__(None, error, None)


class _NoSteps:
    """The steps of a generator that is not recorded."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def take(self, item: Any) -> Any:
        return item

    def throw(self, error: BaseException) -> None: ...

    def went_on(self) -> None: ...

    def end(self, error: BaseException | None) -> None: ...


def _generator(function: Callable[..., Any], spec: Spec) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = spec.get_recorder()
        if recorder is None:
            return (yield from function(*args, **kwargs))
        steps = _Steps(spec, recorder, args, kwargs)
        thrown: BaseException | None = None
        try:
            with steps:
                body = function(*args, **kwargs)
                item = next(body)
            while True:
                try:
                    sent = yield steps.take(item)
                except BaseException as error:  # noqa: BLE001 - it is the body's to answer
                    thrown = error
                    steps.throw(error)
                with steps:
                    if thrown is not None:
                        item = body.throw(thrown)
                    else:
                        item = next(body) if sent is None else body.send(sent)
                thrown = None
                steps.went_on()
        except StopIteration as stop:
            steps.end(None)
            return stop.value
        except BaseException as error:
            steps.end(error)
            raise
        finally:
            thrown = None  # its traceback holds this frame: kept here, it would be kept for long

    return wrapper


def _async_generator(function: Callable[..., Any], spec: Spec) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = spec.get_recorder()
        steps = _Steps(spec, recorder, args, kwargs) if recorder else _NoSteps()
        thrown: BaseException | None = None
        try:
            with steps:
                body = function(*args, **kwargs)
                item = await _first_step(body)
            while True:
                try:
                    sent = yield steps.take(item)
                except BaseException as error:  # noqa: BLE001 - it is the body's to answer
                    thrown = error
                    steps.throw(error)
                with steps:
                    if thrown is not None:
                        item = await body.athrow(thrown)
                    else:
                        item = await body.asend(sent)
                thrown = None
                steps.went_on()
        except StopAsyncIteration:
            steps.end(None)
        except BaseException as error:
            steps.end(error)
            raise
        finally:
            thrown = None  # its traceback holds this frame: kept here, it would be kept for long

    return wrapper


def _leave_to_the_wrapper(body: Any) -> None:
    """Finalize nothing: a body that is collected with its wrapper is closed by it."""


def _first_step(body: Any) -> Awaitable[Any]:
    """Return the first step of an async generator that the event loop does not get to know.

    The loop finalizes the wrapper, which finalizes the body; would it know both, it would close
    both at once, and complain.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, _leave_to_the_wrapper)
    try:
        return body.asend(None)  # type: ignore[no-any-return]
    finally:
        sys.set_asyncgen_hooks(*hooks)
