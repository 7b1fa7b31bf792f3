"""Proxies of the environment, for programs as they are."""

from tests.shipping.faults.lab import KEY, numbers
from tests.shipping.server import CERTIFICATE, Server, closed_port, collecting, tunnelling

PROGRAM = """
ao.init(max_wait=0.02)
events(50)
flush(5)
"""
PASSWORD = "pass-77-word"


def test_https_goes_through_a_proxy_without_the_key(lab):
    """By CONNECT: the key is inside the tunnel; no file and no message has the proxy's password."""
    with Server(collecting(), tls=True) as server, Server(tunnelling) as proxy:
        via = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        environ = {"HTTPS_PROXY": via, "REQUESTS_CA_BUNDLE": str(CERTIFICATE)}
        program = lab.run(PROGRAM, server.url, **environ)
        doctor = lab.command(server.url, "doctor", **environ).end(None)
    assert [{"delivered": 51}] == program.all_said("flush")
    assert list(range(50)) == numbers(server)
    assert {"CONNECT"} == {request.method for request in proxy.requests}
    assert not any(KEY in str(request.headers) for request in proxy.requests)
    assert {f"Bearer {KEY}"} == {request.headers["authorization"] for request in server.requests}
    assert PASSWORD not in program.text + program.stderr + doctor.text
    assert [] == [path for path in lab.files() if PASSWORD.encode() in path.read_bytes()]


def test_no_proxy_for_what_the_environment_excepts(lab):
    """NO_PROXY names the server: it is asked itself."""
    with Server(collecting()) as server, Server() as proxy:
        environ = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy.url)
        environ["NO_PROXY"] = "127.0.0.1"
        environ |= {name.lower(): value for name, value in environ.items()}
        program = lab.run(PROGRAM, server.url, **environ)
    assert [{"delivered": 51}] == program.all_said("flush")
    assert [] == proxy.requests


def test_a_proxy_that_is_dead_or_refuses_takes_nothing(lab):
    """The records wait, and go when the way is free."""
    with Server(collecting(), tls=True) as server, closed_port() as dead:
        bundle = {"REQUESTS_CA_BUNDLE": str(CERTIFICATE)}
        program = "ao.init(max_wait=0.02); events(50); flush(0.5)"
        ran = lab.start(program, server.url, HTTPS_PROXY=dead, **bundle).end(stderr=None)
        assert [{"pending": 51}] == ran.all_said("flush")
        assert [] == server.requests
        lab.ship(server.url, **bundle)
    assert list(range(50)) == numbers(server)


def test_a_certificate_that_nobody_vouches_for(lab):
    """TLS is verified: nothing is sent, one warning says why, and nothing is lost."""
    with Server(collecting(), tls=True) as server:
        program = "ao.init(max_wait=0.02); events(50); flush(0.5)"
        ran = lab.start(program, server.url).end(stderr=None)
        assert [{"pending": 51}] == ran.all_said("flush")
        (warning,) = ran.stderr.splitlines()
        assert "certificate is not accepted" in warning
        assert [] == server.requests
        lab.ship(server.url, REQUESTS_CA_BUNDLE=str(CERTIFICATE))
    assert list(range(50)) == numbers(server)
