"""Who may write and who may read, and which project theirs is.

The rule: whoever asks gives one secret, a key or the token, in a header or in the cookie; what
comes back is a project or None, and nothing but a project reaches a store.

| collector | write | read |
|---|---|---|
| open (only this machine reaches it) | everybody | the token, or nobody is asked with --no-token |
| any other | a key | a key |

A key that is known counts on an open collector too: its project is read and written. One that is
not known is as none there. A cookie only reads: no page writes by what its visitor's browser sends.
"""

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentlog.errors import ConfigurationError
from agentlog.keys import Ring, digest
from agentlog.private import keep_private, make_directory

OWN = ""
"""The project of the store itself: of whoever writes to an open collector, and of the home."""

_SHORTEST = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a request gives for a secret: in a header, and in the cookie."""

    header: str | None = None
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Who may what, at one collector.

    Attributes:
        ring: The keys of its store.
        is_open: Whether only this machine can reach it.
        token: What reading asks for if it is open; None for nothing.

    """

    ring: Ring
    is_open: bool
    token: str | None = None

    def writer(self, given: Secrets) -> str | None:
        """Return the project to write to, None if that may not be."""
        project = None if given.header is None else self.ring.name_of(given.header)
        return OWN if project is None and self.is_open else project

    def reader(self, given: Secrets) -> str | None:
        """Return the project to read, None if that may not be."""
        secret = given.cookie if given.header is None else given.header
        project = None if secret is None else self.project_of(secret)
        return OWN if project is None and self.is_open and self.token is None else project

    def project_of(self, secret: str) -> str | None:
        """Return the project that a secret reads, None if there is none."""
        return OWN if self.is_token(secret) else self.ring.name_of(secret)

    def is_token(self, secret: str) -> bool:
        """Say whether it is the token, in a time that does not tell how much of it is right."""
        if not self.is_open or self.token is None:
            return False
        return hmac.compare_digest(digest(secret), digest(self.token))


def secrets_of(headers: Mapping[str, str], cookies: Mapping[str, str], cookie: str) -> Secrets:
    """Read the secrets of a request: `Authorization: Bearer`, `X-Agentops-Auth`, the cookie."""
    bearer = bearer_of(headers)
    header = headers.get("x-agentops-auth") if bearer is None else bearer
    return Secrets(header or None, cookies.get(cookie) or None)


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """Return what `Authorization: Bearer` says; None if it is not there."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else None


def token_of(home: Path) -> str:
    """Return the token of a home, which stays from start to start; raises `ConfigurationError`.

    The first collector makes it, 0600 from its first byte on, as a whole.
    """
    path = home / "token"
    try:
        known = _read(path)
        if known is None:
            make_directory(home)
            _publish(path, secrets.token_urlsafe(32))
            known = _read(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read or made: {error.strerror}; --no-token needs none"
        ) from error
    if known is None:
        raise ConfigurationError(f"{path} is no token: remove it, and start again")
    return known


def _read(path: Path) -> str | None:
    """Read the token; where others could read it, they cannot any more."""
    try:
        text = path.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return text if len(text) >= _SHORTEST and text.isascii() and text.isprintable() else None


def _publish(path: Path, token: str) -> None:
    """Make the file unless there is one: of two who do so at once, both have the first one's."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        keep_private(fd, path)
        os.write(fd, token.encode() + b"\n")
        os.fsync(fd)
        path.hardlink_to(beside)
    except FileExistsError:
        pass
    finally:
        os.close(fd)
        beside.unlink()
