"""Phoenix and MLflow, as they are on the package index: what they show is the tree of the replay.

`environments.py` makes the environments; a receiver whose environment is not there is skipped.
"""

import json
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

import agentlog as ao
from tests.receivers import servers
from tests.receivers.environments import program_of
from tests.receivers.nodes import Node, nodes_of, value
from tests.receivers.servers import soon
from tests.shipping.faults.lab import Lab
from tests.shipping.otlp.recording import recorded, run

KILLED = """
client = ao.init(max_wait=0.02)
with client.session(), client.action("outer", params={"n": 1}), client.action("inner"):
    events(2)
    flush(60)
    say(returned=True)
    asked()
"""

READS_MLFLOW = """
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
spans = [
    {
        "id": span.span_id, "parent": span.parent_id, "name": span.name, "kind": span.span_type,
        "status": span.status.status_code.value, "message": span.status.description,
        "given": span.inputs, "gave": span.outputs,
        "happened": [event.name for event in span.events],
    }
    for trace in mlflow.search_traces(locations=["0"], return_type="list")
    if trace.info.trace_id == "tr-" + sys.argv[2]
    for span in trace.data.spans
]
print(json.dumps(spans))
"""


class Phoenix:
    """Phoenix, and what it has."""

    headers = "x-project-name=owls"

    def __init__(self, url):
        self.url = url

    def nodes(self, session):
        """Return the nodes of a session."""
        address = f"{self.url}/v1/projects/owls/spans?limit=1000"
        try:
            with urllib.request.urlopen(address) as answer:
                spans = json.load(answer)["data"]
        except urllib.error.HTTPError as error:  # it makes the project when it stores the first
            if error.code != 404:
                raise
            return []
        return [self._node(span) for span in spans if span["context"]["trace_id"] == session]

    def _node(self, span):
        told = span["attributes"]
        return Node(
            id=span["context"]["span_id"],
            parent=span["parent_id"],
            name=span["name"],
            kind=span["span_kind"],
            status=span["status_code"],
            message=span["status_message"],
            given=value(told.get("input.value")),
            gave=value(told.get("output.value")),
            happened=[event["name"] for event in span["events"]],
        )


class Mlflow:
    """MLflow, and what it has, by its own client."""

    headers = "x-mlflow-experiment-id=0"

    def __init__(self, url):
        self.url = url

    def nodes(self, session):
        """Return the nodes of a session."""
        done = subprocess.run(
            [program_of("mlflow"), "-c", READS_MLFLOW, self.url, session],
            env={"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
            capture_output=True,
            check=True,
        )
        return [Node(**span) for span in json.loads(done.stdout)]


@pytest.fixture(scope="module", params=[Phoenix, Mlflow], ids=["phoenix", "mlflow"])
def receiver(request, tmp_path_factory):
    """A receiver that runs."""
    name = request.param.__name__.lower()
    if not program_of(name).exists():
        pytest.skip(f"there is no environment of {name}")
    with getattr(servers, name)(tmp_path_factory.mktemp(name)) as url:
        yield request.param(url)


def shown(receiver, session, count):
    """Return the nodes that a receiver has in the end, by their ids."""
    found = soon(lambda: nodes if len(nodes := receiver.nodes(session)) >= count else None)
    return {node.id: node for node in found or receiver.nodes(session)}


def test_the_tree_is_that_of_the_replay(receiver, tmp_path, monkeypatch):
    """Node for node, also where children came in a request before their parents."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", receiver.headers)
    client = ao.Client(endpoint=f"otlp+{receiver.url}", home=tmp_path, max_wait=1000)
    with client.session():
        with client.action("first"):
            client.record(ao.Event("note", params={"n": 1}))
            before = recorded(client)
            assert 0 == client.flush(60).pending
        run(client)
    records = before + recorded(client)
    result = client.flush(60)
    client.close()
    assert (0, 0) == (result.pending, result.quarantined)
    for one in {record["session_id"] for record in records}:
        expected = nodes_of(record for record in records if record["session_id"] == one)
        assert expected == shown(receiver, one, len(expected))


def test_what_was_killed_is_an_error_that_says_so(receiver, tmp_path):
    """After `agentlog ship`, with what was delivered before."""
    lab = Lab(tmp_path)
    settings = {"key": "", "OTEL_EXPORTER_OTLP_HEADERS": receiver.headers}
    program = lab.start(KILLED, f"otlp+{receiver.url}", **settings)
    assert program.said("returned")
    (segment,) = lab.segments()
    records = [json.loads(line) for line in segment.path.read_bytes().splitlines()]
    program.kill().end(-signal.SIGKILL)
    lab.ship(f"otlp+{receiver.url}", **settings)
    lab.close()
    session = records[0]["session_id"]
    for record in records:
        if "end_timestamp" not in record:
            record |= {"end_timestamp": 0.0, "result": "Indeterminate", "reason": "interrupted"}
    expected = nodes_of(records)
    assert expected == shown(receiver, session, len(expected))
    assert 3 == sum(node.message == "interrupted" for node in expected.values())
