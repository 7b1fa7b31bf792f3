"""Chains of structlog processors: where in one an `EventProcessor` belongs.

It belongs where the line is still a mapping with all its keys under their own names: in front of
the renderer, and of what hands the line to the standard library's logging.
"""

from collections.abc import Sequence
from typing import Any

from structlog import dev, processors

from agentlog.foreign import class_name, let_pass
from agentlog.recording.event import is_a

RENDERERS = (
    processors.JSONRenderer,
    processors.KeyValueRenderer,
    processors.LogfmtRenderer,
    dev.ConsoleRenderer,
)
_HANDING_OVER = ("wrap_for_formatter", "render_to_log_kwargs", "render_to_log_args_and_kwargs")
_READING = ("EventRenamer", "StructlogProcessor")
"""What renames the event, and what exports it (OpenTelemetry's), with ids if it has some."""


def place(chain: Sequence[Any]) -> int:
    """Return the index at which an `EventProcessor` belongs in a chain that has none."""
    end = next((at for at, each in enumerate(chain) if renders(each)), max(len(chain) - 1, 0))
    return next((at for at, each in enumerate(chain[:end]) if comes_behind(each)), end)


def renders(processor: Any) -> bool:
    """Say whether what comes behind a processor gets no mapping any more, as far as is known."""
    return is_a(processor, *RENDERERS) or _name(processor) in _HANDING_OVER


def comes_behind(processor: Any) -> bool:
    """Say whether a processor needs what an `EventProcessor` does, or takes what it needs."""
    return _name(processor) in _READING


def _name(processor: Any) -> str:
    """Return the name of a function, else of the class."""
    try:
        name = getattr(processor, "__name__", None)
    except BaseException as error:  # noqa: BLE001 - a processor's own code
        let_pass(error)
        name = None
    return name if type(name) is str else class_name(type(processor))
