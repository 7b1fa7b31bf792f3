"""What a user is granted by docs/scale.md is enough."""

import re
from pathlib import Path

import pytest

from agentlog.diagnosis.finding import is_wrong
from agentlog.diagnosis.store import examine
from agentlog.errors import AgentlogError
from agentlog.store.engine import Key
from tests.store.clickhouse.server import Server
from tests.store.contract.records import SESSION, collect, opened

DOCUMENT = (Path(__file__).parents[3] / "docs" / "scale.md").read_text("utf-8")
ALONE, *OF_A_CLUSTER = re.findall(r"`(GRANT [^`]+) TO agentlog`", DOCUMENT)


@pytest.fixture
def granted(tmp_path):
    """Start servers on which somebody may do so much."""
    servers = []

    def start(*grants, options=(), again=False):
        if again:  # over what is there
            servers.pop().kill()
        grants = [option for grant in grants for option in ("--grant", grant)]
        servers.append(Server(tmp_path / str(len(servers)), *options, *grants))
        return servers[-1].where("agentlog")

    yield start
    for server in servers:
        server.kill()


def use(place):
    """Do with a store whatever is done with one."""
    place.keys().add(Key("anna", "00", 1.0))
    collect(place, ("", opened("a", params="needle")), arrived=1.0)
    with place.open() as store:
        assert ["a"] == [event["id"] for event in store.search("needle")]
        assert 0 < store.stats().size
        assert 1 == store.prune(2.0)
        assert [] == store.session(SESSION) == store.sessions()
    place.keys().revoke("anna")


def test_one_server(granted):
    """One database of his own is all that he needs, and needs to have."""
    place = granted(ALONE)
    use(place)
    with pytest.raises(AgentlogError, match="GRANT the user what"):
        use(granted("GRANT SELECT ON agentlog.*"))


def test_who_may_only_read_is_told_so_by_the_doctor(granted):
    """What is there is shown, and why nothing could be stored; nothing is made for that."""
    granted(ALONE).sink().close()
    assert not is_wrong(examine(granted(ALONE, again=True)))
    _, store, writing, _ = examine(granted("GRANT SELECT ON agentlog.*", again=True))
    assert "no sessions" in store.text
    assert "could not write" in writing.text
    assert "GRANT the user what" in writing.text
    assert is_wrong([writing])


def test_a_cluster(granted):
    """Each of the grants beside is wanted; that for CLUSTER is none of what is tried here."""
    options = ("--cluster", "agentlog")
    use(granted(ALONE, *OF_A_CLUSTER, options=options).on_cluster("agentlog"))
    for lacking in OF_A_CLUSTER:
        others = [grant for grant in OF_A_CLUSTER if grant != lacking]
        with pytest.raises(AgentlogError, match="GRANT the user what"):
            use(granted(ALONE, *others, options=options).on_cluster("agentlog"))
