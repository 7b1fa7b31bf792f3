"""Small files beside the segments: replaced as a whole, so that nobody reads half of one."""

import os
from pathlib import Path

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def replace(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of one that may be there. Raises OSError.

    It is not synchronised: what a crash of the machine leaves of it, its readers can tell.
    """
    draft = path.with_name(path.name + ".new")
    fd = os.open(draft, _NEW, 0o600)
    try:
        os.fchmod(fd, 0o600)
        write_all(fd, content)
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes) -> None:
    """Write all of it. Raises OSError, and then a part may be written."""
    while content:
        content = content[os.write(fd, content) :]
