"""The default client: what `init` built, and the verbs of the module, which work on it.

A verb used before `init` does nothing and says so once. A function decorated before `init` is
recorded after it.
"""

import os
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

from agentlog.client import Client
from agentlog.config import is_disabled
from agentlog.errors import warn
from agentlog.figures import FlushResult
from agentlog.foreign import class_name, let_pass
from agentlog.forklock import ForkLock
from agentlog.recording import context
from agentlog.recording.action import Action
from agentlog.recording.decorator import Decorator
from agentlog.recording.decorator import record_action as decorate
from agentlog.recording.event import (
    DEFAULT_ACTION_TYPE,
    ActionType,
    Event,
    EventState,
    Models,
    check,
)
from agentlog.recording.recorder import Recorder
from agentlog.recording.redact import Redact
from agentlog.session import Session, SessionScope

_client: Client | None = None
_warned = False
_following: tuple[Callable[[Client], None], ...] = ()
_lock = ForkLock()


def init(
    api_key: str | None = None,
    tags: Collection[str] | None = None,
    endpoint: str | None = None,
    *,
    home: str | os.PathLike[str] | None = None,
    redact: bool | str | Redact | Callable[[str, Any], Any] = True,
    max_wait: float = 1.0,
    allow_http: bool = False,
) -> Client:
    """Build the default client, closing the one before; the arguments are `Client`'s."""
    client = Client(
        api_key,
        tags,
        endpoint,
        home=home,
        redact=redact,
        max_wait=max_wait,
        allow_http=allow_http,
    )
    before = use(client)
    if before is not None:
        before.close()
    return client


def use(client: Client | None) -> Client | None:
    """Make a client the default one; return the one before."""
    global _client
    with _lock.held():
        before, _client = _client, client
        following = _following
    if client is not None:
        for prepare in following:
            prepare(client)
    return before


def follow(prepare: Callable[[Client], None]) -> Callable[[], None]:
    """Do this with the default client, and with each that takes its place; return the undoing."""
    global _following
    with _lock.held():
        _following, client = (*_following, prepare), _client
    if client is not None:
        prepare(client)

    def leave() -> None:
        global _following  # noqa: PLW0603
        with _lock.held():
            _following = tuple(other for other in _following if other is not prepare)

    return leave


def default_client() -> Client | None:
    """Return the default client; None before `init`."""
    return _client


def default_recorder() -> Recorder | None:
    """Return what the default client records with; None before `init`, and while disabled."""
    return None if _client is None else _client.active


def _expected_client() -> Client | None:
    """Return the default client; that there is none is said once."""
    global _warned  # noqa: PLW0603
    if _client is None and not _warned and not is_disabled():
        _warned = True
        warn("nothing is recorded before agentlog.init() is called")
    return _client


def _recorder() -> Recorder | None:
    client = _client or _expected_client()
    return None if client is None else client.active


def start_session(tags: Collection[str] | None = None) -> Session:
    """Start the session of the process; see `Client.start_session`."""
    check(tags=tags)
    client = _expected_client()
    return Session(None) if client is None else client.start_session(tags)


def end_session(
    end_state: EventState | str = EventState.INDETERMINATE,
    rating: str | None = None,
    reason: str | None = None,
) -> None:
    """End the session of the process; see `Client.end_session`."""
    if (client := _expected_client()) is not None:
        client.end_session(end_state, rating, reason)


def session(tags: Collection[str] | None = None) -> SessionScope:
    """Return a session for a `with` block; see `Client.session`."""
    check(tags=tags)
    client = _expected_client()
    return SessionScope(None, []) if client is None else client.session(tags)


def record(event: Event) -> None:
    """Record one event; see `Client.record`."""
    if (client := _expected_client()) is not None:
        client.record(event)


def action(
    event_type: str,
    params: Mapping[str, Any] | None = None,
    tags: Collection[str] | None = None,
    action_type: ActionType | str = DEFAULT_ACTION_TYPE,
    model: Models | str | None = None,
    prompt: Any = None,
) -> Action:
    """Return an action for a `with` block; see `Client.action`."""
    client = _expected_client()
    if client is not None:
        return client.action(event_type, params, tags, action_type, model, prompt)
    check(event_type=event_type, params=params, tags=tags, action_type=action_type, model=model)
    return Action(None, event_type)


def record_action(
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
    """Return a decorator whose calls are actions; see `Client.record_action`."""
    return decorate(
        _recorder,
        event_type,
        tags,
        action_type=action_type,
        model=model,
        ignore=ignore,
        capture_params=capture_params,
        capture_returns=capture_returns,
        reduce=reduce,
    )


def flush(timeout: float | None = None) -> FlushResult:
    """Get the records to their destination; see `Client.flush`."""
    client = _expected_client()
    return FlushResult() if client is None else client.flush(timeout)


def stats() -> FlushResult:
    """Say where the records are; see `Client.stats`."""
    client = _expected_client()
    return FlushResult() if client is None else client.stats()


def close() -> None:
    """Close the default client; see `Client.close`."""
    if (client := _expected_client()) is not None:
        client.close()


def current_action() -> Action | None:
    """Return the innermost action that is open here.

    An event recorded here would hang under it, unless a span of OpenTelemetry's is open inside.
    """
    node = context.innermost()
    return node if isinstance(node, Action) else None


def current_session() -> Session | None:
    """Return the session that an event recorded here belongs to.

    None if that is a remote one, one that has closed, or one that the event would start.
    """
    active = _client.active if _client else None
    here = _innermost() or (context.outlived(active) if active else None)
    if here is None:
        own = active.session if active else None
        return own if isinstance(own, Session) and not own.closed else None
    node: context.Node | None = here
    while node is not None and not isinstance(node, Session):
        node = node.outer
    found = node or (here.recorder.session if here.recorder else None)
    if not isinstance(found, Session) or found.closed or found.session_id != here.session_id:
        return None
    return found


def _innermost() -> context.Node | None:
    """Return the innermost node that is open here, of whichever client it is."""
    node = context.innermost()
    recorder: Recorder | None = (node.recorder if node else None) or default_recorder()
    return node if recorder is None else recorder.innermost()


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the W3C `traceparent` of this context into headers; without an open session, nothing.

    Args:
        headers: A mutable mapping of header names to values; anything else is left as it is, with a
            warning.

    """
    node = _innermost() or current_session()
    if node is None:
        return
    try:
        context.write_header(headers, node)
    except BaseException as error:  # noqa: BLE001 - headers are the host's own object
        let_pass(error)
        kind, why = class_name(type(headers)), class_name(type(error))
        warn(f"inject() could not write to a {kind}: {why}")
