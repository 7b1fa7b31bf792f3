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
    InvalidSchema,
    InvalidURL,
    ProxyError,
    Timeout,
)

from agentlog.shipping.policy import Answer


def failed(error: BaseException) -> Answer:
    """Say what failed: the first row of a table that knows the exception, or one behind it."""
    chain = list(_causes(error))
    for table in (_LASTING, _PASSING):
        for kind, words in table:
            for cause in chain:
                said = words(cause) if isinstance(cause, kind) else ""
                if said:
                    by_proxy = any(isinstance(other, ProxyError) for other in chain)
                    text = f"the proxy: {said}" if by_proxy else said
                    return Answer(failure=text, lasting=table is _LASTING)
    return Answer(failure=f"the request failed: {type(error).__name__}")


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
    """Say what the system says, or what a proxy did, which http.client raises as a text."""
    if error.errno is not None:
        return os.strerror(error.errno)
    if status := re.match(r"Tunnel connection failed: (\d{3})", str(error)):
        return f"it answers {status[1]}"
    return ""


def _of_bundle(error: OSError) -> str:
    missing = str(error).startswith("Could not find a suitable TLS CA")
    return "the CA bundle that the environment names is not there" if missing else ""


def _of_value(error: ValueError) -> str:
    return _KEY if str(error).startswith("Invalid header value") else ""


_ADDRESS = "the address of the endpoint, or of a proxy, is not one"
_KEY = "the key holds what no header can carry"

_Table = tuple[tuple[type[BaseException], Callable[..., str]], ...]

_LASTING: _Table = (
    (ssl.SSLCertVerificationError, _of_certificate),
    (InvalidSchema, lambda _: "there is no support for this kind of address or proxy"),
    (InvalidURL, lambda _: _ADDRESS),
    (InvalidHeader, lambda _: _KEY),
    (UnicodeEncodeError, lambda _: _KEY),
    (ValueError, _of_value),
    (OSError, _of_bundle),
)
"""What only a person can mend."""

_PASSING: _Table = (
    (socket.gaierror, lambda _: "the name of the host is not known"),
    (ConnectTimeout, lambda _: "the host takes no connection"),
    (TimeoutError, lambda _: "no answer in time"),
    (Timeout, lambda _: "no answer in time"),
    (http.client.RemoteDisconnected, lambda _: "the connection was closed without an answer"),
    (http.client.IncompleteRead, lambda _: "the answer is cut off"),
    (http.client.HTTPException, lambda _: "the answer is no HTTP"),
    (ssl.SSLError, _of_tls),
    (OSError, _of_system),
)
"""What may be over by itself; first come the kinds that are also others further down."""
