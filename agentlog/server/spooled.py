"""Answers that need not fit into memory: written into a file, and sent part by part.

The rule: nobody has the store open while an answer is sent, and what there is no room for is told
before its first byte.
"""

import errno
from collections.abc import Callable
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_IN_MEMORY: Final = 8 << 20
_PART: Final = 256 << 10
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LATER: Final = "30"
"""Seconds after which there may be room again on the disk."""


def spooled(write: Callable[[IO[bytes]], None]) -> IO[bytes] | None:
    """Return a file with what was written into it, None if that is nothing.

    Whoever sends it closes it. Raises a 507 or 503 if there is no room for it.
    """
    with ExitStack() as stack:
        file = stack.enter_context(SpooledTemporaryFile(_IN_MEMORY))
        try:
            write(file)
            file.flush()  # what fails, fails here and not under way
        except OSError as error:
            status = 507 if error.errno in _FULL else 503
            detail = f"the answer cannot be put together: {error.strerror}"
            raise HTTPException(status, detail, {"Retry-After": _LATER}) from error
        if not file.tell():
            return None
        stack.pop_all()
        return file


class Long(Response):
    """An answer of such a file."""

    def __init__(self, file: IO[bytes], media_type: str = "application/json") -> None:
        super().__init__(media_type=media_type, headers={"Content-Length": str(file.tell())})
        self._file = file

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it, part by part."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        with self._file as file:
            file.seek(0)
            await send(start)
            while part := file.read(_PART):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
