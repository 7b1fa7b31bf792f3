"""Endpoints of OpenTelemetry's, and what goes to them with every request."""

import sys

import pytest

from agentlog import Client, ConfigurationError
from agentlog.config import settings
from agentlog.endpoint import address_of, headers_of, is_loopback_http, speaks_otlp

SECRET = "secretVALUE0123456789"
URL = "otlp+https://traces.example.com"
GENERAL, OWN = "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"


def chosen(environ=None, **arguments):
    """Return the settings of these arguments in this environment and no other."""
    return settings(environ=environ or {}, **arguments)


# -- Addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "expected", "address"),
    [
        (URL + "/", URL, "https://traces.example.com"),
        (" otlp+http://127.0.0.1:4318 ", "otlp+http://127.0.0.1:4318", "http://127.0.0.1:4318"),
        ("OTLP+HTTP://localhost/a", "OTLP+HTTP://localhost/a", "HTTP://localhost/a"),
    ],
)
def test_an_endpoint(endpoint, expected, address):
    """It is kept as it is written; requests go to what follows."""
    found = chosen(endpoint=endpoint).endpoint
    assert (expected, address) == (found, address_of(found))
    assert speaks_otlp(found)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("otlp+http://example.com", r"Use otlp\+https://"),
        ("otlp+http://localhost.example.com:4318", "allow_http=True"),
        ("otlp://example.com", "an address such as"),
        ("otlp+ftp://example.com", "an address such as"),
        ("otlp+https://", "an address such as"),
        ("otlp+otlp+https://example.com", "an address such as"),
        (f"otlp+https://user:{SECRET}@example.com", "goes into api_key"),
        (f"otlp+https://example.com?key={SECRET}", "goes into api_key"),
    ],
)
def test_an_endpoint_that_is_refused(endpoint, expected):
    """As for any other: in the clear only where it is allowed, and without what may be secret."""
    with pytest.raises(ConfigurationError, match=expected) as caught:
        chosen(endpoint=endpoint)
    assert SECRET not in str(caught.value)


def test_http_may_be_allowed():
    """Who says so sends in the clear."""
    endpoint = "otlp+http://example.com:4318"
    assert endpoint == chosen(endpoint=endpoint, allow_http=True).endpoint


def test_loopback():
    """No proxy is asked for what is on this machine."""
    assert is_loopback_http("otlp+http://127.0.0.1:4318")
    assert not is_loopback_http(URL)


def test_a_missing_extra(monkeypatch, tmp_path):
    """Whoever makes a client is told what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.proto", None)
    with pytest.raises(ConfigurationError, match=r"com:4318 .* Install agentlog\[otel\]"):
        Client(endpoint="otlp+https://example.com:4318", home=tmp_path)
    assert chosen(endpoint="https://collector.example.com").endpoint


@pytest.mark.parametrize("path", ["", "/base"])
def test_the_path_of_spans_is_not_doubled(path):
    """As it stands in OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; elsewhere it is a path as any other."""
    base = f"otlp+http://127.0.0.1:4318{path}"
    assert {base} == {chosen(endpoint=base + end).endpoint for end in ("/v1/traces", "/v1/traces/")}
    plain = "https://example.com/v1/traces"
    assert plain == chosen(endpoint=plain).endpoint


# -- Headers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({GENERAL: " "}, {}),
        ({GENERAL: "api-key=abc"}, {"api-key": "abc"}),
        ({GENERAL: " Api-Key = abc , x=1=2,"}, {"api-key": "abc", "x": "1=2"}),
        ({GENERAL: "authorization=Basic%20YTpi%3D"}, {"authorization": "Basic YTpi="}),
        ({GENERAL: "a=1,A=2"}, {"a": "2"}),
        ({GENERAL: "empty="}, {"empty": ""}),
        ({GENERAL: "a=1", OWN: "b=2"}, {"b": "2"}),
        ({GENERAL: "a=1", OWN: ""}, {"a": "1"}),
    ],
)
def test_headers(environ, expected):
    """They are read as the specification has it."""
    assert expected == dict(headers_of(environ))


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"a={SECRET},b",
        f"a b={SECRET}",
        f"={SECRET}",
        f"a%3Db={SECRET}",
        f"a={SECRET}%0d%0ab:c",
        f"a={SECRET}é",
    ],
)
@pytest.mark.parametrize("name", [GENERAL, OWN])
def test_headers_that_are_none(name, text):
    """The message names the variable, and shows nothing of its value."""
    with pytest.raises(ConfigurationError, match=f"{name} is not accepted") as caught:
        chosen({name: text}, endpoint=URL)
    assert SECRET not in str(caught.value)


def test_headers_are_for_otlp():
    """A collector of agentlog's gets none of them."""
    environ = {GENERAL: f"api-key={SECRET}"}
    assert (("api-key", SECRET),) == chosen(environ, endpoint=URL).headers
    assert () == chosen(environ, endpoint="https://collector.example.com").headers
    assert () == chosen(environ).headers


def test_headers_are_in_no_repr(tmp_path):
    """Neither of the settings nor of a client."""
    found = chosen({GENERAL: f"api-key={SECRET}"}, endpoint=URL, home=tmp_path)
    assert SECRET not in f"{found!r} {found} {[found]}"


def test_destinations_do_not_mix():
    """What was recorded for one receiver, key or set of headers has a directory of its own."""
    found = {
        chosen(environ, endpoint=endpoint, api_key=key).destination
        for endpoint in (URL, URL.removeprefix("otlp+"))
        for key in (None, "one")
        for environ in ({}, {GENERAL: "a=1"}, {GENERAL: "a=2"})
    }
    assert 8 == len(found)


def test_headers_in_another_order_are_the_same():
    """They lead to the same directory."""
    one, other = ({GENERAL: text} for text in ("a=1,b=2", "b=2,a=1"))
    assert (
        chosen(endpoint=URL, environ=one).destination
        == chosen(endpoint=URL, environ=other).destination
    )


@pytest.mark.parametrize(
    "name",
    [
        "Transfer-Encoding",
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "connection",
    ],
)
def test_headers_that_say_how_a_request_travels(name):
    """They would break it, and are refused; no value is shown."""
    with pytest.raises(ConfigurationError, match=name.lower()) as caught:
        headers_of({GENERAL: f"a=1,{name}={SECRET}"})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "service", "expected"),
    [
        ("", "", {}),
        (" a = 1 , b=%2C%20x=y,", "", {"a": "1", "b": ", x=y"}),
        ("service.name=one,a=1", "two", {"service.name": "two", "a": "1"}),
        ("a=1,b", "two", {"service.name": "two"}),
        ("a=1,=2", "", {}),
    ],
)
def test_what_is_said_of_the_program(attributes, service, expected):
    """It is read as the specification has it, and for a receiver of spans only."""
    environ = {"OTEL_RESOURCE_ATTRIBUTES": attributes, "OTEL_SERVICE_NAME": service}
    assert expected == dict(chosen(environ, endpoint=URL).resource)
    assert () == chosen(environ, endpoint="https://example.com").resource
