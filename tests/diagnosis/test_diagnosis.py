"""`ao.doctor()`: the same as the command says, of the process that it is called in."""

import sys

import pytest
import structlog

import agentlog as ao
from agentlog.cli import main
from agentlog.testing import capture_events
from tests import scripts
from tests.cli.commandline import on_terminal
from tests.warm import ROOT

PROGRAM = """
    import structlog, agentlog as ao

    def configure():
        structlog.configure(processors=[structlog.processors.JSONRenderer()])
        ao.install()

    if __name__ == "__main__":
        ao.init(tags=["night"])
        configure()
        ao.doctor()
        print({"requests"} & set(__import__("sys").modules))
"""

pytestmark = pytest.mark.usefixtures("bare")


def test_it_prints_what_the_command_prints(tmp_path, capsys, monkeypatch):
    """The logging, then the home; the colours and the width are those of the terminal."""
    monkeypatch.chdir(tmp_path)
    source = "import structlog\ndef logs(): structlog.configure(processors=[print])"
    (tmp_path / "own_program.py").write_text(source)
    ao.init()
    assert 1 == main(["doctor", "--structlog", "own_program:logs"])
    expected = capsys.readouterr().out
    assert None is ao.doctor()
    assert expected == capsys.readouterr().out
    del sys.modules["own_program"]
    ao.close()


def test_it_looks_at_the_client_of_the_process(tmp_path, capsys, monkeypatch):
    """Its home is told, in short: what `agentlog doctor` says at length is left to that."""
    monkeypatch.setenv("COLUMNS", "1000")
    with capture_events(home=tmp_path / "own", tags=["night"]), ao.action("plan"):
        ao.doctor()
    out = capsys.readouterr().out
    assert f"✓ {tmp_path}/own, with " in out
    assert not {"settings", "if an event is missing"} & set(out.splitlines())


def test_it_changes_nothing(capsys):
    """Neither structlog's configuration nor what is recorded."""
    with capture_events() as captured:
        before = structlog.get_config()
        processors = list(before["processors"])
        ao.doctor()
        assert before == structlog.get_config()
        assert processors == before["processors"]
        assert not structlog.is_configured()
    assert [] == captured.events


def test_without_a_stdout_nothing_is_printed(monkeypatch):
    """A program that has closed its stdout is not harmed."""
    monkeypatch.setattr(sys, "stdout", None)
    ao.doctor()


def test_a_program_asks_and_is_asked(tmp_path):
    """A real one, by itself and by the command; on a terminal with colour and within its width."""
    printed = scripts.run(tmp_path, PROGRAM)
    assert (0, "") == (printed.status, printed.stderr)
    assert "✓ the EventProcessor stands where it belongs, before JSONRenderer" in printed.stdout
    assert printed.stdout.endswith("✓ no problems\nset()\n")
    shown = on_terminal(
        "doctor",
        "--structlog",
        "program:configure",
        columns=60,
        PYTHONPATH=f"{ROOT}:{tmp_path}",
    )
    assert "\x1b[32m✓" in shown
    assert "belongs" in shown
