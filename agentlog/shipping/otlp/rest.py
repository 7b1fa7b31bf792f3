"""What is left of what was in a destination of spans, with what is to be told as interrupted."""

from pathlib import Path

from agentlog.endpoint import speaks_otlp
from agentlog.journal import count_lines, owners_alive, segments
from agentlog.owner import is_of_this_process
from agentlog.shipping.command import Rest
from agentlog.shipping.otlp.opens import files


class SpanRest(Rest):
    """As `Rest`; until all of a process is sent that is gone, something of it is left."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        there = {found.owner for found in (*segments(directory), *files(directory))}
        self._owners = {owner for owner in there if not is_of_this_process(owner)}

    def size(self) -> int:
        """Return the bytes that are not settled, and the files of who is gone."""
        there = (*segments(self._directory), *files(self._directory))
        gone = self._owners - owners_alive(self._directory)
        return super().size() + sum(found.owner in gone for found in there)

    def records(self) -> int:
        """Return the records that are not settled; it reads them all."""
        gone = self._owners - owners_alive(self._directory)
        of_gone = (file for file in files(self._directory) if file.owner in gone)
        return super().records() + sum(count_lines(file.path) for file in of_gone)


def rest_of(directory: Path, endpoint: str | None = None) -> Rest:
    """Return what is left in a destination; where its endpoint is not known, what lies there tells.

    Args:
        directory: The destination.
        endpoint: Where its records go, if that is known.

    """
    has_spans = speaks_otlp(endpoint) if endpoint else bool(files(directory))
    return SpanRest(directory) if has_spans else Rest(directory)
