"""The one place that knows requests: a batch goes out, an Answer comes back, nothing is raised.

**The time** of a request is bounded as a whole, by deadline.py.

**The key** goes to the endpoint and nowhere else, and so do headers of the user's: no redirect is
followed, no netrc is read, no cookie kept, CONNECT goes without them. They are in no repr; no
exception leaves this file, and no text of one either, since those quote headers and addresses:
failures.py has our own words for them.

**The environment** counts as always with requests: proxies, NO_PROXY, REQUESTS_CA_BUNDLE and
CURL_CA_BUNDLE. TLS is verified.

**The answer** is read up to `ANSWER_SIZE`, before and after decompression.
"""

import email.utils
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from agentlog._version import __version__
from agentlog.endpoint import Headers, is_loopback_http
from agentlog.shipping.deadline import POOLS, by_deadline
from agentlog.shipping.failures import failed
from agentlog.shipping.policy import Answer

PATH: Final = "/v1/events"
JSON: Final = "application/json"
ANSWER_SIZE: Final = 1 << 20

_LEVEL = 1
"""Of gzip. JSON gets 5 to 10 times smaller at the fastest level; more would cost the host CPU."""

_NO_PROXIES: Final[Any] = {"http": None, "all": None}
"""What keeps requests from the proxies of the environment. One that is named there for the rest of
the world cannot reach this machine, and would read the key.
"""

_SHORTEST_SECRET = 8
_NEVER_SECRET = b'"accepted":"refused"'
"""A key that is such a word cannot be told from a receipt's own."""


class Timeouts(NamedTuple):
    """How long a request may take.

    Attributes:
        connect: Seconds for each address of the host to take the connection.
        read: Seconds for the server to take or send anything.
        deadline: Seconds for all of it.

    """

    connect: float = 3.05
    read: float = 10.0
    deadline: float = 20.0


class Connection:
    """Sends bodies to one address.

    It is for one thread at a time, and for one process: a forked child makes its own.

    Args:
        url: The address.
        api_key: The key, or None to send none.
        headers: More headers for every request, by their names in small letters.
        content_type: What the bodies are, and what is expected back.
        timeouts: How long a request may take.

    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        headers: Headers = (),
        *,
        content_type: str = JSON,
        timeouts: Timeouts,
    ) -> None:
        self._url = url
        self._auth = _Authorization(api_key, dict(headers))
        self._timeouts = timeouts
        self._proxies = _NO_PROXIES if is_loopback_http(url) else None
        self._session = _session(self._auth, content_type)

    def post(self, parts: Iterable[bytes]) -> Answer:
        """Send the parts of a body, compressed; never raises."""
        try:
            with by_deadline(self._timeouts.deadline, self._timeouts.read), _untraced():
                answer = self._post(_packed(parts))
        except Exception as error:  # noqa: BLE001 - requests may be patched by the host to raise anything
            answer = failed(error)
        if answer.status < 200:  # noqa: PLR2004
            # What comes late must not be taken for the answer to the next batch.
            self.close()
        return answer

    def close(self) -> None:
        """Close it; the next body opens one."""
        try:
            self._session.close()
        except Exception:  # noqa: BLE001, S110 - as above; and what cannot be closed is no use either
            pass

    def _post(self, body: bytes) -> Answer:
        response = self._session.post(
            self._url,
            data=body,
            timeout=self._timeouts[:2],
            stream=True,
            allow_redirects=False,
            proxies=self._proxies,
        )
        try:
            content, failure = _read(response)
        finally:
            response.close()
        status, headers = response.status_code, response.headers
        if failure and 200 <= status < 300:  # noqa: PLR2004 - of another status, the status is enough
            return failure
        return Answer(
            status,
            self._auth.hidden(content),
            retry_after=headers.get("Retry-After"),
            location=self._header(headers.get("Location")),
            content_type=self._header(headers.get("Content-Type")),
            date=_time_of(headers.get("Date")),
        )

    def _header(self, value: str | None) -> str | None:
        if value is None:
            return None
        return self._auth.hidden(value.encode(errors="replace")).decode()


class Transport:
    """Sends batches of records to a collector, or what keeps its contract.

    Args:
        endpoint: The base address; a path in it is kept.
        api_key: The key, or None to send none.
        timeouts: `connect`, `read` and `deadline`, as `Timeouts` has them.

    """

    def __init__(self, endpoint: str, api_key: str | None = None, **timeouts: float) -> None:
        self.endpoint = endpoint
        url = endpoint.rstrip("/") + PATH
        self._connection = Connection(url, api_key, timeouts=Timeouts(**timeouts))

    def post(self, lines: Sequence[bytes]) -> Answer:
        """Send the lines of records as one batch; never raises.

        Args:
            lines: Lines without their newlines. They are joined as they are, not parsed.

        """
        return self._connection.post((b'{"events":[' + b",".join(lines) + b"]}",))

    def close(self) -> None:
        """Close the connection; the next batch opens one."""
        self._connection.close()


def _packed(parts: Iterable[bytes]) -> bytes:
    """Return a body, compressed; the same for the same parts."""
    packer = zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS | 16)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _time_of(date: str | None) -> float:
    """Return when an answer was sent: by the server's clock, which its Retry-After goes by too."""
    try:
        return email.utils.parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return time.time()


# -- The session ---------------------------------------------------------------------------------


class _Authorization(AuthBase):
    """Sets what only the endpoint may see. That it is there keeps requests off the netrc."""

    def __init__(self, key: str | None, headers: dict[str, str]) -> None:
        self._headers = {"authorization": f"Bearer {key}", **headers} if key else headers
        words = {word for value in self._headers.values() for word in value.split()}
        secrets = (word.encode(errors="replace") for word in sorted(words, key=len, reverse=True))
        self._secrets = [
            secret
            for secret in secrets
            if len(secret) >= _SHORTEST_SECRET and secret not in _NEVER_SECRET
        ]

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name, value in self._headers.items():
            request.headers.setdefault(name, value)
        return request

    def hidden(self, answer: bytes) -> bytes:
        """Return what a server says without the key: it may end in a file, or on a screen.

        It is as long as before: a body of protobuf counts its texts.
        """
        for secret in self._secrets:
            answer = answer.replace(secret, b"*" * len(secret))
        return answer


class _Session(requests.Session):
    """A session that does not even look where a redirect goes: it would read all of its body."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is none."""


class _Adapter(HTTPAdapter):
    """Connects by the deadline, with and without a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def close(self) -> None:
        """Close the connections; urllib3 leaves that to a finalizer, which an exit runs early."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it is no dict, and not iterable
                manager.pools[key].close()
        super().close()


def _session(auth: AuthBase, content_type: str) -> requests.Session:
    session = _Session()
    session.auth = auth
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": f"agentlog/{__version__}",
            "Accept": content_type,
            "Accept-Encoding": "gzip",
            "Content-Type": content_type,
            "Content-Encoding": "gzip",
        }
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=1))
    return session


# -- The answer ----------------------------------------------------------------------------------


def _read(response: requests.Response) -> tuple[bytes, Answer | None]:
    """Read a body up to the size that we read; return it, and what went wrong if anything did."""
    raw = b""
    try:
        while more := response.raw.read(ANSWER_SIZE - len(raw), decode_content=False):
            raw += more
    except Exception as error:  # noqa: BLE001 - urllib3's, http.client's, ssl's: the status is known
        return b"", failed(error)
    if response.raw.length_remaining and len(raw) < ANSWER_SIZE:  # urllib3 1 does not look
        return b"", Answer(failure="the answer is cut off")
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        return raw, None
    if coding not in ("gzip", "x-gzip"):
        return b"", Answer(failure="the answer is in an encoding that was not asked for")
    broken = Answer(failure="the answer is broken gzip")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(raw, ANSWER_SIZE)
    except zlib.error:
        return b"", broken
    if not unpacker.eof and len(content) < ANSWER_SIZE and len(raw) < ANSWER_SIZE:
        return b"", broken
    return content, None


@contextmanager
def _untraced() -> Iterator[None]:
    """Have OpenTelemetry, if the host uses it, make no span of our request.

    Source: `opentelemetry.instrumentation.utils.is_instrumentation_enabled`, which looks at the key
    and, for older ones, at its name.
    """
    api = sys.modules.get("opentelemetry.context")
    if api is None or not all(hasattr(api, name) for name in ("attach", "detach", "set_value")):
        yield  # not there, or another thread is in the middle of its import
        return
    name = "suppress_instrumentation"
    key = getattr(api, "_SUPPRESS_INSTRUMENTATION_KEY", name)
    token = api.attach(api.set_value(key, True, api.set_value(name, True)))
    try:
        yield
    finally:
        api.detach(token)
