"""The configurations in examples/collector: each does what it is for, with the program it is for.

Where such a program is not installed, its tests are skipped. A proxy runs with its example as it
stands, but for ports, certificates and places of files. What the examples say of agentlog is looked
at everywhere.
"""

import gzip
import json
import re
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode, urljoin

import pytest

from agentlog.shipping.policy import Answer as Told
from agentlog.shipping.policy import Verdict, decide
from tests import warm
from tests.busy import up_to
from tests.cli.commandline import agentlog, environ
from tests.server.collector import PATIENCE, Collector, record, session_id
from tests.server.proxies import NAME, PROXIES, checked, lines_of, needed, running

EXAMPLES = Path(__file__).parents[2] / "examples" / "collector"
MOST_BYTES = 20 << 20


def test_options_in_the_examples_are_there():
    """Whatever they tell agentlog to do, it does."""
    lines = [line for path in EXAMPLES.iterdir() for line in path.read_text().splitlines()]
    told = [line for line in lines if re.search("agentlog (serve|keys)|CMD|root-path", line)]
    options = set(re.findall(r"--[a-z-]+", "\n".join(told))) - {"--rm"}
    known = agentlog("serve", "--help").stdout + agentlog("keys", "--help").stdout
    assert {"--store", "--allow-host", "--host", "--keep", "--no-browser", "--root-path"} == options
    assert set() == {option for option in options if f" {option}" not in known}


def test_caddy_takes_its_example():
    """`caddy adapt` reads it."""
    path = str(EXAMPLES / "Caddyfile")
    status, said = checked("caddy", "adapt", "--adapter", "caddyfile", "--config", path)
    assert 0 == status, said
    assert "127.0.0.1:4380" in said


def test_systemd_takes_its_example(tmp_path):
    """`systemd-analyze verify` finds nothing, here with a program that is there."""
    unit = tmp_path / "agentlog.service"
    unit.write_text(
        lines_of(EXAMPLES / "agentlog.service").replace("/opt/agentlog/bin/agentlog", "/bin/true")
    )
    assert (0, "") == checked("systemd-analyze", "verify", str(unit))


# -- Behind a proxy, over https --------------------------------------------------------------------


@contextmanager
def behind(name, collector, directory, *, changed=("", "")):
    """Run the proxy of an example before a collector, for a block."""
    example = lines_of(EXAMPLES / name)
    for old, new in (changed, ("127.0.0.1:4380", f"127.0.0.1:{collector.port}")):
        assert re.search(old, example)
        example = re.sub(old, new, example) if old else example
    with running(PROXIES[name], example, directory) as site:
        yield site


@pytest.fixture(params=PROXIES)
def name(request):
    """Each proxy that there is an example for."""
    needed(PROXIES[request.param].program)
    return request.param


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A collector behind a proxy at the root of a site."""
    with opened(tmp_path_factory.mktemp("shared")) as collector:
        yield collector


@pytest.fixture(scope="module")
def below(tmp_path_factory):
    """A collector behind a proxy below a path of a site."""
    with opened(tmp_path_factory.mktemp("below"), "--root-path", "/agentlog") as collector:
        yield collector


@contextmanager
def opened(directory, *options):
    """Run a collector as the examples say; the key is in `key_of_anna`."""
    quiet = Collector(directory, "--allow-host", NAME, *options)
    quiet.key_of_anna = quiet.key("anna")
    with quiet as collector:
        yield collector


PROGRAM = f"""\
import os
import socket
import sys

found = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: found(
    "127.0.0.1" if host == "{NAME}" else host, *more, **named
)

import agentlog as ao

client = ao.init()
with client.session(tags=sys.argv[1:2]), ao.action("answer"):
    ao.record(ao.Event("looked_up", result="Success"))
print(client.flush(float(sys.argv[2])).delivered, flush=True)
os._exit(0)  # which waits for nobody
"""


def ran(site, endpoint, key, directory, tag, *, patience=10):
    """Run a real program that ships through a proxy; return what it prints."""
    done = warm.run(
        [sys.executable, "-c", PROGRAM, tag, str(patience)],
        env=environ(
            AGENTLOG_HOME=str(directory / "agent"),
            AGENTLOG_ENDPOINT=endpoint,
            AGENTLOG_API_KEY=key,
            REQUESTS_CA_BUNDLE=str(site.certificate),
            NO_PROXY="*",
        ),
        text=True,
        timeout=PATIENCE,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def used(site, root, key, directory):
    """Ship to a site with a key, read with it, and open the page by it, as people do."""
    tag = directory.name
    assert "5\n" == ran(site, f"{site.origin}{root}", key, directory, tag)
    sessions = f"{root}/v1/sessions?tag={tag}"
    (found,) = site.ask("GET", sessions, key=key).json["sessions"]
    assert 3 == found["events"]
    assert 401 == site.ask("GET", sessions).status

    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": site.origin}
    welcome = site.ask("POST", f"{root}/", urlencode({"key": key}), **form)
    assert (303, f"{root}/") == (welcome.status, welcome.headers["Location"])
    cookie, *attributes = welcome.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "Secure", f"Path={root}/"} <= set(attributes)
    assert [found] == site.ask("GET", sessions, Cookie=cookie).json["sessions"]
    for path in ("/", f"/sessions/{found['id']}"):
        page = site.ask("GET", f"{root}{path}", Cookie=cookie)
        files = re.findall(r'(?:src|href)="((?:\.\./)?page/[^"]+)"', page.text)
        addresses = {urljoin(f"{root}{path}", file) for file in files}
        assert {200} == {page.status, *(site.ask("GET", one).status for one in addresses)}
    assert 2 == len(site.ask("GET", f"{root}/v1{path}", Cookie=cookie).json["events"])


def test_a_collector_behind_a_proxy_is_used(name, shared, tmp_path):
    """A program ships with a key; who has it reads by it, and the form makes it a cookie."""
    with behind(name, shared, tmp_path / "proxy") as site:
        used(site, "", shared.key_of_anna, tmp_path)


@pytest.mark.parametrize("how", ["kept", "stripped"])
def test_a_collector_below_a_path_is_used(name, how, below, tmp_path):
    """Whether the proxy takes the path off or leaves it."""
    changed = getattr(PROXIES[name], how)
    with behind(name, below, tmp_path / "proxy", changed=changed) as site:
        used(site, "/agentlog", below.key_of_anna, tmp_path)


def test_a_large_body_passes(name, shared, tmp_path):
    """Whatever the collector takes; one byte more is a 413, which makes the client halve it."""
    key = shared.key_of_anna
    largest = b'{"events":[]}'.ljust(MOST_BYTES)
    with behind(name, shared, tmp_path / "proxy") as site:
        assert 200 == site.post(largest, key).status
        assert 413 == site.post(largest + b" ", key).status


def test_what_changes_is_told_through_it(name, shared, tmp_path):
    """As soon as it has: no proxy keeps a stream until there is more of it."""
    key, session = shared.key_of_anna, 3 + [*PROXIES].index(name)
    with (
        behind(name, shared, tmp_path / "proxy") as site,
        closing(site.connection()) as connection,
    ):
        asked = {"Authorization": f"Bearer {key}", "Accept-Encoding": "gzip"}
        connection.request("GET", f"/v1/live?session={session_id(session)}", headers=asked)
        stream = connection.getresponse()
        assert b"retry: 1000\n" == stream.readline()
        began = time.monotonic()
        assert 200 == site.post(json.dumps({"events": [record(session=session)]}), key).status
        assert b"event: rows\n" in iter(stream.readline, b"")
        assert time.monotonic() - began < up_to(1)


def test_a_busy_collector_is_told_of(name, shared, tmp_path):
    """A 429 with `Retry-After` comes through; the others are stored."""
    large = [record(number, session=2, returns="a" * (1 << 20)) for number in range(1, 20)]
    body = gzip.compress(json.dumps({"events": large}).encode(), 1)
    key = shared.key_of_anna
    with behind(name, shared, tmp_path / "proxy") as site, ThreadPoolExecutor(4) as threads:
        with closing(sqlite3.connect(shared.store, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            asked = [
                threads.submit(site.post, body, key, Content_Encoding="gzip") for _ in range(4)
            ]
            first = next(as_completed(asked)).result()
        assert (429, "1") == (first.status, first.headers["Retry-After"])
        assert [200, 200, 200, 429] == sorted(each.result().status for each in asked)
        assert 200 == site.ask("GET", f"/v1/sessions/{session_id(2)}", key=key).status


def test_a_collector_that_cannot_store_or_is_not_there_is_waited_for(name, tmp_path):
    """Its 503 comes through with `Retry-After`; a proxy without it says 502: both are tried again.

    What was shipped to nobody is shipped once it is back.
    """
    with opened(tmp_path) as collector:
        key, port = collector.key_of_anna, collector.port
        with behind(name, collector, tmp_path / "proxy") as site:
            body = json.dumps({"events": [record()]})
            collector.store.rename(tmp_path / "away")
            trouble = site.post(body, key)
            (tmp_path / "away").rename(collector.store)
            collector.stop()
            nobody = site.post(body, key)
            printed = ran(site, site.origin, key, tmp_path, "waits", patience=0.1)
            with Collector(tmp_path, "--allow-host", NAME, "--port", str(port)):
                arrived = ran(site, site.origin, key, tmp_path, "comes")
                tagged = [
                    site.ask("GET", f"/v1/sessions?tag={tag}", key=key).json["sessions"]
                    for tag in ("waits", "comes")
                ]
    assert (503, "5") == (trouble.status, trouble.headers["Retry-After"])
    assert 502 == nobody.status
    assert {Verdict.RETRY} == {decide(Told(status), [b"{}"]).verdict for status in (502, 503)}
    assert ("0\n", "5\n") == (printed, arrived)
    assert [1, 1] == list(map(len, tagged))
