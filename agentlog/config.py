"""Settings from arguments and the environment, which is read here and nowhere else."""

import os
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from agentlog.errors import ConfigurationError
from agentlog.journal import LOCAL

DEFAULT_LIMIT = 256 << 20

_YES = frozenset({"1", "true", "yes", "on"})


class Settings(NamedTuple):
    """What a client needs to know. No dataclass: making one takes a twelfth of the whole import.

    Attributes:
        home: The directory of the journal and the local store.
        endpoint: The base address of the API, or None to stay local.
        api_key: The key for it; in no repr.
        headers: What goes to an OpenTelemetry receiver with every request; in no repr either.
        resource: What OpenTelemetry's variables say of the program, for such a receiver.
        tags: Tags of each session.
        limit: Bytes that the journal of a destination may have.
        max_wait: Seconds that a record waits for others before it is shipped.
        disabled: Whether nothing is recorded at all.

    """

    home: Path
    endpoint: str | None = None
    api_key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    resource: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    limit: int = DEFAULT_LIMIT
    max_wait: float = 1.0
    disabled: bool = False

    def __repr__(self) -> str:
        """Name home and destination; key and headers stay out."""
        return f"Settings(home={str(self.home)!r}, {self.destination})"

    @property
    def destination(self) -> str:
        """The name of the journal's directory: `local`, or one for this endpoint and its keys."""
        if self.endpoint is None:
            return LOCAL
        import hashlib  # as urllib.parse: for an endpoint only
        from urllib.parse import urlsplit

        host = re.sub(r"[^a-z0-9.]+", "-", (urlsplit(self.endpoint).hostname or "").lower())[:60]
        headers = "".join(f"\0{name}={value}" for name, value in self.headers)
        identity = f"{self.endpoint}\0{self.api_key or ''}{headers}".encode()
        return f"{host}-{hashlib.sha256(identity).hexdigest()[:16]}"


def settings(
    *,
    api_key: str | None = None,
    tags: Iterable[str] | None = None,
    endpoint: str | None = None,
    home: str | os.PathLike[str] | None = None,
    max_wait: float = 1.0,
    allow_http: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings: an argument first, then `AGENTLOG_…`, then the default.

    Raises:
        ConfigurationError: If one is not accepted; the message names the fix, and no key.

    """
    endpoint = endpoint or environ.get("AGENTLOG_ENDPOINT") or None
    if not _is_wait(max_wait):
        message = f"max_wait={max_wait!r} is not accepted: it is a number of seconds above 0"
        raise ConfigurationError(message)
    if tags is None:
        tags = [tag.strip() for tag in environ.get("AGENTLOG_TAGS", "").split(",") if tag.strip()]
    endpoint, headers, resource = _where_to(endpoint, environ, allow_http=allow_http)
    return Settings(
        home=home_directory(home, environ),
        endpoint=endpoint,
        api_key=_key(api_key or environ.get("AGENTLOG_API_KEY")),
        headers=headers,
        resource=resource,
        tags=tuple(tags),
        limit=_limit(environ.get("AGENTLOG_JOURNAL_LIMIT")),
        max_wait=float(max_wait),
        disabled=is_disabled(environ),
    )


def _where_to(
    given: str | None, environ: Mapping[str, str], *, allow_http: bool
) -> tuple[str | None, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Return the endpoint, if there is one; and for spans, the headers and what is said of us."""
    if given is None:
        return None, (), ()
    from agentlog import endpoint  # what it takes is loaded for an endpoint only

    checked = endpoint.checked(given, allow_http=allow_http)
    if not endpoint.speaks_otlp(checked):
        return checked, (), ()
    return checked, endpoint.headers_of(environ), endpoint.resource_of(environ)


def _key(given: object) -> str | None:
    """Return the key without spaces around it; no message shows it."""
    if not isinstance(given, str | None):
        message = "api_key is not accepted: it is a text"
        raise ConfigurationError(message)
    key = (given or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        message = (
            "api_key (or AGENTLOG_API_KEY) is not accepted: it goes into a header, so it has no "
            "spaces, line breaks, or characters beyond ASCII"
        )
        raise ConfigurationError(message)
    return key or None


def _is_wait(seconds: object) -> bool:
    """Say whether this is a number of seconds to wait."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return 0 < seconds < threading.TIMEOUT_MAX


def is_disabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether `AGENTLOG_DISABLED` turns recording off."""
    return environ.get("AGENTLOG_DISABLED", "").strip().lower() in _YES


def is_without_browser(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether `AGENTLOG_NO_BROWSER` keeps `agentlog serve` from opening one."""
    return environ.get("AGENTLOG_NO_BROWSER", "").strip().lower() in _YES


def home_directory(
    home: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return the home: the argument, `AGENTLOG_HOME`, or `agentlog` in the XDG state directory."""
    chosen = home or environ.get("AGENTLOG_HOME")
    if chosen:
        try:
            path = Path(chosen).expanduser().absolute()
            if "\0" in str(path):
                raise ValueError  # noqa: TRY301 - as the system would, at the first record
        except (TypeError, ValueError, RuntimeError) as error:
            message = "home is not accepted: it is the path of a directory"
            raise ConfigurationError(message) from error
        return path
    state = environ.get("XDG_STATE_HOME")
    if state and Path(state).is_absolute():
        return Path(state) / "agentlog"
    try:
        return Path.home() / ".local" / "state" / "agentlog"
    except RuntimeError as error:
        message = "there is no home directory: set AGENTLOG_HOME to the directory to record in"
        raise ConfigurationError(message) from error


def _limit(text: str | None) -> int:
    if text is None or not text.strip():
        return DEFAULT_LIMIT
    if not re.fullmatch(r"0*[1-9][0-9]{0,17}", text.strip()):
        message = f"AGENTLOG_JOURNAL_LIMIT={text!r} is not accepted: it is a number of bytes"
        raise ConfigurationError(message)
    return int(text)
