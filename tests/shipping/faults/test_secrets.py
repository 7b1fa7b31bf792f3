"""The key is nowhere but in the header that carries it; two keys never share a journal."""

from pathlib import Path

from tests.shipping.faults.lab import BUSY, KEY, by_path, events_of, numbers
from tests.shipping.server import Server, answering, collecting

EVERYWHERE = """
import gc, logging, pprint, traceback
logging.basicConfig(level=logging.DEBUG)
client = ao.init(api_key=asked(), max_wait=0.02)
try:
    with ao.action("action", params={"settings": client.settings, "client": client}):
        events(20)
        raise ValueError(repr(client))
except ValueError:
    traceback.print_exc()
result = ao.flush(1.2)
for value in (client, client.settings, result, ao.stats(), [client], threading.enumerate()):
    print(repr(value), str(value), ascii(value), pprint.pformat(value))
ao.doctor()
say(ready=True)
asked()
"""
ECHO = b'{"error": "bad key: Bearer %s"}' % KEY.encode()


def test_the_key_is_nowhere(lab):
    """In no file, log, repr, traceback, process list or body, also if the server says it back."""
    later = {
        "well": collecting(),
        "refused": answering(401, ECHO),
        "poison": answering(400, ECHO),
        "busy": answering(503, ECHO),
    }
    behave = by_path(**{name: [answering(503, ECHO), last] for name, last in later.items()})
    with Server(behave) as server:
        urls = [f"{server.url}/{name}" for name in later]
        programs = [lab.start(EVERYWHERE, url, key="").tell(KEY) for url in urls]
        assert all(program.said("ready") for program in programs)
        shown = [Path(f"/proc/{program.pid}/cmdline").read_text("utf-8") for program in programs]
        programs = [program.tell().end(stderr=None) for program in programs]
        programs += [lab.command(url, "doctor").end(None, stderr=None) for url in urls]
    assert {f"Bearer {KEY}"} == {request.headers["authorization"] for request in server.requests}
    assert len(server.requests) >= 8
    shown += [program.text + program.stderr for program in programs]
    assert [] == [text for text in shown if KEY in text]
    assert [] == [path for path in lab.files() if KEY.encode() in path.read_bytes()]
    assert not any(KEY.encode() in request.body for request in server.requests)


def test_the_key_is_not_in_what_the_command_says(lab):
    """Nor does `agentlog ship` say it, which gives the server's reason for what is left."""
    with Server(BUSY, answering(403, ECHO)) as server:
        lab.run("ao.init(max_wait=0.02); events(3)", server.url)
        follow = lab.command(server.url, "ship", "--follow")
        assert server.sees(lambda: len(server.requests) >= 3)
        follow.kill(2).end(None, stderr=None)
    assert "403" in follow.stderr
    assert KEY not in follow.text + follow.stderr
    assert [] == [path for path in lab.files() if KEY.encode() in path.read_bytes()]


TWO_KEYS = """
one, two = (ao.Client(api_key=key, max_wait=0.02) for key in ("key-one-1111", "key-two-2222"))
for n in range(100):
    for client, name in ((one, "key-one-1111"), (two, "key-two-2222")):
        events(1, 10 + n, client=client, name=name)
say(found=[figures(one.flush(20)), figures(two.flush(20))])
"""


def test_two_keys_never_share_a_journal(lab):
    """What was recorded under a key is sent with that key: at once, later, and by `ship`."""
    keys = ["key-one-1111", "key-two-2222", ""]
    left = "ao.init(max_wait=0.02); events(10, name=sys.argv[1])"
    with Server(BUSY) as server:
        for key in keys:
            lab.run(left, server.url, key or "none", key=key)
        assert 3 == len({segment.path.parent for segment in lab.segments()})
        server.behaviours = [collecting()]
        program = lab.run(TWO_KEYS, server.url, key="")
        assert [[{"delivered": 101}] * 2] == program.all_said("found")
        lab.command(server.url, "ship", key="").end(stderr=None)
    for request in server.requests:
        name = request.headers.get("authorization", "Bearer none").removeprefix("Bearer ")
        found = {event.get("event_type") for event in request.events if "params" in event}
        assert {name} >= found
    assert 10 + 110 + 110 == len([event for event in events_of(server) if "params" in event])
    assert 0 < len(numbers(server, "none"))
