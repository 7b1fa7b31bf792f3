"""What the fake servers have in common: streams that are left, and errors of their own."""

import urllib.request
from threading import Event

import pytest

from agentlog.demo import fake_anthropic, fake_openai, loopback


def read_a_byte(stream):
    """Serve a stream, read its first byte, and leave it."""
    gone = Event()

    def answer(_body):
        try:
            yield from stream
        finally:  # the server drops the stream when it has done with the connection
            gone.set()

    with loopback.serving({"GET /": answer}) as address:
        with urllib.request.urlopen(f"{address}/") as response:
            response.read(1)
        assert gone.wait(60)


def test_who_leaves_a_stream_early_is_no_error(capfd):
    """A client that has read enough is no problem of the server's, and nothing is printed."""
    read_a_byte(iter(lambda: {"type": "word"}, None))
    assert ("", "") == capfd.readouterr()


def test_an_error_of_the_server_is_told(capfd):
    """What goes wrong in a stream is printed: a program that is tried would wonder."""
    read_a_byte({"number": int(digit)} for digit in "1?")
    told = ""
    while "ValueError" not in told:  # which its thread prints after the stream has gone
        told += capfd.readouterr().err


@pytest.mark.parametrize(
    "main", [fake_openai.main, fake_anthropic.main], ids=["openai", "anthropic"]
)
def test_the_help_names_the_models_that_fail_or_are_slow(main, monkeypatch, capsys):
    """So nobody has to look for them in the documents."""
    monkeypatch.setattr("sys.argv", ["fake", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert {"fail-429", "fail-429-2", "slow-30"} <= set(capsys.readouterr().out.split())
