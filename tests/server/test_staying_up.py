"""A collector that is stopped, killed, started again, doubled, and short of room."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from agentlog.store.sqlite.store import SqliteStore
from tests import warm
from tests.busy import up_to
from tests.cli.commandline import agentlog
from tests.faults.disks import MAY_NOT
from tests.server.collector import PATIENCE, Collector, event_id, record, session_id
from tests.warm import PLAIN, ROOT, Popen


def integrity(collector):
    """Ask SQLite whether the file is whole."""
    connection = sqlite3.connect(collector.store)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()


class Load:
    """Batches from some connections, until they are told to stop; what was acknowledged is kept."""

    def __init__(self, collector, lanes=3):
        self._port = collector.port
        self._stopping = threading.Event()
        self.acknowledged = set()
        self.begun = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(lanes)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _send(self, lane):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        number = lane + 1 + 10_000_000 * int(time.time() * 1000 % 1_000_000)
        try:
            while not self._stopping.is_set():
                numbers = range(number, number + 300, 3)
                body = json.dumps({"events": [record(n) for n in numbers]})
                connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                receipt = json.loads(answer.read())
                if answer.status == 200 and receipt["accepted"] == len(numbers):
                    self.acknowledged |= {event_id(n) for n in numbers}
                    self.begun.release()
                number += 300
        except (OSError, http.client.HTTPException, ValueError):
            pass  # it is gone: what was not answered is not acknowledged
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 0),
        (signal.SIGINT, 130),
        (signal.SIGHUP, 0),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
    ids=str,
)
def test_what_was_acknowledged_outlives_a_signal_under_load(tmp_path, number, status):
    """Three times; the store is whole, and the next start takes less than a second."""
    acknowledged = set()
    with Collector(tmp_path) as collector:
        for again in range(3):
            if again:
                began = time.monotonic()
                collector.start()
                assert time.monotonic() - began < up_to(1)
            with Load(collector) as load:
                for _ in range(8):
                    assert load.begun.acquire(timeout=PATIENCE)
                assert status == collector.stop(number)
            acknowledged |= load.acknowledged
            assert [("ok",)] == integrity(collector)
        with SqliteStore(collector.store) as store:
            assert acknowledged <= {event["id"] for event in store.session(session_id())}


def test_reading_while_writing_takes_less_than_a_second(tmp_path):
    """The list, a session, an event and a search, as long as batches come."""
    with Collector(tmp_path) as collector, Load(collector) as load:
        for _ in range(10):
            assert load.begun.acquire(timeout=PATIENCE)
            for path in (
                "/v1/sessions",
                "/v1/search?q=step",
                f"/v1/events/{session_id()}/{min(load.acknowledged)}",
            ):
                began = time.monotonic()
                assert 200 == collector.get(path).status
                assert time.monotonic() - began < up_to(1), path


def test_a_second_collector_is_refused_by_every_name_of_the_store(tmp_path):
    """A link to it, and a name of equal right; and keys are those of the store."""
    with Collector(tmp_path) as collector:
        key = collector.key("anna")
        (tmp_path / "link.db").symlink_to(collector.store)
        assert "anna" in agentlog("keys", "list", "--store", str(tmp_path / "link.db")).stdout
        other = agentlog("serve", "--port", "0", "--store", str(tmp_path / "link.db"))
        assert (1, "") == (other.returncode, other.stdout)
        assert "is served by another collector" in other.stderr
        (tmp_path / "name.db").hardlink_to(collector.store)
        for command in (("serve", "--port", "0"), ("prune", "--older-than", "1d"), ("sessions",)):
            other = agentlog(*command, "--store", str(tmp_path / "name.db"))
            assert (1, "") == (other.returncode, other.stdout), command
            assert "has 2 names (hard links)" in other.stderr
        assert 200 == collector.post([record()], key).status


def test_what_is_served_is_not_pruned_by_others(tmp_path):
    """`serve --keep` does it; reading it is open to every command."""
    with Collector(tmp_path, store=None) as collector:
        collector.post([record()])
        home = {"AGENTLOG_HOME": str(collector.home)}
        told = agentlog("prune", "--older-than", "1s", **home)
        assert (1, "") == (told.returncode, told.stdout)
        assert "is served by a collector, which alone writes to it" in told.stderr
        assert "`agentlog serve --keep` deletes what is old" in told.stderr
        listed = agentlog("sessions", **home)
        assert (0, "") == (listed.returncode, listed.stderr)
        assert "program 1" in listed.stdout


def test_a_store_that_is_removed_is_missed(tmp_path):
    """At once, by who ships, who reads and who asks how it is; what was there can come back."""
    with Collector(tmp_path) as collector:
        assert 200 == collector.post([record()]).status
        path, aside = tmp_path / "store.db", tmp_path / "aside.db"
        path.rename(aside)
        answers = [
            collector.post([record(2)]),
            collector.get("/v1/sessions"),
            collector.get("/healthz"),
        ]
        assert [503] * 3 == [answer.status for answer in answers]
        aside.rename(path)
        until = time.monotonic() + PATIENCE
        while collector.get("/healthz").status != 200:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert 200 == collector.post([record(2)]).status
        events = collector.get(f"/v1/sessions/{session_id()}").json["events"]
        assert [event_id(2)] == [event["id"] for event in events]
        path.unlink()
        assert 503 == collector.post([record(3)]).status
        assert 0 == collector.stop()
    assert not path.exists()


def test_a_collector_that_lost_its_lock_writes_no_more(tmp_path):
    """Whoever removed it: another one may serve the store then."""
    with Collector(tmp_path) as first:
        assert 200 == first.post([record()]).status
        (tmp_path / "store.db.lock").unlink()
        with Collector(tmp_path) as second:
            assert 200 == second.post([record(2)]).status
            assert [503, 503] == [first.post([record(3)]).status, first.get("/healthz").status]
            assert 200 == second.post([record(4)]).status
            events = second.get(f"/v1/sessions/{session_id()}").json["events"]
            assert [event_id(2), event_id(4)] == [event["id"] for event in events]
            assert [("ok",)] == integrity(second)


def test_what_is_old_goes_by_itself(tmp_path):
    """With --keep; what has just come stays, whatever time its clock says."""
    old = {"timestamp": 1.0, "end_timestamp": 2.0}
    with Collector(tmp_path) as collector:
        collector.post([record() | old])
        collector.stop()
    with SqliteStore(tmp_path / "store.db") as store:
        store.put([record(session=2) | old])
    with Collector(tmp_path, "--keep", "1d") as collector:
        until = time.monotonic() + PATIENCE
        while len(left := collector.get("/v1/sessions").json["sessions"]) > 1:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert [session_id()] == [session["id"] for session in left]


def test_what_is_old_goes_by_the_age_of_its_project(tmp_path):
    """The names are those of keys; who has none is among all others."""
    collector = Collector(tmp_path, "--keep", "52w", "--keep", "anna=1d", "--keep", "bert=forever")
    with SqliteStore(tmp_path / "store.db") as store:
        for name in ("", "anna", "bert", "carl"):
            times = 1.0, time.time() - 2 * 86_400
            store.for_project(name).put(
                record(session=number) | {"timestamp": moment, "end_timestamp": moment}
                for number, moment in enumerate(times, 1)
            )
    with collector:
        until = time.monotonic() + PATIENCE
        while (left := sessions_of(tmp_path / "store.db"))["carl"] > 1:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert {"": 1, "anna": 0, "bert": 2, "carl": 1} == left


def sessions_of(path):
    """Return how many sessions each project of a store has."""
    with SqliteStore(path, read_only=True) as store:
        return {
            name: len(store.for_project(name).sessions()) for name in ("", "anna", "bert", "carl")
        }


def test_the_journal_of_the_home_is_taken_up(tmp_path):
    """Without --store; a command that reads the home sees it as ever."""
    home = {"AGENTLOG_HOME": str(tmp_path / "home")}
    with Collector(tmp_path, store=None) as collector:
        program = "import agentlog as ao; ao.init().record(ao.Event('from the journal'))"
        environ = {**os.environ, **home, "PYTHONPATH": PLAIN}
        assert 0 == warm.run([sys.executable, "-c", program], env=environ).returncode
        shown = agentlog("replay", **home)
        assert (0, "") == (shown.returncode, shown.stderr)
        assert "from the journal" in shown.stdout
        (session,) = collector.get("/v1/sessions").json["sessions"]
        assert 2 == session["events"]


# -- The whole way -------------------------------------------------------------------------------

PROGRAM = """
import agentlog as ao
client = ao.init(max_wait=0.05)
with client.session():
    for number in range(COUNT):
        with ao.action("step", params={"number": number}):
            pass
        if not number % 200:
            print(number, flush=True)
            client.flush(0.2)
assert client.flush(60).pending == 0
print("done", flush=True)
"""


def test_every_event_arrives_once_through_five_kills(tmp_path):
    """From a program that goes on recording, over a collector that is killed and started again."""
    count = 4000
    with Collector(tmp_path) as collector:
        port = str(collector.port)
        environ = {
            **os.environ,
            "PYTHONPATH": PLAIN,
            "AGENTLOG_HOME": str(tmp_path / "client"),
            "AGENTLOG_ENDPOINT": collector.base,
        }
        with Popen(
            [sys.executable, "-c", PROGRAM.replace("COUNT", str(count))],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            for _ in range(5):
                program.stdout.readline()
                collector.stop(signal.SIGKILL)
                collector._command[collector._command.index("--port") + 1] = port
                collector.start()
            assert "done\n" == program.stdout.readlines()[-1]
        (session,) = collector.get("/v1/sessions").json["sessions"]
        found = collector.get(f"/v1/sessions/{session['id']}").json["events"]
    steps = [event for event in found if event["event_type"] == "step"]
    assert list(range(count)) == sorted(event["params"]["number"] for event in steps)
    assert {"Success"} == {event["result"] for event in found}
    assert (count, count + 1) == (len(found), session["events"])


# -- A full disk ---------------------------------------------------------------------------------

FULL = """
import json, signal, sys
from tests.faults.disks import Disk
disk = Disk()
from tests.server.collector import Collector, record, session_id
with Collector(disk.path) as collector:
    assert 200 == collector.post([record()]).status
    disk.full()
    kept = 1
    for number in range(2, 60):
        answer = collector.post([record(number, params="x" * 20_000)])
        assert answer.status in (200, 503, 507), answer.text
        kept += answer.status == 200
    assert answer.status in (503, 507), answer.text
    assert "disk" in answer.json["detail"], answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert 503 == collector.get("/healthz").status
    found = collector.get("/v1/sessions/" + session_id()).json
    assert kept == 1 + len(found["events"]), (kept, len(found["events"]))
    disk.mend("full")
    assert 200 == collector.post([record(100)]).status
    assert 200 == collector.get("/healthz").status
    assert 0 == collector.stop(signal.SIGTERM)
print("all is well")
"""


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_kept(tmp_path):
    """What is there is still read; and it goes on when there is room again."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL)],
        cwd=ROOT,
        env={**os.environ, "AGENTLOG_HOME": str(tmp_path / "disk" / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode == MAY_NOT:
        pytest.skip(done.stderr)
    assert ("all is well\n", "") == (done.stdout, done.stderr)
