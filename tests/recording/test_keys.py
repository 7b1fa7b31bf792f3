"""Secrets by the key they stand under, whatever holds it; and keys that are no secret's."""

from dataclasses import dataclass
from urllib.parse import urlparse

import numpy as np
import pydantic
import pytest

from agentlog import Event
from tests.recording.journals import strict

SECRET = "hunter2-Zx9"

# fmt: off
SECRET_KEYS = [
    "password", "passwd", "pwd", "passphrase", "secret", "apikey", "token", "authorization",
    "bearer", "credential", "credentials", "cookie", "cookies", "user_api_key", "userApiKey",
    "x-api-key", "API-KEY", "app.secret", "HTTP_AUTHORIZATION", "bot_token", "auth_token",
    "authToken", "session_token", "SESSION_COOKIE", "set-cookie", "Set-Cookie", "db_password",
    "DB_PASSWORD", "dbPassword", "client_secret", "clientSecret", "client-secret", "private_key",
    "ssh_private_key", "access_key", "AWS_SECRET_ACCESS_KEY", "aws_access_key_id", "access_token",
    "refresh_token", "id_token", "api_key", "OPENAI_API_KEY", "apiKey", "api.key", "APIKey",
    "X-Auth-Token", "proxy-authorization", "passwords", "secrets", "password2", "new_password",
]
# fmt: on

# fmt: off
ORDINARY_KEYS = [
    "author", "authors", "authority", "tokens_used", "max_tokens", "prompt_tokens",
    "completion_tokens", "token_count", "tokenizer", "token_type_ids", "tokens", "total_tokens",
    "sort_key", "key", "keys", "keyword", "monkey", "primary_key", "foreign_key", "public_key",
    "cache_key", "passenger", "pass", "passes", "compass", "bypass_cache", "secretary",
    "secretariat", "cookiecutter", "auth_method", "oauth_enabled", "query", "message", "user_id",
    "session_id", "trace_id", "basic", "pwned", "passed", "passing", "turnkey", "keyboard",
    "author_id", "bear", "accessible", "cookbook", "discredited",
]
# fmt: on


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_what_stands_under_a_secret_key_is_replaced(tape, key):
    """Whatever the style of the name and the kind of the value, only the name is left."""
    for value in (SECRET, 4711, [SECRET], {"a": SECRET}, SECRET.encode(), (SECRET,), object):
        record = tape.record(Event("x", params={key: value}))
        assert record["params"][key].startswith("[redacted: ")
        assert {"redacted": 1} == record["notes"]


@pytest.mark.parametrize("key", ORDINARY_KEYS)
def test_what_stands_under_an_ordinary_key_stays(tape, key):
    """Names that only hold the letters of a secret's name are none."""
    record = tape.record(Event("x", params={key: "value"}))
    assert {key: "value"} == record["params"]
    assert "notes" not in record


@dataclass
class Login:
    user: str
    password: str


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": [{"password": SECRET}]}},
        [("password", SECRET), ("user", "me")],
        [["password", SECRET]],
        (("Authorization", SECRET),),
        [(b"authorization", SECRET.encode())],
        {b"password": SECRET},
        ["run", "--password", SECRET, "--verbose"],
        ["run", f"--password={SECRET}"],
        ("curl", "--api-key", SECRET),
        Login("me", SECRET),
        [Login("me", SECRET)],
        f"password={SECRET}".encode(),
        bytearray(f"password={SECRET}".encode()),
        {"headers": [("Cookie", f"id={SECRET}")]},
        {f"password={SECRET}": 1},
        {1: {"secret": SECRET}},
        '{"a": "{\\"password\\": \\"' + SECRET + '\\"}"}',
        {"env": {"DB_PASSWORD": SECRET}.items()},
        ValueError(f"password={SECRET}"),
        [b"run", b"--password", SECRET.encode()],
        ("password", SECRET),
        {"header": ("Authorization", f"{SECRET}Ab34567890")},
    ],
    ids=range(22),
)
@pytest.mark.parametrize("field", ["params", "returns", "prompt"])
def test_wherever_it_stands(tape, value, field):
    """In mappings at any depth, pairs, headers, arguments, fields, bytes, keys and reprs."""
    given = {"value": value} if field == "params" else value
    line = tape.line(Event("x", **{field: given}))
    assert SECRET.encode() not in line
    assert strict(line)["notes"]["redacted"] >= 1


@pytest.mark.parametrize(
    "value",
    [
        ["--verbose", "hello"],
        ["password", "reset", "page"],
        [("user", "me"), ("page", 2)],
        ["--max-tokens", "100"],
        ["--", "x"],
        [("a", "password")],
        {"value": "password"},
        ["-p", "8080"],
        ["- [ ] rotate the API keys", "and rest"],
        [["rotate all the API keys", "and rest"]],
        ("token", "the first"),
        ("password", "email"),
    ],
    ids=range(12),
)
def test_lists_that_hold_no_secret(tape, value):
    """Arguments and pairs that only mention such a word stay."""
    record = tape.record(Event("x", params={"value": value}))
    assert [list(v) if isinstance(v, tuple) else v for v in value] == record["params"]["value"] or (
        value == record["params"]["value"]
    )
    assert "notes" not in record


def test_a_value_that_is_named_beside_it(tape):
    """As in lists of headers and of environment variables."""
    given = [{"name": "API_KEY", "value": "hunter2"}, {"name": "LANG", "value": "C"}]
    expected = [{"name": "API_KEY", "value": "[redacted: api key]"}, given[1]]
    assert expected == tape.param(given)


@pytest.mark.parametrize(
    "value", [[["token", "NOUN"], ["the", "DET"]], [["token", 5], ["cookie", 2]], [["key", 1.5]]]
)
def test_a_word_and_what_is_said_of_it(tape, value):
    """A list that counts words, or says what kind each is, tells no secret."""
    assert value == tape.param(value)
    assert value == tape.param([tuple(pair) for pair in value])


@pytest.mark.parametrize(
    "pair",
    [("password", 5), ("password", "NOUN"), ("token", 123456), ("token", "AKIX7Q"), ("token", "a")],
)
def test_a_pair_of_a_name_and_its_secret(tape, pair):
    """A password may be short or a word, and a token is long, or no word in capitals."""
    assert [[pair[0], f"[redacted: {pair[0]}]"]] == tape.param([pair])


def test_the_host_of_an_address(tape):
    """As the standard library takes an address apart; one without a password stays."""
    written = tape.param(urlparse("postgres://ada:hunter2@h:5432/db"))
    assert ("ada:[redacted: password]@h:5432", "/db") == (written["netloc"], written["path"])
    assert "h:5432" == tape.param(urlparse("http://h:5432/db"))["netloc"]


def test_an_array_of_records(tape):
    """Each row is a mapping by the names of the columns."""
    given = np.array([("ada", SECRET)] * 2, dtype=[("user", "U10"), ("password", "U12")])
    expected = {"user": "ada", "password": "[redacted: password]"}
    assert [expected, expected] == tape.param(given)
    assert expected == tape.param(given[0])


class Aliased(pydantic.BaseModel):
    x: str = pydantic.Field(alias="password")
    y: str = pydantic.Field(alias="name")


def test_a_field_that_is_given_under_a_secret_name(tape):
    """What a model calls otherwise inside is that secret still."""
    given = Aliased(password=SECRET, name="Ada")
    assert {"x": "[redacted: password]", "y": "Ada"} == tape.param(given)
