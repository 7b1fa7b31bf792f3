"""Workers of every kind: spawn, forkserver, pools, servers that preload, killed ones.

Every program here is a real one, run in a process of its own.
"""

import os

import pytest

from tests.scripts import FORK, run, segments, sorted_tree, well

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_with_inject_and_attach(tmp_path, method):
    """The worker's events hang under the action that sent the work, by every way of starting it."""
    captured = well(
        run(
            tmp_path,
            """
            import multiprocessing, sys, warnings
            import agentlog as ao

            @ao.record_action("work")
            def work(n):
                ao.record(ao.Event(f"in {n}"))
                return n

            def serve(n, headers):
                ao.init()
                with ao.attach(headers):
                    work(n)

            if __name__ == "__main__":
                ao.init()
                context = multiprocessing.get_context(sys.argv[1])
                with ao.action("send"):
                    headers = {}
                    ao.inject(headers)
                    processes = [context.Process(target=serve, args=(n, headers)) for n in range(2)]
                    for process in processes: process.start()
                    for process in processes: process.join()
                    assert [process.exitcode for process in processes] == [0, 0]
            """,
            method,
        )
    )
    ((name, children),) = captured.tree()
    assert ("send", [("work", ["in 0"]), ("work", ["in 1"])]) == (name, sorted(children))
    assert 1 == len(captured.sessions)
    assert {"Success"} == {one["result"] for one in captured.events if one["event_type"] == "work"}
    assert 3 == len(segments(tmp_path))


def test_a_process_pool_takes_recorded_functions(tmp_path):
    """They are pickled by their name; what a forked worker does is the action's."""
    captured = well(
        run(
            tmp_path,
            """
            import concurrent.futures, multiprocessing
            import agentlog as ao

            @ao.record_action("square")
            def square(n):
                return n * n

            if __name__ == "__main__":
                ao.init()
                fork = multiprocessing.get_context("fork")
                with ao.action("all"), concurrent.futures.ProcessPoolExecutor(1, fork) as pool:
                    assert list(pool.map(square, range(3))) == [0, 1, 4]
            """,
        )
    )
    assert [("all", ["square"] * 3)] == sorted_tree(captured)
    assert [0, 1, 4] == [one["returns"] for one in captured.events if one["event_type"] == "square"]


def test_preload_and_fork_like_gunicorn(tmp_path):
    """A master imports the program, workers serve: each its own segment, all one session."""
    captured = well(
        run(
            tmp_path,
            FORK
            + """
import threading
ao.init()
ao.record(ao.Event("preloaded"))
@ao.record_action("request")
def request(worker, n):
    ao.record(ao.Event(f"{worker}.{n}"))
def serve(worker):
    threads = [threading.Thread(target=request, args=(worker, n)) for n in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
for worker in range(3):
    pid = os.fork()
    if not pid:
        serve(worker)
        sys.exit(0) if worker else os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
""",
        )
    )
    assert {"preloaded", "request"} | {f"{w}.{n}" for w in range(3) for n in range(4)} == set(
        captured.names()
    )
    assert [3, 12, 12, 12] == [len(lines) for lines in segments(tmp_path) if lines]
    (session,) = captured.sessions
    assert {session["session_id"]} == {one["session_id"] for one in captured.events}
    assert len(captured.events) == len({one["id"] for one in captured.events}) == 25


def test_stats_are_of_the_process(tmp_path):
    """A child counts what it wrote itself."""
    ran = run(
        tmp_path,
        FORK
        + """
ao.init()
for _ in range(5): ao.record(ao.Event("x"))
def work():
    assert ao.stats().accepted == 0, ao.stats()
    ao.record(ao.Event("y"))
    assert ao.stats().delivered == 1 == ao.flush().delivered, ao.stats()
child(work)
assert ao.stats().delivered == 6, ao.stats()
""",
    )
    well(ran)
