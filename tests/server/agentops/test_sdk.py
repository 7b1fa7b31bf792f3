"""The real AgentOps SDK, in environments of its own, at a real collector.

`environments.py` makes the environments; a version whose environment is not there is skipped.
"""

import pytest

from agentlog.demo import fake_openai
from tests.server.agentops.asking import found
from tests.server.agentops.environments import FIRST, LATER, SPANS, python_of
from tests.server.agentops.expected import first, later, spans
from tests.server.agentops.recording import run
from tests.server.collector import Collector


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A collector that asks for a key."""
    collector = Collector(tmp_path_factory.mktemp("closed"), "--allow-host", "agents.test")
    collector.secret = collector.key("weather")
    with collector:
        yield collector


def sessions(collector):
    """The ids of all sessions."""
    answer = collector.get("/v1/sessions?limit=1000", collector.secret)
    return {one["id"] for one in answer.json["sessions"]}


def ran(version, collector):
    """Run the program with a version of the SDK; return the session that it was."""
    if not python_of(version).exists():
        pytest.skip(f"there is no environment of agentops {version}")
    before = sessions(collector)
    run(python_of(version), collector.base, collector.secret)
    (session,) = sessions(collector) - before
    return found(collector, session, collector.secret)


@pytest.mark.parametrize("version", FIRST)
def test_a_program_of_the_first_versions_only_changes_its_endpoint(version, closed):
    """All that it recorded is there, in the project of its key."""
    first(version, *ran(version, closed))


@pytest.mark.parametrize("version", LATER)
def test_a_program_of_later_versions_only_changes_its_endpoint(version, closed):
    """All that it recorded is there, in the project of its key."""
    later(version, *ran(version, closed))


@pytest.mark.parametrize("version", SPANS)
def test_a_program_of_the_versions_that_send_spans_only_changes_its_endpoints(
    version, closed, monkeypatch
):
    """Its sessions, agents, tools and calls of models are there, and its log as one event."""
    with fake_openai.serving() as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        spans(version, *ran(version, closed))
