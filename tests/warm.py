"""Programs that need not import the library first: each is a copy of one process that has done it.

A new Python that imports agentlog takes a tenth of a second of the processor, one that serves
twice that; a copy, made by fork, takes a fifth of it. All that a process is given is a program's
own here too: arguments, environment, directory, descriptors, `__main__`, and how it ends.

    process = Popen([sys.executable, "-W", "error", "program.py"], env=environ)

The rule: what a copy cannot be (another option, path or locale) is a new Python. So is what has to
be one, where importing or a fresh interpreter is the point: `subprocess.Popen` makes those.
"""

import atexit
import fcntl
import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import types
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLAIN = os.pathsep.join([str(ROOT / "tests" / "plain"), str(ROOT)])
"""The path on which a process finds the package, and no rich (plain/rich.py)."""
PATHS = {PLAIN, str(ROOT)}
"""Those of which there is something to copy; on the other one a process finds rich too."""
RECORDING = ("agentlog.cli", "agentlog.replay.listing", "agentlog.store.home")
SHIPPING = (*RECORDING, "agentlog.ship", "agentlog.shipping.http")
SERVING = (
    *SHIPPING,
    "agentlog.server.app",
    "agentlog.server.process",
    "agentlog.store.sqlite.readers",
)
"""What is imported, by what a program is for."""
ENVIRON = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    "PYTHONPATH": PLAIN,
}
"""Of what is copied, but for the path."""
STRICT = ["-W", "error"]
STANDARD = [0, 1, 2]
MOST = 16
"""More descriptors than any program is given."""


# -- Who asks --------------------------------------------------------------------------------------


class Popen(subprocess.Popen):
    """As `subprocess.Popen`, of which it replaces the start, and the waiting for the end."""

    _told = None

    def _execute_child(self, args, executable, hook, close, pass_fds, cwd, env, *rest):
        if not _can_be_copied(args, env):
            super()._execute_child(args, executable, hook, close, pass_fds, cwd, env, *rest)
            return
        pipes = rest[3:9]
        its = pipes[0], pipes[3], pipes[5]
        given = [own if fd == -1 else fd for fd, own in zip(its, STANDARD, strict=True)]
        order = {
            "arguments": [os.fspath(argument) for argument in args[1:]],
            "environ": dict(env),
            "directory": os.fspath(cwd or Path.cwd()),
            "descriptors": [*STANDARD, *pass_fds],
        }
        line = json.dumps(order).encode() + b"\n"
        self._told, other = socket.socketpair()
        with other:
            asked = _original(_imported(args, env), env["PYTHONPATH"])
            socket.send_fds(asked, [b"."], [other.fileno(), *given, *pass_fds])
        self._told.sendall(line)
        self.pid = self._number()
        self._child_created = True
        self._close_pipe_fds(*pipes)

    def _number(self):
        told = self._told.recv(4, socket.MSG_WAITALL)
        assert 4 == len(told), "what is copied has gone"
        return int.from_bytes(told)

    def _try_wait(self, wait_flags):
        if self._told is None:
            return super()._try_wait(wait_flags)
        if wait_flags and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        with self._told:
            return self.pid, self._number()

    def _internal_poll(self, *state, **states):
        if self._told is None:
            return super()._internal_poll(*state, **states)
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG) if self.returncode is None else (0, 0)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def run(args, *, timeout=60, **options):
    """Run a program to its end, and capture what it prints."""
    captured = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(args, **captured | options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(args, process.returncode, out, err)


def _can_be_copied(args, environ):
    """Tell whether a program asks for nothing that a Python has to be told when it starts."""
    rest = args[3:] if args[1:3] == STRICT else args[1:]
    return (
        args[0] == sys.executable
        and environ is not None
        and environ.get("PYTHONPATH") in PATHS
        and _told_to_python(environ) == _told_to_python(ENVIRON)
        and bool(rest)
        and (rest[0] in {"-m", "-c"} or not os.fspath(rest[0]).startswith("-"))
    )


def _told_to_python(environ):
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(("PYTHON", "LC_", "LANG"))
        and name not in {"PYTHONPATH", "PYTHONUNBUFFERED"}
        and (name, value) != ("PYTHONWARNINGS", "error")
    }


def _imported(args, environ):
    if "serve" in args:
        return SERVING
    return SHIPPING if "AGENTLOG_ENDPOINT" in environ else RECORDING


@cache
def _original(modules, path):
    """Start what is copied, with modules that it has imported; return where it is asked."""
    ours, other = socket.socketpair()
    # A program runs at the bottom of the stack, as others do; tracebacks have this line there.
    code = "from tests import warm; exec(*warm.copied())"
    with other:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(other.fileno()), *modules],
            env=ENVIRON | {"PYTHONPATH": path},
            cwd=ROOT,
            pass_fds=[other.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


# -- What is copied --------------------------------------------------------------------------------


def copied():
    """Import what is named; wait to be asked; return the code and its namespace, in each copy."""
    _, number, *modules = sys.argv
    for module in modules:
        import_module(module)
    gc.collect()
    gc.freeze()  # memory that nobody looks through stays shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    with socket.socket(fileno=int(number)) as asked, woken, waker:
        order = _asked(asked, woken)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return _program(**order) if order else ("", {})


def _asked(asked, woken):
    """Make copies until nobody asks any more; return what is asked, in each of them."""
    running = {}
    while True:
        ready, *_ = select.select([asked, woken], [], [])
        if woken in ready:
            woken.recv(1 << 16)
            _tell_of_ends(running)
        if asked not in ready:
            continue
        _, descriptors, *_ = socket.recv_fds(asked, 1, MOST)
        if not descriptors:
            return None
        told, *given = socket.socket(fileno=descriptors[0]), *descriptors[1:]
        with told.makefile() as lines:
            order = json.loads(lines.readline())
        pid = os.fork()
        if not pid:
            for other in (told, *running.values()):
                other.close()
            return {**order, "given": given}
        running[pid] = told
        told.sendall(pid.to_bytes(4))
        for descriptor in given:
            os.close(descriptor)


def _tell_of_ends(running):
    """Tell the status of each copy that has ended to who asked for it."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            with running.pop(pid) as told, suppress(BrokenPipeError):
                told.sendall(status.to_bytes(4))


def _program(arguments, environ, directory, descriptors, given):
    """Become a process that was started so; return what its `__main__` runs, and its namespace."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    _take(given, descriptors)
    is_strict = arguments[:2] == STRICT
    if is_strict or "PYTHONWARNINGS" in environ:
        sys.warnoptions.append("error")
        warnings.simplefilter("error")
    if "PYTHONUNBUFFERED" in environ:
        sys.stdout, sys.stderr = map(_unbuffered, (sys.stdout, sys.stderr))
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    kind, *rest = arguments[len(STRICT) :] if is_strict else arguments
    if kind == "-m":
        sys.argv[:], sys.path[0] = rest, directory
        code = f"import runpy; runpy.run_module({rest[0]!r}, run_name='__main__', alter_sys=True)"
        return code, main.__dict__
    if kind == "-c":
        sys.argv[:], sys.path[0] = [kind, *rest[1:]], ""
        return rest[0], main.__dict__
    script = Path(kind).absolute()
    sys.argv[:], sys.path[0], main.__file__ = [kind, *rest], str(script.parent), str(script)
    return compile(script.read_bytes(), str(script), "exec"), main.__dict__


def _unbuffered(stream):
    return io.TextIOWrapper(
        io.FileIO(stream.fileno(), "w", closefd=False),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=True,
    )


def _take(given, numbers):
    """Have the descriptors that were given under the numbers that they have for the program."""
    free = max(*given, *numbers) + 1
    above = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, free) for descriptor in given]
    for descriptor in given:
        os.close(descriptor)
    for descriptor, number in zip(above, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
