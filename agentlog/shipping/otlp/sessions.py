"""Which program a session is of: what OpenTelemetry has as the resource of its spans.

It stands in the open half of the session. Of those that were come by last it is remembered, as an
event may close long after its session. Where another shipper has come by it, or it is still to be
come by, as that of a forked child's parent may be, it is looked for in the journal. A session may
be of elsewhere and never found, and each request of a web server of another: so the journal is
looked through once for all events that are sent together, and each byte of it is read once.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentlog.conventions import writing
from agentlog.conventions.words import Value
from agentlog.journal import Segment, lines_at, listed
from agentlog.shipping.objects import object_of
from agentlog.shipping.otlp.opens import files

_MOST: Final = 10_000
_MARK: Final = b'"action_type":"session"'

Resource = tuple[tuple[str, Value], ...]


class Sessions:
    """Knows the resources of sessions.

    Args:
        directory: Where those that are not known are looked for.
        said: Attributes of all of them, which go before what is known.

    """

    def __init__(self, directory: Path, said: Iterable[tuple[str, str]] = ()) -> None:
        self._directory = directory
        self._looked_at: dict[tuple[Segment, int], int] = {}
        self._known: dict[str, Resource] = {}
        self._said = tuple(said)
        self._unknown = self._resource({})

    def see(self, line: bytes) -> None:
        """Look at the line of an open half, or of a whole event."""
        if _MARK in line:
            event = object_of(line) or {}
            session_id = event.get("session_id")
            if event.get("action_type") == "session" and isinstance(session_id, str):
                self._remember(session_id, self._resource(event))

    def _remember(self, session_id: str, resource: Resource) -> None:
        self._known.pop(session_id, None)
        self._known[session_id] = resource
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    def resources_of(self, session_ids: set[str]) -> dict[str, Resource]:
        """Return the resources of sessions; that of any program for those that are not known."""
        if not session_ids <= self._known.keys():
            with suppress(OSError):  # they are looked for again with the next events
                self._look()
        return {one: self._known.get(one, self._unknown) for one in session_ids}

    def _look(self) -> None:
        """Read on in all of the journal. Raises OSError."""
        before, self._looked_at = self._looked_at, {}
        for file in (*listed(self._directory), *files(self._directory)):
            status = file.path.stat()
            key = file, status.st_ino  # one that is replaced is another
            end = before.get(key, 0)
            while end < status.st_size and (found := lines_at(file.path, end))[0]:
                lines, end = found
                for line in lines:
                    self.see(line)
            self._looked_at[key] = end

    def _resource(self, event: Mapping[str, object]) -> Resource:
        return tuple({**writing.resource(event), **dict(self._said)}.items())
