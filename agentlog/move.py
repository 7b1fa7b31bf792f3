"""`agentlog move`: from where to where, and what is said of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentlog.errors import AgentlogError, ConfigurationError
from agentlog.replay.format import plural
from agentlog.replay.progress import Progress
from agentlog.store import Store, where
from agentlog.store.engine import Where
from agentlog.store.home import read_home
from agentlog.store.move import Tally, count, move_keys
from agentlog.store.move import move as move_events


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: in a line, and what is not as it should be, a sentence each."""

    text: str
    notes: tuple[str, ...]


def move(source: Where | None, target: Where, home: Path, tell: Callable[[str], None]) -> Outcome:
    """Move all that is in one store to another, and count on both sides.

    Args:
        source: Where it is; None: in the home's own store, into which the journal is taken up.
        target: Where it goes to. It is made if it is not there.
        home: The home.
        tell: Told, in a line, what a person should know before the end.

    Raises:
        StoreError: If one of the two cannot be used.
        ConfigurationError: If they are one, or cannot be there.

    """
    its_own = where.of_home(home)
    if target.option() == (source or its_own).option():
        raise ConfigurationError(f"{target} is where it comes from: --to is another store")
    with ExitStack() as stack:
        here = stack.enter_context(source.open() if source else _of_home(home, tell))
        sink = stack.enter_context(closing(target.sink()))
        there = stack.enter_context(target.open())
        other_keys = move_keys((source or its_own).keys(), target.keys())
        with _resumable(tell), _progress(here) as note:
            moved = move_events(here, there, sink, note)
            everything, lacking = count(here, there)
    return Outcome(_line(moved, everything), tuple(_notes(target, lacking, other_keys)))


def _of_home(home: Path, tell: Callable[[str], None]) -> Store:
    found = read_home(home)
    for note in found.notes:
        tell(note)
    return found.store


@contextmanager
def _resumable(tell: Callable[[str], None]) -> Iterator[None]:
    """Say of what ends too early how it goes on."""
    try:
        yield
    except (AgentlogError, KeyboardInterrupt):
        tell("not all is moved: the same command goes on where it was")
        raise


@contextmanager
def _progress(store: Store) -> Iterator[Callable[[int], None]]:
    total = store.stats().events
    progress = Progress("moving", total)
    try:
        yield lambda done: progress.show(total - done)
    finally:
        progress.clear()


def _line(moved: Tally, everything: Tally) -> str:
    if not everything.sessions:
        return "there is nothing to move"
    return f"{_told(moved) if moved.sessions else 'nothing more'} moved, of {_told(everything)}"


def _notes(target: Where, lacking: Tally, other_keys: list[str]) -> Iterator[str]:
    for name in other_keys:
        yield (
            f"{target} has another key of the name {name}, which stays: to have this one there,"
            f" `agentlog keys revoke {name} --store {target}`, and move again"
        )
    if lacking.sessions:
        yield (
            f"{target} has not all of {_told(lacking)}: what has come meanwhile, or was deleted"
            " there, is moved by the same command"
        )


def _told(tally: Tally) -> str:
    return f"{plural(tally.sessions, 'session')} with {plural(tally.events, 'event')}"
