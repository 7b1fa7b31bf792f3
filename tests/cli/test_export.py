"""`agentlog export`: where it writes, and what is there in the end."""

import csv
import gzip
import io
import json
import os
import re
import signal
import stat
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

import agentlog as ao
from agentlog.cli import main
from agentlog.store.sqlite.store import SqliteStore
from tests import warm
from tests.cli.commandline import AGENTLOG, agentlog, environ, record
from tests.replay.exports import strict
from tests.warm import Popen

FORMS = ["--html", "--jsonl", "--otlp-json", "--chrome-trace", "--csv"]


@pytest.fixture
def session_id(client):
    """A run."""
    return record(client, "plan", "write", tags=["検索"])


def test_each_form(session_id, capfdbinary):
    """On stdout, without FILE: each in the form that it is called by."""
    written = {}
    for form in FORMS:
        assert 0 == main(["export", session_id, form])
        out, err = capfdbinary.readouterr()
        assert b"" == err
        written[form] = out.decode()
    assert written["--html"].startswith("<!doctype html>")
    lines = [strict(line) for line in written["--jsonl"].splitlines()]
    (root,) = [line for line in lines if line["action_type"] == "session"]
    assert ["plan", "write"] == [line["event_type"] for line in lines if line is not root]
    assert ["検索"] == root["tags"]
    (traces,) = map(strict, written["--otlp-json"].splitlines())
    (spans,) = [scope["spans"] for scope in traces["resourceSpans"][0]["scopeSpans"]]
    assert {session_id} == {span["traceId"] for span in spans}
    drawn = strict(written["--chrome-trace"])["traceEvents"]
    assert 3 == len([one for one in drawn if one["ph"] == "X"])
    rows = list(csv.DictReader(io.StringIO(written["--csv"], newline="")))
    assert ["plan", "write"] == [row["event_type"] for row in rows if row["parent_id"]]


def test_a_file(session_id, tmp_path, capsys):
    """What would go to stdout goes to the file, and nothing is said."""
    path = tmp_path / "run.jsonl"
    assert 0 == main(["export", session_id, "--jsonl", "-"])
    expected = capsys.readouterr().out
    assert 0 == main(["export", session_id, "--jsonl", str(path)])
    assert ("", "") == capsys.readouterr()
    assert expected == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_a_file_that_is_there_is_replaced(session_id, tmp_path):
    """It keeps its permissions; of a link, what it leads to is replaced."""
    path, link = tmp_path / "run.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    assert 0 == main(["export", session_id, "--csv", str(link)])
    assert path.read_text().startswith('"session_id"')
    assert link.is_symlink()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_permissions_of_any(session_id, tmp_path):
    """As the umask has it."""
    done = subprocess.run(
        ["sh", "-c", 'umask 027; "$@"', "sh", *AGENTLOG, "export", session_id, "--csv", "run.csv"],
        env=environ(),
        cwd=tmp_path,
        check=False,
    )
    assert 0 == done.returncode
    assert 0o640 == stat.S_IMODE((tmp_path / "run.csv").stat().st_mode)


def test_what_is_no_file_is_written_to(session_id, tmp_path):
    """A pipe with a name, a device: it stays what it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with Popen([*AGENTLOG, "export", session_id, "--csv", str(pipe)], env=environ()) as run:
        assert pipe.read_text().startswith('"session_id"')
        assert 0 == run.wait(timeout=60)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", ["missing/run.csv", ".", "/proc/agentlog-export"])
def test_what_cannot_be_written_is_one_line(name, session_id, tmp_path, monkeypatch, capsys):
    """It is named, and nothing is left."""
    monkeypatch.chdir(tmp_path)
    assert 1 == main(["export", session_id, "--csv", name])
    out, err = capsys.readouterr()
    assert "" == out
    assert re.fullmatch(rf"agentlog: {re.escape(name)}: .+\n", err)
    assert [] == list(tmp_path.iterdir())


def test_a_session_that_is_not_there_makes_no_file(session_id, tmp_path, capsys):
    """The file that was there stays as it is."""
    path = tmp_path / "run.csv"
    path.write_text("old")
    assert 1 == main(["export", "nope", "--csv", str(path)])
    assert "agentlog: No session begins with 'nope'.\n" == capsys.readouterr().err
    assert "old" == path.read_text()


@pytest.mark.parametrize(
    "arguments",
    [[], ["last"], ["--csv"], ["last", "--csv", "--jsonl"], ["last", "--pdf"]],
    ids=" ".join,
)
def test_wrong_usage_is_2(arguments, capsys):
    """A session and one form have to be said."""
    assert 2 == main(["export", *arguments])
    assert ": error: " in capsys.readouterr().err


def test_a_reader_that_has_left_is_no_error(client):
    """As with every command, the status is that of SIGPIPE."""
    with client.session():
        for number in range(3000):
            client.record(ao.Event(f"event {number}"))
    for form in FORMS:
        reader, writer = os.pipe()
        os.close(reader)
        done = agentlog("export", "last", form, stdout=writer)
        os.close(writer)
        assert (141, "") == (done.returncode, done.stderr)


def test_a_project_of_a_store(tmp_path, capsys):
    """`--store` and `--project` choose what is exported."""
    event = {"id": "1", "session_id": "s", "parent_id": None, "event_type": "here", "timestamp": 1}
    path = tmp_path / "team.db"
    with SqliteStore(path) as store:
        store.for_project("anna").put([event])
    assert 0 == main(["export", "s", "--jsonl", "--store", str(path), "--project", "anna"])
    assert event == json.loads(capsys.readouterr().out)
    assert 1 == main(["export", "s", "--jsonl", "--store", str(path)])


def test_a_silent_session_is_not_said_to_run(tmp_path, capsys):
    """What a replay shows as silent is silent in each form that says a state.

    JSON Lines and the events in the HTML file are as the collector's API has them, and the page is
    told as there.
    """
    event = {"id": "1", "session_id": "s", "parent_id": None, "event_type": "far", "timestamp": 1}
    path = tmp_path / "team.db"
    with SqliteStore(path) as store:
        store.put([event])
    written = {}
    for form in FORMS:
        assert 0 == main(["export", "s", form, "--store", str(path)])
        written[form] = capsys.readouterr().out
    (row,) = csv.DictReader(io.StringIO(written["--csv"], newline=""))
    assert ("silent", "Indeterminate", "silent") == (row["state"], row["result"], row["reason"])
    assert '{"key":"agentlog.reason","value":{"stringValue":"silent"}}' in written["--otlp-json"]
    assert '"state":"silent"' in written["--chrome-trace"]
    assert event == json.loads(written["--jsonl"])
    (packed,) = re.findall('id="agentlog-outline"[^>]*>([^<]*)<', written["--html"])
    assert json.loads(gzip.decompress(b64decode(packed)))["is_silent"]


MEASURED = """
import resource, sys
from pathlib import Path
from agentlog import export
from agentlog.store.sqlite.store import SqliteStore

with SqliteStore(Path(sys.argv[1])) as store:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    export.export(store, "s", sys.argv[2], sys.argv[3])
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A store with a session of 40 MB of payloads, `s`."""
    path = tmp_path_factory.mktemp("long") / "long.db"
    payload = {"text": "word " * 3200}
    with SqliteStore(path) as store:
        store.put(
            {
                "id": str(number),
                "session_id": "s",
                "parent_id": "0" if number else None,
                "event_type": "step",
                "timestamp": number,
                "end_timestamp": number + 1,
                "params": payload,
            }
            for number in range(2_500)
        )
    return path


def test_a_long_run_is_not_in_memory(long_run, tmp_path):
    """What an export takes is a part of it."""
    for form in ("html", "jsonl", "otlp_json", "chrome_trace", "csv"):
        command = [AGENTLOG[0], "-c", MEASURED, str(long_run), form, str(tmp_path / form)]
        done = warm.run(command, env=environ(), encoding="utf-8")
        assert 30 > int(done.stdout)
        assert (1 << 17) < Path(tmp_path / form).stat().st_size


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_who_is_told_to_end_leaves_nothing(number, status, long_run, tmp_path):
    """What was begun is taken away, and the file that was there stays as it is."""
    path = tmp_path / ("long name " * 20 + ".html")
    path.write_text("old")
    command = [*AGENTLOG, "export", "s", "--html", str(path), "--store", str(long_run)]
    with Popen(command, env=environ(), stderr=subprocess.PIPE) as run:
        while [path] == list(tmp_path.iterdir()):
            assert run.poll() is None
        run.send_signal(number)
        assert b"" == run.stderr.read()
        assert status == run.wait(timeout=60)
    assert [path] == list(tmp_path.iterdir())
    assert "old" == path.read_text()
