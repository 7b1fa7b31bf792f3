"""os.fork in the middle of things: whose child is what, who closes it, and in which file it is.

Every program here is a real one; its children leave by `os._exit`, as pytest's own would not.
"""

import os
import signal

import pytest

from agentlog import journal
from tests.scripts import FORK, ended, run, segments, sorted_tree, started, well

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def test_fork_in_the_middle_of_an_action(tmp_path):
    """The child's work is the action's; each process writes its own segment, and closes its own."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
ao.init()
def work():
    ao.record(ao.Event("in child"))
    with ao.action("child action"):
        ao.record(ao.Event("in child action"))
with ao.action("parent action"):
    child(work)
    ao.record(ao.Event("in parent"))
ao.record(ao.Event("after"))
""",
        )
    )
    assert [
        ("parent action", ["in child", ("child action", ["in child action"]), "in parent"]),
        "after",
    ] == sorted_tree(captured)
    parents, childs = segments(tmp_path)
    assert ["in child", "child action", "in child action"] == [
        line["event_type"] for line in childs if "event_type" in line
    ]
    assert len(parents) == 6
    assert 1 == len(captured.sessions)


def test_a_child_never_closes_what_its_parent_opened(tmp_path):
    """It may leave the parent's blocks, generator and session, and exit by `sys.exit`."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
client = ao.init()
@ao.record_action("function")
def function():
    yield 1
    yield 2
running = function()
next(running)
with client.session():
    action = ao.action("action")
    action.__enter__()
    pid = os.fork()
    if not pid:
        action.__exit__(None, None, None)
        ao.record(ao.Event("in child"))
        list(running)
if not pid:
    client.end_session("Fail")
    running.close()
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
action.__exit__(None, None, None)
running.close()
""",
        )
    )
    _, childs = segments(tmp_path)
    opened = {line["id"] for line in childs if "event_type" in line}
    assert {line["id"] for line in childs if "end_timestamp" in line} <= opened
    assert ["Indeterminate", "Success"] == sorted(
        captured.one(name)["result"] for name in ("action", "function")
    )
    assert ["Indeterminate", "Success"] == sorted(one["result"] for one in captured.sessions)
    assert captured.one("in child")["session_id"] in {
        one["session_id"] for one in captured.sessions
    }


def test_a_childs_own_session_is_its_own(tmp_path):
    """Started in the child, ended in the child; the parent's goes on."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
ao.init()
ao.record(ao.Event("before"))
def work():
    with ao.session(["child"]):
        ao.record(ao.Event("scoped"))
    ao.start_session(["own"])
    ao.record(ao.Event("own"))
    ao.end_session("Success")
child(work)
ao.record(ao.Event("after"))
""",
        )
    )
    of = {one["event_type"]: one["session_id"] for one in captured.events}
    assert of["before"] == of["after"]
    assert 3 == len(set(of.values())) == len(captured.sessions)
    ends = {one["session_id"]: (one["result"], one.get("reason")) for one in captured.sessions}
    assert ("Indeterminate", "exit") == ends[of["after"]]
    assert ("Success", None) == ends[of["scoped"]] == ends[of["own"]]


def test_the_first_event_is_in_the_child(tmp_path):
    """Each worker that finds no session begins its own."""
    captured = well(
        run(
            tmp_path,
            FORK + "ao.init()\nfor n in 'ab':\n    child(lambda: ao.record(ao.Event(n)))\n",
        )
    )
    assert 2 == len(captured.sessions)
    assert 2 == len({one["session_id"] for one in captured.events})


def test_the_users_seed_makes_no_two_processes_share_ids(tmp_path):
    """`random.seed(0)` in parent and children, before and after the fork."""
    captured = well(
        run(
            tmp_path,
            "import random\nrandom.seed(0)\n"
            + FORK
            + """
ao.init()
def work():
    random.seed(0)
    for _ in range(50):
        ao.record(ao.Event("x"))
for _ in range(3):
    random.seed(0)
    child(work)
work()
assert random.random() == random.Random(0).random()
""",
        )
    )
    assert 200 == len({one["id"] for one in captured.events})


def test_fork_while_other_threads_record(tmp_path):
    """No line is torn or lost, in neither process, and nothing hangs."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
import threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and newer: fork with threads
ao.init()
ao.record(ao.Event("first"))
stop = threading.Event()
def work(n):
    while not stop.is_set():
        with ao.action(f"thread {n}"):
            pass
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for n in range(3):
    child(lambda: ao.record(ao.Event(f"child {n}")))
stop.set()
for thread in threads: thread.join()
print(ao.stats().delivered)
""",
        )
    )
    assert {f"child {n}" for n in range(3)} < set(captured.names())
    assert {"Success"} == {
        one["result"] for one in captured.events if one["event_type"].startswith("thread")
    }
    found = journal.segments(tmp_path / "home" / "journal" / "local")
    assert 4 == len({segment.owner for segment in found})  # how much they write goes by the machine


def test_fork_of_a_fork(tmp_path):
    """Grandchildren too."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
ao.init()
def fall(n):
    with ao.action(f"{n}"):
        if n:
            child(lambda: fall(n - 1))
fall(3)
""",
        )
    )
    assert [("3", [("2", [("1", ["0"])])])] == sorted_tree(captured)
    assert 4 == len(segments(tmp_path))


def test_a_child_that_is_killed_leaves_its_own_unfinished_only(tmp_path):
    """What the parent opened is closed by the parent."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
import signal
ao.init()
with ao.action("parent"):
    pid = os.fork()
    if not pid:
        with ao.action("child"):
            ao.record(ao.Event("last"))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
""",
        )
    )
    assert [("parent", [("child", ["last"])])] == sorted_tree(captured)
    assert "Success" == captured.one("parent")["result"]
    assert "result" not in captured.one("child")


def test_a_parent_that_is_killed_is_seen_though_its_child_lives(tmp_path):
    """The child holds no lock of the parent's segment."""
    process = started(
        tmp_path,
        FORK
        + """
ao.init()
with ao.action("parent"):
    if not os.fork():
        ao.record(ao.Event("child"))
        print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
""",
    )
    assert "ready\n" == process.stdout.readline()
    directory = tmp_path / "home" / "journal" / "local"
    parents = {
        segment.owner
        for segment in journal.segments(directory)
        if str(process.pid) in segment.owner
    }
    assert parents < journal.owners_alive(directory)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.returncode = -9
    alive = journal.owners_alive(directory)
    process.stdin.close()
    process.stdin = None
    ended(process, tmp_path)
    assert 1 == len(alive)
    assert not parents & alive


def test_a_fork_that_python_does_not_see(tmp_path):
    """The C library's own, without hooks: the child writes a segment of its own all the same."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
import ctypes
ao.init()
with ao.action("parent"):
    pid = ctypes.PyDLL(None).fork()
    if not pid:
        ao.record(ao.Event("child"))
    else:
        os.waitpid(pid, 0)
        ao.record(ao.Event("parent's"))
if not pid:
    os._exit(0)
""",
        )
    )
    parents, childs = segments(tmp_path)
    assert ["child"] == [line.get("event_type") for line in childs]
    assert 4 <= len(parents)
    assert 4 == len({one["id"] for one in captured.everything})
