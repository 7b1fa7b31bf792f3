"""For tests: capture what a program records, under a clock that you turn by hand.

    with capture_events() as captured:
        run_my_agent()
    assert ["plan", "search"] == captured.names()

Nothing is faked: the events go through a journal of their own and are read back from it.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentlog import default, journal
from agentlog.client import Client
from agentlog.config import settings
from agentlog.recording import event
from agentlog.store.merge import Event, address, merged

__all__ = ["Captured", "ManualClock", "capture_events"]


class ManualClock:
    """A clock that moves only when it is told to.

    Args:
        timestamp: Where it begins, in seconds since the epoch.

    """

    def __init__(self, timestamp: float = 1_700_000_000.0) -> None:
        self._now = timestamp

    def time(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


class Captured:
    """What was recorded while events were captured; the properties read the journal as it is now.

    Attributes:
        client: The client that records, which is the default client meanwhile.

    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._kept: list[bytes] | None = None

    def keep(self) -> None:
        """Keep what was recorded, to be read when the journal is gone."""
        self._kept = self.records

    @property
    def records(self) -> list[bytes]:
        """The lines of the journal, in the order of writing within a process."""
        if self._kept is not None:
            return self._kept
        return [
            line
            for directory in journal.destinations(self.client.settings.home)
            for segment in journal.segments(directory)
            for line in _lines(segment.path)
        ]

    @property
    def everything(self) -> list[Event]:
        """All merged events, the sessions too, in the order of their first records."""
        records = [json.loads(line) for line in self.records]
        events = merged(records)
        return [events[place] for place in dict.fromkeys(map(address, records)) if place]

    @property
    def sessions(self) -> list[Event]:
        """The merged session events."""
        return [one for one in self.everything if one.get("action_type") == "session"]

    @property
    def events(self) -> list[Event]:
        """The merged events other than sessions, in the order in which they began."""
        return [one for one in self.everything if one.get("action_type") != "session"]

    def names(self) -> list[str]:
        """Return the names of the events, in the order in which they began."""
        return [str(one["event_type"]) for one in self.events]

    def one(self, name: str) -> Event:
        """Return the only event of this name; raises LookupError if it is not the only one."""
        found = [one for one in self.everything if one.get("event_type") == name]
        if len(found) != 1:
            message = f"{len(found)} events are called {name!r}, of {self.names()}"
            raise LookupError(message)
        return found[0]

    def tree(self) -> list[Any]:
        """Return the names as a tree: a leaf is its name, else `(name, [children])`."""
        everything = self.everything
        ids = {one["id"] for one in everything if one.get("action_type") != "session"}

        def below(parent: str | None) -> list[Any]:
            names: list[Any] = []
            for one in self.events:
                if (one.get("parent_id") if one.get("parent_id") in ids else None) == parent:
                    children = below(str(one["id"]))
                    names.append(
                        (str(one["event_type"]), children) if children else str(one["event_type"])
                    )
            return names

        return below(None)


@contextmanager
def capture_events(*, clock: ManualClock | None = None, **arguments: Any) -> Iterator[Captured]:
    """Capture the events of the block, with a default client and a home of its own.

    Args:
        clock: The clock of the events' times; None: the real one.
        **arguments: Arguments for the `Client`, such as `redact`.

    """
    with tempfile.TemporaryDirectory(prefix="agentlog-") as directory:
        redact = arguments.pop("redact", True)
        chosen = settings(environ={}, **{"home": directory, **arguments})
        client = Client.from_settings(chosen, redact)
        before, now = default.use(client), event.now
        if clock is not None:
            client.use_clock(clock.time, clock.time)
            event.now = clock.time
        captured = Captured(client)
        try:
            yield captured
        finally:
            event.now = now
            default.use(before)
            client.close()
            captured.keep()


def _lines(path: Path) -> Iterator[bytes]:
    lines, offset = journal.read_lines(path, 0)
    while lines:
        yield from lines
        lines, offset = journal.read_lines(path, offset)
