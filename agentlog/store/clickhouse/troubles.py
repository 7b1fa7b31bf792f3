"""What a person is told when a ClickHouse cannot do its work: a sentence that names the fix.

The rule: it is shown and logged, so nothing stands in it of what was asked, in which are a person's
words, nor of what the server has about that.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from agentlog.errors import StoreError
from agentlog.store.address import PASSWORD
from agentlog.store.engine import StoreFullError

if TYPE_CHECKING:
    from agentlog.store.address import ServerAddress

_NO_ANSWER: Final = 0
_NO_TABLE: Final = 60
_NO_DATABASE: Final = 81
_TOO_LONG: Final = 159
_NO_SPACE: Final = 243
_NOBODY_ANSWERS: Final = 279


class NoStoreError(StoreError):
    """Nothing was stored there yet."""


class AwayError(StoreError):
    """The server, or another that it needs, cannot be reached or has no time: it may be so soon."""


_KINDS: Final = {
    **dict.fromkeys((_NO_ANSWER, _TOO_LONG, 202, 209, 210, 241, _NOBODY_ANSWERS), AwayError),
    _NO_TABLE: NoStoreError,
    _NO_DATABASE: NoStoreError,
    _NO_SPACE: StoreFullError,
}

# Source: src/Common/ErrorCodes.cpp of ClickHouse.
_TROUBLES: Final = {
    _NO_TABLE: "is no agentlog store yet: `agentlog serve --store` makes its tables",
    _NO_DATABASE: "has no such database: `agentlog serve --store` makes it (on a cluster with"
    " `--cluster NAME`)",
    164: "cannot be written: the user may only read",
    192: "does not know the user: name another one in the address",
    193: f"refuses the password: set {PASSWORD}",
    194: f"wants a password: set {PASSWORD}",
    202: "has too much to do just now",
    241: "has too little memory for that",
    242: "cannot be written: the table is read-only, as its replica has lost its Keeper",
    _NO_SPACE: "cannot be written: the disk is full",
    252: "cannot merge as fast as is inserted: it takes no more for a moment",
    _NOBODY_ANSWERS: "has no server that answers for a part of the cluster",
    497: "does not allow that: GRANT the user what `Past one machine` in the docs lists",
    516: f"refuses the user or the password: set {PASSWORD}",
    701: "has no cluster of that name: `SELECT cluster FROM system.clusters` lists them",
}

_of_question = re.compile(
    r"[.:]?\s+(?:(?i:in (?:scope|query)|while (?:executing|processing|reading))\b|Maybe you meant"
    r"|Note: |Expected one of|Stack trace|\([A-Z][A-Z0-9_]+\)|\(for url |\(version ).*",
    re.DOTALL,
)
_quoted = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)


@contextmanager
def told_clearly(where: "ServerAddress", within: int) -> Iterator[None]:
    """Turn what the client raises inside the block into a `StoreError`.

    Args:
        where: The store.
        within: Seconds in which it has to answer what is asked in the block.

    """
    try:
        yield
    except ClickHouseError as error:
        code = code_of(error)
        told = _TROUBLES.get(code) or _told(error, within)
        raise _KINDS.get(code, StoreError)(f"{where} {told}.") from error


def code_of(error: BaseException | None) -> int:
    """Return the code of what the server says is wrong; 0 if it said nothing."""
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else _NO_ANSWER


def _told(error: ClickHouseError, within: int) -> str:
    code = code_of(error)
    if code == _TOO_LONG:
        return f"has not answered within {within} seconds"
    if code:
        return f"cannot be used: {_plain(error)} (code {code}); the server's log has more"
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return f"cannot be reached: {_plain(cause)}"


def _plain(error: BaseException) -> str:
    """Return what an error says, without what was asked, what is quoted of that, and where."""
    said = _of_question.sub("", str(error)).rpartition("DB::Exception: ")[2]
    return _quoted.sub("'...'", said).strip()[:300]
