"""The connections to a server. The rule: who lets go of them waits for nobody.

To close them is not enough: who waits for an answer of a server that hangs would go on waiting. So
each is known from when it is made, and is shut down below whoever reads from it.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from clickhouse_connect.driver.httputil import check_env_proxy, get_pool_manager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from urllib3.poolmanager import PoolManager

    from agentlog.store.address import ServerAddress


class Wires:
    """Connections that are made as they are needed, until they are cut."""

    def __init__(self, where: "ServerAddress") -> None:
        self._lock = threading.Lock()
        self._made: WeakSet[HTTPConnection] = WeakSet()
        self._is_cut = False
        scheme = "https" if where.is_secure else "http"
        proxy = check_env_proxy(scheme, where.host, where.port)
        self.pool: PoolManager = get_pool_manager(http_proxy=proxy)  # to either scheme
        self.pool.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, self._note),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, self._note),
        }

    def cut(self) -> None:
        """Break off whatever is asked over them; none is made any more."""
        with self._lock:
            self._is_cut = True
            made = list(self._made)
        for connection in made:
            if isinstance(connection.sock, socket.socket):
                with suppress(OSError):  # it is closed already
                    # Not TLS's own way: that waits for the other side, or forgets what it reads.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
        self.pool.clear()

    def _note(self, connection: HTTPConnection) -> None:
        with self._lock:
            if not self._is_cut:
                self._made.add(connection)
                return
        connection.close()
        raise ConnectionAbortedError("it is not asked any more")


def _pool(
    pool: type[HTTPConnectionPool],
    kind: type[HTTPConnection],
    note: Callable[[HTTPConnection], None],
) -> type[HTTPConnectionPool]:
    """Return a class of pools of connections that are noted as soon as they are there."""

    def connect(connection: HTTPConnection) -> None:
        kind.connect(connection)
        note(connection)

    noted = type(kind.__name__, (kind,), {"connect": connect})
    return type(pool.__name__, (pool,), {"ConnectionCls": noted})
