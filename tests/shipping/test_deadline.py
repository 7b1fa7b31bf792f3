"""A request is over when its time is, in whatever a server is slow."""

import time

import pytest

from tests.busy import up_to
from tests.shipping import server as fake
from tests.shipping.posting import BULK, RECEIPT, SHORT, post, timed
from tests.shipping.server import Server, answering, response, sending


@pytest.mark.parametrize(
    "behave",
    [
        fake.trickling(b"", b"x"),
        fake.trickling(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        fake.trickling(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        fake.trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        fake.trickling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        fake.trickling(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["status", "headers", "interim", "body", "chunks", "endless"],
)
def test_what_drips_ends_at_the_deadline(behave):
    """However often a byte comes, the request is over when its time is."""
    said, seconds = timed(behave, deadline=SHORT)
    assert "no answer in time" == said
    assert SHORT <= seconds < up_to(SHORT + 1)


def test_what_is_slow_but_in_time_is_an_answer():
    """Bytes may come one by one."""
    with Server(sending(response(200, RECEIPT), drip=True)) as server:
        assert RECEIPT == post(server.url, read=5).body


@pytest.mark.parametrize("behave", [fake.hanging, fake.deaf], ids=["hang", "deaf"])
def test_what_hangs_ends_after_the_patience_for_a_read(behave):
    """A server that never answers, or takes no byte more, is waited for as long as one read."""
    said, seconds = timed(behave, read=SHORT, lines=BULK)
    assert "no answer in time" == said
    assert SHORT <= seconds < up_to(SHORT + 2)


def test_sending_has_the_patience_of_a_read():
    """A line that is slower than a connect takes a body nevertheless."""

    def slow(request):
        request.server.over.wait(SHORT)
        answering(200)(request)

    with Server(slow) as server:
        assert 200 == post(server.url, BULK, connect=SHORT / 10, read=5).status


def test_tls_that_drips_ends_at_the_deadline(monkeypatch):
    """The deadline holds inside TLS as well, in the answer and in the handshake."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(fake.CERTIFICATE))
    with Server(fake.trickling(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), tls=True) as server:
        assert "no answer in time" == post(server.url, deadline=SHORT).failure
    with Server(fake.hanging) as server:
        plain = server.url.replace("http:", "https:")
        start = time.monotonic()
        assert post(plain, connect=SHORT).failure
        assert time.monotonic() - start < up_to(SHORT + 1)
