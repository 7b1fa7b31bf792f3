"""What a collector was told: where it listens, which store it serves, and to whom. Pure.

The rule: a collector is *open* only if nobody but this machine can reach it. Beyond loopback, and
behind a name of its own, which means a proxy, it asks everybody for a key.
"""

import ipaddress
import math
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agentlog.errors import ConfigurationError
from agentlog.keys import check_name
from agentlog.store.engine import Where
from agentlog.store.retention import FOREVER, Retention

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_OWN_PATH = re.compile(
    r"/((v1|v2|v3|v4|sessions|compare|page)(/.*)?|agents|events|healthz|metrics|openapi\.json)/?"
)
"""The collector's own paths. A proxy may take a root path off or leave it: of one that is such a
path, too, nobody could say which.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """What `agentlog serve` was told.

    Attributes:
        store: Where the store is.
        home: The home whose journal is taken up; None to leave the journal alone.
        host: The address or name to listen on.
        port: The port to listen on; 0 for any.
        token: What reading asks for on loopback; None for nothing.
        allow_hosts: Further names that the collector is called by.
        root_path: Where it is below a proxy, such as `/agentlog`; empty for nowhere.
        keep: For how long a session that says nothing is kept, by its project.

    """

    store: Where
    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4380
    token: str | None = None
    allow_hosts: frozenset[str] = frozenset()
    root_path: str = ""
    keep: Retention = FOREVER

    @property
    def is_open(self) -> bool:
        """Whether only this machine can reach it: then writing is open, and a token reads."""
        return is_loopback(self.host) and not self.allow_hosts

    def options(self, project: str) -> str:
        """Return what stands behind `agentlog replay ID` for who reads a project here, in a shell.

        A path is told to this machine alone.
        """
        is_told = self.is_open and self.home is None
        store = f" --store {shlex.quote(self.store.option())}" if is_told else ""
        return store + (f" --project {shlex.quote(project)}" if project else "")

    @property
    def cookie(self) -> str:
        """The name of its cookie.

        A browser does not tell ports of a host apart. But behind a proxy all collectors of a store
        have the proxy's name, each at a port of its own, and one cookie is for all of them.
        """
        return "agentlog" if self.allow_hosts else f"agentlog_{self.port}"


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine and nothing else; a name other than localhost may not be.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.com")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def checked_keep(ages: Iterable[tuple[str | None, float]]) -> Retention:
    """Return what each `--keep` says together, None being the name of all that are not named.

    Raises `ConfigurationError`.
    """
    found: dict[str | None, float] = {}
    for project, age in ages:
        whose = "" if project is None else f"{_named(project)}="
        if age <= 0:
            raise ConfigurationError(
                f"--keep {whose}0 would delete whatever comes: it is an age such as {whose}30d"
            )
        if project in found:
            raise ConfigurationError(
                f"--keep {whose}AGE is there twice: there is one for each PROJECT=AGE, and one AGE"
                " for all others"
            )
        found[project] = age
    own = {project: age for project, age in found.items() if project is not None}
    return Retention(found.get(None, math.inf), own)


def _named(project: str) -> str:
    """Return the name of a project, if a key can have it."""
    try:
        check_name(project)
    except ConfigurationError as error:
        raise ConfigurationError(f"--keep {error}") from None
    return project


def checked_name(name: str) -> str:
    """Return a name for `--allow-host` as it is compared; raises `ConfigurationError`."""
    if not _NAME.fullmatch(name) or len(name) > 253:  # noqa: PLR2004 - RFC 1035
        raise ConfigurationError(
            f"--allow-host {name[:64]!a} is not accepted: it is a name such as"
            " logs.example.com, without scheme and port"
        )
    return name.lower().rstrip(".")


def checked_root_path(path: str) -> str:
    """Return a root path without a slash at its end; raises `ConfigurationError`."""
    if not _ROOT_PATH.fullmatch(path) or "/." in path:
        raise ConfigurationError(
            f"--root-path {path[:64]!a} is not accepted: it is a path such as /agentlog"
        )
    if _OWN_PATH.fullmatch(path):
        raise ConfigurationError(
            f"--root-path {path[:64]!a} is not accepted: the collector has such a path itself;"
            " take one such as /agentlog"
        )
    return path.rstrip("/")
