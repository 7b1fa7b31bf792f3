"""What a failed request is called: our own words, and the system's.

The texts of exceptions quote what was sent: the headers, with the key; the address of a proxy, with
its password. So none of them is passed on.
"""

import http.client
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator

from requests.exceptions import (
    ConnectTimeout,
    InvalidHeader,
    InvalidProxyURL,
    InvalidSchema,
    InvalidURL,
    ProxyError,
    Timeout,
)


def in_our_words(error: BaseException) -> str:
    """Say what failed: the first row of the table that knows the exception, or one behind it."""
    chain = list(_causes(error))
    for kind, words in _TABLE:
        for cause in chain:
            said = words(cause) if isinstance(cause, kind) else ""
            if said:
                by_proxy = any(isinstance(other, ProxyError) for other in chain)
                return f"the proxy: {said}" if by_proxy else said
    return f"the request failed: {type(error).__name__}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what is behind it."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        cause = waiting.pop()
        if any(cause is other for other in seen):
            continue
        seen.append(cause)
        yield cause
        behind = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [other for other in behind if isinstance(other, BaseException)]


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    return f"the certificate is not accepted: {error.verify_message}"


def _of_tls(error: ssl.SSLError) -> str:
    return f"TLS fails: {error.reason or 'without a reason'}"


def _of_system(error: OSError) -> str:
    """Say what the system says; or http.client and requests, which raise such errors by text."""
    if error.errno is not None:
        return os.strerror(error.errno)
    if status := re.match(r"Tunnel connection failed: (\d{3})", str(error)):
        return f"it answers {status[1]}"
    if str(error).startswith("Could not find a suitable TLS CA"):
        return "the CA bundle that the environment names is not there"
    return ""


def _of_value(error: ValueError) -> str:
    return _NOT_SENDABLE if str(error).startswith("Invalid header value") else ""


_NOT_SENDABLE = "the endpoint or the key holds what no request can carry"

_TABLE: tuple[tuple[type[BaseException], Callable[..., str]], ...] = (
    (ssl.SSLCertVerificationError, _of_certificate),
    (socket.gaierror, lambda _: "the name of the host is not known"),
    (ConnectTimeout, lambda _: "the host takes no connection"),
    (TimeoutError, lambda _: "no answer in time"),
    (Timeout, lambda _: "no answer in time"),
    (InvalidProxyURL, lambda _: "the address of the proxy is not one"),
    (InvalidSchema, lambda _: "there is no support for this kind of address or proxy"),
    (InvalidURL, lambda _: _NOT_SENDABLE),
    (InvalidHeader, lambda _: _NOT_SENDABLE),
    (UnicodeEncodeError, lambda _: _NOT_SENDABLE),
    (http.client.RemoteDisconnected, lambda _: "the connection was closed without an answer"),
    (http.client.IncompleteRead, lambda _: "the answer is cut off"),
    (http.client.HTTPException, lambda _: "the answer is no HTTP"),
    (ssl.SSLError, _of_tls),
    (OSError, _of_system),
    (ValueError, _of_value),
)
"""First come the causes that say more, and the kinds that are also others of the table."""
