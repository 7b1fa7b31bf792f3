"""What the machine says to whoever drives it: what to do, and what is settled."""

from dataclasses import dataclass

from agentlog.journal import Segment
from agentlog.shipping.ledger import Advance


@dataclass(frozen=True, slots=True)
class Send:
    """Send these lines as one batch, then call `answered`."""

    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until this time, or until there is more to take; infinity if nothing is held."""

    until: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A record for the quarantine.

    Attributes:
        segment: Where its line is from.
        start: The offset of the line.
        line: The line, as it was recorded.
        why: The server's reason, or what is wrong with it.
        damaged: Whether it is no record at all: the server has not seen it.

    """

    segment: Segment
    start: int
    line: bytes
    why: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What is settled now. Write the refused records first, then the cursors.

    Attributes:
        refused: Records for the quarantine.
        advances: How far which cursors move.
        why: What stands in the way, for people; empty if nothing does.
        warning: The same, when somebody has to look at it and was not told before.

    """

    refused: tuple[Refused, ...] = ()
    advances: tuple[Advance, ...] = ()
    why: str = ""
    warning: str = ""
