"""Where the records of a client are: the one account that `stats` and `flush` give.

Each record is counted once, in one place: accepted = delivered + pending + quarantined + dropped.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentlog.shipping.tally import Count

_REMOVED = "journal removed"
_DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class FlushResult:
    """Where the records of a client in this process are.

    Attributes:
        delivered: Records at their destination: acknowledged by the endpoint or, without one, in
            the journal.
        pending: Records that still have to get there.
        quarantined: Records that the endpoint refused.
        dropped: Records that are lost.
        reasons: How many are lost for which reason.

    """

    delivered: int = 0
    pending: int = 0
    quarantined: int = 0
    dropped: int = 0
    reasons: dict[str, int] = field(default_factory=dict, hash=False)

    @property
    def accepted(self) -> int:
        """All records: delivered, pending, quarantined and dropped."""
        return self.delivered + self.pending + self.quarantined + self.dropped


def figures(
    written: int, waiting: int, dropped: dict[str, int], settled: "Count | None"
) -> FlushResult:
    """Return the account of a client in a process.

    Args:
        written: Records in the journal; read before the others, so that those may know of more.
        waiting: Records that wait in memory for the journal.
        dropped: How many were lost on the way there, by reason.
        settled: What became of the records in the journal; None if that is where they belong.

    """
    if settled is None:
        return FlushResult(written, waiting, 0, sum(dropped.values()), dropped)
    left = written - settled.delivered - settled.quarantined
    lost = {**dropped}
    if left < 0 and _REMOVED in dropped:  # some had arrived before their segment was removed
        lost[_REMOVED] = max(dropped[_REMOVED] + left, 0)
    elif left > 0 and settled.is_all:  # nothing more is there to be shipped
        damaged = min(left, settled.damaged)
        lost[_DAMAGED] = dropped.get(_DAMAGED, 0) + damaged
        lost[_REMOVED] = dropped.get(_REMOVED, 0) + left - damaged
        left = 0
    lost = {reason: records for reason, records in lost.items() if records}
    return FlushResult(
        settled.delivered, max(left, 0) + waiting, settled.quarantined, sum(lost.values()), lost
    )
