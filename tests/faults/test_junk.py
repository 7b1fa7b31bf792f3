"""Junk in the journal: whatever lies there, recording and reading go on, and it is left alone."""

import json
import os
import socket
import zipfile

import pytest

from tests.cli.commandline import agentlog
from tests.recording.journals import CORPORA
from tests.scripts import run

OWNER = "0193f2c1a2b3-{}-9f8e7d6c-0001.jsonl"
"""The name of a segment of some process that has ended."""

LINES = {
    "nothing": b"",
    "zeros": b"\0" * 100_000,
    "no UTF-8": bytes(range(256)) * 100 + b"\n",
    "depth": b"[" * 200_000 + b"\n",
    "a huge line": b'{"id":"' + b"a" * 3_000_000 + b'"}\n',
    "a huge line without end": b"x" * 3_000_000,
    "wrong types": b'{"id":1,"session_id":[],"timestamp":"x","params":5}\n' * 100,
    "wrong fields": b'{"id":"%s","session_id":"%s","parent_id":7,"event_type":[],"timestamp":{},'
    b'"params":3,"tags":"t","notes":[],"error":9,"log":{}}\n' % (b"a" * 16, b"b" * 32),
    "its own parent": b'{"id":"%s","session_id":"%s","parent_id":"%s","event_type":"self",'
    b'"timestamp":1e999}\n' % (b"c" * 16, b"b" * 32, b"c" * 16),
    "empty lines": b"\n" * 1000,
}


def litter(directory):
    """Leave junk of every kind in a destination."""
    directory.mkdir(parents=True)
    for number, content in enumerate(LINES.values()):
        (directory / OWNER.format(number)).write_bytes(content)
    (directory / OWNER.format(100)).mkdir()
    (directory / OWNER.format(101)).symlink_to(directory)
    (directory / OWNER.format(102)).symlink_to("/etc/passwd")
    (directory / OWNER.format(103)).symlink_to(directory / OWNER.format(103))
    os.mkfifo(directory / OWNER.format(104))
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(directory, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{here}/{OWNER.format(105)}")
        os.close(here)
    (directory / OWNER.format(106)).touch(mode=0)
    for name in (b"\xff\xfe.jsonl", b"\xff" * 200, b"new\nline", b".new", b"notes.txt"):
        (directory / os.fsdecode(name)).write_bytes(b"theirs\n")
    os.mkfifo(directory / "pipe.jsonl")
    os.mkfifo(directory.parent / "pipe")
    (directory.parent / "file").write_bytes(b"theirs\n")
    (directory.parent / "link").symlink_to(directory.parent / "nowhere")
    (directory.parent / os.fsdecode(b"\xff")).mkdir()
    (directory.parent.parent / "junk").write_bytes(b"theirs\n")


def corpus(directory):
    """Add what a parser of JSON may come across."""
    if not CORPORA.exists():
        return
    with zipfile.ZipFile(CORPORA / "jsontestsuite.zip") as archive:
        for number, name in enumerate(archive.namelist()):
            path = directory / OWNER.format(1000 + number)
            path.write_bytes(archive.read(name) + b"\n" * (number % 2))


PROGRAM = """
from tests.faults.host import SMALL, Host
host = Host(segment_size=SMALL, busy=True)
with host.action("good"):
    for n in range(100):
        host.event("event", n=n, pad="x" * 1000)
        host.sure()
host.end()
"""


@pytest.fixture
def directory(tmp_path):
    """Name the directory of the local destination."""
    return tmp_path / "home" / "journal" / "local"


@pytest.mark.parametrize("limit", ["1", "100000000"])
def test_recording_amid_junk(tmp_path, directory, limit):
    """Also where the journal is at its limit, and all of it is looked at for room."""
    litter(directory)
    ran = run(tmp_path, PROGRAM, AGENTLOG_JOURNAL_LIMIT=limit)
    assert (0, "") == (ran.status, ran.stderr)
    account = json.loads(ran.stdout)
    lost = account["dropped"].get("journal limit", 0)
    assert 104 == account["accepted"] == account["delivered"] + lost
    assert (lost > 0) == (limit == "1")
    theirs = [path for path in (tmp_path / "home").rglob("*") if path.name[0] in "\udcff.nj"]
    assert {b"theirs\n"} == {path.read_bytes() for path in theirs if path.is_file()}


@pytest.mark.soak
def test_reading_amid_junk(tmp_path, directory):
    """What is whole is shown, whatever lies beside it: no command hangs or breaks down."""
    litter(directory)
    corpus(directory)
    ran = run(tmp_path, PROGRAM + "print(host.client._recorder.session.session_id)")
    session_id = ran.stdout.splitlines()[-1]
    home = str(tmp_path / "home")
    listed = agentlog("sessions", AGENTLOG_HOME=home)
    replayed = agentlog("replay", "--json", session_id, AGENTLOG_HOME=home)
    doctor = agentlog("doctor", AGENTLOG_HOME=home)
    pruned = agentlog("prune", "--older-than", "1s", AGENTLOG_HOME=home)
    for done in (listed, replayed, doctor, pruned):
        assert "Traceback" not in done.stderr
    assert (0, 0, 1, 0) == tuple(done.returncode for done in (listed, replayed, doctor, pruned)), (
        listed.stderr,
        replayed.stderr,
        doctor.stderr,
        pruned.stderr,
    )
    found = [event["event_type"] for event in json.loads(replayed.stdout)["events"]]
    assert ["good", *["event"] * 100] == found


@pytest.mark.parametrize("junk", ["pipe", "directory"])
def test_junk_in_the_place_of_the_losses(tmp_path, directory, junk):
    """Losses that cannot be noted are counted all the same; nobody waits for a pipe."""
    directory.mkdir(parents=True)
    path = directory / "losses"
    os.mkfifo(path) if junk == "pipe" else path.mkdir()
    ran = run(tmp_path, PROGRAM, AGENTLOG_JOURNAL_LIMIT="10000")
    assert (0, "") == (ran.status, ran.stderr)
    account = json.loads(ran.stdout)
    assert 104 == account["accepted"] == account["delivered"] + account["dropped"]["journal limit"]
    doctor = agentlog("doctor", AGENTLOG_HOME=str(tmp_path / "home"))
    assert "Traceback" not in doctor.stderr
