"""The function that configures a program: found, called, and what it does while it is."""

import os
import sys
import textwrap

import pytest

import agentlog as ao
from agentlog.cli import main
from tests.cli.commandline import STEERING

PROGRAM = """
    import logging, structlog, sys, agentlog as ao

    here = list(sys.path)

    def good():
        print("configuring")
        structlog.configure(processors=[structlog.processors.JSONRenderer()])
        ao.install()

    def absent():
        structlog.configure(processors=[structlog.processors.JSONRenderer()])

    def fails():
        good()
        try:
            raise KeyError("the cause")
        except KeyError as error:
            raise ValueError("first line\\nsecond \\x1b[31m") from error

    def leaves():
        sys.exit("enough")

    def initialises():
        good()
        ao.init(home="of-its-own")

    def wants(more):
        pass

    async def waits():
        pass

    class Logs:
        configure = staticmethod(good)

    text = "text"
"""

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture(autouse=True)
def program(tmp_path, monkeypatch):
    """A directory with programs in it, which is the current one."""
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "broken.py").write_text("raise SystemExit('on import\\x1b[31m')")
    (tmp_path / "invalid.py").write_text("def :")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "logs.py").write_text("from program import good as set_up")
    monkeypatch.chdir(tmp_path)
    yield
    for name in ("program", "broken", "invalid", "package", "package.logs"):
        sys.modules.pop(name, None)


def doctor(function, capsys):
    """Ask the doctor about a function; return status, what is said in one line, and stderr."""
    path = list(sys.path)
    status = main(["doctor", "--structlog", function])
    assert path == sys.path
    out, err = capsys.readouterr()
    assert not STEERING.search(out + err)
    return status, " ".join(out.split()), err


@pytest.mark.parametrize("name", ["program:good", "program:Logs.configure", "package.logs:set_up"])
def test_the_function_is_imported_from_here_and_called(name, capsys):
    """What it prints goes to stderr; what is configured is told first, then the home."""
    status, said, err = doctor(name, capsys)
    assert (0, "configuring\n") == (status, err)
    assert "the EventProcessor stands where it belongs, before JSONRenderer" in said
    assert "agentlog.init() is not called by that function" in said
    assert said.startswith("structlog ")
    assert said.index(" logging ") < said.index(" client ") < said.index(" home ")
    assert said.endswith("no problems")


def test_a_problem_is_a_failure(capsys):
    """The exit status says so to a program that asks."""
    status, said, _ = doctor("program:absent", capsys)
    assert 1 == status
    assert "agentlog.install() after structlog.configure(...)" in said
    assert said.endswith("1 problem")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("program", "'program' is not accepted: it lacks the function: program:configure"),
        ("program:", "'program:' is not accepted: it lacks the function: program:configure"),
        (
            "package.logs",
            "'package.logs' is not accepted: it lacks the function: package.logs:configure, or p",
        ),
        ("program.py", "'program.py' is not accepted: it lacks the function: program:configure"),
        (":good", "':good' is not accepted: it is a module and a function, such as app:logs"),
        ("program:good()", "'program:good()' is not accepted: write program:good"),
        ("package/logs.py:set_up", "'package/logs.py:set_up' is not accepted: write package.logs:"),
        (
            "program.py:good",
            "program.py:good cannot be imported (write program:good): ModuleNotFoundError: No mod",
        ),
        ("pro gram:good", "'pro gram:good' is not accepted: "),
        ("", "'' is not accepted: "),
        ("nowhere:good", "nowhere:good cannot be imported: ModuleNotFoundError: No module named"),
        ("program:bad", "program:bad cannot be imported: AttributeError: module 'program' has no"),
        ("program:text", "program:text is not accepted: it is 'text', and no function"),
        ("program:waits", "program:waits is not accepted: it is <function waits"),
        ("broken:good", "broken:good cannot be imported: SystemExit: on import\\x1b[31m"),
        ("invalid:good", "invalid:good cannot be imported: SyntaxError: "),
    ],
)
def test_what_is_no_function_is_wrong_usage(name, message, capsys):
    """It is told in one line behind the usage, and nothing is examined."""
    status, said, err = doctor(name, capsys)
    assert (2, "") == (status, said)
    usage, _, told = err.partition("\nagentlog doctor: error: argument --structlog: ")
    assert usage.startswith("usage: agentlog doctor")
    assert told.startswith(message)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fails", "raised ValueError: first line at {}/program.py:19 because of KeyError: 'the"),
        ("leaves", "raised SystemExit: enough at {}/program.py:22 what is said here"),
        ("wants", "raised TypeError: wants() missing 1 required positional argument: 'more' what"),
    ],
)
def test_what_the_function_raises_is_a_problem(name, told, tmp_path, capsys, monkeypatch):
    """It is told with its place and cause; what was configured until then is examined."""
    monkeypatch.setenv("COLUMNS", "1000")
    status, said, err = doctor(f"program:{name}", capsys)
    assert 1 == status
    assert f"program:{name}() {told.format(tmp_path)}" in said
    assert "Traceback" not in err
    assert ("the EventProcessor stands where it belongs" in said) == (name == "fails")


def test_a_client_of_its_own_names_the_home(tmp_path, capsys, monkeypatch):
    """Where the function calls `init`, the doctor looks at what that says."""
    monkeypatch.setenv("COLUMNS", "1000")
    status, said, _ = doctor("program:initialises", capsys)
    ao.close()
    assert 0 == status
    assert f"{tmp_path}/of-its-own is not there yet" in said
    assert " client " not in said


@pytest.mark.parametrize("before", [None, "", "0", "1"])
def test_the_doctor_records_nothing(before, tmp_path, capsys, monkeypatch):
    """The module and its function are no run of the program; the environment is as it was."""
    if before is not None:
        monkeypatch.setenv("AGENTLOG_DISABLED", before)
    recording = """
        import agentlog as ao

        def good():
            ao.init(home="of-its-own")
            ao.record(ao.Event("configured"))

        good()
    """
    (tmp_path / "program.py").write_text(textwrap.dedent(recording))
    _, said, err = doctor("program:good", capsys)
    ao.close()
    assert "" == err
    assert not (tmp_path / "of-its-own").exists()
    assert before == os.environ.get("AGENTLOG_DISABLED")
    assert (before == "1") == ("AGENTLOG_DISABLED" in said)


def test_interrupting_the_function_interrupts_the_doctor(tmp_path, capsys):
    """Ctrl-C is not what a function raises."""
    (tmp_path / "program.py").write_text("def stop():\n    raise KeyboardInterrupt")
    assert (130, "", "") == doctor("program:stop", capsys)


def test_a_handler_of_the_program_is_found(tmp_path, capsys):
    """Plain logging is looked at as well."""
    source = (
        "import logging, agentlog\ndef logs(): logging.root.addHandler(agentlog.EventHandler())"
    )
    (tmp_path / "program.py").write_text(source)
    status, said, _ = doctor("program:logs", capsys)
    assert 0 == status
    assert "✓ EventHandler of the root logger: lines become events here" in said
