"""A disk of a program's own, and what can go wrong with it. Nobody but the program sees it.

It is mounted in a namespace of the process, and goes with it: `keep` copies what was recorded to
where the test looks for it. Source: unshare(2), mount(8), tmpfs(5)
"""

import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
MAY_NOT = 77
"""The status of a program that may not mount a disk."""


class Disk:
    """A disk of 2 MiB and 16 files, on which the home of the program is."""

    def __init__(self):
        self.home = Path(os.environ["AGENTLOG_HOME"])
        self.path = self.home.parent
        self._taken = []
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            _own_namespace()
            self.path.mkdir()
            _mount("-t", "tmpfs", "-o", "size=2m,nr_inodes=16", "agentlog", self.path)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"may not mount a disk: {error}", file=sys.stderr)
            sys.exit(MAY_NOT)

    def keep(self):
        """Copy the home to where the test looks for it."""
        shutil.copytree(self.home, self.path.parent / "home")

    # -- What goes wrong, and comes right again ----------------------------------------------------

    def full(self):
        """Leave no byte of room."""
        path = self.path / "filler"
        size = 1 << 20
        with path.open("ab", buffering=0) as file:
            while size:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2
        self._taken = [path]

    def without_inodes(self):
        """Leave no room for another file."""
        with contextlib.suppress(OSError):
            while True:
                path = self.path / f"file {len(self._taken)}"
                path.touch()
                self._taken.append(path)

    def read_only(self):
        """Let nothing be written; what is open already still can be."""
        _mount("--bind", self.path, self.path)
        _mount("-o", "remount,bind,ro", self.path)

    def immutable(self):
        """Let nothing be made in the directory of the home."""
        subprocess.run(["chattr", "+i", self.path], check=True)

    def file_size_limit(self):
        """Let no file grow any more, as `ulimit -f` does."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, self._limit[1]))

    def mend(self, fault):
        """Undo a fault."""
        if fault == "read_only":
            subprocess.run(["umount", self.path], check=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)
        for path in self._taken:
            path.unlink()
        self._taken = []


def _own_namespace():
    """Let no mount of this process be seen by others; who is not root becomes it in there."""
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNS | (_CLONE_NEWUSER if user else 0)
    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if user:
        Path("/proc/self/setgroups").write_text("deny", "utf-8")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", "utf-8")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", "utf-8")
    _mount("--make-rprivate", "/")


def _mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, stderr=subprocess.PIPE)
