"""What agentlog makes is for one person: its owner, also where root has made it.

The rule is SQLite's own for the files that it makes: who could use what is there can go on. It
holds under any umask.
"""

import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path


def make_directory(path: Path) -> None:
    """Make a directory and its parents, each 0700. Raises OSError.

    What root makes belongs to the owner of the directory that it is in.
    """
    try:
        path.mkdir(0o700)
    except FileNotFoundError:
        make_directory(path.parent)
        path.mkdir(0o700, exist_ok=True)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    path.chmod(0o700)
    _leave_to_owner(path.parent, partial(os.lchown, path))


def keep_private(fd: int, store: Path) -> None:
    """Let nobody but the owner of a store use a file.

    Of a store that is not there yet, that is the owner of its directory. Raises OSError for what is
    no file of one name: somebody else's might be given away by it.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise OSError(errno.EMLINK, "it is no file, or has several names")
    os.fchmod(fd, 0o600)
    _leave_to_owner(store if store.exists() else store.parent, partial(os.fchown, fd))


def _leave_to_owner(known: Path, chown: Callable[[int, int], None]) -> None:
    """Give what root has made to whoever owns what was there before."""
    if os.geteuid() == 0:
        owner = known.stat()
        chown(owner.st_uid, owner.st_gid)
