"""Small files beside the segments: replaced as a whole, so that nobody reads half of one.

Others can put anything in their places. What is no file is not waited for, what is a link is not
followed, and a file that says nothing, or too much, is as none.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from agentlog.journal import open_file
from agentlog.shipping.objects import object_of

_MOST: Final = 64 << 10
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def load(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; an empty one if there is none, or no such file."""
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            return object_of(file.read(_MOST)) or {}
    except OSError:
        return {}


def replace(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of one that may be there. Raises OSError.

    It is not synchronised: what a crash of the machine leaves of it, its readers can tell.
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    fd = open_file(draft, _NEW)
    try:
        os.fchmod(fd, 0o600)
        write_all(fd, content)
        draft.rename(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes) -> None:
    """Write all of it. Raises OSError, and then a part may be written."""
    while content:
        content = content[os.write(fd, content) :]
