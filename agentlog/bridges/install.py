"""Putting an `EventProcessor` into structlog's configuration, and taking it out again."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from agentlog.bridges import select as rules
from agentlog.bridges.chain import place
from agentlog.bridges.structlog import EventProcessor
from agentlog.bridges.way import Selection
from agentlog.client import Client
from agentlog.default import default_recorder
from agentlog.errors import warn


def install(
    client: Client | None = None,
    *,
    select: Selection = rules.default,
    correlate: bool | str | Mapping[str, str] = True,
    breadcrumbs: int = 20,
) -> Callable[[], None]:
    """Put an `EventProcessor` into the structlog configuration in force, just before the renderer.

    The list of processors is changed in place, so that loggers which have cached it see the change.
    Installed twice it is there once, with the newer arguments, which are those of `EventProcessor`.
    A later `structlog.configure` brings a list of its own: call `install` after it.

    Returns:
        A function that takes the processor out again.

    Raises:
        ConfigurationError: If an argument is not accepted.

    """
    processor = EventProcessor(client, select=select, correlate=correlate, breadcrumbs=breadcrumbs)
    chain = _chain_in_force()
    recorder = client.active if client else default_recorder()
    others = [
        other
        for other in chain
        if not (isinstance(other, EventProcessor) and other.serves(recorder))
    ]
    others.insert(place(others), processor)
    chain[:] = others

    def uninstall() -> None:
        processor.stop()  # for loggers that have cached a copy of the list
        for holder in (chain, structlog.get_config()["processors"]):
            if isinstance(holder, list):
                holder[:] = [other for other in holder if other is not processor]

    return uninstall


def _chain_in_force() -> list[Any]:
    """Return structlog's list of processors itself; configure one if there is none."""
    chain = structlog.get_config()["processors"]
    if not isinstance(chain, list):
        warn(
            f"structlog's processors are a {type(chain).__name__}, which cannot be changed: it is "
            "configured anew with a list. Loggers that are cached already miss it."
        )
        chain = list(chain)
        structlog.configure(processors=chain)
    return chain
