"""The address of a server that keeps a store: what its engine has to know, and `where.py` makes."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

PASSWORD: Final = "AGENTLOG_CLICKHOUSE_PASSWORD"  # noqa: S105 - the name of a variable

USER: Final = "default"
DATABASE: Final = "agentlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """A database of a ClickHouse, over its HTTP interface.

    Attributes:
        host: The name or address of the server.
        port: The port of its HTTP interface.
        user: Whose password is in the environment.
        database: The database, which is made if it is not there.
        is_secure: Whether it speaks TLS.
        cluster: The name of the cluster that it is on; None for one server alone.

    """

    host: str
    port: int
    user: str = USER
    database: str = DATABASE
    is_secure: bool = False
    cluster: str | None = None

    def __str__(self) -> str:
        scheme = "clickhouses" if self.is_secure else "clickhouse"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{self.port}/{self.database}"
