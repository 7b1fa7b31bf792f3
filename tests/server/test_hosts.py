"""Which requests a collector answers: by Host, Origin, what a browser says, and what is no HTTP."""

import pytest

from agentlog.server.hosts import Hosts
from agentlog.shipping.policy import Answer, Verdict, decide
from tests.server.collector import Collector, record

REACHED = [
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/v1/sessions"),
    ("POST", "/v1/events"),
    ("POST", "/"),
    ("POST", "/sessions"),
    ("OPTIONS", "/v1/events"),
    ("DELETE", "/nowhere"),
    ("PUT", "/../../etc/passwd"),
]
EVIL = "http://evil.example"


def ask(collector, method, path, **headers):
    """Ask with these headers, and with whatever opens every door."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"Authorization": f"Bearer {collector.token}", "Content-Type": "application/json"}
    return collector.ask(method, path, b"", {**given, **named})


def test_a_stranger_s_name_is_refused_everywhere(collector):
    """A page whose name was made to point here reaches no method and no path."""
    host = f"evil.example:{collector.port}"
    answers = [ask(collector, method, path, Host=host) for method, path in REACHED]
    assert {421} == {answer.status for answer in answers}
    assert all("evil.example" in answer.json["detail"] for answer in answers)


def test_a_stranger_s_page_is_refused_everywhere(collector):
    """Neither a form nor a script of another origin reaches any method or path."""
    for headers in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        answers = [ask(collector, method, path, **headers) for method, path in REACHED]
        assert {403} == {answer.status for answer in answers}


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[fe80::1%25eth0]", "a.localhost", "10.1.2.3"],
)
def test_names_of_this_machine_and_addresses_are_answered(name, collector):
    """They cannot be pointed elsewhere."""
    assert 200 == ask(collector, "GET", "/healthz", Host=f"{name}:{collector.port}").status


def test_a_target_that_names_the_collector_is_a_path_of_it(collector):
    """Its host counts, and not the one of the header; so a stranger's name is refused in it too."""
    asked = b"GET http://%b/healthz HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
    assert collector.raw(asked % (b"localhost", b"evil.example")).startswith(b"HTTP/1.1 200")
    assert collector.raw(asked % (b"evil.example", b"localhost")).startswith(b"HTTP/1.1 421")


def test_nothing_is_said_to_other_origins(collector):
    """No answer has a header that lets a browser give it to another page."""
    for method, path in REACHED:
        headers = ask(collector, method, path, Origin=f"http://localhost:{collector.port}").headers
        assert [] == [name for name in headers if name.lower().startswith("access-control")]


def test_its_own_page_is_answered(collector):
    """An Origin that is the Host of the request is the collector itself."""
    own = f"http://127.0.0.1:{collector.port}"
    assert 200 == ask(collector, "GET", "/v1/sessions", Origin=own).status


def test_a_link_from_elsewhere_opens_the_page(collector):
    """A browser that follows a link says so; one that embeds an image or a script says that."""
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    image = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    assert 200 == ask(collector, "GET", "/", **link).status
    assert 403 == ask(collector, "GET", "/", **image).status
    assert 403 == ask(collector, "POST", "/v1/events", **link).status


def test_a_form_cannot_write(collector):
    """What a form can send without being asked first, which is no JSON, is no batch."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert 415 == collector.post([record()], Content_Type=kind).status
    assert 415 == collector.ask("POST", "/v1/events", b'{"events": []}').status


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "Via"])
def test_an_open_collector_is_not_for_proxies(header, collector):
    """A loopback port behind a proxy is not loopback: whoever comes through one is refused."""
    answer = collector.ask("GET", "/healthz", headers={header: "1.1 evil"})
    assert 421 == answer.status
    assert "--allow-host" in answer.json["detail"]


def test_names_that_were_allowed_are_answered(tmp_path):
    """Of a proxy's name the case and the port do not matter, and its https origin is ours."""
    quiet = Collector(tmp_path, "--allow-host", "Logs.Example.com")
    quiet.key("anna")
    with quiet as collector:
        for headers in (
            {"Host": "logs.example.com"},
            {"Host": "LOGS.example.com:8443"},
            {"Host": "logs.example.com", "Origin": "https://logs.example.com"},
            {"Host": "logs.example.com", "Origin": "https://logs.example.com:8443"},
            {"Host": "logs.example.com", "X-Forwarded-For": "10.1.2.3"},
        ):
            assert 200 == collector.ask("GET", "/healthz", headers=headers).status
        for headers in (
            {"Host": "logs.example.com.evil.example"},
            {"Host": "example.com"},
            {"Host": "logs.example.com", "Origin": "https://evil.example"},
            {"Host": "evil.example", "Origin": "https://evil.example"},
        ):
            assert collector.ask("GET", "/healthz", headers=headers).status in (403, 421)


CHUNKED = (
    b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
SMUGGLED = {
    "two lengths": "Content-Length: 4\r\nContent-Length: 5\r\n",
    "a length and chunks": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "chunks in two words": "Transfer-Encoding: gzip, chunked\r\n",
    "chunks twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "a coding that is none": "Transfer-Encoding: xchunked\r\n",
    "a space before the colon": "Content-Length : 4\r\n",
    "a signed length": "Content-Length: +4\r\n",
    "a list of lengths": "Content-Length: 4, 5\r\n",
    "two hosts": "Host: evil.example\r\n",
    "a bare return": "X: a\rContent-Length: 4\r\n",
    "a nul": "X: a\0b\r\n",
}


@pytest.mark.parametrize("headers", SMUGGLED.values(), ids=SMUGGLED)
def test_a_body_of_two_lengths_is_refused(headers, collector):
    """Where a proxy and a server could disagree, the connection ends: nothing behind it is read."""
    head = "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    received = collector.raw(
        f"{head}{headers}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    )
    assert received.split(b" ")[1] in (b"400", b"501")
    assert 1 == received.count(b"HTTP/1.1 ")
    assert b"connection: close" in received.lower()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nHost: localhost\r\n\r\n",
        CHUNKED + b"nonsense\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 17_000,
    ],
    ids=["TLS", "no host", "bytes", "version", "spaces", "chunks", "a head without end"],
)
def test_what_is_no_http_is_answered_and_over(data, collector):
    """It is a 400 with the headers of every answer; nothing is logged as a failure of ours."""
    received = collector.raw(data)
    assert received.startswith(b"HTTP/1.1 4")
    assert b"x-content-type-options: nosniff" in received.lower()
    assert 200 == collector.get("/healthz").status
    assert "Traceback" not in collector.log()


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/sessions/..%2f..%2fetc%2fpasswd",
        "/page/__init__.py",
        "//evil.example/",
        "/static/../keys",
    ],
)
def test_no_path_leads_to_a_file(path, collector):
    """There is nothing behind a path but the routes."""
    answer = collector.get(path)
    assert 404 == answer.status
    assert {"detail"} == set(answer.json)


def test_every_answer_has_the_security_headers(collector):
    """Whatever its status, and whoever asked.

    The policy on referrers lets a browser say whence it sends our own form: with `no-referrer` that
    is an `Origin: null`, which is refused.
    """
    answers = [
        *(collector.ask(method, path) for method, path in REACHED),
        *(ask(collector, method, path) for method, path in REACHED),
        *(ask(collector, method, path, Host="evil.example") for method, path in REACHED),
    ]
    for answer in answers:
        assert "nosniff" == answer.headers["X-Content-Type-Options"]
        assert "same-origin" == answer.headers["Referrer-Policy"]
        assert "DENY" == answer.headers["X-Frame-Options"]
        assert answer.headers["Cache-Control"] in ("no-store", "no-cache")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Server"] is None


def test_an_error_is_json_with_a_detail(collector):
    """What is not there, what is not allowed, who is not known: always the same form."""
    for method, path in (("GET", "/nowhere"), ("PATCH", "/v1/events"), ("GET", "/v1/sessions")):
        answer = collector.ask(method, path)
        assert answer.status in (401, 404, 405)
        assert {"detail"} == set(answer.json)


@pytest.mark.parametrize("host", ["", " ", "a b", "a/b", "a@127.0.0.1", "[::1", "a:b", "a,b"])
def test_a_host_that_is_none_is_refused(host):
    """Its form is looked at before its name is."""
    hosts = Hosts(frozenset(), is_open=True)
    assert 421 == hosts.stranger("GET", [(b"host", host.encode())]).status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("logs.example.com:80", "https://logs.example.com", None),
        ("logs.example.com:8443", "https://logs.example.com", None),
        ("logs.example.com:4380", "https://logs.example.com:8443", None),
        ("logs.example.com.", "https://Logs.example.com", None),
        ("logs.example.com", "https://other.example.com", 403),
        ("logs.example.com:80", "https://other.example.com:80", 403),
        ("logs.example.com", "https://logs.example.com.evil.example", 403),
        ("logs.example.com", "https://logs.example.com:8443:1", 403),
        ("logs.example.com", "https://evil@logs.example.com", 403),
        ("127.0.0.1:4380", "http://127.0.0.1:4380", None),
        ("127.0.0.1:80", "http://127.0.0.1", None),
        ("127.0.0.1", "http://127.0.0.1:80", None),
        ("127.0.0.1:4380", "http://127.0.0.1:4381", 403),
        ("127.0.0.1:4380", "http://127.0.0.1", 403),
        ("127.0.0.1:4380", "http://localhost:4380", 403),
        ("[::1]:4380", "http://[::1]:4380", None),
        ("[::1]:4380", "http://[::1]", 403),
    ],
)
def test_an_origin_is_ours_by_its_name_and_port(host, origin, status):
    """Of a name that was allowed by its name alone: a proxy may listen on another port."""
    hosts = Hosts(frozenset({"logs.example.com", "other.example.com"}), is_open=False)
    stranger = hosts.stranger("POST", [(b"host", host.encode()), (b"origin", origin.encode())])
    assert status == (stranger.status if stranger else None)


def test_a_shipper_keeps_what_a_stranger_s_answer_is_about(collector):
    """Whom the collector does not know is told so with a status that no record is blamed for."""
    for headers in ({"Host": "evil.example"}, {"Host": "a b"}, {"Origin": EVIL}, {"Via": "1.1 a"}):
        status = collector.post([record()], **headers).status
        assert Verdict.HOLD == decide(Answer(status), [b"{}"]).verdict
