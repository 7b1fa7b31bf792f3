"""Many processes and threads, however they were made: each record arrives, and is counted once."""

import os
import signal
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.shipping.faults.lab import numbers
from tests.shipping.server import Server, collecting

PENDING = """
ao.init(max_wait=30)
events(50)
for child in (1, 2):
    if not os.fork():
        events(20, 100 * child)
        say(child=figures(ao.flush(20)))
        sys.exit(0)
events(10, 50)
for _ in range(2):
    os.wait()
flush(20)
"""


def test_a_fork_with_50_pending_and_two_children(lab):
    """What is pending is the parent's: each process counts its own, and nothing goes twice."""
    with Server(collecting()) as server:
        program = lab.run(PENDING, server.url)
    assert [{"delivered": 20}] * 2 == program.all_said("child")
    assert [{"delivered": 61}] == program.all_said("flush")
    assert [*range(60), *range(100, 120), *range(200, 220)] == numbers(server)
    assert {1, 2} == {len(versions) for versions in server.records.values()}
    assert 1 == sum(len(versions) - 1 for versions in server.records.values())  # the session's end


UNDER_WAY = """
ao.init(max_wait=0.02)
events(30)
asked()
for child in range(1, 5):
    if not os.fork():
        events(10, 100 * child)
        ao.flush(20)
        os._exit(0)
    events(10, 20 + 10 * child)
say(forked=True)
for _ in range(4):
    os.wait()
flush(20)
"""


def test_a_fork_while_a_request_is_under_way(lab):
    """The connection is the parent's alone, and the children ship."""
    forked = threading.Event()

    def slow(request):
        forked.wait(20)
        collecting()(request)

    with Server(slow) as server:
        program = lab.start(UNDER_WAY, server.url)
        assert server.sees(lambda: server.requests)
        assert program.tell().said("forked")
        forked.set()
        program.end()
    assert [{"delivered": 71}] == program.all_said("flush")
    assert [*range(70), *(100 * c + n for c in range(1, 5) for n in range(10))] == numbers(server)


TEN = """
ao.init(max_wait=0.05)
events(1)
for child in range(1, 11):
    if not os.fork():
        events(50, 100 * child)
        os._exit(0)
for _ in range(10):
    os.wait()
flush(20)
"""


def test_ten_children_that_os_exit(lab):
    """What they leave is shipped, by their parent or by the next."""
    with Server(collecting()) as server:
        program = lab.run(TEN, server.url)
        lab.ship(server.url)
    assert [{"delivered": 2}] == program.all_said("flush")
    assert [0, *(100 * c + n for c in range(1, 11) for n in range(50))] == numbers(server)


STARTED = """
import multiprocessing
ao.init(max_wait=0.05)
def work(child):
    events(50, 100 * child)
if __name__ == "__main__":
    method = multiprocessing.get_context(sys.argv[1])
    events(10)
    children = [method.Process(target=work, args=(child,)) for child in (1, 2)]
    for child in children: child.start()
    for child in children: child.join()
    flush(20)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_are_started_anew(lab, method):
    """By `spawn` and `forkserver`: a child ships what it records, at its end at the latest."""
    with Server(collecting()) as server:
        program = lab.run(STARTED, server.url, method)
        lab.ship(server.url)
    assert [{"delivered": 11}] == program.all_said("flush")
    assert [*range(10), *range(100, 150), *range(200, 250)] == numbers(server)


THREADS = """
ao.init(max_wait=0.02)
at_once(lambda thread: events(125, 125 * thread), range(8))
say(found=at_once(lambda _: figures(ao.flush(20)), range(8)))
"""


def test_eight_threads(lab):
    """They record and flush at once, and are told the same."""
    with Server(collecting()) as server:
        program = lab.run(THREADS, server.url)
    assert [{"delivered": 1001}] * 8 == list(program.all_said("found")[0].values())
    assert list(range(1000)) == numbers(server)


ONE_OF_EIGHT = """
ao.init(max_wait=0.02)
say(ready=asked())
for n in range(10):
    events(10, 100 * int(sys.argv[1]) + 10 * n)
    time.sleep(0.02)
flush(30)
"""


def test_eight_processes_at_once(lab):
    """One ships at a time, for all; each is told of its own records, and nothing is sent twice."""
    at_work, most = [], []

    def counting(request):
        at_work.append(request)
        most.append(len(at_work))
        collecting()(request)
        at_work.remove(request)

    with Server(counting) as server:
        programs = [lab.start(ONE_OF_EIGHT, server.url, number) for number in range(8)]
        for program in programs:
            program.tell()
        for program in programs:
            program.end()
            assert [{"delivered": 101}] == program.all_said("flush")
    assert list(range(800)) == numbers(server)
    assert 1 == max(most)


WORKER = """
from tests.shipping.faults.program import *
ao.init(max_wait=0.05)
def app(environ, start_response):
    n = int(environ["PATH_INFO"].strip("/"))
    with ao.session():
        ao.record(ao.Event("request", params={"n": n}))
    if n < 4:
        with open("all are at work") as fifo:
            say(pid=os.getpid())
            fifo.read()
    start_response("200 OK", [])
    return [b""]
"""


@pytest.mark.parametrize("preload", [[], pytest.param(["--preload"], marks=pytest.mark.soak)])
def test_gunicorn_with_four_workers(lab, preload):
    """Each of the four has its records shipped while they live, whichever of them ships."""
    (lab.directory / "wsgi.py").write_text(WORKER)
    os.mkfifo(lab.directory / "all are at work")
    fifo = os.open(lab.directory / "all are at work", os.O_RDWR)
    with socket.create_server(("127.0.0.1", 0)) as sock, Server(collecting()) as server:
        arguments = ["--workers", "4", "--bind", f"fd://{sock.fileno()}", *preload, "wsgi:app"]
        gunicorn = lab.module(server.url, "gunicorn", *arguments, fds=[sock.fileno()])
        address = f"http://127.0.0.1:{sock.getsockname()[1]}"

        def ask(n):
            urllib.request.urlopen(f"{address}/{n}").close()

        with ThreadPoolExecutor(8) as pool:
            first = [pool.submit(ask, n) for n in range(4)]
            assert 4 == len({gunicorn.said("pid") for _ in range(4)})
            os.close(fifo)
            for each in (*first, *(pool.submit(ask, n) for n in range(4, 200))):
                each.result()
        assert server.sees(lambda: list(range(200)) == numbers(server))
        gunicorn.kill(signal.SIGTERM).end(stderr=None)
        lab.ship(server.url)
    assert list(range(200)) == numbers(server)
