"""Who may write and read: the token, keys, the cookie, and what is a project of its own."""

import http.cookies
import json
import re
import stat
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from agentlog.errors import ConfigurationError
from agentlog.server.app import create_app
from agentlog.server.hub import Hub
from agentlog.server.settings import ServeConfig, checked_root_path
from agentlog.store import where
from agentlog.store.engine import Marks
from tests.server.collector import Collector, event_id, record, session_id

READING = [
    "/v1/sessions",
    f"/v1/sessions/{session_id()}",
    f"/v1/events/{session_id()}/{event_id()}",
    "/v1/search?q=step",
]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def cookie_of(answer):
    """Return the one cookie that an answer sets."""
    (text,) = answer.headers.get_all("Set-Cookie")
    ((_, morsel),) = http.cookies.SimpleCookie(text).items()
    return morsel


def as_visitor(answer):
    """Return the header that a browser sends afterwards."""
    morsel = cookie_of(answer)
    return {"Cookie": f"{morsel.key}={morsel.value}"}


# -- On loopback -----------------------------------------------------------------------------------


def test_on_loopback_writing_is_open(collector):
    """Without a key, or with any."""
    for key in (None, "whatever", "a b", "\xff"):
        assert {"accepted": 1, "refused": []} == collector.post([record()], key).json


def test_on_loopback_reading_asks_for_the_token(collector):
    """It is not guessed, left out, or sent in part; the answer says how it is sent."""
    collector.post([record(), record(2)])
    for path in READING:
        assert 200 == collector.get(path).status
        for wrong in ("", "wrong", collector.token[:-1], collector.token + "a"):
            answer = collector.get(path, wrong)
            assert 401 == answer.status
            assert "Bearer" == answer.headers["WWW-Authenticate"]
            assert collector.token not in answer.text


def test_the_scheme_is_bearer_in_any_case(collector):
    """What else is in Authorization is nothing that is known here."""
    sent = [f"bearer {collector.token}", f"BEARER  {collector.token} ", f"Basic {collector.token}"]
    answers = [collector.ask("GET", "/v1/sessions", headers={"Authorization": x}) for x in sent]
    assert [200, 200, 401] == [answer.status for answer in answers]


def test_the_printed_address_opens_the_page(collector):
    """It sets a cookie, leads to the page without the token, and the cookie reads from then on."""
    opened = collector.ask("GET", collector.url.removeprefix(collector.base))
    assert (303, "/") == (opened.status, opened.headers["Location"])
    morsel = cookie_of(opened)
    assert (f"agentlog_{collector.port}", True, "lax", "/", "") == (
        morsel.key,
        morsel["httponly"],
        morsel["samesite"],
        morsel["path"],
        morsel["secure"],
    )
    for path in ("/", *READING):
        assert collector.ask("GET", path, headers=as_visitor(opened)).status in (200, 404)
    assert 200 == collector.ask("GET", "/", headers=as_visitor(opened)).status


def test_a_wrong_address_opens_nothing(collector):
    """It gets the form, and no cookie."""
    for path in ("/", "/?token=wrong", "/?token="):
        answer = collector.ask("GET", path)
        assert 401 == answer.status
        assert "<form" in answer.text
        assert answer.headers["Set-Cookie"] is None


def test_the_token_stays_and_is_ours_alone(tmp_path):
    """The home has it, 0600, for every collector and from start to start."""
    with Collector(tmp_path) as first:
        path = first.home / "token"
        assert first.token == path.read_text().strip()
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
        path.chmod(0o644)
        with Collector(tmp_path, store="other.db") as second:
            assert first.token == second.token
            assert 0o600 == stat.S_IMODE(path.stat().st_mode)
            assert first.port != second.port


def test_without_a_token_everybody_here_reads(tmp_path):
    """`--no-token` asks for nothing, prints none and makes none."""
    with Collector(tmp_path, "--no-token") as collector:
        assert f"{collector.base}/" == collector.url
        assert 200 == collector.get("/v1/sessions", "").status
        assert 200 == collector.get("/", "").status
        assert not (collector.home / "token").exists()


# -- With keys -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A collector behind a proxy's name, with a key each for Anna and Bert."""
    collector = Collector(tmp_path_factory.mktemp("shared"), "--allow-host", "logs.example.com")
    collector.anna, collector.bert = collector.key("anna"), collector.key("bert")
    with collector:
        yield collector


def test_beyond_loopback_everything_asks_for_a_key(shared):
    """Writing, reading, the page and the figures; not whether it lives, nor what the API is."""
    shared.post([record(), record(2)], shared.anna)
    for path in (*READING, "/", "/metrics"):
        assert [200, 401, 401] == [
            shared.get(path, key).status for key in (shared.anna, "", "wrong")
        ]
    assert [401, 401] == [shared.post([record()], key).status for key in (None, "wrong")]
    assert [200, 200] == [shared.get(path, "").status for path in ("/healthz", "/openapi.json")]


def test_no_token_opens_what_asks_for_keys(shared):
    """The address has none, and that of the home is not known here."""
    assert shared.token is None
    assert f"{shared.base}/" == shared.url
    assert not (shared.home / "token").exists()


def test_a_key_is_a_project(shared):
    """The same ids in two projects never meet: in no answer, list or search."""
    shared.post([record(session=5, event_type="hers"), record(2, session=5)], shared.anna)
    shared.post([record(session=5, event_type="his"), record(3, session=5)], shared.bert)
    for key, name, other, step in (
        (shared.anna, "hers", "his", 2),
        (shared.bert, "his", "hers", 3),
    ):
        session = shared.get(f"/v1/sessions/{session_id(5)}", key).json
        assert name == session["session"]["event_type"]
        assert [event_id(step)] == [event["id"] for event in session["events"]]
        listed = shared.get("/v1/sessions", key).json["sessions"]
        assert name in [summary["event_type"] for summary in listed]
        assert other not in [summary["event_type"] for summary in listed]
        assert 404 == shared.get(f"/v1/events/{session_id(5)}/{event_id(5 - step)}", key).status
        assert other not in shared.get(f"/v1/search?q={other}", key).text


def test_the_sdk_s_header_is_a_key_too(shared):
    """AgentOps' SDK sends its key in a header of its own."""
    ask = {"X-Agentops-Auth": shared.anna}
    assert 200 == shared.ask("GET", "/v1/sessions", headers=ask).status


def test_the_form_takes_a_key(shared):
    """The key becomes the cookie; over https the browser keeps it for https."""
    form = urlencode({"key": f" {shared.anna} "})
    for origin, is_secure in (("http://logs.example.com", ""), ("https://logs.example.com", True)):
        headers = {**FORM, "Host": "logs.example.com", "Origin": origin}
        answer = shared.ask("POST", "/", form, headers)
        assert (303, "/", is_secure) == (
            answer.status,
            answer.headers["Location"],
            cookie_of(answer)["secure"],
        )
        assert 200 == shared.ask("GET", "/v1/sessions", headers=as_visitor(answer)).status


@pytest.mark.parametrize(
    "body", ["key=wrong", "", "key=", "a" * 4096, "key=%ff%00", "%%%", "key=a&" * 600]
)
def test_the_form_takes_no_other(body, shared):
    """What is no key gets the form again, which says so."""
    answer = shared.ask("POST", "/", body, FORM)
    assert (401, None) == (answer.status, answer.headers["Set-Cookie"])
    assert "is not known" in answer.text


def test_a_cookie_does_not_write(shared):
    """A page writes nothing by what its visitor's browser sends along."""
    cookie = {"Cookie": f"agentlog={shared.anna}"}
    body = json.dumps({"events": [record(session=6)]})
    sent = {"Content-Type": "application/json", **cookie}
    assert 401 == shared.ask("POST", "/v1/events", body, sent).status
    assert 200 == shared.ask("GET", "/v1/sessions", headers=cookie).status


def test_keys_come_and_go_while_it_runs(shared):
    """What `agentlog keys` does counts from the next request on."""
    carl = shared.key("carl")
    assert 200 == shared.post([record(session=7)], carl).status
    shared.command("keys", "revoke", "carl")
    assert [401, 401] == [shared.post([], carl).status, shared.get("/v1/sessions", carl).status]
    again = shared.key("carl")
    assert carl != again
    assert [session_id(7)] == [
        summary["id"] for summary in shared.get("/v1/sessions", again).json["sessions"]
    ]


def test_no_address_opens_a_stranger_s_project(shared):
    """A key opens the page by the form alone: a link could carry anybody's."""
    answer = shared.ask("GET", f"/?token={shared.anna}")
    assert (401, None) == (answer.status, answer.headers["Set-Cookie"])


def test_a_key_is_in_no_log_and_no_answer(shared):
    """Neither what is known nor what was tried."""
    tried = "0193f2c1-a2b3-4242-9f8e-7d6c00000000"
    for key in (shared.anna, tried):
        shared.post([record()], key)
        shared.get("/v1/sessions", key)
        shared.ask("GET", f"/?token={key}")
        shared.ask("GET", f"/nowhere/{key}")
    shared.logged("batch")
    assert shared.anna not in shared.log()
    assert tried not in shared.log()


def test_a_broken_file_of_keys_lets_nobody_in(tmp_path):
    """And a whole one again does."""
    collector = Collector(tmp_path, "--allow-host", "logs.example.com")
    anna = collector.key("anna")
    path = collector.store.with_name("store.db.keys")
    with collector:
        whole = path.read_bytes()
        for damage in (b"", b"{", b'{"keys": [1]}', b"\xff"):
            path.write_bytes(damage)
            assert 401 == collector.get("/v1/sessions", anna).status
        path.write_bytes(whole)
        assert 200 == collector.get("/v1/sessions", anna).status
        path.unlink()
        assert 401 == collector.get("/v1/sessions", anna).status


def test_a_known_key_counts_on_loopback_too(tmp_path):
    """Its project is written and read; what is no key is as none."""
    collector = Collector(tmp_path)
    anna = collector.key("anna")
    with collector:
        collector.post([record(session=1)], anna)
        collector.post([record(session=2)], "unknown")
        listed = [collector.get("/v1/sessions", key).json["sessions"] for key in (anna, None)]
        assert [[session_id(1)], [session_id(2)]] == [
            [one["id"] for one in page] for page in listed
        ]


def test_every_route_is_asked_or_named_here(tmp_path):
    """A route that is added is closed, or stands in this list of what is open."""
    pages = {"/", "/sessions/{session_id}", "/compare/{one}/{other}", "/page/{name}"}
    is_open = {*pages, "/healthz", "/openapi.json"}
    config = ServeConfig(store=where.find(str(tmp_path / "store.db")), host="0.0.0.0")
    routes = create_app(config, writer=None, readers=None, hub=Hub(Marks("e"))).routes
    asked = {
        route.path
        for route in routes
        if getattr(route.endpoint, "__qualname__", "").startswith("Gate.")
    }
    lineage = {route.path for route in routes if (route.name or "").startswith("agentops")}
    assert is_open == {route.path for route in routes} - asked - lineage


def test_a_cookie_is_for_all_collectors_behind_a_name(tmp_path):
    """Each of them has a port of its own there; on this machine each store has."""
    store = where.find(str(tmp_path / "store.db"))
    ports = 4380, 4381
    configs = [ServeConfig(store=store, port=port, host="0.0.0.0") for port in ports]
    assert ["agentlog_4380", "agentlog_4381"] == [config.cookie for config in configs]
    behind = [replace(config, allow_hosts=frozenset({"logs.example.com"})) for config in configs]
    assert ["agentlog", "agentlog"] == [config.cookie for config in behind]


def test_a_root_path_is_no_path_of_a_route(tmp_path):
    """None that is accepted could be taken off a path that a route has."""
    config = ServeConfig(store=where.find(str(tmp_path / "store.db")))
    paths = {
        route.path
        for route in create_app(config, writer=None, readers=None, hub=Hub(Marks("e"))).routes
    }
    for path in paths - {"/"}:
        parts = re.sub(r"{\w+}", "a", path).split("/")
        for count in range(2, len(parts) + 1):
            with pytest.raises(ConfigurationError, match="such a path itself"):
                checked_root_path("/".join(parts[:count]))
