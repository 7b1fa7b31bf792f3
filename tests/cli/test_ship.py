"""`agentlog ship`: what it ships, what it says, and its status; by hand, and as a sidecar."""

import json
import re
import signal
import subprocess

import pytest

import agentlog as ao
from agentlog import journal
from agentlog.cli import main
from agentlog.config import settings
from agentlog.shipping import command, quarantine
from tests import warm
from tests.cli.commandline import AGENTLOG, agentlog, environ, on_terminal
from tests.shipping.destinations import GONE, left, names, records
from tests.shipping.posting import KEY
from tests.shipping.server import Server, answering, closed_port, collecting


@pytest.fixture
def server():
    """A collector."""
    with Server(collecting()) as server:
        yield server


@pytest.fixture
def impatient(monkeypatch):
    """Let patience be short."""
    monkeypatch.setattr(command, "PATIENCE", 0.3)


@pytest.fixture
def to(monkeypatch, home):
    """Give a function that sets endpoint and key, and returns the destination."""

    def to(url, key=KEY):
        monkeypatch.setenv("AGENTLOG_ENDPOINT", url)
        monkeypatch.setenv("AGENTLOG_API_KEY", key)
        return home / "journal" / settings().destination

    return to


def ship(capsys, *options):
    """Ship; return the status, and what is said on stdout and stderr."""
    status = main(["ship", *options])
    out, err = capsys.readouterr()
    assert KEY not in out + err
    return status, out, err


# -- To its end ------------------------------------------------------------------------------------


def test_nothing_is_there(server, to, home, capsys):
    """Nothing is left, and nothing is made."""
    to(server.url)
    expected = f"no records shipped to {server.url}, nothing is left\n"
    assert (0, expected, "") == ship(capsys)
    assert ([], []) == (server.requests, list(home.iterdir()))


def test_what_a_dead_process_left_is_shipped(server, to, capsys):
    """Once: what is shipped is gone."""
    directory = to(server.url)
    left(directory, records(1200), tail=b'{"id": "00')
    expected = f"1,200 records shipped to {server.url}, nothing is left\n"
    assert (0, expected, "") == ship(capsys)
    assert 1200 == len(server.records)
    assert ["quarantine"] == names(directory)
    assert f"no records shipped to {server.url}, nothing is left\n" == ship(capsys)[1]


def test_what_a_running_program_has_recorded_is_shipped(server, to, capsys):
    """By whomever: by it or by the command."""
    to(server.url)
    client = ao.Client(max_wait=60)
    with client.session():
        client.record(ao.Event("a"))
        assert 0 == ship(capsys)[0]
        assert {"a"} <= {each[0].get("event_type") for each in server.records.values()}
    client.close()


def test_something_is_left(impatient, to, capsys):
    """It says what, and why, in one line on stderr; the status is 1."""
    with closed_port() as url:
        directory = to(url)
        left(directory, records(3))
        status, out, err = ship(capsys)
    assert (1, "") == (status, out)
    assert re.fullmatch(rf"agentlog: 3 records left for {url}: .+\n", err)
    assert 3 == command.Rest(directory).records()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (answering(503, b"busy"), "503: busy"),
        (answering(401, KEY.encode()), "401: the key is not accepted"),
        (answering(200, b"<html>", content_type="text/html"), "200 without a receipt"),
        (answering(308, location="https://elsewhere"), "308: moved to https://elsewhere"),
    ],
    ids=["503", "401", "html", "308"],
)
def test_why_something_is_left(answer, why, impatient, to, capsys):
    """As the server has said."""
    with Server(answer) as server:
        left(to(server.url), records(1))
        status, _, err = ship(capsys)
    assert 1 == status
    assert err.startswith(f"agentlog: 1 record left for {server.url}: {why}")
    assert 1 == err.count("\n")


def test_patience_is_half_a_minute():
    """As the help says."""
    assert 30 == command.PATIENCE
    assert "30 seconds" in " ".join(agentlog("ship", "--help").stdout.split())


# -- The quarantine --------------------------------------------------------------------------------


def test_what_was_refused_is_told_of(to, capsys):
    """It is not left, but somebody has to look at it."""
    poison = json.loads(records(1)[0])["id"]
    with Server(collecting(refuse={poison})) as server:
        directory = to(server.url)
        left(directory, records(3))
        status, out, err = ship(capsys)
        assert (0, f"2 records shipped to {server.url}, nothing is left\n") == (status, out)
        assert err.startswith("agentlog: 1 record in quarantine, refused by the server")
        before = len(server.requests)
        ship(capsys)
        assert before == len(server.requests)
        assert poison not in server.records


def test_quarantined_sends_it_once_more(to, capsys):
    """What is taken leaves the quarantine; what is refused again is a reason for status 1."""
    ids = [json.loads(line)["id"] for line in records(2)]
    with Server(collecting(refuse=ids)) as server:
        directory = to(server.url)
        left(directory, records(3))
        ship(capsys)
        server.behaviours = [collecting(refuse=ids[:1])]
        status, out, err = ship(capsys, "--quarantined")
        assert (1, "") == (status, out)
        assert f"agentlog: 1 record refused once more by {server.url}: poison\n" == err
        assert ids[:1] == [entry.record["id"] for entry in quarantine.entries(directory)]
        server.behaviours = [collecting()]
        expected = f"1 record shipped to {server.url}, nothing is left\n"
        assert (0, expected, "") == ship(capsys, "--quarantined")
        assert 3 == len(server.records)
    assert [] == names(directory)


# -- What it is told -------------------------------------------------------------------------------


def test_without_an_endpoint(capsys):
    """It says which variable to set."""
    status, out, err = ship(capsys)
    assert (1, "") == (status, out)
    assert err.startswith("agentlog: AGENTLOG_ENDPOINT is not set")


def test_plain_http_has_to_be_allowed(monkeypatch, capsys):
    """As in a program."""
    monkeypatch.setenv("AGENTLOG_ENDPOINT", "http://collector.example.com")
    status, _, err = ship(capsys)
    assert 1 == status
    assert "https://" in err
    status, out, _ = ship(capsys, "--allow-http")
    assert (0, True) == (status, "nothing is left" in out)


def test_records_for_another_key_are_told_of(server, to, capsys):
    """With the wrong key nothing is shipped, and that is no success."""
    left(to(server.url), records(3))
    to(server.url, "another-key-0123456789")
    status, out, err = ship(capsys)
    assert (1, "", []) == (status, out, server.requests)
    assert "3 records for another endpoint or key" in err
    assert "AGENTLOG_API_KEY" in err
    assert "another-key" not in err


def test_records_for_another_endpoint_are_told_of_beside(server, to, capsys):
    """Where something was shipped, that is a note."""
    left(to("https://other.example.com"), records(1))
    left(to(server.url), records(3))
    status, out, err = ship(capsys)
    assert (0, f"3 records shipped to {server.url}, nothing is left\n") == (status, out)
    assert "1 record for another endpoint or key" in err
    assert 3 == len(server.records)


def test_follow_and_quarantined_are_not_both_taken(server, to):
    """One of them would be passed over in silence."""
    to(server.url)
    command = [*AGENTLOG, "ship", "--follow", "--quarantined"]
    done = warm.run(command, env=environ(), timeout=10)
    assert 2 == done.returncode
    assert b"--quarantined" in done.stderr


# -- As a sidecar ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)], ids=str)
def test_follow_ships_what_comes_until_it_is_interrupted(sent, status, server, to):
    """By Ctrl-C or by whoever started it; it leaves no traceback, and nothing is lost."""
    directory = to(server.url)
    process = warm.Popen(
        [*AGENTLOG, "ship", "--follow"],
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        for number in range(1, 4):
            left(directory, records(5, 10 * number), number=number)
            assert server.sees(lambda number=number: 5 * number == len(server.records))
        process.send_signal(sent)
        assert (b"", b"") == process.communicate(timeout=30)
        assert status == process.returncode
    finally:
        process.kill()
        process.wait()
    assert not any(journal.count_lines(each.path) > 5 for each in journal.segments(directory))


def test_follow_says_what_stands_in_the_way(to):
    """Once, and when it is over."""
    with Server(answering(503), answering(503), collecting()) as server:
        left(to(server.url), records(1))
        process = warm.Popen(
            [*AGENTLOG, "ship", "--follow"], env=environ(), stderr=subprocess.PIPE, text=True
        )
        try:
            assert f"agentlog: {server.url}: 503\n" == process.stderr.readline()
            assert f"agentlog: {server.url}: all is well again\n" == process.stderr.readline()
        finally:
            process.send_signal(signal.SIGINT)
            assert "" == process.communicate(timeout=30)[1]


def test_ctrl_c_while_it_waits_is_quiet(to):
    """The status is that of the signal, and the next one goes on."""
    with Server(answering(503)) as server:
        directory = to(server.url)
        left(directory, records(3))
        process = warm.Popen(
            [*AGENTLOG, "ship"], env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert server.sees(lambda: server.requests)
        process.send_signal(signal.SIGINT)
        assert (b"", b"") == process.communicate(timeout=30)
    assert 130 == process.returncode
    assert 3 == command.Rest(directory).records()
    assert GONE in str(journal.segments(directory)[0].path)


# -- On a terminal ---------------------------------------------------------------------------------


def test_a_bar_on_a_terminal(server, to):
    """It grows on one line, and is gone before the result is printed."""
    left(to(server.url), records(20_000))
    written = on_terminal("ship")
    *bars, blank, last = written.split("\r")
    assert f"20,000 records shipped to {server.url}, nothing is left\n" == last
    assert "" == blank.strip()
    shares = [int(share) for share in re.findall(r"(\d+)%", written)]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert any("\u2501" in bar for bar in bars)


def test_no_bar_in_a_pipe(server, to):
    """Nor where stderr is one."""
    left(to(server.url), records(3))
    done = agentlog("ship")
    assert (0, "") == (done.returncode, done.stderr)
    assert 1 == done.stdout.count("\n")
