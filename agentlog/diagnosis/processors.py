"""A list of structlog processors: how each is named, and where an `EventProcessor` is among them.

The rule of this file: a processor is somebody else's object, and is never called, printed or
compared. What has to be asked of it is asked so that it cannot raise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeVar

from agentlog.bridges.chain import RENDERERS, comes_behind, place, renders
from agentlog.bridges.structlog import EventProcessor
from agentlog.default import default_client
from agentlog.recording.event import is_a

T = TypeVar("T")

_LONGEST_NAME = 100
_WELL_KNOWN = ("agentlog", "logging", "structlog")
_MARK = "  <- lines become events here"
_NAMED = (FunctionType, MethodType, BuiltinFunctionType, type)


@dataclass(frozen=True, slots=True)
class Chain:
    """Processors, one behind the other, as a part of a configuration.

    Attributes:
        topic: What the part belongs to.
        where: The part itself, in words.
        processors: What is in it.
        has_end: Whether the last processor makes of a line what is printed.

    """

    topic: str
    where: str
    processors: Sequence[Any]
    has_end: bool = True

    @property
    def places(self) -> list[int]:
        """The indices of the EventProcessors."""
        return [at for at, each in enumerate(self.processors) if is_a(each, EventProcessor)]

    @property
    def reached(self) -> list[int]:
        """The indices of those that get lines, and not what was made of them."""
        return [
            at
            for at in self.places
            if not self.is_last(at) and not any(map(renders, self.before(at)))
        ]

    @property
    def classes(self) -> list[Any]:
        """The classes that stand where an EventProcessor made of them was meant."""
        return [each for each in self.processors if asked(_is_class, each, default=False)]

    def before(self, at: int | None) -> list[Any]:
        """Return the other processors before an index; all of them for None."""
        return [each for each in self.processors[:at] if not is_a(each, EventProcessor)]

    def behind(self, at: int) -> list[Any]:
        """Return the other processors behind an index."""
        return [each for each in self.processors[at:] if not is_a(each, EventProcessor)]

    def is_last(self, at: int) -> bool:
        """Say whether one stands at the end, where the renderer belongs."""
        return self.has_end and bool(self.before(at)) and at == len(self.processors) - 1


def named(processor: Any) -> str:
    """Name a processor or handler by its class or function; with its module if it is not known."""
    return asked(_name, processor, "<something that tells no name>")[:_LONGEST_NAME]


def listed(processors: Any) -> list[Any] | None:
    """Return processors as a list; None where to look at them might use them up."""
    return asked(list, processors, None) if is_a(processors, Sequence) else None


def numbered(chain: Chain) -> list[str]:
    """List processors, one a line, with the EventProcessors marked that get lines."""
    width, reached = len(str(len(chain.processors))), chain.reached
    return [
        f"{at + 1:>{width}}. {named(each)}{_MARK * (at in reached)}"
        for at, each in enumerate(chain.processors)
    ]


def belongs_before(chain: Chain) -> str | None:
    """Name the processor before which an EventProcessor belongs; None where that is the end."""
    others = chain.before(None)
    if chain.has_end:
        return named(others[place(others)]) if others else None
    return next((named(each) for each in others if renders(each) or comes_behind(each)), None)


def hands_over(processors: Sequence[Any]) -> bool:
    """Say whether the last processor hands lines to the standard library's logging as they are."""
    return bool(processors) and renders(processors[-1]) and not is_a(processors[-1], *RENDERERS)


def client_of(way: Any) -> Any:
    """Return the client that an EventProcessor or an EventHandler records for, if there is one."""
    own = asked(lambda it: it._client, way, default=None)  # noqa: SLF001 - of a kind of ours
    return own or default_client()


def asked(question: Callable[[Any], T], subject: Any, default: T) -> T:
    """Return the answer to a question that may run others' code; the default if that raises."""
    try:
        return question(subject)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - somebody else's object
        return default


def _is_class(processor: Any) -> bool:
    return is_a(processor, type) and EventProcessor in type.mro(processor)


def _name(processor: Any) -> str:
    if is_a(processor, partial):
        return f"{_name(processor.func)}, partial"
    known: Any = processor if is_a(processor, *_NAMED) else type(processor)
    module = known.__module__ or "__main__"
    package = module.partition(".")[0]
    return f"{'' if package in _WELL_KNOWN else module + '.'}{known.__qualname__}"
