"""What an endpoint may be, and what goes to it with every request.

The rule of this file: what would send records in the clear, or somewhere else than meant, is
refused at once; no message repeats a key, a header's value, or the part of an address that may hold
a password.

An address that begins with `otlp+` is an OpenTelemetry receiver's; every other one is a collector's
of agentlog, or another API that keeps its contract.
"""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from agentlog.errors import ConfigurationError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_OTLP: Final = "otlp+"
_HOST: Final = r"[\w.:-]+(%[\w.-]+)?"
"""A name or an address, as `urllib.parse` gives it: one of IPv6 without its brackets."""

_HEADERS: Final = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
"""The first that is set counts alone."""

_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e\t]*")

_FRAMING: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that would break requests, and with them all that waits."""

_TRACES: Final = "/v1/traces"
"""What comes after a base address; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has it already."""

Headers = tuple[tuple[str, str], ...]


def checked(endpoint: str, *, allow_http: bool) -> str:
    """Return the endpoint without a slash at its end, if records may be sent there.

    That of a receiver is without the path of its spans, if it had that.
    """
    parts = _split(endpoint)
    host = parts.hostname if parts else None
    scheme = parts.scheme.removeprefix(_OTLP) if parts else ""
    if parts is None or scheme not in ("http", "https") or not re.fullmatch(_HOST, host or ""):
        message = (
            "endpoint is not accepted: it is an address such as https://collector.example.com, or "
            "otlp+https://... for OpenTelemetry"
        )
        raise ConfigurationError(message)
    if scheme == "http" and not allow_http and not _is_loopback(str(host)):
        message = (
            f"endpoint={parts.scheme}://{host} is not accepted: key and records would travel "
            f"in the clear. Use {parts.scheme}s://, or allow it: allow_http=True, agentlog ship "
            "--allow-http"
        )
        raise ConfigurationError(message)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        message = (
            f"the endpoint of {host} is not accepted: it is a plain base address, "
            "without user, password, query or fragment; the key goes into api_key"
        )
        raise ConfigurationError(message)
    if parts.scheme != scheme and not _is_there("opentelemetry.proto"):
        message = (
            f"endpoint={parts.scheme}://{parts.netloc} is not accepted as it is: OpenTelemetry's "
            "messages are missing. Install agentlog[otel]"
        )
        raise ConfigurationError(message)
    base = endpoint.strip().rstrip("/")
    return base.removesuffix(_TRACES).rstrip("/") if parts.scheme != scheme else base


def speaks_otlp(endpoint: str) -> bool:
    """Say whether an endpoint is an OpenTelemetry receiver's."""
    return endpoint.lower().startswith(_OTLP)


def address_of(endpoint: str) -> str:
    """Return the address that requests go to."""
    return endpoint[len(_OTLP) :] if speaks_otlp(endpoint) else endpoint


def is_loopback_http(endpoint: str) -> bool:
    """Say whether an endpoint is a plain one on this machine."""
    parts = _split(address_of(endpoint))
    return parts is not None and parts.scheme == "http" and _is_loopback(parts.hostname or "")


def headers_of(environ: Mapping[str, str]) -> Headers:
    """Return the headers that OpenTelemetry's variables ask for, with names in small letters.

    In one order, as they are a part of where records go, in whatever order they were said.

    Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ ("Specifying headers via
    environment variables"): `name=value,name=value`, percent-encoded.
    """
    variable = next((name for name in _HEADERS if environ.get(name, "").strip()), None)
    if variable is None:
        return ()
    found: dict[str, str] = {}
    for name, equals, value in _pairs(environ[variable]):
        if not (equals and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            message = (
                f"{variable} is not accepted: it is name=value,name=value, in which what is no "
                "letter, digit or one of -._~ is percent-encoded"
            )
            raise ConfigurationError(message)
        found[name.lower()] = value
    if framing := sorted(_FRAMING & found.keys()):
        message = (
            f"{variable} is not accepted: {framing[0]} says how a request travels, which is not "
            "for it to say. Take it out"
        )
        raise ConfigurationError(message)
    return tuple(sorted(found.items()))


def resource_of(environ: Mapping[str, str]) -> Headers:
    """Return what OpenTelemetry's variables say of the program; they go before what we know of it.

    What is malformed says nothing at all, as the specification has it.

    Source: https://opentelemetry.io/docs/specs/otel/resource/sdk/ ("Specifying resource information
    via an environment variable"): `name=value,name=value`, percent-encoded.
    """
    found: dict[str, str] = {}
    for name, equals, value in _pairs(environ.get(_RESOURCE, "")):
        if not name or not equals:
            found.clear()
            break
        found[name] = value
    if service := environ.get("OTEL_SERVICE_NAME", "").strip():
        found["service.name"] = service
    return tuple(found.items())


def _pairs(said: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, equals sign and value of each pair of a list; what is missing is empty."""
    for pair in filter(None, map(str.strip, said.split(","))):
        name, equals, value = (unquote(part).strip() for part in pair.partition("="))
        yield name, equals, value


def _split(endpoint: str) -> "SplitResult | None":
    try:
        parts = urlsplit(endpoint.strip() if isinstance(endpoint, str) else "")
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    import ipaddress  # most endpoints are by name, and elsewhere

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
