"""The usage of the command line: its words and options, and how it says what is wrong."""

import argparse
import inspect
import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from agentlog._version import __version__
from agentlog.errors import AgentlogError, ConfigurationError, print_error

if TYPE_CHECKING:
    from agentlog.diagnosis.program import Program
    from agentlog.store.engine import Where

Run = Callable[[argparse.Namespace], int]
"""What a command does with its options; it returns the exit status."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE = "a number with s, m, h, d or w for its unit: 90m, 30d, 8w"
_LONGEST_MESSAGE = 200
_SHOWN_OF_A_LONG_ONE = 95


FAILED = 1
"""Exit status: it could not be done, or `doctor` found something wrong."""


def complain(message: str) -> None:
    """Tell a person something, on stderr."""
    print_error(f"agentlog: {safe(message)}")


def complain_of(error: AgentlogError | OSError) -> None:
    """Tell why a command could not be done; what stdout did not take goes nowhere."""
    if isinstance(error, OSError):
        complain(f"{error.filename or 'output'}: {error.strerror or error}")
        abandon_stdout()
    else:
        complain(str(error))


def abandon_stdout() -> None:
    """Let what could not be written go nowhere, or Python tries it again when it exits."""
    with suppress(OSError):  # no file is behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def safe(text: str) -> str:
    """Return a text that the terminal can show and that cannot steer it."""
    from agentlog.replay.format import safe as visible
    from agentlog.replay.terminal import is_ascii

    ascii_only = is_ascii()
    return visible(text.replace("…", "...") if ascii_only else text, ascii_only=ascii_only)


class _Parser(argparse.ArgumentParser):
    """A parser that repeats what was typed only in a form that can be seen, and not at length."""

    def error(self, message: str) -> NoReturn:
        if len(message) > _LONGEST_MESSAGE:
            message = message[:_SHOWN_OF_A_LONG_ONE] + "…"
        super().error(safe(message))


def parser(commands: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Return the parser of the command line; what it parses has the chosen command as `run`.

    Args:
        commands: By name, what a command does; its docstring describes it.

    """
    whole = _Parser(
        prog="agentlog",
        description="Replay what an agent did, from what agentlog recorded of it, and ship it.",
        epilog="`agentlog COMMAND --help` says more about a command.",
        allow_abbrev=False,
    )
    whole.set_defaults(run=None)
    whole.add_argument("--version", action="version", version=f"agentlog {__version__}")
    added = whole.add_subparsers(title="commands", metavar="COMMAND")
    for name, run in commands.items():
        text = inspect.getdoc(run) or ""
        command = added.add_parser(
            name,
            help=text.partition("\n")[0].rstrip(".").lower(),
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.set_defaults(run=run)
        if name in _OPTIONS:
            _OPTIONS[name](command)
    return whole


def _add_store(command: argparse.ArgumentParser, what: str, *, file: str = "a FILE") -> None:
    command.add_argument(
        "--store",
        type=_store,
        metavar="STORE",
        help=f"{what}: {file}, or clickhouse://user@host:8123/database; default: the home's own",
    )


def _add_store_options(command: argparse.ArgumentParser) -> None:
    _add_store(command, "the store of a collector, `agentlog serve --store`")
    command.add_argument(
        "--project",
        metavar="NAME",
        help="of that store, what was written with the key of this name; default: without a key",
    )


def _add_sessions_options(sessions: argparse.ArgumentParser) -> None:
    _add_store_options(sessions)
    sessions.add_argument("--limit", type=_count, metavar="N", help="only the N newest")


def _add_session(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "session",
        nargs="?",
        default="last",
        metavar="SESSION",
        help="the beginning of a session's id, as far as no other begins so; default: last, the"
        " newest",
    )


def _add_replay_options(replay: argparse.ArgumentParser) -> None:
    _add_store_options(replay)
    _add_session(replay)
    replay.add_argument(
        "--all", action="store_true", help="unfold what is folded, and cut no text short"
    )
    replay.add_argument(
        "--errors",
        action="store_true",
        help="only what failed or was interrupted, and the way to it",
    )
    replay.add_argument(
        "--depth", type=_levels, metavar="N", help="only N levels below the session"
    )
    how = replay.add_mutually_exclusive_group()
    how.add_argument(
        "--follow",
        action="store_true",
        help="go on while the run does, until its session has ended",
    )
    how.add_argument(
        "--json",
        action="store_true",
        help='print JSON, {"session": ..., "events": [...]}: the merged event of the session, or'
        " null, and below it all others, flat, in the order in which the tree is read",
    )


def _add_show_options(show: argparse.ArgumentParser) -> None:
    _add_store_options(show)
    show.add_argument(
        "event", metavar="EVENT", help="the name of events, or the beginning of an event's id"
    )
    _add_session(show)


def _add_diff_options(diff: argparse.ArgumentParser) -> None:
    _add_store_options(diff)
    diff.add_argument(
        "before", metavar="A", help="the session it was, as `agentlog replay` takes it"
    )
    diff.add_argument(
        "after", nargs="?", default="last", metavar="B", help="the session it is; default: last"
    )
    diff.add_argument(
        "--all", action="store_true", help="show what is alike too, and cut no text short"
    )
    diff.add_argument("--json", action="store_true", help="print JSON")


def _add_export_options(export: argparse.ArgumentParser) -> None:
    # argparse does not break a line within alternatives.
    export.usage = "%(prog)s [-h] [--store STORE] [--project NAME] SESSION FORM [FILE]"
    _add_store_options(export)
    export.add_argument(
        "session", metavar="SESSION", help="the session, as `agentlog replay` takes it"
    )
    forms = export.add_mutually_exclusive_group(required=True)
    for form, text in _FORMS.items():
        forms.add_argument(form, nargs="?", const="-", metavar="FILE", help=text)


_FORMS = {
    "--html": "the page of `agentlog serve` as one file, which needs nothing else",
    "--jsonl": "JSON Lines: an event a line, by their start",
    "--otlp-json": "OpenTelemetry's OTLP in JSON, which a collector takes",
    "--chrome-trace": "a trace that https://ui.perfetto.dev opens",
    "--csv": "CSV: a row an event, without payloads",
}


def _add_ship_options(ship: argparse.ArgumentParser) -> None:
    how = ship.add_mutually_exclusive_group()
    how.add_argument(
        "--follow", action="store_true", help="go on with what comes, until it is interrupted"
    )
    how.add_argument(
        "--quarantined",
        action="store_true",
        help="first send once more what the server has refused; what it takes leaves the"
        " quarantine",
    )
    ship.add_argument(
        "--allow-http",
        action="store_true",
        help="allow http:// to an endpoint that is not on this machine",
    )


def _add_doctor_options(doctor: argparse.ArgumentParser) -> None:
    what = doctor.add_mutually_exclusive_group()
    what.add_argument(
        "--store",
        type=_store,
        metavar="STORE",
        help="look at the store of a collector, and not at the home",
    )
    what.add_argument(
        "--structlog",
        type=_program,
        metavar="MODULE:FUNCTION",
        help="the function, such as myapp.logs:configure: its module is imported from the current"
        " directory or wherever Python finds it, and it is called without arguments",
    )


def _add_prune_options(prune: argparse.ArgumentParser) -> None:
    prune.add_argument(
        "--older-than",
        type=_seconds,
        required=True,
        metavar="AGE",
        help=_AGE,
    )
    _add_store(prune, "the store of a collector", file="a FILE that none serves just now")
    prune.add_argument(
        "--project",
        metavar="NAME",
        help="only sessions that were written with the key of this name; default: of every key,"
        " and without one",
    )


def _add_serve_options(serve: argparse.ArgumentParser) -> None:
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on; default: 127.0.0.1. Beyond this machine it takes a key:"
        " see `agentlog keys`",
    )
    serve.add_argument(
        "--port", type=_port, default=4380, help="default: 4380; 0 takes one that is free"
    )
    serve.add_argument(
        "--store",
        type=_store,
        metavar="STORE",
        help="the store, made if it is not there: a FILE, or clickhouse://user@host:8123/database;"
        " default: the home's own, into which what is recorded on this machine is taken up",
    )
    _add_cluster(serve)
    serve.add_argument(
        "--keep",
        action="append",
        default=[],
        type=_keep,
        metavar="AGE",
        help=f"delete sessions of which nothing has come for so long: {_AGE}. PROJECT=AGE, such as"
        " staging=7d or audit=forever, is for what was written with the key of this name, AGE for"
        " all else; it can be said several times",
    )
    serve.add_argument(
        "--no-token", action="store_true", help="let everybody on this machine read, not only write"
    )
    serve.add_argument(
        "--no-browser", action="store_true", help="open no browser; so does AGENTLOG_NO_BROWSER=1"
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that it is called by, such as that of the proxy before it; it takes a key"
        " then, and can be said several times",
    )
    serve.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="where it is below a proxy, such as /agentlog",
    )


def _add_keys_options(keys: argparse.ArgumentParser) -> None:
    _add_keys_store(keys, default=None)
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("add", "add a key, and print it"),
        ("list", "list the names of the keys"),
        ("revoke", "revoke a key"),
    ):
        action = actions.add_parser(name, help=text, allow_abbrev=False)
        if name != "list":
            action.add_argument("name", metavar="NAME", help="the name of the key")
        # What stands before the action counts unless something stands behind it.
        _add_keys_store(action, default=argparse.SUPPRESS)


def _add_cluster(command: argparse.ArgumentParser, *, default: object = None) -> None:
    command.add_argument(
        "--cluster",
        default=default,
        metavar="NAME",
        help="the cluster of ClickHouse on which a store is made that is not there",
    )


def _add_keys_store(command: argparse.ArgumentParser, *, default: object) -> None:
    command.add_argument(
        "--store",
        type=_store,
        default=default,
        metavar="STORE",
        help="the store; default: the home's own",
    )
    _add_cluster(command, default=default)


def _add_move_options(move: argparse.ArgumentParser) -> None:
    move.add_argument(
        "--from",
        dest="source",
        type=_store,
        metavar="STORE",
        help="the store it is in: a FILE, or clickhouse://user@host:8123/database; default: the"
        " home's own",
    )
    move.add_argument(
        "--to",
        dest="target",
        type=_store,
        required=True,
        metavar="STORE",
        help="the store it goes to, made if it is not there",
    )
    _add_cluster(move)


_OPTIONS = {
    "sessions": _add_sessions_options,
    "replay": _add_replay_options,
    "show": _add_show_options,
    "diff": _add_diff_options,
    "export": _add_export_options,
    "ship": _add_ship_options,
    "doctor": _add_doctor_options,
    "prune": _add_prune_options,
    "serve": _add_serve_options,
    "keys": _add_keys_options,
    "move": _add_move_options,
}


def _program(text: str) -> "Program":
    from agentlog.diagnosis import program

    try:
        return program.find(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _store(text: str) -> "Where":
    from agentlog.store import where

    try:
        return where.find(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _levels(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError("it is a number of levels, such as 2")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError("it is a number of sessions, such as 20")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65_535:  # noqa: PLR2004
        raise argparse.ArgumentTypeError("it is a number from 0 to 65535")
    return int(text)


def _keep(text: str) -> tuple[str | None, float]:
    """Return an age, behind the name of the project that it is for, if one is named."""
    project, is_named, age = text.rpartition("=")
    try:
        return project if is_named else None, math.inf if age == "forever" else _seconds(age)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or PROJECT=AGE, or forever") from None


def _seconds(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}[smhdw]", text):
        raise argparse.ArgumentTypeError("it is a number and a unit of s, m, h, d, w, such as 30d")
    return int(text[:-1]) * _SECONDS[text[-1]]
