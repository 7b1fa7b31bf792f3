"""The command line, `agentlog` or `python -m agentlog`.

Thin: a command is a small function that asks another room and returns an exit status; those that
show what was recorded are in recorded.py. The rules: only what a command needs is imported, when it
needs it; all that is printed goes through `show`, `complain` or strict JSON, so that nothing that
was recorded or typed can steer the terminal; and a reader who leaves (a closed pipe, Ctrl-C) is
never answered with a traceback.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence

from agentlog import recorded, usage
from agentlog.config import home_directory, is_without_browser, settings
from agentlog.errors import AgentlogError, ConfigurationError

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
    except BrokenPipeError:
        usage.abandon_stdout()
        return CLOSED_PIPE
    except KeyboardInterrupt:
        usage.abandon_stdout()
        return INTERRUPTED
    except (AgentlogError, OSError) as error:
        usage.complain_of(error)
        return usage.FAILED
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
        ship.follow(own, usage.complain)
    outcome = ship.ship(own, quarantined=chosen.quarantined)
    if outcome.is_done:
        print(usage.safe(outcome.text), flush=True)
    else:
        usage.complain(outcome.text)
    for note in outcome.notes:
        usage.complain(note)
    return 0 if outcome.is_done else usage.FAILED


def _doctor(chosen: argparse.Namespace) -> int:
    """Say what is recorded where, what is wrong, and why an event may be missing.

    The exit status is 1 if something is wrong: a home or a store that cannot be
    used, a setting that is not accepted, an endpoint on hold, records that it
    refused, damaged lines, lost records. It is 0 if
    all is well, or nothing was recorded yet. Runs that were interrupted are told
    of, but they are nothing that is wrong with the records.

    With --store it looks at the store of a collector instead: whether it can be
    reached, read and written, and what is in it.

    With --structlog it tells how log lines become events in your program: it
    imports the module, which runs it, calls the function that configures
    structlog or logging there, and looks at the chain, the handlers and the
    levels that are then in force. Nothing is recorded by that. It is wrong if
    no lines can become events, or if an EventProcessor is twice there or in the
    wrong place; what may be meant so is noticed.
    """
    from agentlog.diagnosis import finding, home, program, store

    if chosen.structlog:
        found = program.examine(chosen.structlog)
    else:
        found = store.examine(chosen.store) if chosen.store else home.examine()
    finding.show(found)
    return usage.FAILED if finding.is_wrong(found) else 0


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


def _serve(chosen: argparse.Namespace) -> int:
    """Run a collector: it takes in what agents ship, and shows it.

    It prints the address of its page on a line of its own. Programs that are
    started with AGENTLOG_ENDPOINT set to that, without the token, record there;
    AgentOps' SDK of the versions 0.0 to 0.3 can be pointed at it too.

    On this machine everybody may write; the address carries a token, which is
    asked for to read. Beyond it, or with --allow-host, whoever writes or reads
    needs a key: `agentlog keys`.
    """
    from agentlog import serve
    from agentlog.server.settings import ServeConfig, checked_keep, checked_name, checked_root_path
    from agentlog.store import where

    home = home_directory()
    store = chosen.store or where.of_home(home)
    config = ServeConfig(
        store=store.on_cluster(chosen.cluster),
        home=None if chosen.store else home,
        host=chosen.host,
        port=chosen.port,
        allow_hosts=frozenset(map(checked_name, chosen.allow_host)),
        root_path=checked_root_path(chosen.root_path),
        keep=checked_keep(chosen.keep),
    )
    browser = not (chosen.no_browser or is_without_browser())
    ended = serve.serve(config, usage.complain, token=not chosen.no_token, browser=browser)
    return INTERRUPTED if ended == signal.SIGINT else 0


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
    from agentlog.store import where

    store = chosen.store or where.of_home(home_directory())
    keyring = store.on_cluster(chosen.cluster).keys()
    if chosen.action == "list":
        known = keyring.load()
        for key in known:
            print(f"{key.name}  added {clock(key.added, None)}")
        if not known:
            usage.complain(f"there is no key for {store}")
        return 0
    if chosen.action == "revoke":
        keyring.revoke(chosen.name)
        keyring.settle()
        return 0
    key = keys.add(keyring, chosen.name)
    keyring.settle()
    print(key)
    return 0


def _move(chosen: argparse.Namespace) -> int:
    """Put what is in a store into another one too, such as a file into a ClickHouse.

    All sessions of all projects, and the keys; nothing is taken away. A move
    that was ended goes on where it was when it is begun again. A store may be
    served while it is moved: another move, when its collector has stopped,
    brings what has come meanwhile.

    In the end both sides are counted. The exit status is 1 if the other store
    lacks something.
    """
    from agentlog import move

    target = chosen.target
    outcome = move.move(
        chosen.source,
        target.on_cluster(chosen.cluster),
        home_directory(),
        usage.complain,
    )
    for note in outcome.notes:
        usage.complain(note)
    print(usage.safe(outcome.text))
    return usage.FAILED if outcome.notes else 0


def _demo(_chosen: argparse.Namespace) -> int:
    """Run a small agent, recorded by agentlog, and show its replay.

    It answers a question from some pages that the package brings: offline, in a
    moment. Its model is one that quotes, on this machine, asked by the client of
    OpenAI where that is installed with the extra. Its program,
    agentlog/demo/agent.py, is an example to read.
    """
    from agentlog import close
    from agentlog.demo import agent

    answer = agent.run()
    close()
    print(f"\n{answer.report.read_text('utf-8')}")
    if not answer.session_id:
        usage.complain("nothing was recorded, as AGENTLOG_DISABLED is set")
        return usage.FAILED
    print("$ agentlog replay last\n")
    return _run(["replay", answer.session_id])


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "sessions": recorded.sessions,
    "replay": recorded.replay,
    "show": recorded.show,
    "diff": recorded.diff,
    "export": recorded.export,
    "ship": _ship,
    "doctor": _doctor,
    "path": _path,
    "prune": recorded.prune,
    "serve": _serve,
    "keys": _keys,
    "move": _move,
    "demo": _demo,
}
