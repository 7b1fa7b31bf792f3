"""`agentlog replay --follow`: shows a run while it goes on, until its session has ended.

It has ended too when it is silent: whether it runs, nobody here will ever see.

The rules of this file: an event is shown within a second of being written to the journal, whatever
the length of the run; a terminal is drawn anew in place, and shows the whole replay in the end; a
pipe, or a terminal that cannot be drawn on, gets a line at each start and each end.
"""

import math
import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from agentlog.errors import SessionNotFoundError
from agentlog.replay import terminal
from agentlog.replay.follow import Followed, Step
from agentlog.replay.glyphs import ASCII, UNICODE
from agentlog.replay.moving import line, screen
from agentlog.replay.rows import View
from agentlog.store import LAST, SessionFilter, Store, where
from agentlog.store.engine import Where
from agentlog.store.following import FollowedHome, FollowedStore, News
from agentlog.store.state import CUT, State

_TURN: Final = 0.2
"""Seconds between two looks."""

_TICK: Final = 1.0
"""Seconds after which the durations of what runs are written anew."""

_LONGEST_TURN: Final = 0.5
"""Where a look takes long, as much time is left to others, but no more than this."""

_ALL_OFF: Final = "\x1b[H\x1b[J"
_BELOW_OFF: Final = "\x1b[J"
"""ECMA-48: erase all of the screen, and all from the cursor on."""


class Source(Protocol):
    """What is followed: gives the store as it is now."""

    def look(self) -> Store:
        """Return the store; raises `StoreError`."""

    def close(self) -> None:
        """Let go of it."""


class _Shown(Protocol):
    """Where it is shown."""

    def update(self, followed: Followed, steps: Sequence[Step]) -> None:
        """Show what is new."""

    def end(self, followed: Followed, steps: Sequence[Step]) -> None:
        """Show the last of it."""


def source(
    home: Path, store: Where | None, project: str | None, tell: Callable[[str], None]
) -> Source:
    """Open what is followed: a home, or a collector's store, or a project in the home's own.

    Raises:
        StoreError: If it cannot be read.

    """
    if store or project:
        opened = (store or where.of_home(home)).open()
        return FollowedStore(opened.for_project(project or ""))
    followed = FollowedHome(home)
    for note in followed.notes:
        tell(note)
    return followed


def follow(
    source: Source,
    session: str,
    *,
    unfold: bool,
    only_failures: bool,
    depth: int | None,
    tell: Callable[[str], None],
) -> str:
    """Show a session until it has ended; return its id.

    Args:
        source: Where it is; closed in the end.
        session: The beginning of its id, or `last`.
        unfold: As all of these, an option of the replay.
        only_failures: On a pipe, only the ends of what failed.
        depth: How many levels below the session.
        tell: Told that there is nothing yet.

    Raises:
        SessionNotFoundError: If there is no such session, or no longer.
        BrokenPipeError: If the reader has left.
        StoreError: If the store cannot be read.

    """
    view = View(
        width=terminal.width(),
        glyphs=ASCII if terminal.is_ascii() else UNICODE,
        unfold=unfold,
        only_failures=only_failures,
        depth=depth,
    )
    shown: _Shown = _Screen(view) if can_be_drawn_on() else _Lines(view)
    with closing(source):
        news, followed = News(_resolved(source, session, tell)), Followed()
        while not followed.has_ended:
            began = time.monotonic()
            store = source.look()
            steps = followed.take(news.of(store)) or _given_up(followed, store, news.session_id)
            shown.update(followed, steps)
            if not followed.has_ended:
                _pause(min(max(_TURN, time.monotonic() - began), _LONGEST_TURN))
        # What was on its way while the session was read is there now.
        shown.end(followed, followed.take(news.of(source.look())))
        return news.session_id


def can_be_drawn_on() -> bool:
    """Say whether stdout is a terminal on which the cursor can go back."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _resolved(source: Source, session: str, tell: Callable[[str], None]) -> str:
    """Find the session; where nothing was recorded yet, wait for the first."""
    is_told = False
    while session == LAST and not source.look().sessions(SessionFilter(limit=1)):
        if not is_told:
            tell("Nothing has been recorded yet: waiting for a session.")
            is_told = True
        _pause(_TURN)
    return source.look().resolve(session)


def _given_up(followed: Followed, store: Store, session_id: str) -> list[Step]:
    """Return the ends that nobody sees: those of a session that has long said nothing."""
    summary = store.summary(session_id)
    if summary is None:
        raise SessionNotFoundError("The session was deleted while it was followed.")
    is_silent = summary.state != State.RUNNING and store.is_silent(session_id)
    return followed.silence() if is_silent else []


def _pause(seconds: float) -> None:
    """Wait; raises `BrokenPipeError` if the reader leaves, though nothing is written meanwhile."""
    try:
        output = sys.stdout.fileno()
    except OSError:  # no file is behind it
        time.sleep(seconds)
        return
    poll = select.poll()
    poll.register(output, 0)  # what is looked for comes unasked
    found = poll.poll(seconds * 1000)
    if any(events & (select.POLLERR | select.POLLHUP) for _, events in found):
        raise BrokenPipeError
    if found:  # it cannot be polled
        time.sleep(seconds)


class _Lines:
    """A line at each start and each end."""

    def __init__(self, view: View) -> None:
        self._view = view

    def update(self, followed: Followed, steps: Sequence[Step]) -> None:  # noqa: ARG002 - for screens
        """Write what is new."""
        terminal.show(line(step, self._view) for step in steps if self._is_wanted(step))
        sys.stdout.flush()

    end = update

    def _is_wanted(self, step: Step) -> bool:
        depth = self._view.depth
        is_deep = depth is not None and step.depth > depth
        is_trouble = step.node.failed or step.node.state in CUT
        return not is_deep and (is_trouble or not self._view.only_failures)


class _Screen:
    """As much of the replay as there are lines on the terminal, drawn anew in its place."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._lines = 0
        self._size = shutil.get_terminal_size()
        self._drawn = -math.inf

    def update(self, followed: Followed, steps: Sequence[Step]) -> None:
        """Draw it, if it has changed, or time has gone by for what runs."""
        is_due = followed.is_running and time.monotonic() - self._drawn >= _TICK
        if not steps and not is_due:
            return
        size = shutil.get_terminal_size()
        view = replace(self._view, width=size.columns, now=time.time())
        lines = screen(followed, view, max(1, size.lines - 1))
        text = terminal.written(lines)
        sys.stdout.write(self._back(size) + text)
        sys.stdout.flush()
        self._lines, self._size, self._drawn = text.count("\n"), size, time.monotonic()

    def end(self, followed: Followed, steps: Sequence[Step]) -> None:  # noqa: ARG002 - for lines
        """Take away what was drawn: the whole replay comes in its place."""
        sys.stdout.write(self._back(shutil.get_terminal_size()))

    def _back(self, size: os.terminal_size) -> str:
        """Return what takes away what was drawn; of another width, nobody knows where that is."""
        if size != self._size:
            return _ALL_OFF
        return f"\x1b[{self._lines}F{_BELOW_OFF}" if self._lines else ""
