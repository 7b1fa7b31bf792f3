"""Exceptions are one tree, drawn in its docstring; a warning never raises."""

import inspect
import io
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import agentlog
from agentlog import errors
from agentlog.errors import AgentlogError, AgentlogWarning, call_site, warn
from tests.recording.journals import REPOSITORY

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and kind.__module__ == errors.__name__
}


def test_the_docstring_draws_every_class():
    """Who reads the docstring knows all of them."""
    assert all(f" {name}" in errors.__doc__ for name in CLASSES)


def test_each_error_is_an_agentlog_error():
    """Who catches `AgentlogError` catches all, and each is at the front door."""
    for name, kind in CLASSES.items():
        assert issubclass(kind, AgentlogWarning if name.endswith("Warning") else AgentlogError)
        assert kind is getattr(agentlog, name)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (agentlog.ConfigurationError, ValueError),
        (agentlog.SessionNotFoundError, LookupError),
        (agentlog.AgentlogWarning, UserWarning),
    ],
)
def test_errors_are_pythons_too(kind, base):
    """Who knows Python's own exceptions catches ours."""
    assert issubclass(kind, base)


def test_a_warning_names_the_line_of_the_user():
    """A warning points to the call in the user's file."""
    with pytest.warns(AgentlogWarning, match="be careful") as caught:
        warn("be careful")
    assert __file__ == caught[0].filename


def run_in(filename, source):
    """Run a program that lies in a file of that name."""
    exec(compile(source, filename, "exec"), {})


@pytest.mark.parametrize("name", ["agentlog_app/main.py", "agentlog-demo.py", "agentlogger/x.py"])
def test_a_program_beside_the_package_is_the_users(name):
    """A path that only begins as ours does is not ours."""
    filename = str(Path(agentlog.__file__).parent.parent / name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run_in(filename, "\nfrom agentlog.errors import warn\nwarn('x')")
    assert [(filename, 3)] == [(one.filename, one.lineno) for one in caught]


def test_the_call_site_is_the_users():
    """The innermost line that is not ours, with its number."""
    line = inspect.currentframe().f_lineno + 1
    assert f"{__file__}:{line}" == call_site()


def test_a_warning_that_is_an_error_is_printed(capsys):
    """Under `-W error` nothing is raised: stderr gets the line."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn("be careful")
    assert "agentlog: be careful\n" == capsys.readouterr().err


class Broken(io.TextIOBase):
    def write(self, text):
        raise OSError


@pytest.mark.parametrize("stream", ["none", "closed", "broken"])
def test_without_stderr_it_is_silent(monkeypatch, stream):
    """Where stderr is missing, closed or broken, nothing is raised."""
    closed = io.StringIO()
    closed.close()
    streams = {"none": None, "closed": closed, "broken": Broken()}
    monkeypatch.setattr(sys, "stderr", streams[stream])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn("be careful")


def test_a_hook_that_raises_harms_nothing(monkeypatch, capsys):
    """A `showwarning` of the host's that raises is no matter of recording."""

    def show(*_, **__):
        raise RuntimeError

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", show)
        warn("be careful")
    assert "agentlog: be careful\n" == capsys.readouterr().err


def test_a_wrong_argument_names_what_is_accepted(tmp_path):
    """The message has the field, the value that was given, and what would be right."""
    with pytest.raises(agentlog.ConfigurationError) as caught:
        agentlog.Event("x", result="Succes")
    assert "result='Succes' is not accepted" in str(caught.value)
    assert "'Success', 'Fail', 'Indeterminate'" in str(caught.value)


def test_a_value_in_a_message_is_short():
    """A huge wrong value does not fill the terminal."""
    with pytest.raises(agentlog.ConfigurationError) as caught:
        agentlog.Event("x", model=["y" * 10_000])
    assert len(str(caught.value)) < 400


def test_warnings_are_once_per_program():
    """A verb used before `init`, a thousand times, warns once, also when warnings are errors."""
    program = (
        "import agentlog as ao\n"
        "for _ in range(1000):\n"
        "    with ao.action('x'): ao.record(ao.Event('y'))\n"
    )
    for option in ("always", "error"):
        done = subprocess.run(
            [sys.executable, "-W", option, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
        )
        assert 1 == done.stderr.count("agentlog.init()")
