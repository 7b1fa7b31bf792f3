"""Which requests are for this collector, and come from where they may. Pure.

The rule: it is asked of every request, whatever its method and path, before anything else is.

* **Host** has to be a name that the collector has: a loopback name, an address, or one of
  `--allow-host`. A page of a stranger whose name was made to point here (DNS rebinding) sends its
  own name.
* **Origin**, where there is one, has to be the collector itself, so that no form and no script of
  another page reaches it; and a browser that says `Sec-Fetch-Site` may come from elsewhere only to
  look at a page, by a link.
* **Two lengths** of one body, by which a proxy and we could disagree where it ends, are refused.
* An open collector is not for proxies: those who come through one that says so are strangers.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

RawHeaders = Iterable[tuple[bytes, bytes]]

_HOST: Final = re.compile(
    r"(?P<name>\[[0-9a-f:.]+(?:%25[\w.~-]+)?\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://" + _HOST.pattern)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_OF_A_PROXY: Final = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"via")


@dataclass(frozen=True, slots=True)
class Stranger:
    """Why a request is not answered, and with which status."""

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names that a collector has, and whether only this machine can reach it."""

    allowed: frozenset[str]
    is_open: bool

    def stranger(self, method: str, headers: RawHeaders) -> Stranger | None:
        """Say why a request is not answered, None if it may be."""
        found = _by_name(headers)
        return (
            _ambiguous(found)
            or self._by_host(found)
            or self._by_origin(found)
            or _by_fetch_site(method, found)
            or self._by_proxy(found)
        )

    def _by_host(self, headers: dict[bytes, list[str]]) -> Stranger | None:
        given = headers.get(b"host", [])
        parts = _HOST.fullmatch(_plain(given[0])) if len(given) == 1 else None
        if parts is None:
            # Not 400, which tells a shipper to look for the fault in its records.
            return Stranger(421, "a request has one header Host, with a name or an address")
        name = parts["name"].rstrip(".")
        if _is_here(name) or name in self.allowed:
            return None
        return Stranger(421, f"this collector is not called {name}: see --allow-host")

    def _by_origin(self, headers: dict[bytes, list[str]]) -> Stranger | None:
        here = _HOST.fullmatch(_plain(headers[b"host"][0]))
        for origin in headers.get(b"origin", []):
            there = _ORIGIN.fullmatch(_plain(origin))
            if here is None or there is None or not self._is_same(there, here):
                return Stranger(403, "a page of another origin may not ask this collector")
        return None

    def _is_same(self, origin: re.Match[str], here: re.Match[str]) -> bool:
        """Say whether an origin is the Host of a request: the same name, and the same port.

        Of a name that was allowed the port is not looked at: a proxy may listen on another one
        than the Host that it hands on tells.
        """
        name = here["name"].rstrip(".")
        if origin["name"].rstrip(".") != name:
            return False
        default = _DEFAULT_PORTS[origin["scheme"]]
        return name in self.allowed or (origin["port"] or default) == (here["port"] or default)

    def _by_proxy(self, headers: dict[bytes, list[str]]) -> Stranger | None:
        if self.is_open and any(name in headers for name in _OF_A_PROXY):
            return Stranger(
                421, "this collector is for its own machine: behind a proxy it needs --allow-host"
            )
        return None


def _plain(value: str) -> str:
    return value.strip().lower()


def _by_name(headers: RawHeaders) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value.decode("latin-1"))
    return found


def _ambiguous(headers: dict[bytes, list[str]]) -> Stranger | None:
    lengths, codings = headers.get(b"content-length", []), headers.get(b"transfer-encoding", [])
    if len(lengths) + len(codings) > 1:
        return Stranger(400, "a body has one length: Content-Length or Transfer-Encoding")
    return None


def _by_fetch_site(method: str, headers: dict[bytes, list[str]]) -> Stranger | None:
    site = headers.get(b"sec-fetch-site", ["none"])
    mode = headers.get(b"sec-fetch-mode", [""])
    if site in (["none"], ["same-origin"]):
        return None
    if method in ("GET", "HEAD") and mode == ["navigate"]:
        return None
    return Stranger(403, "a page of another origin may not ask this collector")


def _is_here(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
