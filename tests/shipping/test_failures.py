"""What goes wrong is told in our own words, and never with a secret in them."""

import pytest
import requests

from tests.shipping import server as fake
from tests.shipping.posting import KEY, SHORT, failure, post
from tests.shipping.server import Server, answering, collecting, response, sending


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (fake.closing, "the connection was closed without an answer"),
        (fake.resetting, "Connection reset by peer"),
        (sending(b"\x16\x03\x01 nonsense\r\n\r\n", close=True), "the answer is no HTTP"),
        (sending(response(200, b"{", Content_Length=99), close=True), "the answer is cut off"),
        (
            sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", close=True),
            "the answer is cut off",
        ),
        (
            sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", close=True),
            "the answer is cut off",
        ),
        (sending(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000 + b"\r\n"), "the answer is no HTTP"),
        (sending(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70000 + b"\r\n\r\n"), "the answer is no HTTP"),
    ],
    ids=["close", "reset", "TLS", "cut", "cut chunk", "no chunk", "many headers", "long header"],
)
def test_failures_are_answers(behave, expected):
    """Whatever comes instead of an answer is told in our words, and raises nothing."""
    assert expected == failure(behave)


def test_nobody_listens():
    """A port that refuses is told as the system tells it."""
    with fake.closed_port() as url:
        answer = post(url)
    assert "Connection refused" == answer.failure
    assert not answer.lasting


def test_no_such_host():
    """A host that is not known is told as that."""
    assert "the name of the host is not known" == post("http://agentlog.invalid").failure


@pytest.mark.parametrize("key", ["line\nbreak-0123", "schlüssel-€-0123"])
def test_a_key_that_no_header_can_carry(key):
    """It is not sent, and not told."""
    with Server(collecting()) as server:
        answer = post(server.url, key=key)
    assert "the key holds what no header can carry" == answer.failure
    assert answer.lasting
    assert [] == server.requests


def test_requests_patched_to_raise(monkeypatch):
    """An application that patches requests breaks itself, and not the shipper."""

    def send(*_, **__):
        raise KeyError(KEY)

    monkeypatch.setattr(requests.Session, "send", send)
    monkeypatch.setattr(requests.Session, "close", send)
    assert "the request failed: KeyError" == post("http://127.0.0.1:9").failure


def test_a_bundle_that_is_not_there(monkeypatch):
    """It is told, since the environment is easily wrong."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with Server(collecting(), tls=True) as server:
        answer = post(server.url)
    assert "the CA bundle that the environment names is not there" == answer.failure
    assert answer.lasting


def test_plain_http_where_tls_is_expected():
    """It is told as a failure of TLS."""
    with Server(sending(response(400), close=True)) as server:
        said = post(server.url.replace("http:", "https:"), connect=SHORT).failure
    assert said.startswith("TLS fails") or "no answer in time" == said


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (answering(407), "the proxy: it answers 407"),
        (fake.trickling(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "no answer in time"),
        (fake.closing, "the connection was closed without an answer"),
    ],
    ids=["password", "drip", "close"],
)
def test_a_proxy_that_fails(behave, expected, monkeypatch):
    """What is wrong with a proxy is told, without the password that is in its address."""
    with Server(behave) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://user:password@"))
        said = post("https://agentlog.invalid", deadline=SHORT).failure
    assert said.endswith(expected)
    assert "password" not in said


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("http:///password", "the address of the endpoint, or of a proxy"),
        ("gopher://user:password@127.0.0.1:9", "the address of the endpoint, or of a proxy"),
        ("socks5://user:password@127.0.0.1:9", "there is no support for this kind"),
    ],
)
def test_a_proxy_that_cannot_be_used(proxy, expected, monkeypatch):
    """A wrong setting of the environment is told, without its password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    answer = post("https://agentlog.invalid")
    assert "password" not in answer.failure
    assert answer.failure.startswith(expected)
    assert answer.lasting
