"""The way to the server: statements go there, rows come back, and what goes wrong is told clearly.

The rules: nothing of a person's gets into a statement but as a parameter, which the server binds.
Who cannot reach the server gets a `StoreError` and may ask again: the connections are made anew.
Who waits for a server that hangs gets one, too, after a while or when the link is closed. One link
serves all threads.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import clickhouse_connect

from agentlog.errors import StoreError
from agentlog.store.address import PASSWORD
from agentlog.store.clickhouse.troubles import told_clearly
from agentlog.store.clickhouse.wires import Wires
from agentlog.store.values import bindable

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from agentlog.store.address import ServerAddress

# What they would log of a trouble, a `StoreError` tells; what was asked has a person's words in it.
for _name in ("clickhouse_connect", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

Row = tuple[Any, ...]

_CONNECTING: Final = 5
ANSWERING: Final = 120
"""Seconds for a question whose answer a person waits for."""

LONG: Final = 3600
"""Seconds for what takes as long as there is much: to count all, to look who is silent, or to hand
on what comes in parts as fast as it is taken. A server that hangs is given up as soon as with any
other question."""

MOST_BEHIND: Final = 10
"""Seconds."""

_ALWAYS: Final = {
    # On a cluster, what is asked of a session is asked where it lies.
    "distributed_product_mode": "local",
    # A receipt is for what the shard has, not for what waits to be sent there.
    "distributed_foreground_insert": 1,
    # Two inserts that are equal are two: what was deleted, or a key revoked, may come again.
    "deduplicate_insert": "disable",
    # A replica that is far behind is asked if there is no other; news.py reckons with that.
    "max_replica_delay_for_distributed_queries": MOST_BEHIND,
    # A search for what begins so is for any letter.
    "text_index_like_min_pattern_length": 1,
}


_MADE_ON: Final = """
    SELECT extract(engine_full, '^Distributed[^A-Za-z0-9_]+([A-Za-z0-9_-]+)') FROM system.tables
    WHERE database = currentDatabase() AND name = 'migrations'
"""


class Link:
    """The server at `where`, which is asked for the first time when somebody wants something.

    Args:
        where: The store.
        answering: Seconds in which it has to answer. After as long without a sign of it, whoever
            asks is told; but one that is at work gives signs, and so is told to end by itself.

    """

    def __init__(self, where: "ServerAddress", *, answering: int = ANSWERING) -> None:
        self.where = where
        self._answering = answering
        self._wires = Wires(where)
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._is_closed = False

    def rows(self, statement: str, within: int | None = None, /, **values: object) -> list[Row]:
        """Ask; return all that comes back, within so many seconds if not as the link has it."""
        with told_clearly(self.where, within or self._answering):
            found = self._opened().query(
                statement, parameters=_bound(values), settings=_ended(within)
            )
            return [tuple(row) for row in found.result_rows]

    def row(self, statement: str, within: int | None = None, /, **values: object) -> Row:
        """Ask for one row; what lies between may answer well, and with nothing."""
        found = self.rows(statement, within, **values)
        if len(found) != 1:
            raise StoreError(f"{self.where} has answered with {len(found)} rows instead of one.")
        return found[0]

    @contextmanager
    def blocks(self, statement: str, **values: object) -> Iterator[Iterator[Sequence[Row]]]:
        """Ask; have what comes back a part at a time."""
        with told_clearly(self.where, LONG):
            client, asked = self._opened(), _bound(values)
            with client.query_row_block_stream(statement, asked, _ended(LONG)) as blocks:
                yield blocks

    def do(
        self,
        statement: str,
        within: int | None = None,
        /,
        *,
        settings: Mapping[str, Any] | None = None,
        **values: object,
    ) -> None:
        """Have something done."""
        with told_clearly(self.where, within or self._answering):
            self._opened().command(
                statement,
                parameters=_bound(values),
                settings={**_ended(within), **(settings or {})},
            )

    def insert(
        self,
        table: str,
        columns: Mapping[str, tuple[str, Sequence[object]]],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Insert columns, each by its name with its type; they are on disk when this returns."""
        with told_clearly(self.where, self._answering):
            self._opened().insert(
                table,
                [values for _, values in columns.values()],
                column_names=list(columns),
                column_type_names=[kind for kind, _ in columns.values()],
                column_oriented=True,
                settings=dict(settings or {}),
            )

    def cluster(self) -> str | None:
        """Return the cluster that the tables were made on, "" for one server; None without any."""
        return next((name for (name,) in self.rows(_MADE_ON)), None)

    def close(self) -> None:
        """Let go of the server; who waits for it gets a `StoreError`."""
        self._is_closed = True
        self._wires.cut()
        with self._lock:
            if self._client:
                self._client.close()

    def _opened(self) -> "Client":
        with self._lock:
            if self._is_closed:
                raise StoreError(f"{self.where} is not read any more.")
            if self._client is None:
                self._client = connected(
                    self.where, self.where.database, self._wires, answering=self._answering
                )
            return self._client


def connected(
    where: "ServerAddress",
    database: str,
    wires: Wires | None = None,
    *,
    answering: int = ANSWERING,
) -> "Client":
    """Return a client of the server, which has answered."""
    return clickhouse_connect.get_client(
        host=where.host,
        port=where.port,
        username=where.user,
        password=os.environ.get(PASSWORD, ""),
        database=database,
        interface="https" if where.is_secure else "http",
        connect_timeout=_CONNECTING,
        send_receive_timeout=answering,
        autogenerate_session_id=False,
        client_name="agentlog",
        pool_mgr=(wires or Wires(where)).pool,
        settings={**_ALWAYS, **_ended(answering)},
    )


def _ended(within: int | None) -> dict[str, int]:
    """Return the setting by which a server ends what takes longer."""
    return {"max_execution_time": within} if within else {}


def _bound(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: list(map(bindable, value)) if isinstance(value, list) else bindable(value)
        for name, value in values.items()
    }
