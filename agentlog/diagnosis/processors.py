"""A list of structlog processors: how each is named, and what is wrong with where one stands.

The rule of this file: a processor is somebody else's object, and is never called, printed or
compared. What has to be asked of it is asked so that it cannot raise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeVar

from structlog.processors import EventRenamer

from agentlog.bridges.chain import RENDERERS, comes_behind, place, renders
from agentlog.bridges.structlog import EventProcessor
from agentlog.default import default_client
from agentlog.diagnosis.finding import NOTICE, WRONG, Finding
from agentlog.recording.event import is_a

INSTALL = "call agentlog.install() after structlog.configure(...)"

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


def named(processor: Any) -> str:
    """Name a processor or handler by its class or function; with its module if it is not known."""
    return asked(_name, processor, "<something that tells no name>")[:_LONGEST_NAME]


def listed(processors: Any) -> list[Any] | None:
    """Return processors as a list; None where to look at them might use them up."""
    return asked(list, processors, None) if is_a(processors, Sequence) else None


def numbered(processors: Sequence[Any]) -> list[str]:
    """List processors, one a line, with the EventProcessor marked."""
    width = len(str(len(processors)))
    return [
        f"{at:>{width}}. {named(each)}{_MARK * is_a(each, EventProcessor)}"
        for at, each in enumerate(processors, 1)
    ]


def belongs_before(chain: Chain) -> str | None:
    """Name the processor before which an EventProcessor belongs; None where that is the end."""
    others = [each for each in chain.processors if not is_a(each, EventProcessor)]
    if chain.has_end:
        return named(others[asked(place, others, len(others) - 1)]) if others else None
    return next((named(each) for each in others if _renders(each) or _comes_behind(each)), None)


def hands_over(processors: Sequence[Any]) -> bool:
    """Say whether the last processor hands lines to the standard library's logging as they are."""
    return bool(processors) and _renders(processors[-1]) and not is_a(processors[-1], *RENDERERS)


def _renders(processor: Any) -> bool:
    return asked(renders, processor, default=False)


def _comes_behind(processor: Any) -> bool:
    return asked(comes_behind, processor, default=False)


def _may_drop(processor: Any) -> bool:
    """Say whether the code of a processor is seen to name `DropEvent`."""
    return asked(_names_drop_event, processor, default=False)


def troubles(chain: Chain) -> Iterator[Finding]:
    """Say what is wrong with where the EventProcessors of a chain stand."""
    for at in chain.places:
        yield from _behind(chain, at)
    for dropping in filter(_may_drop, chain.processors[: max(chain.places, default=0)]):
        text = (
            f"{named(dropping)}, before the EventProcessor{chain.where}, may drop lines (DropEvent)"
        )
        fix = "what it drops is no event: put the EventProcessor before it if it should be one"
        yield Finding(chain.topic, NOTICE, text, (fix,))
    yield from _twice(chain)


def _behind(chain: Chain, at: int) -> Iterator[Finding]:
    """Say what the EventProcessor at this index stands behind, and should not."""
    before = [each for each in chain.processors[:at] if not is_a(each, EventProcessor)]
    rendering, reading = (next(filter(is_so, before), None) for is_so in (_renders, _comes_behind))
    if rendering is not None:
        grade, what = WRONG, f"the renderer, {named(rendering)}: no lines come to it"
    elif is_a(reading, EventRenamer):
        grade, what = WRONG, f"{named(reading)}: the event's name has another key there"
    elif chain.has_end and before and at == len(chain.processors) - 1:
        grade, what = WRONG, f"{named(before[-1])}, as the last, where the renderer belongs"
    elif reading is not None:
        grade, what = NOTICE, f"{named(reading)}, which exports lines with markers and without ids"
    else:
        return
    text = f"the EventProcessor{chain.where} stands behind {what}"
    fix = f"put it before {belongs_before(chain)}" + ("" if chain.where else f", or {INSTALL}")
    yield Finding(chain.topic, grade, text, (fix,))


def _twice(chain: Chain) -> Iterator[Finding]:
    """Say where a chain has two EventProcessors that record for the same client."""
    first: dict[int, int] = {}
    for at in chain.places:
        other = first.setdefault(id(client_of(chain.processors[at])), at)
        if other != at:
            where = f"twice{chain.where}, as {other + 1} and {at + 1}"
            text = f"the EventProcessor is there {where}, for the same client"
            fix = "take one of them out" + ("" if chain.where else f", or {INSTALL}")
            yield Finding(chain.topic, WRONG, text, (fix,))


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


def _name(processor: Any) -> str:
    if is_a(processor, partial):
        return f"{_name(processor.func)}, partial"
    known: Any = processor if is_a(processor, *_NAMED) else type(processor)
    module = known.__module__ or "__main__"
    package = module.partition(".")[0]
    return f"{'' if package in _WELL_KNOWN else module + '.'}{known.__qualname__}"


def _names_drop_event(processor: Any) -> bool:
    """Say so of the code that runs when the processor is called; raise where it is not Python."""
    function: Any = processor.func if is_a(processor, partial) else processor
    if not is_a(function, FunctionType, MethodType):
        function = type(function).__call__
    return "DropEvent" in function.__code__.co_names
