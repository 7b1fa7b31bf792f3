"""`/openapi.json`: what it says is what is answered."""

import itertools
import subprocess
import sys

import pytest

from agentlog.server import openapi
from agentlog.server.settings import ServeConfig
from agentlog.store import where
from tests.server.collector import Collector, record


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A collector with something in it, that asks for a key."""
    collector = Collector(tmp_path_factory.mktemp("known"), "--allow-host", "logs.example.com")
    key = collector.key("anna")
    with collector:
        collector.post([record(number) for number in range(1, 20)], key)
        collector.token = key
        yield collector


def test_it_describes_the_routes_that_there_are(known):
    """Each has a summary, and every answer that it names has a description."""
    document = known.get("/openapi.json").json
    operations = [
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert 20 == len(operations)
    assert all(operation["summary"] for operation in operations)
    answers = itertools.chain.from_iterable(one["responses"].values() for one in operations)
    assert all(answer["description"] for answer in answers)


def test_it_names_its_cookie(known):
    """Which is another one on each port."""
    schemes = known.get("/openapi.json").json["components"]["securitySchemes"]
    assert "agentlog" == schemes["cookie"]["name"]


def test_what_is_not_in_it_is_no_route_for_programs(known):
    """Each path that it names has these methods alone."""
    paths = known.get("/openapi.json").json["paths"]
    for path, operations in paths.items():
        for method in {"GET", "POST", "PUT", "DELETE"} - {one.upper() for one in operations}:
            assert 405 == known.ask(method, path.replace("{", "").replace("}", "")).status


def test_an_open_collector_says_that_it_is(tmp_path):
    """Who need not show a key is not told to."""
    document = openapi.document(
        ServeConfig(store=where.find(str(tmp_path / "store.db")), root_path="/x")
    )
    assert [] == document["security"]
    assert [] == document["paths"]["/v1/events"]["post"]["security"]
    assert [{"url": "/x"}] == document["servers"]


@pytest.mark.soak
def test_schemathesis_finds_nothing(known):
    """Whatever is sent, right or wrong, is answered as the description says."""
    pytest.importorskip("schemathesis")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{known.base}/openapi.json"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "25", "--seed", "1"),
            *("--generation-database", "none", "--header", f"Authorization: Bearer {known.token}"),
            *("--exclude-path", "/v1/live"),  # which does not end
        ],
        cwd=known.store.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
