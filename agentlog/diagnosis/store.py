"""The store of a collector: whether it can be reached, read and written, and what is in it.

The rule: it is asked as every command asks it, and whatever is in the way becomes a finding.
"""

import platform

from agentlog._version import __version__
from agentlog.diagnosis.finding import FACT, GOOD, WRONG, Finding, in_bytes
from agentlog.errors import AgentlogError, StoreError
from agentlog.replay import format as fmt
from agentlog.store.engine import Where


def examine(where: Where) -> list[Finding]:
    """Look at a store; change nothing, raise nothing."""
    agentlog = Finding("agentlog", FACT, f"{__version__}, Python {platform.python_version()}")
    try:
        return [agentlog, _store(where), *_writing(where), _keys(where)]
    except AgentlogError as error:
        return [agentlog, Finding("store", WRONG, str(error))]


def _store(where: Where) -> Finding:
    with where.open() as store:
        stats, projects = store.stats(), [name for name in store.projects() if name]
    held = f"{fmt.plural(stats.sessions, 'session')}, {fmt.plural(stats.events, 'event')}"
    written = (f"written with keys: {', '.join(projects)}",) if projects else ()
    return Finding("store", GOOD, f"{where}: {held}, {in_bytes(stats.size)}", written)


def _writing(where: Where) -> list[Finding]:
    try:
        where.try_to_write()
    except StoreError as error:
        return [
            Finding("store", WRONG, f"it can be read, but a collector could not write: {error}")
        ]
    return []


def _keys(where: Where) -> Finding:
    names = [key.name for key in where.keys().load()]
    if not names:
        return Finding("keys", FACT, "none: only a collector for this machine can be had with it")
    return Finding("keys", GOOD, f"{fmt.plural(len(names), 'key')}: {', '.join(names)}")
