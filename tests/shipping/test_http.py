"""One batch goes out and one Answer comes back, whatever the server does, and the key stays."""

import gzip
import json
import logging
import ssl
import subprocess
import sys
import time
from http import client

import pytest
import requests

from agentlog.shipping import http
from agentlog.shipping.http import Transport
from tests.shipping import server as fake
from tests.shipping.posting import KEY, LINES, RECEIPT, SHORT, failure, post
from tests.shipping.server import Server, answering, collecting, response, sending

BOMB = gzip.compress(b"\0" * (30 << 20))


# -- The request -----------------------------------------------------------------------------------


def test_a_batch_is_the_lines_themselves():
    """The bytes of the lines are joined, not parsed; the body is gzip, and the path is ours."""
    lines = [b'{"id": "1",  "odd":1.0e5}', '{"id":"2","é":"ü"}'.encode()]
    with Server(collecting()) as server:
        answer = post(server.url, lines)
    (request,) = server.requests
    assert b'{"events":[' + b",".join(lines) + b"]}" == request.body
    assert ("POST", "/v1/events") == (request.method, request.path)
    assert request.raw == http._packed([request.body])
    assert (200, b'{"accepted": 2, "refused": []}') == (answer.status, answer.body)


def test_headers():
    """The key goes as a bearer token, and the headers say what is sent and what is taken."""
    with Server(collecting()) as server:
        post(server.url)
    headers = server.requests[0].headers
    assert f"Bearer {KEY}" == headers["authorization"]
    assert ("application/json", "gzip") == (headers["content-type"], headers["content-encoding"])
    assert headers["user-agent"].startswith("agentlog/")
    assert headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_there_is_no_authorization(key, tmp_path, monkeypatch):
    """Nor is one taken from a netrc, which others put there for somebody else."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\ndefault login a password b")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Server(answering(200), collecting()) as server:
        assert {"Authorization"} <= requests.get(server.url).request.headers.keys()
        post(server.url, key=key)
    assert "authorization" not in server.requests[1].headers


def test_the_path_of_the_endpoint_is_kept():
    """An endpoint may be a path on a host, with or without a slash at its end."""
    with Server(collecting()) as server:
        post(server.url + "/base/agentlog")
        post(server.url + "/base/agentlog/")
    assert ["/base/agentlog/v1/events"] * 2 == [request.path for request in server.requests]


def test_one_connection_serves_many_batches():
    """A connection is kept, also behind a refusal; an interim answer is passed over."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" + hints + hints
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"
    steps = [answering(400, b"no"), sending(interim + response(200, RECEIPT)), sending(chunks)]
    with Server(*steps, collecting()) as server:
        transport = Transport(server.url)
        answers = [transport.post(LINES) for _ in range(5)]
        transport.close()
    assert [400, 200, 200, 200, 200] == [answer.status for answer in answers]
    assert [b"no", RECEIPT, b"12345", RECEIPT, RECEIPT] == [answer.body for answer in answers]
    assert 1 == server.connections


def test_an_answer_for_nothing_is_not_taken_for_the_next():
    """After a switch of protocols, an end in the middle and a timeout, a new connection is made."""
    steps = [sending(response(101)), sending(response(200, b"{", Content_Length=9), close=True)]
    with Server(*steps, fake.hanging, collecting()) as server:
        transport = Transport(server.url, read=2 * SHORT)
        answers = [transport.post(LINES) for _ in range(4)]
        transport.close()
    assert [101, 0, 0, 200] == [answer.status for answer in answers]
    assert 4 == server.connections


def test_a_redirect_is_answer_enough():
    """Nothing of its body is waited for."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9999\r\n\r\n"
    with Server(fake.trickling(head, b" ")) as server:
        answer = post(server.url, deadline=SHORT)
    assert (302, "/x") == (answer.status, answer.location)


# -- The answer ------------------------------------------------------------------------------------


def test_what_an_answer_says():
    """Status, body and the headers that a decision needs are passed on."""
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    headers = {"Retry_After": "7", "Content_Type": "text/html", "Date": date}
    with Server(answering(429, b"slow down", **headers)) as server:
        answer = post(server.url)
    assert (429, b"slow down", "") == (answer.status, answer.body, answer.failure)
    assert ("7", "text/html", None) == (answer.retry_after, answer.content_type, answer.location)
    assert 784111777.0 == answer.date


def test_an_answer_without_a_date_has_ours():
    """A Retry-After that names a date needs one to count from."""
    for headers in ({}, {"Date": "yesterday"}):
        with Server(answering(429, **headers)) as server:
            assert abs(time.time() - post(server.url).date) < 60


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    """The key and the records go nowhere else; where to is told, and its body is not read."""
    with Server(collecting()) as other:
        target = other.url + "/v1/events"
        behave = answering(status, BOMB, Location=target, Content_Encoding="gzip")
        with Server(behave) as server:
            answer = post(server.url)
    assert (status, target) == (answer.status, answer.location)
    assert [] == other.requests
    assert len(answer.body) <= http.ANSWER_SIZE


def test_gzip():
    """An answer may be compressed."""
    with Server(answering(200, gzip.compress(RECEIPT), Content_Encoding="GZIP")) as server:
        assert RECEIPT == post(server.url).body


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"garbage", "gzip"),
        (gzip.compress(RECEIPT)[:-9], "gzip"),
        (gzip.compress(RECEIPT)[:-1], "gzip"),
        (b"", "gzip"),
        (RECEIPT, "br"),
        (gzip.compress(gzip.compress(RECEIPT)), "gzip, gzip"),
    ],
    ids=["garbage", "cut", "no checksum", "empty", "brotli", "twice"],
)
def test_broken_gzip(body, coding):
    """What cannot be unpacked is no answer; of a refusal, the status is answer enough."""
    assert failure(answering(200, body, Content_Encoding=coding))
    with Server(answering(503, body, Content_Encoding=coding)) as server:
        assert (503, b"") == (post(server.url).status, post(server.url).body)


def test_a_bomb_is_not_unpacked():
    """Of an answer so much is read, and so much is unpacked."""
    for body, coding in ((b"x" * (3 << 20), "identity"), (BOMB, "gzip")):
        with Server(answering(200, body, Content_Encoding=coding)) as server:
            assert http.ANSWER_SIZE == len(post(server.url).body)


def test_no_cookie_is_kept():
    """A captive portal sets cookies; they are not brought back."""
    with Server(answering(200, Set_Cookie="a=b")) as server:
        transport = Transport(server.url)
        for _ in range(2):
            transport.post(LINES)
        transport.close()
    assert ["cookie" in request.headers for request in server.requests] == [False, False]


# -- TLS and proxies -------------------------------------------------------------------------------


def test_tls_is_verified():
    """A certificate that nobody vouches for is not accepted, and the records are not sent."""
    with Server(collecting(), tls=True) as server:
        answer = post(server.url)
    assert answer.failure.startswith("the certificate is not accepted: self")
    assert answer.lasting
    assert [] == server.requests


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_bundle_of_the_environment_counts(name, monkeypatch):
    """A company's own authority is trusted where the environment says so."""
    monkeypatch.setenv(name, str(fake.CERTIFICATE))
    with Server(collecting(), tls=True) as server:
        assert 200 == post(server.url).status
        assert 200 == post(server.url.replace("127.0.0.1", "localhost")).status


def test_a_proxy_sees_no_key(monkeypatch):
    """HTTPS goes by CONNECT: the proxy gets its own password, and neither key nor records."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(fake.CERTIFICATE))
    with Server(collecting(), tls=True) as server, Server(fake.tunnelling) as proxy:
        address = proxy.url.replace("://", "://user:password@")
        monkeypatch.setenv("HTTPS_PROXY", address)
        assert 200 == post(server.url).status
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert 200 == post(server.url).status
    (request,) = proxy.requests
    assert ("CONNECT", f"127.0.0.1:{server.port}") == (request.method, request.path)
    assert {"proxy-authorization"} == {name for name in request.headers if "auth" in name}
    assert [f"Bearer {KEY}"] * 2 == [one.headers["authorization"] for one in server.requests]


# -- Secrets ---------------------------------------------------------------------------------------


def test_the_key_is_in_no_text():
    """Neither a repr nor an answer holds the key, also where the server repeats it."""
    parrot = json.dumps({"accepted": 2, "refused": [{"index": 0, "why": f"Bearer {KEY}!"}]})
    headers = {"Location": f"https://other/{KEY}", "Content_Type": KEY}
    with Server(answering(200, parrot.encode(), **headers)) as server:
        transport = Transport(server.url, KEY)
        answer = transport.post(LINES)
        transport.close()
    inside = transport._connection
    assert KEY not in f"{answer!r} {transport!r} {inside!r} {inside._auth!r} {inside._session!r}"
    assert b"Bearer " + b"*" * len(KEY) + b"!" in answer.body


@pytest.mark.parametrize("key", ["1", "accepted", "id"])
def test_a_key_like_a_word_of_the_receipt(key):
    """Such a key does not spoil receipts."""
    with Server(collecting()) as server:
        assert RECEIPT == post(server.url, key=key).body


def test_the_key_is_in_no_log(caplog):
    """urllib3 logs at DEBUG, and has nothing to tell."""
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with Server(answering(503), fake.closing, collecting()) as server:
        for _ in range(3):
            post(server.url)
    assert caplog.records
    assert KEY not in caplog.text


def test_the_key_is_not_printed(capsys, monkeypatch):
    """Also where the host has http.client print all that it sends."""
    monkeypatch.setattr(client.HTTPConnection, "debuglevel", 1)
    with Server(answering(200)) as server:
        post(server.url)
        assert "" == capsys.readouterr().out
        requests.get(server.url, timeout=5)
    assert "GET" in capsys.readouterr().out


def test_opentelemetry_makes_no_span():
    """While a batch is sent, OpenTelemetry's instrumentations are told to look away."""
    from opentelemetry.instrumentation.utils import is_instrumentation_enabled

    seen = []

    class Watching(requests.adapters.HTTPAdapter):
        def send(self, *args, **options):
            seen.append(is_instrumentation_enabled())
            return super().send(*args, **options)

    with Server(collecting()) as server:
        transport = Transport(server.url)
        transport._connection._session.mount("http://", Watching())
        transport.post(LINES)
        transport.close()
    assert [False] == seen
    assert is_instrumentation_enabled()


def test_opentelemetry_is_not_imported():
    """Who does not use it does not pay for it; and requests is all that this file brings."""
    code = (
        "import sys; from agentlog.shipping.http import Transport\n"
        "transport = Transport('http://127.0.0.1:9'); transport.post([b'{}']); transport.close()\n"
        "sys.exit('opentelemetry' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode


def test_the_context_of_tls_is_the_default_one():
    """Nothing here loosens what TLS checks."""
    session = Transport("https://127.0.0.1:9")._connection._session
    assert session.verify is True
    assert session.trust_env is True
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED
