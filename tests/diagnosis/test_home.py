"""The doctor of the home: what it finds, what it calls wrong, and what it keeps to itself."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentlog as ao
from agentlog import journal, losses
from agentlog.cli import main
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG, is_wrong, lay_out
from agentlog.diagnosis.home import examine, in_short
from agentlog.recording.pen import Process
from agentlog.replay.lines import to_plain
from tests import scripts
from tests.cli.commandline import STEERING

OWNER = "0193f2c1a2b3-4242-9f8e7d6c"
NOBODY = 54321

WAITING = """
    import agentlog as ao
    ao.init()
    with ao.session(), ao.action("outer"):
        print("ready", flush=True)
        input()
"""


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """A user who has no other homes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def record(home=None, **arguments):
    """Record a session of two events."""
    client = ao.Client(home=home, **arguments)
    with client.session(), client.action("plan"):
        pass
    client.close()


def written(home, content, destination="local"):
    """Write a segment by hand, as of a process that has ended."""
    segment = journal.segment(home / "journal" / destination, OWNER, 1)
    segment.path.parent.mkdir(parents=True, exist_ok=True)
    segment.path.write_bytes(content)
    return segment.path


def found(topic, grade=None):
    """Return what is found of a topic, each with its details, as texts."""
    return [
        "\n".join([finding.text, *finding.details])
        for finding in examine()
        if finding.topic == topic and grade in {None, finding.grade}
    ]


def test_an_absent_home_is_healthy(home, monkeypatch, capsys):
    """Where nothing was recorded nothing is wrong, and looking makes nothing."""
    monkeypatch.setenv("AGENTLOG_HOME", str(home / "absent" / "home"))
    assert 0 == main(["doctor"])
    out = capsys.readouterr().out
    assert "not there yet" in " ".join(out.split())
    assert out.endswith("no problems\n")
    assert [] == list(home.iterdir())


def test_a_healthy_home_is_described(home):
    """What was taken up just now is counted; nothing waits in the journal afterwards."""
    record()
    [store] = found("store", GOOD)
    assert re.fullmatch(r"1 session, 2 events, \d+ KiB\n4 records taken up just now", store)
    assert ["local: nothing waits to be read"] == found("journal", GOOD)
    assert [f"{home}, with "] == [re.sub(r"[\d.]+ \w+ free", "", text) for text in found("home")]
    [store] = found("store")
    assert "just now" not in store
    assert not is_wrong(examine())


def test_living_owners_are_named(tmp_path, monkeypatch):
    """Who writes a segment is told by process and start; what it left when it is killed, too."""
    monkeypatch.setenv("AGENTLOG_HOME", str(tmp_path / "home"))
    process = scripts.started(tmp_path, WAITING)
    assert "ready\n" == process.stdout.readline()
    [segment] = found("journal", GOOD)
    assert re.match(r"local: 1 segment, \d+ B\n", segment)
    assert f"written by process {process.pid} since 20" in segment
    assert [] == found("store", NOTICE)

    process.kill()
    process.communicate()
    [interrupted] = found("store", NOTICE)
    assert interrupted.startswith("2 events interrupted: the process was gone before the end\n")
    assert interrupted.endswith("  program.py")
    assert not is_wrong(examine())


def test_damaged_lines_are_shown(home, capsys):
    """Each of the first few is told with its place, the reason, and how it begins."""
    path = written(home, b'{"id": "1", "session_id": "s"}\n' + b'{"torn\n' * 7)
    assert 1 == main(["doctor"])
    out = capsys.readouterr().out
    assert "7 lines of the journal set aside as damaged" in out
    assert "and 2 more" in out
    assert "`agentlog prune --older-than AGE` forgets" in out
    assert out.endswith("1 problem\n")
    [damage] = found("store", WRONG)
    assert f"local/{path.name} at byte 31: not JSON: " in damage
    assert damage.count('{"torn') == 5


def test_losses_are_shown_with_their_cure(home):
    """Every record that is known to be lost is told, by destination and reason."""
    path = written(home, b"").parent
    reasons = list(Process().dropped)
    for number, reason in enumerate([*reasons, "quite\x1b[31m another"], 1):
        losses.note(path, reason, number)
        losses.note(path, reason, 1000)

    lost = dict(reversed(text.split(" lost: ")) for text in found("journal", WRONG))
    assert "local: 1,001 records" == next(v for k, v in lost.items() if k.startswith(reasons[0]))
    assert all(any(k.startswith(f"{reason}\n") for k in lost) for reason in reasons)
    assert all(2 == k.count("\n") for k in lost if k.startswith(tuple(reasons)))
    assert all("\n`agentlog prune --older-than AGE` forgets" in reason for reason in lost)
    assert any(k.startswith("quite\x1b[31m another\n") for k in lost)
    assert not STEERING.search(to_plain(lay_out(examine())))


def test_a_store_that_cannot_be_used_is_told(home):
    """What is wrong with the store is said, and how much waits for it."""
    written(home, b"x" * 3000)
    (home / "store.db").write_bytes(b"no database" * 100)
    [trouble] = found("store", WRONG)
    assert "store.db is damaged or is no agentlog store" in trouble
    assert "2.9 KiB in the journal wait for it" in trouble


def test_a_full_journal_is_told(home, monkeypatch):
    """A destination that has reached the limit loses payloads, and that is said."""
    record(endpoint="http://127.0.0.1:9", api_key="sk-1")
    monkeypatch.setenv("AGENTLOG_JOURNAL_LIMIT", "100")
    [trouble] = found("settings", WRONG)
    assert re.match(r"127\.0\.0\.1-\w+ has reached the limit", trouble)
    assert ", shipped as said below" in found("journal", GOOD)[0]


def test_a_home_that_is_a_file_is_told(home, monkeypatch):
    """A home in which nothing can be made is a problem, told with the reason."""
    home.mkdir(exist_ok=True)
    (home / "file").write_text("")
    monkeypatch.setenv("AGENTLOG_HOME", str(home / "file"))
    assert [f"{home}/file cannot be read: Not a directory"] == found("home", WRONG)


def by_nobody(home, *arguments):
    """Run a command as a user to whom the home does not belong, and who has none anywhere."""
    program = (
        "import os, sys, agentlog.cli, agentlog.diagnosis.program, agentlog.diagnosis.store,"
        " agentlog.replay.listing, agentlog.replay.colour\n"
        f"if not os.getuid(): os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "sys.exit(agentlog.cli.main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={k: v for k, v in os.environ.items() if k != "HOME"}
        | {"AGENTLOG_HOME": str(home), "PYTHONPATH": scripts.PLAIN},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def reachable():
    """A directory to which every user gets."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path


def test_a_home_that_cannot_be_read_is_told(reachable):
    """Another user's home is not an empty one."""
    record(reachable / "home")
    (reachable / "home").chmod(0)
    done = by_nobody(reachable / "home", "doctor")
    (reachable / "home").chmod(0o700)
    assert (1, "") == (done.returncode, done.stderr)
    assert re.search(r"home\s+cannot\s+be\s+read:\s+Permission\s+denied", done.stdout)


@pytest.mark.parametrize("name", ["", "absent"])
def test_a_home_that_cannot_be_written_is_told(name, reachable):
    """Where a program could record nothing, that is a problem, even if there is no home yet."""
    (reachable / "home").mkdir()
    (reachable / "home").chmod(0o555)
    done = by_nobody(reachable / "home" / name, "doctor")
    assert (1, "") == (done.returncode, done.stderr)
    assert re.search(r"cannot\s+be\s+written", done.stdout)


def test_settings_in_force_are_named_with_their_variable(home, monkeypatch):
    """What a program gets without arguments is listed, and whether a variable says so."""
    for name, value in {
        "TAGS": "a, b",
        "JOURNAL_LIMIT": "3000000",
        "ENDPOINT": "https://a.b",
    }.items():
        monkeypatch.setenv(f"AGENTLOG_{name}", value)
    assert [
        f"home {home}, by AGENTLOG_HOME",
        "endpoint https://a.b, by AGENTLOG_ENDPOINT",
        "no API key",
        "tags a, b, by AGENTLOG_TAGS",
        "journal limit 2.9 MiB, by AGENTLOG_JOURNAL_LIMIT",
        "recording is on",
    ] == found("settings", FACT)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AGENTLOG_ENDPOINT": "https://a.b"},
        {"AGENTLOG_ENDPOINT": "https://user:sk-secret@a.b"},
        {"AGENTLOG_ENDPOINT": "https://a.b/?key=sk-secret"},
        {"AGENTLOG_KEY": "sk-secret"},
        {"AGENTLOG_JOURNAL_LIMIT": "many"},
    ],
    ids=str,
)
def test_a_key_is_never_shown(variables, monkeypatch, capsys):
    """Neither the key nor what else may hold one is printed, accepted or not."""
    for name, value in {"AGENTLOG_API_KEY": "sk-secret", **variables}.items():
        monkeypatch.setenv(name, value)
    main(["doctor"])
    out = capsys.readouterr().out
    assert "sk-secret" not in out
    assert "AGENTLOG_" in out


def test_a_setting_that_is_not_accepted_is_a_problem(monkeypatch):
    """A value on which `init` raises is told as it tells it."""
    monkeypatch.setenv("AGENTLOG_JOURNAL_LIMIT", "many")
    [trouble] = found("settings", WRONG)
    assert trouble == (
        "AGENTLOG_JOURNAL_LIMIT='many' is not accepted: it is a number of bytes\n"
        "what is set here: AGENTLOG_HOME, AGENTLOG_JOURNAL_LIMIT"
    )
    monkeypatch.setenv("AGENTLOG_HOME", "~nobody-of-this-name")
    [trouble] = found("home", WRONG)
    assert "is not accepted" in trouble


def test_a_misspelt_setting_is_noticed(monkeypatch):
    """A variable that agentlog does not know is named, with the one that may be meant."""
    monkeypatch.setenv("AGENTLOG_DISABLE", "1")
    assert ["AGENTLOG_DISABLE is no setting of agentlog; is AGENTLOG_DISABLED meant?"] == found(
        "settings", NOTICE
    )


def test_a_setting_of_the_page_is_no_misspelt_one(monkeypatch):
    """`agentlog serve --help` names it."""
    monkeypatch.setenv("AGENTLOG_NO_BROWSER", "1")
    assert [] == found("settings", NOTICE)


def test_recording_that_is_disabled_comes_first(monkeypatch):
    """Who misses an event is told first that recording is off here; that is no problem."""
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    assert "AGENTLOG_DISABLED is set here" in found("if an event is missing")[0]
    assert not is_wrong(examine())


def test_the_doctor_of_log_lines_is_named():
    """Who misses a log line reads which command looks at the program."""
    [about_lines] = [text for text in found("if an event is missing") if "log line" in text]
    assert "`agentlog doctor --structlog MODULE:FUNCTION`" in about_lines


def test_in_short_only_what_is_wrong_is_said_beside_the_home(home, monkeypatch):
    """The settings and what is well are left out."""
    monkeypatch.setenv("AGENTLOG_JOURNAL_LIMIT", "many")
    written(home, b'{"torn\n')
    said = [(each.topic, each.grade) for each in in_short()]
    assert [("agentlog", FACT), ("home", GOOD), ("store", WRONG), ("settings", WRONG)] == said


def test_records_in_another_home_are_noticed(user):
    """Where the user's usual home has records, and a variable names another, that is said."""
    usual = user / ".local" / "state" / "agentlog"
    assert [] == found("if an event is missing", NOTICE)
    record(usual)
    assert [f"There are records in another home: {usual}"] == found(
        "if an event is missing", NOTICE
    )


@pytest.mark.parametrize("width", [25, 40, 80, 200])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_layout_keeps_to_its_width(width, ascii_only, home, monkeypatch):
    """Long lines are wrapped below themselves, in either alphabet."""
    written(home, "{检索}\n".encode() * 3)
    monkeypatch.setenv("AGENTLOG_TAGS", "tag" * 50 + "é")
    text = to_plain(lay_out(examine(), width=width, ascii_only=ascii_only))
    assert width >= max(map(len, text.splitlines()))
    assert ascii_only == text.isascii()


names = st.binary(max_size=300).map(lambda name: os.fsdecode(name.replace(b"\0", b"")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(names, min_size=6, max_size=6))
def test_whatever_the_environment_says_is_examined(values, tmp_path):
    """No environment makes the doctor raise, or steers the terminal, or makes a home."""
    settings_named = ("HOME", "ENDPOINT", "API_KEY", "TAGS", "JOURNAL_LIMIT", "DISABLED")
    environ = {f"AGENTLOG_{k}": v for k, v in zip(settings_named, values, strict=True)}
    environ["AGENTLOG_HOME"] = f"{tmp_path}/absent/{environ['AGENTLOG_HOME']}"
    assert not STEERING.search(to_plain(lay_out(examine(environ))))
    assert [] == list(Path(tmp_path).iterdir())
