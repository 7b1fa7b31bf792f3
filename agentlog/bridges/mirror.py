"""Our actions as spans of a TracerProvider of the program.

What that is, is said in mirrored.py; here it is begun and undone.
"""

from collections.abc import Callable

from opentelemetry import trace

from agentlog.bridges.joint import join, part
from agentlog.bridges.mirrored import Mirror
from agentlog.bridges.whose import checked_client
from agentlog.client import Client
from agentlog.default import default_recorder, follow
from agentlog.errors import ConfigurationError
from agentlog.recording.redact import shown


def mirror(
    tracer_provider: trace.TracerProvider | None = None, *, client: Client | None = None
) -> Callable[[], None]:
    """Make a span of each action of a client, by a TracerProvider of the program.

    Args:
        tracer_provider: Whose spans they are; None: the global one.
        client: Whose actions; None: the default client's, also of one that takes its place.

    Returns:
        A function that undoes it; spans that are open then will end.

    Raises:
        ConfigurationError: If an argument is not accepted.

    """
    checked_client(client)
    if tracer_provider is not None and not hasattr(tracer_provider, "get_tracer"):
        given = shown(tracer_provider, "tracer_provider")
        message = f"{given} is not accepted: it is a TracerProvider, or None for the global one"
        raise ConfigurationError(message)
    seen = Mirror(tracer_provider or trace.get_tracer_provider())

    leave: Callable[[], None] | None = None
    if client is None:
        leave = follow(lambda current: join(current, seen))
    else:
        join(client, seen)

    def undo() -> None:
        seen.active = False
        if leave is not None:
            leave()
        recorder = default_recorder() if client is None else client.active
        if recorder is not None:
            part(recorder)

    return undo
