"""What lies beside a store is for one person: its owner, also where root has made it.

The rule is SQLite's own for the files that it makes: who could use the store before can go on.
"""

import errno
import os
import stat
from pathlib import Path


def keep_private(fd: int, store: Path) -> None:
    """Let nobody but the owner of a store use a file, under any umask.

    Of a store that is not there yet, that is the owner of its directory. Raises OSError for what is
    no file of one name: somebody else's might be given away by it.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise OSError(errno.EMLINK, "it is no file, or has several names")
    os.fchmod(fd, 0o600)
    if os.geteuid() == 0:
        owner = (store if store.exists() else store.parent).stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
