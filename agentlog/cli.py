"""The command line, `agentlog` or `python -m agentlog`.

Thin: a command is a small function that asks the store, hands what it got to the replay, and
returns an exit status. The rules of this file: only what the command needs is imported, when it
needs it; all that is printed goes through `show`, `_complain` or strict JSON, so that nothing that
was recorded or typed can steer the terminal; and a reader who leaves (a closed pipe, Ctrl-C) is
never answered with a traceback.
"""

import argparse
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from agentlog import usage
from agentlog.config import home_directory, settings
from agentlog.errors import AgentlogError, ConfigurationError, print_error

if TYPE_CHECKING:
    from pathlib import Path

    from agentlog.store.home import Reading
    from agentlog.store.sqlite import SqliteStore

FAILED = 1
"""Exit status: it could not be done, or `doctor` found something wrong."""

WRONG_USAGE = 2
INTERRUPTED = 130
CLOSED_PIPE = 141
"""As shells count: 128 and the number of the signal, SIGINT and SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: The words behind `agentlog`; None: those of the process.

    """
    if sys.stdout is None:  # it was closed before we came, of which the type does not know
        sys.stdout = io.TextIOWrapper(io.BytesIO())
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except AgentlogError as error:
        _complain(str(error))
        return FAILED
    except BrokenPipeError:
        status = CLOSED_PIPE
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OSError as error:
        _complain(f"{error.filename or 'output'}: {error.strerror or error}")
        status = FAILED
    else:
        return status
    _abandon_stdout()
    return status


def _run(arguments: Sequence[str] | None) -> int:
    parser = usage.parser(_COMMANDS)
    try:
        chosen = parser.parse_args(arguments)
    except SystemExit as leaving:  # argparse has printed its help, or what is wrong
        return WRONG_USAGE if leaving.code else 0
    if chosen.run is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    status: int = chosen.run(chosen)
    return status


# -- Commands ------------------------------------------------------------------------------------


def _sessions(chosen: argparse.Namespace) -> int:
    """List what was recorded, newest first.

    A row has the beginning of the session's id, which `agentlog replay` takes;
    when it began, how it ended and how long it took; its events, those that
    failed, and tokens in and out; its name and tags.
    """
    from agentlog.replay import listing, terminal

    with _reading(chosen) as reading:
        found = reading.store.sessions()
    if not found:
        return _nothing_there(reading, 0, chosen)
    rows = listing.sessions(
        found, width=terminal.width(), ascii_only=terminal.is_ascii(), now=time.time()
    )
    terminal.show(rows)
    return 0


def _replay(chosen: argparse.Namespace) -> int:
    """Show what a run did, as a tree.

    A row is an event: how it ended, its name, its kind unless that is action,
    its model, tokens in and out, its duration, and a bar for its place in the
    time of the run. What failed says why, and the failure that others followed
    from is marked as the root cause.

    Three or more that are alike, one behind the other, are folded into a row
    with their number; what failed, runs or was interrupted never is.
    """
    from agentlog.replay import export, terminal, text
    from agentlog.replay.tree import forest
    from agentlog.store import LAST, SessionFilter

    with _reading(chosen) as reading:
        store = reading.store
        if chosen.session == LAST and not store.sessions(SessionFilter(limit=1)):
            return _nothing_there(reading, FAILED, chosen)
        session_id = store.resolve(chosen.session)
        roots = forest(store.session(session_id))
        id_length = _distinct_length(store, session_id)
    if chosen.json:
        print(export.to_json(roots, depth=chosen.depth, only_failures=chosen.errors))
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


def _ship(chosen: argparse.Namespace) -> int:
    """Ship what waits for the endpoint, from outside of the programs that record.

    The endpoint is $AGENTLOG_ENDPOINT, the key $AGENTLOG_API_KEY. It takes what
    dead processes left, and what running ones have recorded up to now; any
    number of shippers get along. Run it from cron, or with --follow beside a
    program, as a sidecar.

    The exit status is 0 if nothing is left, and 1 if something is: it is given
    up when nothing has moved for 30 seconds. What the server has refused is in
    quarantine, and sent again only with --quarantined.
    """
    from agentlog import ship

    own = settings(allow_http=chosen.allow_http)
    if own.endpoint is None:
        raise ConfigurationError("AGENTLOG_ENDPOINT is not set: it says where to ship to")
    if chosen.follow:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a container
        ship.follow(own, _complain)
    outcome = ship.ship(own, quarantined=chosen.quarantined)
    if outcome.is_done:
        print(usage.safe(outcome.text), flush=True)
    else:
        _complain(outcome.text)
    for note in outcome.notes:
        _complain(note)
    return 0 if outcome.is_done else FAILED


def _doctor(chosen: argparse.Namespace) -> int:
    """Say what is recorded where, what is wrong, and why an event may be missing.

    The exit status is 1 if something is wrong: a home or a store that cannot be
    used, a setting that is not accepted, an endpoint on hold, records that it
    refused, damaged lines, lost records. It is 0 if
    all is well, or nothing was recorded yet. Runs that were interrupted are told
    of, but they are nothing that is wrong with the records.

    With --structlog it tells how log lines become events in your program: it
    imports the module, which runs it, calls the function that configures
    structlog or logging there, and looks at the chain, the handlers and the
    levels that are then in force. Nothing is recorded by that. It is wrong if
    no lines can become events, or if an EventProcessor is twice there or in the
    wrong place; what may be meant so is noticed.
    """
    from agentlog.diagnosis import finding, home, program

    found = program.examine(chosen.structlog) if chosen.structlog else home.examine()
    finding.show(found)
    return FAILED if finding.is_wrong(found) else 0


def _path(_chosen: argparse.Namespace) -> int:
    """Print the home: the directory of the journal and the store.

    It is $AGENTLOG_HOME, else $XDG_STATE_HOME/agentlog, else
    ~/.local/state/agentlog. The first event that is recorded makes it.
    """
    home = home_directory()
    if sys.stdout.isatty():
        print(usage.safe(str(home)))
    else:
        sys.stdout.buffer.write(os.fsencode(home) + b"\n")  # a program reads it: byte for byte
    return 0


def _prune(chosen: argparse.Namespace) -> int:
    """Delete the sessions that have said nothing for a time.

    A session that runs is kept, however long it has said nothing. Damaged lines,
    losses and what is in quarantine of that age, of which `agentlog doctor`
    tells, are forgotten.
    """
    from agentlog.journal import destinations, forget_losses
    from agentlog.replay.format import plural
    from agentlog.shipping import quarantine
    from agentlog.store.home import open_home
    from agentlog.store.uptake import forget_damaged

    if chosen.store:
        return _prune_store(chosen.store, time.time() - chosen.older_than)
    home, before = home_directory(), time.time() - chosen.older_than
    with open_home(home) as store:
        deleted, damaged = store.prune(before), forget_damaged(store, before)
    lost = sum(forget_losses(directory, before) for directory in destinations(home))
    refused = sum(quarantine.forget(directory, before) for directory in destinations(home))
    print(f"{plural(deleted, 'session')} deleted")
    if damaged:
        print(f"{plural(damaged, 'damaged line')} forgotten")
    if lost:
        print(f"{plural(lost, 'lost record')} forgotten")
    if refused:
        print(f"{plural(refused, 'line')} in quarantine forgotten")
    return 0


def _serve(chosen: argparse.Namespace) -> int:
    """Run a collector: it takes in what agents ship, and shows it.

    It prints its address on a line of its own. Programs that are started with
    AGENTLOG_ENDPOINT set to it record there; AgentOps' SDK of the versions 0.0
    to 0.3 can be pointed at it too.

    On this machine everybody may write; the address carries a token, which is
    asked for to read. Beyond it, or with --allow-host, whoever writes or reads
    needs a key: `agentlog keys`.
    """
    from agentlog import serve
    from agentlog.server.settings import ServeConfig, checked_name, checked_root_path
    from agentlog.store.home import STORE_NAME

    home = home_directory()
    config = ServeConfig(
        store=chosen.store or home / STORE_NAME,
        home=None if chosen.store else home,
        host=chosen.host,
        port=chosen.port,
        allow_hosts=frozenset(map(checked_name, chosen.allow_host)),
        root_path=checked_root_path(chosen.root_path),
        keep=chosen.keep,
    )
    return serve.serve(config, _complain, token=not chosen.no_token, browser=not chosen.no_browser)


def _keys(chosen: argparse.Namespace) -> int:
    """Add, list or revoke the keys of a collector.

    `add` prints the key, alone and once: it is kept nowhere. It is what clients
    set as AGENTLOG_API_KEY, and what the page asks for. A key is a project: who
    has it reads what was written with it and nothing else. To change a key,
    revoke it and add one of the same name. A collector that runs learns of it
    by itself.
    """
    from agentlog import keys
    from agentlog.replay.format import clock
    from agentlog.store.home import STORE_NAME

    store = chosen.store or home_directory() / STORE_NAME
    if chosen.action == "list":
        for key in keys.load(store):
            print(f"{key.name}  added {clock(key.added, None)}")
        return 0
    if chosen.name is None:
        raise ConfigurationError(f"agentlog keys {chosen.action} takes a NAME")
    if chosen.action == "revoke":
        keys.revoke(store, chosen.name)
        return 0
    _make_store(store)
    print(keys.add(store, chosen.name))
    return 0


def _demo(_chosen: argparse.Namespace) -> int:
    """Run a small agent, recorded by agentlog, and show its replay.

    It answers a question from some pages that the package brings: offline, in a
    moment. Its program, agentlog/demo/agent.py, is an example to read.
    """
    from agentlog import close
    from agentlog.demo import agent

    answer = agent.run()
    close()
    print(f"\n{answer.report.read_text('utf-8')}")
    if not answer.session_id:
        _complain("nothing was recorded, as AGENTLOG_DISABLED is set")
        return FAILED
    print("$ agentlog replay last\n")
    return _run(["replay", answer.session_id])


# -- What commands share -------------------------------------------------------------------------


@contextmanager
def _reading(chosen: argparse.Namespace) -> Iterator["Reading"]:
    """Open what is to be read, and say first what a reader has to know."""
    from agentlog.store.home import STORE_NAME, Reading, read_home, read_store

    if chosen.store or chosen.project:
        store = read_store(chosen.store or home_directory() / STORE_NAME)
        reading = Reading(store.for_project(chosen.project or ""), ())
    else:
        reading = read_home(home_directory())
    with reading.store:
        for note in reading.notes:
            _complain(note)
        yield reading


def _nothing_there(reading: "Reading", status: int, chosen: argparse.Namespace) -> int:
    """Say so, unless it was said that something cannot be read: then it may be there."""
    if reading.notes:
        return FAILED
    _complain(f"Nothing has been recorded yet in {chosen.store or home_directory()}.")
    return status


def _prune_store(path: "Path", before: float) -> int:
    """Delete from a store what is old there; no home has to do with it."""
    from agentlog.replay.format import plural
    from agentlog.store.sqlite import SqliteStore

    if not path.exists():
        _complain(f"{path} is not there.")
        return FAILED
    with SqliteStore(path) as store:
        print(f"{plural(store.prune(before), 'session')} deleted")
    return 0


def _make_store(path: "Path") -> None:
    """Make a store where there is none: the keys that lie beside it tell whose it is."""
    if not path.exists():
        from agentlog.store.sqlite import SqliteStore

        SqliteStore(path).close()


def _distinct_length(store: "SqliteStore", session_id: str) -> int:
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


# -- The terminal --------------------------------------------------------------------------------


def _complain(message: str) -> None:
    print_error(f"agentlog: {usage.safe(message)}")


def _abandon_stdout() -> None:
    """Let what could not be written go nowhere, or Python tries it again when it exits."""
    with suppress(OSError):  # no file is behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "sessions": _sessions,
    "replay": _replay,
    "ship": _ship,
    "doctor": _doctor,
    "path": _path,
    "prune": _prune,
    "serve": _serve,
    "keys": _keys,
    "demo": _demo,
}
