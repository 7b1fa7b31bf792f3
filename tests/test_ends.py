"""How a session ends with its program: real programs, really ended."""

import signal
import sys

import pytest

from tests.scripts import NAME, ended, run, started

HEAD = """\
import atexit, os, sys
import agentlog as ao
client = ao.init()
"""


def program(body):
    """Return a program that records one event and then goes on with the body."""
    return HEAD + 'ao.record(ao.Event("work"))\n' + body


def end(ran):
    """Return how the only session ended."""
    session = ran.session()
    return session.get("result"), session.get("reason"), session.get("error", {}).get("type")


EXIT = "Indeterminate", "exit", None
THREAD = """
import threading
threading.excepthook = print
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
"""
ENDS = {
    "end": ("", 0, EXIT),
    "exit": ("sys.exit()", 0, EXIT),
    "exit 3": ("sys.exit(3)", 3, EXIT),
    "error": ("raise ValueError('x')", 1, ("Fail", None, "ValueError")),
    "interrupt": ("raise KeyboardInterrupt", -2, ("Indeterminate", "interrupted", None)),
    "caught": ("try:\n    1 / 0\nexcept Exception:\n    pass", 0, EXIT),
    "finally": (
        "try:\n    1 / 0\nfinally:\n    client.record(ao.Event('x'))",
        1,
        ("Fail", None, "ZeroDivisionError"),
    ),
    "ended": ("ao.end_session('Success', '5')\nraise ValueError", 1, ("Success", None, None)),
    "asyncio": (
        "import asyncio\nasync def main():\n    raise KeyError\nasyncio.run(main())",
        1,
        ("Fail", None, "KeyError"),
    ),
    "thread": (THREAD, 0, EXIT),
    "hook": ("sys.excepthook = lambda *_: None\nraise ValueError", 1, ("Fail", None, "ValueError")),
    "closed": ("ao.close()\nraise ValueError", 1, EXIT),
    "tried": ("import code\ncode.InteractiveInterpreter().runcode('1/0')", 0, EXIT),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_implicit_session_ends_with_the_program(tmp_path, how):
    """By exit, uncaught exception or Ctrl-C; what was caught, or belongs to a thread, is no end."""
    body, status, expected = ENDS[how]
    ran = run(tmp_path, program(body))
    assert (status, expected) == (ran.status, end(ran)), ran.stderr
    assert "agentlog" not in ran.stderr.replace("import agentlog", "")
    assert NAME == ran.session()["event_type"]
    assert "work" in ran.captured.names()


def test_the_error_of_a_script_is_told_whole(tmp_path):
    """With message and traceback."""
    error = run(tmp_path, program("def fail():\n    raise ValueError('x')\nfail()")).session()[
        "error"
    ]
    assert "x" == error["message"]
    assert "in fail" in error["traceback"]


def test_ctrl_c_in_the_middle_of_everything(tmp_path):
    """Actions, scopes and the session are interrupted, neither success nor failure."""
    process = started(
        tmp_path,
        HEAD
        + """
@ao.record_action("function")
def function():
    with ao.action("block"):
        print("ready", flush=True)
        sys.stdin.read()
with ao.action("outer"):
    function()
""",
    )
    assert "ready\n" == process.stdout.readline()
    process.send_signal(signal.SIGINT)
    ran = ended(process, tmp_path)
    assert -signal.SIGINT == ran.status
    assert {("Indeterminate", "interrupted")} == {
        (one["result"], one["reason"]) for one in ran.captured.everything
    }
    assert [("outer", [("function", ["block"])])] == ran.captured.tree()


def test_kill_loses_nothing_whose_call_had_returned(tmp_path):
    """After SIGKILL every record is there; what was running has no end."""
    process = started(
        tmp_path,
        HEAD
        + """
with ao.action("outer"):
    for n in range(100):
        ao.record(ao.Event(f"{n}"))
    print("ready", flush=True)
    sys.stdin.read()
""",
    )
    assert "ready\n" == process.stdout.readline()
    process.kill()
    ran = ended(process, tmp_path)
    assert [("outer", [f"{n}" for n in range(100)])] == ran.captured.tree()
    assert not any("end_timestamp" in e for e in (ran.session(), ran.captured.one("outer")))


def test_sys_exit_inside_an_action(tmp_path):
    """With 0 it is an exit, with anything else a failure of the action."""
    ran = run(tmp_path, HEAD + "with ao.action('a'):\n    sys.exit()")
    assert ("Indeterminate", "exit") == (
        ran.captured.one("a")["result"],
        ran.captured.one("a")["reason"],
    )
    ran = run(tmp_path, HEAD + "with ao.action('b'):\n    sys.exit('no such file')")
    assert ("Fail", "SystemExit") == (
        ran.captured.one("b")["result"], ran.captured.one("b")["error"]["type"],
    )  # fmt: skip
    assert (1, "no such file\n") == (ran.status, ran.stderr)


def test_what_is_recorded_at_exit_joins_the_session(tmp_path):
    """An atexit handler, from before and after init, and a finalizer: no second session."""
    ran = run(
        tmp_path,
        """
        import atexit, weakref
        import agentlog as ao
        class Thing: pass
        thing = Thing()
        weakref.finalize(thing, lambda: ao.record(ao.Event("finalizer")))
        class Late:
            def __del__(self, record=ao.record, Event=ao.Event): record(Event("del"))
        late = Late()
        def handler():
            with ao.action("atexit"):
                ao.record(ao.Event("in it"))
        atexit.register(handler)
        ao.init()
        ao.record(ao.Event("work"))
        """,
    )
    assert (0, "") == (ran.status, ran.stderr)
    assert {"work", "finalizer", "del", "atexit", "in it"} == set(ran.captured.names())
    assert {ran.session()["session_id"]} == {one["session_id"] for one in ran.captured.events}
    assert ("Indeterminate", "exit", None) == end(ran)


def test_what_is_first_recorded_at_exit_has_a_session_with_an_end(tmp_path):
    """Though the exit was under way."""
    ran = run(
        tmp_path,
        """
        import atexit
        import agentlog as ao
        atexit.register(lambda: [ao.record(ao.Event(name)) for name in "ab"])
        ao.init()
        """,
    )
    assert (0, "", ["a", "b"]) == (ran.status, ran.stderr, ran.captured.names())
    assert ("Indeterminate", "exit", None) == end(ran)


def test_generators_that_are_open_at_exit_say_nothing(tmp_path):
    """Sync and async ones, global or in a cycle: no message on stderr."""
    ran = run(
        tmp_path,
        HEAD
        + """
import asyncio
@ao.record_action("sync")
def sync():
    while True:
        yield
@ao.record_action("async")
async def asynchronous():
    try:
        while True:
            yield
    finally:
        await asyncio.sleep(0)
running, other = sync(), asynchronous()
next(running)
cycle = [sync()]; cycle.append(cycle); next(cycle[0])
async def main():
    await anext(other)
asyncio.run(main())
""",
    )
    assert (0, "") == (ran.status, ran.stderr)
    assert {"sync", "async"} == set(ran.captured.names())


def test_async_generators_left_at_the_end_of_the_loop_say_nothing(tmp_path):
    """By break, with a cleanup that awaits, as the last thing of `main`."""
    ran = run(
        tmp_path,
        HEAD
        + """
import asyncio
@ao.record_action("async")
async def numbers():
    try:
        for n in range(5):
            yield n
    finally:
        await asyncio.sleep(0)
async def main():
    async for n in numbers():
        try:
            raise ValueError
        except ValueError as error:
            kept = error
        break
asyncio.run(main())
""",
    )
    assert (0, "") == (ran.status, ran.stderr)
    assert "abandoned" == ran.captured.one("async")["reason"]


def test_a_daemon_thread_that_records_at_exit_says_nothing(tmp_path):
    """It is cut off where it is, and the program ends in time."""
    ran = run(
        tmp_path,
        HEAD
        + """
import threading
begun = threading.Event()
def work():
    while True:
        with ao.action("a"):
            begun.set()
threading.Thread(target=work, daemon=True).start()
begun.wait()
""",
    )
    assert (0, "") == (ran.status, ran.stderr)
    assert 1 == len(ran.captured.sessions)


def test_a_program_without_stderr(tmp_path):
    """A warning has nowhere to go, and does no harm."""
    ran = run(
        tmp_path,
        """
        import sys
        sys.stderr = None
        import agentlog as ao
        ao.record(ao.Event("x"))
        ao.init()
        ao.record(ao.Event("y"))
        """,
    )
    assert (0, ["y"]) == (ran.status, ran.captured.names())


def test_a_disabled_program_writes_nothing(tmp_path):
    """Not even a directory."""
    ran = run(
        tmp_path, program("with ao.action('a') as a:\n    print(a.id)"), AGENTLOG_DISABLED="1"
    )
    assert (0, "\n", "") == (ran.status, ran.stdout, ran.stderr)
    assert not (tmp_path / "home").exists()


def test_a_module_gives_its_session_its_name(tmp_path):
    """`python -m package.module` is called by that; code on the command line is `python`."""
    import os
    import subprocess

    from agentlog.client import Client
    from agentlog.testing import Captured

    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(program("raise KeyError"), "utf-8")
    home = str(tmp_path / "home")
    for arguments in (["-m", "package.module"], ["-c", program("")]):
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "AGENTLOG_HOME": home, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=False,
        )
    first, second = Captured(Client(home=home)).sessions
    assert ("package.module", "Fail") == (first["event_type"], first["result"])
    assert ("python", "Indeterminate") == (second["event_type"], second["result"])
