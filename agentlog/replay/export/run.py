"""What an export is made of: a session that can be read from its beginning as often as needed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agentlog.store.merge import Event
from agentlog.store.state import shown


@dataclass(frozen=True, slots=True)
class Run:
    """A session to export.

    Attributes:
        events: Gives its merged events as they came, by their start; each call begins anew.
        last: The latest time that any of them mentions, in seconds since the epoch.
        session_id: Its id.
        outline: Gives its rows in the order of its events, as store/outline.py does.
        is_silent: Whether it has said nothing for long, so that what is open in it may not run.

    """

    events: Callable[[], Iterable[Event]]
    last: float | None = None
    session_id: str = ""
    outline: Callable[[], Iterable[str]] = tuple
    is_silent: bool = False

    def shown(self) -> Iterable[Event]:
        """Give its events with the states that a replay shows."""
        return shown(self.events(), is_silent=self.is_silent)

    def head(self) -> Event:
        """Return the session's own event; an empty one, if it is missing."""
        found = (event for event in self.events() if event.get("action_type") == "session")
        return next(found, {})
