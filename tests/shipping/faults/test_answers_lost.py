"""Answers that are lost, cut or garbled: repeats are fine, doubles in the store are not."""

import gzip
import random

from agentlog.store.sqlite.store import SqliteStore
from tests.shipping import server as fake
from tests.shipping.faults.lab import by_path, events_of, lost_by, numbers
from tests.shipping.server import Server, collecting, response

ALL = """
found = clients(*sys.argv[1:])
def work(name):
    events(1000, client=found[name])
    return figures(found[name].flush(30))
say(found=at_once(work, found))
"""


def lost(_, __):
    """Send nothing, and close."""
    return False


def reset(request, _):
    """Send nothing, and reset the connection."""
    return fake.reset(request)


def cut(request, answer):
    """Send the answer without its end."""
    request.send(answer[:-5])
    return False


def cut_head(request, answer):
    """Send the beginning of its first lines."""
    request.send(answer[:30])
    return False


def garbage(request, _):
    """Send bytes."""
    request.send(random.Random(1).randbytes(300))
    return False


def no_gzip(request, _):
    """Send what only says that it is gzip."""
    request.send(response(200, b"\x1f\x8b\x08\x00nothing", Content_Encoding="gzip"))


def cut_gzip(request, answer):
    """Send the beginning of a stream, which is that of a receipt."""
    body = gzip.compress(answer.partition(b"\r\n\r\n")[2] + b" " * 2000)
    request.send(response(200, body[:-9], Content_Encoding="gzip"))


def test_an_answer_that_is_lost_cut_or_garbage(lab):
    """The batch is sent again, and what was taken of it before is there once."""
    collect = collecting()
    ways = [lost, reset, cut, cut_head, garbage, no_gzip, cut_gzip]
    faults = {way.__name__: [lost_by(way, collect)] * 2 + [collect] for way in ways}
    faults["in_mid_body"] = [fake.resetting, fake.closing, collect]
    with Server(by_path(**faults)) as server:
        program = lab.start(ALL, server.url, *faults).end(stderr=None)
        (warning,) = program.stderr.splitlines()
    assert warning.startswith(f"agentlog: nothing is shipped to {server.url}/cut_head: 200 without")
    assert [{name: {"delivered": 1001} for name in faults}] == program.all_said("found")
    assert sorted(len(faults) * list(range(1000))) == numbers(server)
    assert {1} == {len(left) for left in faults.values()}, "a fault did not happen"


WATCHED = """
ao.init(max_wait=0.05)
seen, over = [], threading.Event()
def look(*_):
    seen.append([ao.stats().delivered, time.monotonic()])
def watch():
    while not over.wait(0.01):
        look()
watchers = [threading.Thread(target=watch) for _ in range(2)]
for watcher in watchers: watcher.start()
signal.signal(signal.SIGALRM, look)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
for n in range(40):
    events(25, 25 * n, pad="x" * 12_000)
result = ao.flush(50)
signal.setitimer(signal.ITIMER_REAL, 0)
over.set()
for watcher in watchers: watcher.join()
look()
say(flush=figures(result), seen=seen)
"""


def test_30_percent_of_answers_lost_after_the_commit(lab):
    """All is there once; at no moment more is delivered than receipts cover, and never less again.

    As threads and a signal handler see it, which ask all the time.
    """
    chance, collect, receipts = random.Random(5), collecting(), []

    def forgetful(request):
        if chance.random() < 0.3:
            return lost_by(lost, collect)(request)
        receipts.append((request.at, len(request.events)))
        return collect(request)

    with Server(forgetful) as server:
        program = lab.run(WATCHED, server.url)
    assert [{"delivered": 1001}] == program.all_said("flush")
    assert list(range(1000)) == numbers(server)
    assert 3 <= len(server.requests) - len(receipts)
    before = 0
    for delivered, when in sorted(program.all_said("seen")[0], key=lambda pair: pair[1]):
        assert delivered <= sum(count for at, count in receipts if at <= when)
        assert before <= delivered
        before = delivered
    with SqliteStore() as store:
        store.put([record for versions in server.records.values() for record in versions])
        assert len(events_of(server)) == store.stats().events
