"""The commands for what was recorded: they list it, show, compare or export a run, or forget it.

The rule: with `--store` or `--project` they take a store and nothing else, else the home as far as
it can be read; and what could not be read is said first.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from agentlog.config import home_directory
from agentlog.errors import AgentlogError
from agentlog.usage import FAILED, complain, complain_of

if TYPE_CHECKING:
    from pathlib import Path

    from agentlog.replay.tree import Node
    from agentlog.store import Store
    from agentlog.store.sqlite.store import SqliteStore


class _Opened(NamedTuple):
    """What is read: a store, and what a reader has to be told, a sentence each."""

    store: "Store"
    notes: tuple[str, ...]


def sessions(chosen: argparse.Namespace) -> int:
    """List what was recorded, newest first.

    A row has the beginning of the session's id, which `agentlog replay` takes;
    when it began, how it ended and how long it took; its events, those that
    failed, tokens in and out, and what they cost with agentlog[cost]; its name
    and tags.
    """
    from agentlog.replay import listing, spending, terminal
    from agentlog.store import SessionFilter

    with _reading(chosen) as reading:
        found = reading.store.sessions(SessionFilter(limit=chosen.limit))
        costs = spending.by_session(reading.store.calls(summary.id for summary in found))
    if not found:
        return _nothing_there(reading, 0, chosen)
    width, is_ascii = terminal.room(), terminal.is_ascii()
    rows = listing.sessions(found, width=width, ascii_only=is_ascii, now=time.time(), costs=costs)
    terminal.show(rows)
    return 0


def replay(chosen: argparse.Namespace) -> int:
    """Show what a run did, as a tree.

    A row is an event: how it ended, its name, its kind unless that is action,
    its model, tokens in and out, what it cost with all below it, its duration,
    and a bar for its place in the time of the run. What failed says why, and the
    failure that others followed from is marked as the root cause; what was got
    over, so that something above it went on, is marked as recovered.

    Costs take the extra agentlog[cost]; $? is one that nobody knows. A cost or a
    duration with a + is the least that it was: something has no known price, or
    nobody saw its end.

    Three or more that are alike, one behind the other, are folded into a row
    with their number; what failed, runs or was interrupted never is.
    """
    if chosen.follow:
        return _follow(chosen)
    from agentlog.replay import terminal, text
    from agentlog.replay.export import to_json
    from agentlog.store import LAST, SessionFilter

    with _reading(chosen) as reading:
        store = reading.store
        if chosen.session == LAST and not store.sessions(SessionFilter(limit=1)):
            return _nothing_there(reading, FAILED, chosen)
        session_id = store.resolve(chosen.session)
        roots = _forest(store, session_id)
        id_length = _distinct_length(store, session_id)
    if chosen.json:
        print(to_json(roots, depth=chosen.depth, only_failures=chosen.errors))
        return 0
    terminal.show(
        text.replay(
            roots,
            width=terminal.width(),
            ascii_only=terminal.is_ascii(),
            unfold=chosen.all,
            only_failures=chosen.errors,
            depth=chosen.depth,
            now=time.time(),
            id_length=id_length,
        )
    )
    return 0


def show(chosen: argparse.Namespace) -> int:
    """Show all that an event carries: what was asked, and what was answered.

    EVENT is a name, as the replay has it, or the beginning of an event's id, as
    log lines have it. Of a name there may be several: all are shown, in the
    order of the tree. A whole id is found in older sessions too.

    Params, prompt, returns, the error with its traceback and the last lines of
    the log before it stand below each other, whole.
    """
    from agentlog.replay import showing, terminal
    from agentlog.replay.glyphs import ASCII, UNICODE
    from agentlog.replay.rows import View
    from agentlog.store import LAST, ids

    with _reading(chosen) as reading:
        store = reading.store
        session_id = store.resolve(chosen.session)
        found = showing.found(_forest(store, session_id), chosen.event)
        if not found and chosen.session == LAST and (other := store.session_with(chosen.event)):
            found = showing.found(_forest(store, other), chosen.event)
    if not found:
        further = ": name the session behind it" if chosen.session == LAST else ""
        raise AgentlogError(
            f"no event of the session {session_id[: ids.LEAST]} has the name or the id"
            f" {chosen.event[:64]!r}{further}"
        )
    glyphs = ASCII if terminal.is_ascii() else UNICODE
    view = View(width=terminal.room(), glyphs=glyphs, unfold=True, now=time.time())
    for place, node in enumerate(found):
        terminal.show([*([[]] if place else []), *showing.event(node, view)])
    return 0


def diff(chosen: argparse.Namespace) -> int:
    """Show what became different from one run to another.

    The events of both are laid side by side by their place in the tree and
    their name. `+` was added, `-` is gone, `~` is another: it failed now or
    recovered, takes twice as long and 50 ms more, or its params, prompt,
    returns or another field differ. Ids and times are no difference.

    The exit status is 0 if the runs do not differ, 1 if they do, and 2 if they
    could not be compared.
    """
    from agentlog import diff

    try:
        with _reading(chosen) as reading:
            store = reading.store
            sessions = store.resolve(chosen.before), store.resolve(chosen.after)
            status = diff.diff(
                store,
                sessions,
                unfold=chosen.all,
                as_json=chosen.json,
                id_length=max(_distinct_length(store, session) for session in sessions),
            )
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (AgentlogError, OSError) as error:
        complain_of(error)
        return diff.TROUBLE
    return status


def export(chosen: argparse.Namespace) -> int:
    """Write a run to a file, or to stdout, in a form that other programs read.

    Without FILE, or where it is -, it goes to stdout. A FILE that is there is
    replaced, when all of the new one is written.
    """
    from agentlog import export

    form, path = next(
        (form, path) for form in export.FORMS if (path := getattr(chosen, form)) is not None
    )
    with _reading(chosen) as reading:
        export.export(reading.store, reading.store.resolve(chosen.session), form, path)
    return 0


def prune(chosen: argparse.Namespace) -> int:
    """Delete the sessions that have said nothing for a time.

    A session that runs is kept, however long it has said nothing. Damaged lines,
    losses and what is in quarantine of that age, of which `agentlog doctor`
    tells, are forgotten, unless a store or a project is named.
    """
    from agentlog.store.home import open_home

    before = time.time() - chosen.older_than
    if chosen.store:
        with chosen.store.open() as store:
            _delete_sessions(store, before, chosen.project)
        return 0
    home = home_directory()
    with open_home(home) as store:
        _delete_sessions(store, before, chosen.project)
        if chosen.project is None:
            _forget_troubles(store, home, before)
    return 0


def _follow(chosen: argparse.Namespace) -> int:
    """Show a run while it goes on; in the end a terminal shows its replay."""
    from agentlog import follow

    source = follow.source(home_directory(), chosen.store, chosen.project, complain)
    session_id = follow.follow(
        source,
        chosen.session,
        unfold=chosen.all,
        only_failures=chosen.errors,
        depth=chosen.depth,
        tell=complain,
    )
    if follow.can_be_drawn_on():
        return replay(argparse.Namespace(**vars(chosen) | {"follow": False, "session": session_id}))
    return 0


@contextmanager
def _reading(chosen: argparse.Namespace) -> Iterator[_Opened]:
    """Open what is to be read, and say first what a reader has to know."""
    from agentlog.store import where
    from agentlog.store.home import read_home

    if chosen.store or chosen.project:
        store = (chosen.store or where.of_home(home_directory())).open()
        reading = _Opened(store.for_project(chosen.project or ""), ())
    else:
        found = read_home(home_directory())
        reading = _Opened(found.store, found.notes)
    with reading.store:
        for note in reading.notes:
            complain(note)
        yield reading


def _nothing_there(reading: _Opened, status: int, chosen: argparse.Namespace) -> int:
    """Say so, unless it was said that something cannot be read: then it may be there."""
    if reading.notes:
        return FAILED
    if not chosen.store and (places := _shipped_to(home_directory())):
        complain(f"Nothing is here any more: what was recorded was shipped to {', '.join(places)}.")
        return status
    key = f" with the key {chosen.project[:64]!a}" if chosen.project else ""
    complain(f"Nothing has been recorded yet{key} in {chosen.store or home_directory()}.")
    return status


def _shipped_to(home: "Path") -> list[str]:
    """Return where records of a home have gone."""
    from agentlog.journal import destinations
    from agentlog.shipping import status

    known = map(status.read, destinations(home))
    return sorted({said.endpoint for said in known if said.endpoint and said.acknowledged})


def _delete_sessions(store: "Store", before: float, project: str | None) -> None:
    """Delete what is old in a store, and say how much it was."""
    from agentlog.replay.format import plural

    print(f"{plural(store.prune(before, project=project), 'session')} deleted")


def _forget_troubles(store: "SqliteStore", home: "Path", before: float) -> None:
    """Forget what `doctor` tells of for long, which is of no project, and say how much it was."""
    from agentlog import losses
    from agentlog.journal import destinations
    from agentlog.replay.format import plural
    from agentlog.shipping import quarantine
    from agentlog.store.sqlite.uptake import forget_damaged

    damaged = forget_damaged(store, before)
    lost = sum(losses.forget(directory, before) for directory in destinations(home))
    refused = sum(quarantine.forget(directory, before) for directory in destinations(home))
    for count, what in (
        (damaged, plural(damaged, "damaged line")),
        (lost, plural(lost, "lost record")),
        (refused, f"{plural(refused, 'line')} in quarantine"),
    ):
        if count:
            print(f"{what} forgotten")


def _forest(store: "Store", session_id: str) -> "list[Node]":
    from agentlog.replay.tree import forest
    from agentlog.store.state import shown

    return forest(shown(store.session(session_id), is_silent=store.is_silent(session_id)))


def _distinct_length(store: "Store", session_id: str) -> int:
    """Return how many digits of a session's id tell it from every other."""
    from agentlog.errors import SessionNotFoundError
    from agentlog.store import ids

    for length in range(ids.LEAST, len(session_id)):
        try:
            store.resolve(session_id[:length])
        except SessionNotFoundError:
            continue
        return length
    return len(session_id)
