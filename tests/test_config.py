"""Settings: an argument first, then the environment, then the default; errors name the fix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import agentlog as ao
from agentlog import Client, ConfigurationError
from agentlog.config import DEFAULT_LIMIT, home_directory, is_disabled, settings
from tests.recording.journals import REPOSITORY
from tests.shipping.server import closed_port

KEY = "sk-" + "secretKEY0123456789" * 2
URL = "https://collector.example.com"


def chosen(environ=None, **arguments):
    """Return the settings of these arguments in this environment and no other."""
    return settings(environ=environ or {}, **arguments)


# -- Precedence ------------------------------------------------------------------------------------


def test_the_defaults(tmp_path):
    """Without anything said, all stays local, in the XDG state directory."""
    found = chosen({"XDG_STATE_HOME": str(tmp_path)})
    assert tmp_path / "agentlog" == found.home
    assert (None, None, (), DEFAULT_LIMIT) == (
        found.endpoint,
        found.api_key,
        found.tags,
        found.limit,
    )
    assert (1.0, False, "local") == (found.max_wait, found.disabled, found.destination)
    assert 256 << 20 == DEFAULT_LIMIT


def test_the_environment(tmp_path):
    """Each setting has its variable."""
    found = chosen(
        {
            "AGENTLOG_API_KEY": KEY,
            "AGENTLOG_ENDPOINT": URL + "/",
            "AGENTLOG_HOME": str(tmp_path),
            "AGENTLOG_TAGS": " nightly, ,eu ",
            "AGENTLOG_JOURNAL_LIMIT": " 1000 ",
            "AGENTLOG_DISABLED": "1",
        }
    )
    assert (KEY, URL, tmp_path) == (found.api_key, found.endpoint, found.home)
    assert (("nightly", "eu"), 1000, True) == (found.tags, found.limit, found.disabled)


def test_an_argument_wins(tmp_path):
    """What is said in the call goes before the environment, an empty list of tags too."""
    environ = {
        "AGENTLOG_API_KEY": "other",
        "AGENTLOG_ENDPOINT": "https://other.example.com",
        "AGENTLOG_HOME": "/other",
        "AGENTLOG_TAGS": "other",
    }
    found = chosen(environ, api_key=KEY, endpoint=URL, home=tmp_path, tags=[])
    assert (KEY, URL, tmp_path, ()) == (found.api_key, found.endpoint, found.home, found.tags)


def test_empty_variables_are_as_good_as_none(tmp_path):
    """A variable that is set to nothing is not set."""
    names = ("API_KEY", "ENDPOINT", "HOME", "TAGS", "JOURNAL_LIMIT", "DISABLED")
    environ = {f"AGENTLOG_{name}": "" for name in names} | {"XDG_STATE_HOME": str(tmp_path)}
    assert chosen({"XDG_STATE_HOME": str(tmp_path)}) == chosen(environ)


def test_read_once(monkeypatch, tmp_path):
    """What changes in the environment later changes no client that is there."""
    client = Client(home=tmp_path)
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    monkeypatch.setenv("AGENTLOG_HOME", "/elsewhere")
    client.record(ao.Event("x"))
    assert 2 == client.stats().delivered
    assert (tmp_path / "journal").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((yes, True) for yes in ("1", "true", "Yes", " ON ")),
        *((no, False) for no in ("0", "false", "no", "off", "", "2")),
    ],
)
def test_disabled(text, expected):
    """1, true, yes and on, in any case, turn recording off; nothing else does."""
    assert expected == is_disabled({"AGENTLOG_DISABLED": text})


# -- The home --------------------------------------------------------------------------------------


def test_a_home_is_absolute(monkeypatch, tmp_path):
    """A relative home is where the program started, `~` is the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert tmp_path / "logs" == home_directory("logs", {})
    assert tmp_path / "me" / "logs" == home_directory("~/logs", {})
    assert tmp_path / "me" / "logs" == home_directory(None, {"AGENTLOG_HOME": "~/logs"})
    assert tmp_path / "me" / ".local" / "state" / "agentlog" == home_directory(None, {})
    assert Path("/x y") == home_directory(Path("/x y"), {})


def test_a_relative_xdg_directory_is_ignored(monkeypatch, tmp_path):
    """As the XDG specification says, a relative path counts as not set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / ".local" / "state" / "agentlog"
    assert expected == home_directory(None, {"XDG_STATE_HOME": "state"})


@pytest.mark.parametrize("home", [3, b"bytes", ["x"], "~nobody-of-this-name/x", "a\0b"])
def test_a_home_that_is_no_path_is_refused(home):
    """A wrong home raises where it is written, and says what is accepted."""
    with pytest.raises(ConfigurationError, match="path of a directory"):
        chosen(home=home)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become a user that is not there")
def test_a_user_without_a_home_is_told_what_to_do(tmp_path):
    """Where there is no home directory, as in some containers, the error names the variable."""
    program = (
        f"import os, sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from agentlog.config import settings\n"
        "from agentlog.errors import ConfigurationError\n"
        "os.setuid(54321)\n"
        "try: settings(environ={})\n"
        "except ConfigurationError as error: print('AGENTLOG_HOME' in str(error))"
    )
    environ = {name: value for name, value in os.environ.items() if name != "HOME"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ("True\n", "") == (done.stdout, done.stderr[-300:])


# -- Endpoints and keys ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (URL, URL),
        (URL + "/", URL),
        (f"  {URL}/v2/  ", f"{URL}/v2"),
        ("HTTPS://Collector.example.com", "HTTPS://Collector.example.com"),
        ("https://collector.example.com:8443", "https://collector.example.com:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://api.localhost", "http://api.localhost"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_endpoint(endpoint, expected):
    """An address is taken without the slash at its end; plain http is for this machine."""
    assert expected == chosen(endpoint=endpoint).endpoint


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("collector.example.com", "an address such as https://"),
        ("ftp://example.com", "an address such as https://"),
        ("https://", "an address such as https://"),
        ("https://[::1", "an address such as https://"),
        ("https://example.com:99999", "an address such as https://"),
        (3, "an address such as https://"),
        (b"https://example.com", "an address such as https://"),
        ("http://example.com", "allow_http=True"),
        ("http://0.0.0.0:8000", "allow_http=True"),
        ("http://10.0.0.1", "allow_http=True"),
        ("http://localhost.example.com", "allow_http=True"),
        (f"https://user:{KEY}@example.com", "goes into api_key"),
        ("https://user@example.com", "goes into api_key"),
        (f"https://example.com/?key={KEY}", "goes into api_key"),
        (f"https://example.com/#{KEY}", "goes into api_key"),
        (KEY, "an address such as https://"),
        (f"https://{KEY}@example.com", "goes into api_key"),
    ],
)
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_an_endpoint_that_is_refused(endpoint, expected, where):
    """The error names the fix, and never a key that stood in the address."""
    environ = {"AGENTLOG_ENDPOINT": endpoint} if where == "environment" else {}
    arguments = {} if where == "environment" else {"endpoint": endpoint}
    with pytest.raises(ConfigurationError, match=expected) as caught:
        chosen(environ, **arguments)
    assert KEY not in str(caught.value)


def test_http_may_be_allowed():
    """Who says so sends in the clear."""
    found = chosen(endpoint="http://example.com", allow_http=True)
    assert "http://example.com" == found.endpoint


def test_the_key_is_in_no_repr_and_no_message(tmp_path):
    """Neither settings nor client show it, nor an error about it."""
    with closed_port() as url:
        client = Client(KEY, endpoint=url, home=tmp_path)
        session = client.start_session()
        shown = f"{client!r} {client.settings!r} {client.settings} {session!r} {client.stats()!r}"
        client.close()
    assert KEY not in shown
    assert "secretKEY" not in shown
    for wrong in (KEY.encode(), [KEY], 12345678901234567890):
        with pytest.raises(ConfigurationError, match="api_key") as caught:
            chosen(api_key=wrong)
        assert KEY not in str(caught.value)
        assert str(wrong) not in str(caught.value)


@pytest.mark.parametrize("around", ["{}\n", " {} ", "\t{}\r\n", "{}\v"], ids=ascii)
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_blanks_around_a_key_are_not_of_it(around, where):
    """A file of secrets ends with a newline; it is the same key, and the same destination."""
    key = around.format(KEY)
    environ = {"AGENTLOG_API_KEY": key} if where == "environment" else {}
    found = chosen(environ, endpoint=URL, **({} if environ else {"api_key": key}))
    assert KEY == found.api_key
    assert chosen(endpoint=URL, api_key=KEY).destination == found.destination


@pytest.mark.parametrize("key", ["", " ", "\n", None])
def test_a_key_of_blanks_is_none(key):
    """There is nothing to send."""
    assert None is chosen(api_key=key, endpoint=URL).api_key


@pytest.mark.parametrize(
    "inside", [" ", "\n", "\r\nX: y", "\0", "\t", "\x7f", "é", "\ud800"], ids=ascii
)
def test_a_key_that_no_header_takes_is_refused(inside):
    """Before a record is written; the error does not show it."""
    with pytest.raises(ConfigurationError, match="AGENTLOG_API_KEY") as caught:
        chosen(api_key=KEY + inside + KEY, endpoint=URL)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://exa mple.com",
        "https://example.com\nX: y",
        "https://example.com:0x50",
        "https://example.com:-1",
        "https:///v1",
        "https:example.com",
        "https://user:pass word@",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//example.com",
        " ",
        "https://exa\0mple.com",
        "https://[::1",
        "https://<host>",
        True,
        ["https://example.com"],
    ],
    ids=ascii,
)
def test_a_senseless_endpoint_is_refused(endpoint):
    """When the client is made, not when the first record is shipped."""
    with pytest.raises(ConfigurationError, match="endpoint") as caught:
        chosen(endpoint=endpoint)
    assert "pass word" not in str(caught.value)


def test_destinations_do_not_mix():
    """What was recorded under one key or endpoint has a directory of its own."""
    found = {
        chosen(**arguments).destination
        for arguments in (
            {},
            {"endpoint": URL},
            {"endpoint": URL, "api_key": "one"},
            {"endpoint": URL, "api_key": "two"},
            {"endpoint": URL + "/v2", "api_key": "one"},
            {"endpoint": "https://other.example.com", "api_key": "one"},
        )
    }
    assert 6 == len(found)
    assert chosen(endpoint=URL).destination == chosen(endpoint=URL + "/").destination
    assert "local" == chosen(api_key="one").destination


@pytest.mark.parametrize(
    "host", ["a" * 60 + "." + "b" * 60, "[::1]", "x_y.example.com", "é.example"]
)
def test_a_destination_is_a_name_of_a_directory(host):
    """It has neither slashes nor dots that lead elsewhere, and not the key."""
    name = chosen(endpoint=f"https://{host}/../..", api_key=KEY).destination
    assert name == Path(name).name
    assert len(name) < 100
    assert KEY[3:12] not in name
    assert name.isascii()


# -- Numbers and tags ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limit", ["0", "-5", "1e6", "256 MiB", "x", "1.5", pytest.param("9" * 5000, id="long")]
)
def test_a_limit_that_is_no_number_is_refused(limit):
    """A wrong limit is an error that says what it is."""
    with pytest.raises(ConfigurationError, match="number of bytes"):
        chosen({"AGENTLOG_JOURNAL_LIMIT": limit})


@pytest.mark.parametrize(
    "wait", [0, -1, "1", None, True, float("nan"), pytest.param(10**400, id="huge")]
)
def test_a_wait_that_is_no_time_is_refused(wait):
    """A wrong wait is an error that says what it is."""
    with pytest.raises(ConfigurationError, match="number of seconds"):
        chosen(max_wait=wait)


@pytest.mark.parametrize("tags", ["nightly", [1], {"a": 1}, 3, [None]])
@pytest.mark.parametrize("make", [Client, ao.init])
def test_tags_that_are_none_are_refused(tags, make, tmp_path):
    """A text in place of a list, which would be its letters, is an error that says so."""
    with pytest.raises(ConfigurationError, match="a list of strings"):
        make(tags=tags, home=tmp_path)


def test_an_error_is_a_value_error_too():
    """Who catches Python's own ValueError catches a wrong setting."""
    with pytest.raises(ValueError, match="max_wait"):
        chosen(max_wait=0)
