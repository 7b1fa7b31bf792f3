"""A copy of a process that has the library imported is to its program what a new Python is."""

import json
import signal
import subprocess
import sys

import pytest

from tests import warm

LOOK = """
import json, os, signal, sys, warnings
print(json.dumps({
    "name": __name__,
    "file": globals().get("__file__"),
    "spec": getattr(globals().get("__spec__"), "name", None),
    "main": sys.modules["__main__"].__dict__ is globals(),
    "argv": sys.argv,
    "path": sys.path,
    "directory": os.getcwd(),
    "environ": {name: value for name, value in os.environ.items() if name != "LC_CTYPE"},
    "warnings": [sys.warnoptions, warnings.filters[0][0] == "error"],
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGCHLD)],
    "descriptors": [os.get_inheritable(number) for number in (0, 1, 2)],
    "out": [sys.stdout.encoding, sys.stdout.write_through, type(sys.stdout.buffer).__name__],
    "read": sys.stdin.readline(),
}))
"""
ENDS = {
    "exit": ("raise SystemExit(3)", 3),
    "error": ("1 / 0", 1),
    "interrupt": ("raise KeyboardInterrupt", -signal.SIGINT),
    "kill": ("os.kill(os.getpid(), 9)", -signal.SIGKILL),
    "atexit": ("atexit.register(lambda: print('left'))", 0),
    "thread": ("threading.Timer(0.01, lambda: print('left')).start()", 0),
}


def looked(popen, directory, arguments, environ):
    """Return what a program sees of itself."""
    command = [sys.executable, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with popen(command, env=environ, cwd=directory, text=True, **pipes) as process:
        out, _ = process.communicate("word\n", timeout=60)
    return json.loads(out)


@pytest.mark.parametrize(
    "arguments",
    [["look.py", "a", "-b"], ["-W", "error", "look.py"], ["-m", "look", "a"], ["-c", LOOK, "a"]],
    ids=["script", "strict", "module", "text"],
)
@pytest.mark.parametrize("more", [{}, {"PYTHONUNBUFFERED": "1"}, {"PYTHONWARNINGS": "error"}])
def test_a_program_sees_the_same(tmp_path, arguments, more):
    """Itself, its arguments, its path and directory, its environment, streams and signals."""
    (tmp_path / "look.py").write_text(LOOK)
    environ = warm.ENVIRON | {"AGENTLOG_HOME": str(tmp_path)} | more
    expected = looked(subprocess.Popen, tmp_path, arguments, environ)
    assert expected == looked(warm.Popen, tmp_path, arguments, environ)


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_as_it_would(how):
    """With the same status, and with what is done at the end."""
    source, status = ENDS[how]
    command = [sys.executable, "-c", f"import atexit, os, threading\n{source}"]
    done = warm.run(command, env=warm.ENVIRON, encoding="utf-8")
    assert status == done.returncode
    assert ("left\n" if how in {"atexit", "thread"} else "") == done.stdout
    assert ("Error" in done.stderr) is (how == "error")


def test_what_a_copy_cannot_be_is_a_new_python(tmp_path):
    """With another path it finds no agentlog that is imported already."""
    source = "import sys; print('agentlog' in sys.modules)"
    for path, expected in ((warm.PLAIN, "True\n"), (str(tmp_path), "False\n")):
        environ = warm.ENVIRON | {"PYTHONPATH": path}
        done = warm.run([sys.executable, "-c", source], env=environ, encoding="utf-8")
        assert expected == done.stdout
