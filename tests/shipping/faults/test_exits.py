"""The exit takes at most 2.5 s, whatever the server does, and however the program ends."""

import signal
import socket
import time

import pytest

from tests.busy import up_to
from tests.shipping.faults.lab import BUSY, EXIT, by_path, events_of, numbers
from tests.shipping.server import (
    Server,
    answering,
    closed_port,
    collecting,
    deaf,
    hanging,
    response,
    sending,
    trickling,
)

FAULTS = {
    "hanging": hanging,
    "503": answering(503),
}
MORE_FAULTS = {
    "deaf": deaf,
    "dripping": sending(response(200, b" " * 10_000), drip=True),
    "dripping_head": trickling(b"HTTP/1.1 200 OK\r\n", b"X-Pad: xxxxxxxx\r\n"),
    "busy_for_300_s": BUSY,
    "status_401": answering(401),
    "status_400": answering(400),
    "status_413": answering(413),
    "html": answering(200, b"<html>"),
}
BEGIN = """
ao.init(max_wait=0.02)
events(1000, pad="0123456789abcdef" * 60)
"""
ENDS = {
    "the end": "leave()",
    "a flush": "flush(0.3); leave()",
    "an exception": "leave(); raise RuntimeError('mine')",
    "close": "leave(); ao.close()",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_exit_is_bounded_however_it_comes(lab, fault):
    """At the end of the program, after a flush, an exception, and with a close of its own."""
    with Server(FAULTS[fault]) as server:
        programs = {end: lab.start(BEGIN + line, server.url) for end, line in ENDS.items()}
        for end, program in programs.items():
            program.end(int(end == "an exception"), stderr=None)
            assert program.exit_seconds <= up_to(EXIT)
            assert int(end == "an exception") == program.stderr.count("Traceback")
        assert [{"pending": 1001}] == programs["a flush"].all_said("flush")
        assert len(server.requests) > 0


def exits(lab, urls, begin=BEGIN):
    """Run a program for each address, and check that its exit is bounded."""
    programs = [lab.start(begin + "time.sleep(0.2); leave()", url) for url in urls]
    for program in programs:
        program.end(stderr=None)
        assert program.exit_seconds <= up_to(EXIT)
        assert "Traceback" not in program.stderr


def test_the_exit_is_bounded_whatever_the_server_answers(lab):
    """It takes no more, it holds, it refuses, or it never comes to an end."""
    with Server(by_path(**{name: [behave] for name, behave in MORE_FAULTS.items()})) as server:
        exits(lab, [f"{server.url}/{name}" for name in MORE_FAULTS])
    assert set(MORE_FAULTS) == {request.path.split("/")[1] for request in server.requests}


def test_the_exit_is_bounded_where_nobody_is(lab):
    """Where nobody listens, and where nobody ever accepts a connection."""
    with closed_port() as refused, socket.create_server(("127.0.0.1", 0), backlog=0) as sock:
        mute = f"http://127.0.0.1:{sock.getsockname()[1]}"
        exits(lab, [refused, mute, mute, mute])


NO_SUCH_HOST = """
import socket
def getaddrinfo(host, *_, **__):
    time.sleep(25 * host.startswith("slow"))
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
socket.getaddrinfo = getaddrinfo
"""


def test_the_exit_is_bounded_with_no_such_host(lab):
    """Whether the resolver says so at once, or not for a long time."""
    exits(lab, ["https://quick.invalid", "https://slow.invalid"], NO_SUCH_HOST + BEGIN)


UNTIL_SIGTERM = """
if sys.argv[1] == "exits":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
ao.init(max_wait=0.02)
events(1000, pad="0123456789abcdef" * 60)
say(ready=True)
asked()
"""


def test_the_exit_by_sigterm_is_bounded(lab):
    """With a handler that exits; without one the process is gone at once, as it would be."""
    with Server(hanging) as server:
        programs = {
            status: lab.start(UNTIL_SIGTERM, server.url, how)
            for status, how in ((7, "exits"), (-signal.SIGTERM, "dies"))
        }
        for status, program in programs.items():
            assert program.said("ready")
            assert server.sees(lambda: server.requests)
            began = time.monotonic()
            program.kill(signal.SIGTERM).end(status)
            assert program.ended - began <= up_to(EXIT)


THREE = """
found = clients("a", "b", "c")
for client in found.values():
    events(300, client=client)
asked()
leave()
"""


def test_clients_of_several_endpoints_share_one_exit(lab):
    """It is the exit that is bounded, not each client."""
    with Server(hanging) as server:
        program = lab.start(THREE, server.url)
        assert server.sees(lambda: len(server.requests) == 3)
        assert program.tell().end().exit_seconds <= up_to(EXIT)


LAST_WORDS = """
import atexit
ao.init(max_wait=30)
atexit.register(lambda: events(1, 1000))
events(1000)
leave()
"""


def test_last_words_arrive_while_the_server_is_well(lab):
    """Also what is recorded at exit, and the end of the session."""
    with Server(collecting()) as server:
        program = lab.run(LAST_WORDS, server.url)
    assert program.exit_seconds <= up_to(EXIT)
    assert list(range(1001)) == numbers(server)
    (session,) = [event for event in events_of(server) if event["parent_id"] is None]
    assert "exit" == session["reason"]
    assert [] == lab.segments()
