"""What the stores of all engines do alike, made of what each does in its own way."""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from agentlog.errors import SessionNotFoundError
from agentlog.store import EVERY_SESSION, LAST, SessionFilter, SessionSummary, ids
from agentlog.store.merge import Event


class BaseStore(ABC):
    """A `Store` of one project in what `close` lets go of."""

    project = ""

    @abstractmethod
    def sessions(self, wanted: SessionFilter = EVERY_SESSION) -> list[SessionSummary]:
        """Return the sessions that a filter lets through, newest first."""

    @abstractmethod
    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return those of these sessions that are there, as they stand in a list, newest first."""

    @abstractmethod
    def ids_beginning_with(self, prefix: str) -> list[str]:
        """Return the first few session ids that begin so, sorted; with "" none."""

    @abstractmethod
    def texts_found(
        self, text: str, *, limit: int = 100, most: int = 1000, session_id: str | None = None
    ) -> AbstractContextManager[Iterator[list[str]]]:
        """Have the JSON texts of what `search` returns, in parts."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""

    def for_project(self, project: str) -> Self:
        """Return the store of another project, over the same connection."""
        other = copy.copy(self)
        other.project = project
        return other

    def summary(self, session_id: str) -> SessionSummary | None:
        """Return one session as it stands in a list, or None."""
        found = self.summaries([session_id])
        return found[0] if found else None

    def search(self, text: str, *, limit: int = 100, session_id: str | None = None) -> list[Event]:
        """Return the events that came last of those that contain every word of `text`."""
        with self.texts_found(text, limit=limit, session_id=session_id) as parts:
            return [json.loads(found) for part in parts for found in part]

    def resolve(self, prefix: str) -> str:
        """Return the id of the one session that begins with `prefix`, or of the `last` one.

        Raises `SessionNotFoundError` if none does, or several do: then it names them.
        """
        if prefix == LAST:
            newest = self.sessions(SessionFilter(limit=1))
            if not newest:
                raise SessionNotFoundError("Nothing has been recorded yet: there is no session.")
            return newest[0].id
        found = self.ids_beginning_with(prefix) or self.ids_beginning_with(prefix.lower())
        return ids.the_one(prefix, found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
