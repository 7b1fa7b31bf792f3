"""The home: what is recorded where, what is wrong with it, and why an event may be missing.

The rules of this file: it looks and makes nothing (taking up the journal, as all local reading
does, is the only change), whatever is in its way becomes a finding and not an exception, and the
key of an API is never shown.
"""

import difflib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agentlog import losses
from agentlog._version import __version__
from agentlog.config import Settings, home_directory, is_disabled, settings
from agentlog.diagnosis import shipping
from agentlog.diagnosis.finding import FACT, FORGET, GOOD, NOTICE, WRONG, Finding, in_bytes
from agentlog.errors import ConfigurationError, StoreError
from agentlog.journal import LOCAL, destinations, owners_alive, segments, size_of
from agentlog.replay import format as fmt
from agentlog.replay.node import moment
from agentlog.store import SessionSummary
from agentlog.store.home import STORE_NAME, trouble_of_reading
from agentlog.store.ids import id_length
from agentlog.store.sqlite.store import SqliteStore
from agentlog.store.sqlite.uptake import DamagedLine, damaged_lines, uptake
from agentlog.store.state import State

_SHOWN = 5
_SHOWN_OF_A_LINE = 60

_SETTINGS = (
    "AGENTLOG_HOME",
    "AGENTLOG_ENDPOINT",
    "AGENTLOG_API_KEY",
    "AGENTLOG_TAGS",
    "AGENTLOG_JOURNAL_LIMIT",
    "AGENTLOG_DISABLED",
)
_VARIABLES = (*_SETTINGS, "AGENTLOG_NO_BROWSER")
"""All that are ours: the last is no setting of a client's."""

_CURES = {
    "journal limit": "the journal was full: raise AGENTLOG_JOURNAL_LIMIT, or read it more often",
    "not writable": "the disk was full or read-only for longer than memory could bridge",
    "journal removed": "the home was deleted or replaced while a program recorded into it",
    "not an event": "record() was called with something that is no Event",
    "quarantine full": "the server refused more than the quarantine holds: see there why",
    "recursion limit": "they were recorded where their program had hardly room for another call",
    "internal error": "a defect of agentlog: please report it",
}

_REASONS = """
    Its program recorded into another home: by its argument home=, its environment or its user. In
    that program, client.settings.home names it.

    agentlog.init() had not been called: until then the functions of the module record nothing,
    and warn once.

    It is a log line that was not selected (that takes an event_type or action_type, agentlog=True,
    or a rule in `select`), or one that did not come that far: `agentlog doctor --structlog
    MODULE:FUNCTION` looks at the function that configures your logging, and says what is wrong.

    It is there, but not where it was looked for: a thread that was started without agentlog.bind or
    agentlog.ThreadPoolExecutor records right below the session.

    It is there, but folded into a row with its likes: `agentlog replay --all` shows each.

    Its session was pruned.
"""
"""Paragraphs; what is so in this home is said before them."""


def examine(environ: Mapping[str, str] = os.environ, own: Settings | None = None) -> list[Finding]:
    """Look at the home that these environment variables name; make none, raise nothing.

    Args:
        environ: The variables of the environment.
        own: The settings of this program's client, if it has one: then at the home of that.

    """
    agentlog = Finding("agentlog", FACT, f"{__version__}, Python {platform.python_version()}")
    try:
        home = own.home if own else home_directory(environ=environ)
    except ConfigurationError as error:
        return [agentlog, Finding("home", WRONG, str(error))]
    trouble = trouble_of_reading(home / "journal")
    store = [] if trouble else list(_store(home))  # first: it empties what of the journal is read
    return [
        agentlog,
        *_home(home, trouble),
        *(found for directory in destinations(home) for found in _destination(directory)),
        *(found for directory in _shipped(home) for found in shipping.examine(directory)),
        *store,
        *_settings(environ, own),
        *_missing(home, environ),
    ]


def in_short(own: Settings | None = None) -> list[Finding]:
    """Say where it is recorded, and of everything else only what is wrong."""
    found = examine(own=own)
    return [each for each in found if each.topic in ("agentlog", "home") or each.grade is WRONG]


# -- Where it is recorded ------------------------------------------------------------------------


def _home(home: Path, trouble: OSError | None) -> Iterator[Finding]:
    """Say whether the home can be read and written."""
    nearest = _nearest(home)
    if trouble:
        yield Finding("home", WRONG, f"{home} cannot be read: {trouble.strerror}")
    elif not _is_writable(home / "journal" / LOCAL):
        why = "what is recorded waits in memory, and is lost when its program ends"
        yield Finding("home", WRONG, f"{home} cannot be written", (why,))
    elif nearest != home:
        yield Finding("home", FACT, f"{home} is not there yet: the first event makes it")
    else:
        free = in_bytes(shutil.disk_usage(nearest).free)
        yield Finding("home", GOOD, f"{home}, with {free} free")


def _nearest(path: Path) -> Path:
    """Return the path or the nearest above it that is there."""
    return next(found for found in (path, *path.parents) if os.path.lexists(found))


def _is_writable(directory: Path) -> bool:
    nearest = _nearest(directory)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _destination(directory: Path) -> Iterator[Finding]:
    """Say what lies in a destination, who writes it, and what was lost on the way."""
    name, found = directory.name, segments(directory)
    size = f"{fmt.plural(len(found), 'segment')}, {in_bytes(size_of(directory))}"
    purpose = "" if name == LOCAL else ", shipped as said below"
    writers = tuple(map(_writer, sorted(owners_alive(directory))))
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("journal", WRONG, f"{name} cannot be read and written")
    elif found:
        yield Finding("journal", GOOD, f"{name}: {size}{purpose}", writers)
    else:
        yield Finding("journal", GOOD, f"{name}: nothing waits to be read")
    for segment in found:
        if not os.access(segment.path, os.R_OK):
            yield Finding("journal", WRONG, f"{segment.path} cannot be read")
    for reason, records in sorted(losses.noted(directory).items()):
        cures = (_CURES[reason], FORGET) if reason in _CURES else (FORGET,)
        text = f"{name}: {fmt.plural(records, 'record')} lost: {reason}"
        yield Finding("journal", WRONG, text, cures)


def _shipped(home: Path) -> list[Path]:
    return [directory for directory in destinations(home) if directory.name != LOCAL]


def _writer(owner: str) -> str:
    start, pid, _ = owner.split("-")
    return f"written by process {pid} since {fmt.clock(int(start, 16) / 1000, None)}"


# -- What is stored ------------------------------------------------------------------------------


def _store(home: Path) -> Iterator[Finding]:
    """Take up the journal, and say what the store has, what is damaged, what was interrupted."""
    path = home / STORE_NAME
    if not destinations(home) and not os.path.lexists(path):
        return
    try:
        with SqliteStore(path) as store:
            taken = uptake(store, home).records
            stats = store.stats()
            held = f"{fmt.plural(stats.sessions, 'session')}, {fmt.plural(stats.events, 'event')}"
            new = (f"{fmt.plural(taken, 'record')} taken up just now",) if taken else ()
            yield Finding("store", GOOD, f"{held}, {in_bytes(stats.size)}", new)
            if stats.damaged:
                yield _damaged(stats.damaged, damaged_lines(store, _SHOWN))
            if stats.interrupted:
                yield _interrupted(stats.interrupted, store.sessions())
    except StoreError as error:
        waiting = sum(map(size_of, destinations(home)))
        aside = (f"{in_bytes(waiting)} in the journal wait for it",) if waiting else ()
        yield Finding("store", WRONG, str(error), aside)


def _damaged(count: int, some: Sequence[DamagedLine]) -> Finding:
    places = [
        f"{line.destination}/{line.segment} at byte {line.offset}: {line.why}:"
        f" {line.line[:_SHOWN_OF_A_LINE].decode(errors='replace')}"
        for line in some
    ]
    text = f"{fmt.plural(count, 'line')} of the journal set aside as damaged"
    return Finding("store", WRONG, text, (*places, *_more(count - len(places)), FORGET))


def _interrupted(count: int, sessions: Sequence[SessionSummary]) -> Finding:
    length = id_length(session.id for session in sessions)
    runs = [
        f"{session.id[:length]}  {fmt.clock(moment(session.timestamp), None)}"
        f"  {session.event_type or 'unnamed'}"
        for session in sessions
        if session.end_timestamp is None and session.state == State.INTERRUPTED
    ]
    text = f"{fmt.plural(count, 'event')} interrupted: the process was gone before the end"
    return Finding("store", NOTICE, text, (*runs[:_SHOWN], *_more(len(runs) - _SHOWN)))


def _more(count: int) -> tuple[str, ...]:
    return (f"and {count:,} more",) if count > 0 else ()


# -- The settings --------------------------------------------------------------------------------


def _settings(environ: Mapping[str, str], own: Settings | None) -> Iterator[Finding]:
    """Say what is in force, and which variable or argument says so."""
    try:
        usual = settings(environ=environ)
    except ConfigurationError as error:
        given = ", ".join(name for name in _SETTINGS if environ.get(name))
        yield Finding("settings", WRONG, str(error), (f"what is set here: {given}",))
    else:
        yield from _in_force(usual, own or usual, environ)
    for name in sorted(environ.keys() - set(_VARIABLES)):
        if name.startswith("AGENTLOG_"):
            close = difflib.get_close_matches(name, _VARIABLES, 1)
            hint = f"; is {close[0]} meant?" if close else ""
            yield Finding("settings", NOTICE, f"{name} is no setting of agentlog{hint}")


def _in_force(usual: Settings, own: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, by_default, value in zip(_SETTINGS, _words(usual), _words(own), strict=True):
        by_variable = f", by {name}" if environ.get(name) else ""
        source = by_variable if value == by_default else ", by an argument"
        yield Finding("settings", FACT, value + source)
    for directory in destinations(own.home):
        if size_of(directory) >= own.limit:
            text = f"{directory.name} has reached the limit: new events go without their payload"
            yield Finding("settings", WRONG, text)


def _words(chosen: Settings) -> tuple[str, ...]:
    """Say in words what `_SETTINGS` are, in their order."""
    return (
        f"home {chosen.home}",
        f"endpoint {chosen.endpoint}" if chosen.endpoint else "no endpoint",
        "an API key, not shown here" if chosen.api_key else "no API key",
        f"tags {', '.join(chosen.tags)}" if chosen.tags else "no tags",
        f"journal limit {in_bytes(chosen.limit)}",
        "nothing is recorded" if chosen.disabled else "recording is on",
    )


# -- What may be missing -------------------------------------------------------------------------


def _missing(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say why an event may not be there: what is so here first, then what may be so anywhere."""
    topic = "if an event is missing"
    if is_disabled(environ):
        text = "AGENTLOG_DISABLED is set here: a program that sees it records nothing."
        yield Finding(topic, NOTICE, text)
    for other in _other_homes(home, environ):
        yield Finding(topic, NOTICE, f"There are records in another home: {other}")
    for reason in _REASONS.split("\n\n"):
        yield Finding(topic, FACT, " ".join(reason.split()))


def _other_homes(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the homes of programs that do not see all of these variables, if they were used."""
    variables = ("AGENTLOG_HOME", "XDG_STATE_HOME")
    homes: set[Path] = set()
    for hidden in ((), variables[:1], variables):
        with suppress(ConfigurationError, RuntimeError):  # a user without a home directory
            homes.add(home_directory(environ={k: environ[k] for k in environ if k not in hidden}))
    return sorted(other for other in homes - {home} if destinations(other))
