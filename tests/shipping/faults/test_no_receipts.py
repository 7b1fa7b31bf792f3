"""Answers that are no receipt, and refusals of the client: nothing is delivered or lost by them."""

from tests.shipping.faults.lab import by_path, numbers
from tests.shipping.server import Server, answering, collecting

ALL = """
found = clients(*sys.argv[1:])
for n in range(40):
    for client in found.values():
        events(25, 25 * n, client=client)
    time.sleep(0.1)
say(held={name: figures(client.stats()) for name, client in found.items()})
asked()
say(then=at_once(lambda name: figures(found[name].flush(20)), found))
"""
REFUSALS = {f"status_{status}": answering(status, b"no") for status in (401, 403, 404)}
NO_RECEIPTS = {
    "html": answering(200, b"<html>Welcome to the hotel</html>", content_type="text/html"),
    "object": answering(200, b"{}"),
    "array": answering(200, b"[]"),
    "null": answering(200, b"null"),
    "empty": answering(200),
    "none_accepted": answering(200, b'{"accepted": 0}'),
    "some_accepted": answering(200, b'{"accepted": 1, "refused": []}'),
    "status_202": answering(202),
    "status_204": answering(204),
}


def test_held_until_the_right_answer_comes(lab):
    """2xx without a receipt, 301 to 308, 401, 403, 404: at most 4 requests in 4 s, and one warning.

    No redirect is followed. When the right answer comes, everything is delivered.
    """
    with Server(collecting()) as elsewhere, Server() as server:
        moved = {
            f"status_{status}": answering(status, location=f"{elsewhere.url}/v1/events")
            for status in range(301, 309)
        }
        cases = {**NO_RECEIPTS, **moved, **REFUSALS}
        behaviours = {name: [behave] for name, behave in cases.items()}
        server.behaviours = [by_path(**behaviours)]
        program = lab.start(ALL, server.url, *cases)
        assert {name: {"pending": 1001} for name in cases} == program.said("held")
        asked = [request.path.split("/")[1] for request in server.requests]
        server.behaviours = [collecting()]
        program.tell().end(stderr=None)
    assert [{name: {"delivered": 1001} for name in cases}] == program.all_said("then")
    assert sorted(len(cases) * list(range(1000))) == numbers(server)
    assert set(cases) == set(asked)
    assert 4 >= max(asked.count(name) for name in cases)
    warned = [line.split(": ")[1].rpartition("/")[2] for line in program.stderr.splitlines()]
    assert sorted(cases) == sorted(warned)
    assert [] == elsewhere.requests
