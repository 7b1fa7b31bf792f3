"""The one writer of a collector's store."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest

from agentlog.client import Client
from agentlog.errors import StoreError
from agentlog.server import intake
from agentlog.server.intake import Batch
from agentlog.server.writer import Broken, Busy, Writer
from agentlog.store import Receipt
from agentlog.store.engine import StoreFullError
from agentlog.store.home import read_home
from agentlog.store.intake import Entry
from agentlog.store.merge import merged
from agentlog.store.retention import Retention
from agentlog.store.sqlite.lock import is_served
from agentlog.store.sqlite.readers import SqliteReaders
from agentlog.store.sqlite.sink import SqliteSink
from agentlog.store.sqlite.store import SqliteStore
from tests.faults.disks import MAY_NOT
from tests.server.collector import event_id, record, session_id

REPOSITORY = Path(__file__).parents[2]


def batch(*numbers, session=1, **fields):
    """Return a batch of records."""
    return intake.of_records([record(n, session=session, **fields) for n in numbers])


@pytest.fixture
def path(tmp_path):
    """Where the store is."""
    return tmp_path / "store.db"


@pytest.fixture
def writer(path):
    """Start a writer."""
    started = Writer(SqliteSink(path), room=1 << 20)
    yield started
    started.stop()


@pytest.fixture
def readers(path, writer):
    """Read what it writes."""
    opened = SqliteReaders(path)
    yield opened
    opened.close()


def submitted(writer, *batches, project=""):
    """Submit batches at once; return what came of each."""

    async def all_of_them():
        waiting = (writer.submit(project, one) for one in batches)
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(all_of_them())


async def until(condition):
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another thread
            await asyncio.sleep(0.005)


# -- Storing -------------------------------------------------------------------------------------


def test_what_is_acknowledged_is_there(writer, readers):
    """For who reads over another connection, at once."""
    given = intake.of_records([record(1), {"id": "x"}, record(2)])
    (receipt,) = submitted(writer, given)
    assert Receipt(2, given.refused) == receipt
    with readers.of_project("") as store:
        assert 2 == len(store.session(session_id(1)))


def test_a_batch_of_nothing_but_refusals_is_answered(writer):
    """There is nothing to store."""
    given = intake.of_records([{}, {}])
    assert [Receipt(0, given.refused)] == submitted(writer, given)
    assert 2 == writer.figures()["records_refused"]


def test_what_is_there_already_is_accepted_again(writer, readers):
    """In other batches, at once, or in the same one."""
    one = batch(1, 2)
    receipts = submitted(writer, one, one, batch(2, 2, 1, 1), one)
    assert [2, 2, 4, 2] == [receipt.accepted for receipt in receipts]
    with readers.of_project("") as store:
        assert 2 == store.stats().events


def test_projects_are_stored_apart(writer, readers):
    """Also what is committed together."""

    async def both():
        await asyncio.gather(*(writer.submit(f"p{n}", batch(1, params=n)) for n in range(9)))

    asyncio.run(both())
    for number in range(9):
        with readers.of_project(f"p{number}") as store:
            assert number == store.event(session_id(1), event_id(1))["params"]
    with readers.of_project("") as store:
        assert [f"p{number}" for number in range(9)] == store.projects()


def test_halves_come_in_any_order_doubled_and_at_once(writer, readers):
    """The events are those that merging the records gives."""
    chance = random.Random(7)
    records = [
        {"id": event_id(n), "session_id": session_id(n % 7), "parent_id": None, **half}
        for n in range(300)
        for half in (
            {"event_type": f"e{n}", "timestamp": float(n), "tags": [f"{n}"]},
            {"end_timestamp": n + 0.5, "result": "Success", "tags": ["late"]},
        )
    ]
    sent = records * 2
    chance.shuffle(sent)
    batches = [intake.of_records(sent[place : place + 50]) for place in range(0, len(sent), 50)]
    assert {50} == {receipt.accepted for receipt in submitted(writer, *batches)}
    with readers.of_project("") as store:
        stored = [event for n in range(7) for event in store.session(session_id(n))]
        sums = sum(summary.events for summary in store.sessions())
    assert merged(records) == {(event["session_id"], event["id"]): event for event in stored}
    assert 300 == sums == len(stored)


def test_batches_that_wait_together_are_committed_together(writer, path):
    """While somebody else has the store."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def wait():
        waiting = [asyncio.create_task(writer.submit("", batch(n))) for n in range(1, 40)]
        await until(lambda: writer.figures()["queued_bytes"])
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        return await asyncio.gather(*waiting)

    assert 39 == sum(receipt.accepted for receipt in asyncio.run(wait()))
    other.close()
    figures = writer.figures()
    assert (39, 39, 0, 0) == (
        *(figures["batches"], figures["records_accepted"]),
        *(figures["queued_bytes"], figures["queued_batches"]),
    )
    assert figures["commits"] <= 3


# -- What stands in the way ----------------------------------------------------------------------


def test_who_comes_when_too_much_waits_is_told_to_come_again(writer, path):
    """What waits is stored when that is possible again; one batch has room, however large it is."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    large = [batch(n, params="x" * 300_000) for n in range(1, 7)]

    async def crowd():
        tasks = [asyncio.create_task(writer.submit("", one)) for one in large]
        await until(lambda: sum(task.done() for task in tasks) == 3)
        other.execute("ROLLBACK")
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = asyncio.run(crowd())
    other.close()
    assert Counter({Receipt: 3, Busy: 3}) == Counter(map(type, outcomes))
    assert all(one.retry_after >= 1 for one in outcomes if isinstance(one, Busy))
    assert [Receipt(1)] == submitted(writer, batch(9, params="x" * (3 << 20)))


def test_a_store_that_another_program_keeps_locked_is_told(path):
    """In a sentence, to who runs it; and it goes on when that lets go."""
    writer = Writer(SqliteSink(path, patience=0.1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    (outcome,) = submitted(writer, batch(1))
    assert isinstance(outcome, Broken)
    assert "is in use by another process" in writer.trouble
    assert not writer.is_well
    other.execute("ROLLBACK")
    other.close()
    assert [Receipt(1)] == submitted(writer, batch(1))
    assert writer.is_well
    writer.stop()


class Failing(SqliteSink):
    """A store that cannot be written, for some reason."""

    def __init__(self, path, reason):
        super().__init__(path)
        self._reason = reason

    def put(self, _portions):
        """Fail."""
        raise self._reason

    def try_to_write(self):
        """Fail, too."""
        raise self._reason


@pytest.mark.parametrize("kind", [StoreError, StoreFullError])
def test_who_sends_is_not_told_where_the_store_is(path, kind):
    """He can come again; the reason is for who runs the collector."""
    reason = "clickhouse://anna@db.internal:8123/logs cannot be written."
    notes = []
    writer = Writer(Failing(path, kind(reason)), note=notes.append)
    (outcome,) = submitted(writer, batch(1))
    writer.stop()
    assert {StoreError: (503, 5), StoreFullError: (507, 30)}[kind] == (
        outcome.status_code,
        outcome.retry_after,
    )
    assert "just now" in str(outcome)
    assert "clickhouse" not in str(outcome)
    assert (reason, [reason]) == (writer.trouble, notes)


def test_who_asks_how_it_is_hears_of_an_end_of_the_trouble(path):
    """Also if nobody has sent anything since."""
    writer = Writer(SqliteSink(path, patience=0.1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    submitted(writer, batch(1))
    assert "is in use by another process" in writer.trouble
    other.execute("ROLLBACK")
    other.close()
    asyncio.run(until(lambda: writer.is_well))
    writer.stop()


class Unlucky(SqliteSink):
    """A store of which nobody can tell what is new, the first time."""

    was_asked = False

    def news(self):
        """Return what has changed."""
        if not self.was_asked:
            self.was_asked = True
            raise ValueError("not enough values to unpack")
        return super().news()


def test_whatever_goes_wrong_with_news_the_writer_lives_on(path):
    """It is told, and what comes is stored and told."""
    notes, told = [], []
    writer = Writer(Unlucky(path), note=notes.append, tell=told.append)
    assert [Receipt(1)] == submitted(writer, batch(1))
    asyncio.run(until(lambda: writer.is_well and told))
    assert "ValueError: not enough values to unpack" == notes[0]
    assert [Receipt(1)] == submitted(writer, batch(2))
    writer.stop()
    ids = {id_ for news in told for change in news.changes for id_ in change.ids}
    assert {event_id(1), event_id(2)} == ids


@pytest.mark.parametrize("end", ["", "-wal", ".lock"])
@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_acknowledged_into_a_store_that_is_gone(writer, readers, path, end, replaced):
    """Removed or replaced, it, its log or its lock; when it is put back, all goes on."""
    assert [Receipt(1)] == submitted(writer, batch(1))
    with readers.of_project("") as store:
        assert [session_id(1)] == [summary.id for summary in store.sessions()]
    file, aside = Path(f"{path}{end}"), path.with_name("aside")
    file.rename(aside)
    if replaced:
        file.write_bytes(aside.read_bytes())
    assert not writer.is_well
    outcomes = submitted(writer, batch(2), batch(3))
    assert [Broken, Broken] == list(map(type, outcomes))
    assert "was removed or replaced" in writer.trouble
    # Without the lock a store can be read as ever.
    gone = nullcontext() if end == ".lock" else pytest.raises(StoreError, match="was removed")
    with gone, readers.of_project(""):
        pass
    aside.rename(file)
    asyncio.run(until(lambda: writer.is_well))
    assert [Receipt(1)] == submitted(writer, batch(4))
    with readers.of_project("") as store:
        assert {event_id(1), event_id(4)} == {one["id"] for one in store.session(session_id(1))}


def test_a_batch_that_cannot_be_stored_takes_no_other_with_it(writer, path):
    """Nothing that the intake lets in is such; should there be, its neighbours are kept."""
    poison = Batch((Entry(session_id(1), event_id(9), "open", "\ud800"),), (), 100)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def together():
        tasks = [
            asyncio.create_task(writer.submit("", one))
            for one in (batch(1), batch(2), poison, batch(3))
        ]
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = asyncio.run(together())
    other.close()
    assert [Receipt, Receipt, Broken, Receipt] == list(map(type, outcomes))
    assert "the batch cannot be stored" == str(outcomes[2])
    assert [Receipt(1)] == submitted(writer, batch(4))


def test_who_does_not_wait_any_more_does_no_harm(writer, readers):
    """A client that is gone; what it sent is stored, as it may have been."""

    async def leave():
        task = asyncio.create_task(writer.submit("", batch(1)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await writer.submit("", batch(2))

    assert Receipt(1) == asyncio.run(leave())
    with readers.of_project("") as store:
        assert 2 == store.stats().events


FULL = """
import asyncio, os, sqlite3, sys
from tests.faults.disks import Disk
disk = Disk()
from agentlog.server.writer import NoRoom, Broken, Writer
from agentlog.store.sqlite.readers import SqliteReaders
from agentlog.store.sqlite.sink import SqliteSink
from agentlog.store import Receipt
from tests.server.test_writer import batch, submitted, session_id
writer = Writer(SqliteSink(disk.path / "store.db"))
kept = []
(outcome,) = submitted(writer, batch(1))
assert Receipt(1) == outcome
disk.full()
for number in range(2, 60):
    (outcome,) = submitted(writer, batch(number, params="x" * 20_000))
    if outcome == Receipt(1):
        kept.append(number)  # there was some room in the file
    else:
        assert isinstance(outcome, (NoRoom, Broken)), outcome
        assert "disk" in writer.trouble, writer.trouble
assert isinstance(outcome, NoRoom), outcome
assert not writer.is_well
with SqliteReaders(disk.path / "store.db").of_project("") as store:
    assert 1 + len(kept) == len(store.session(session_id(1)))
disk.mend("full")
(outcome,) = submitted(writer, batch(*range(100, 110)))
assert Receipt(10) == outcome, outcome
assert writer.is_well
writer.stop()
store = sqlite3.connect(disk.path / "store.db")
assert [("ok",)] == store.execute("PRAGMA integrity_check").fetchall()
assert (11 + len(kept),) == store.execute("SELECT count(*) FROM events").fetchone()
print("all is well")
"""


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_kept(tmp_path):
    """And it goes on when there is room again."""
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        cwd=REPOSITORY,
        env={**os.environ, "AGENTLOG_HOME": str(tmp_path / "disk" / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode == MAY_NOT:
        pytest.skip(done.stderr)
    assert ("all is well\n", "") == (done.stdout, done.stderr)


# -- From start to stop --------------------------------------------------------------------------


def test_a_stop_stores_what_waits_and_lets_go(path):
    """Who comes later is told."""
    writer = Writer(SqliteSink(path))
    assert is_served(path)

    async def stop():
        waiting = [asyncio.create_task(writer.submit("", batch(n))) for n in range(1, 20)]
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.stop)
        late = await asyncio.gather(writer.submit("", batch(99)), return_exceptions=True)
        return await asyncio.gather(*waiting), late

    receipts, (late,) = asyncio.run(stop())
    assert [Receipt(1)] * 19 == receipts
    assert isinstance(late, Broken)
    assert not is_served(path)
    assert not writer.is_well
    with SqliteStore(path) as store:
        assert 19 == store.stats().events


@pytest.mark.parametrize("problem", ["served", "newer", "damaged"])
def test_a_store_that_cannot_be_served_is_told_at_the_start(path, problem):
    """And the lock of what is not served is not kept."""
    first = Writer(SqliteSink(path))
    words = "served by another collector"
    if problem != "served":
        first.stop()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        words = "written by a newer agentlog"
    if problem == "damaged":
        path.write_bytes(b"x" * 10_000)
        words = "is damaged or is no agentlog store"
    with pytest.raises(StoreError, match=words):
        Writer(SqliteSink(path))
    first.stop()
    assert not is_served(path)


KILLED = """
import asyncio, sys
from pathlib import Path
from agentlog.server.writer import Writer
from agentlog.store.sqlite.sink import SqliteSink
from tests.server.test_writer import batch
writer = Writer(SqliteSink(Path(sys.argv[1])))
async def write(lane):
    for number in range(lane, 1 << 40, 4):
        await writer.submit("", batch(number))
        print(number, flush=True)
async def main():
    await asyncio.gather(*(write(lane) for lane in range(1, 5)))
asyncio.run(main())
"""


def test_what_was_acknowledged_outlives_a_kill(path):
    """Five times; the file is whole, and the next collector starts at once."""
    acknowledged = set()
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, path],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            lines = [process.stdout.readline() for _ in range(60)]
            process.kill()
            lines += [line for line in process.stdout if line.endswith("\n")]
        acknowledged |= {event_id(int(line)) for line in lines}
    writer = Writer(SqliteSink(path))
    writer.stop()
    with SqliteStore(path) as store, store.reading() as connection:
        assert acknowledged <= {event["id"] for event in store.session(session_id(1))}
        assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()


# -- Errands -------------------------------------------------------------------------------------


def test_a_search_follows_the_commit(writer, readers):
    """Without anybody asking for it."""

    def found(text):
        with readers.of_project("blue") as store:
            return len(store.search(text))

    async def search():
        await writer.submit("blue", batch(*range(1, 1500), params="needle"))
        await until(lambda: found("needle") == 100)
        await until(lambda: not writer.figures()["indexed_behind"])
        await until(lambda: not writer._errands._is_behind)
        await writer.submit("blue", batch(2000, params="later"))
        await until(lambda: found("later") == 1)

    asyncio.run(search())


def test_what_is_old_is_deleted(path):
    """While the collector runs."""
    submitted_to = SqliteStore(path)
    submitted_to.put([{**record(1), "timestamp": 1.0, "end_timestamp": 2.0}])
    submitted_to.put([record(1, session=2)])
    submitted_to.close()
    writer = Writer(SqliteSink(path, keep=Retention(1e9)))
    readers = SqliteReaders(path)

    def left():
        with readers.of_project("") as store:
            return [summary.id for summary in store.sessions()]

    asyncio.run(until(lambda: left() == [session_id(2)]))
    writer.stop()
    readers.close()


def test_the_journal_of_a_home_is_taken_up(tmp_path):
    """While batches come; and who reads the home waits until it is."""
    home = tmp_path / "home"
    client = Client(home=home)
    with client.session():
        client.record_action("before")(int)()
    writer = Writer(SqliteSink(home / "store.db", home=home))
    submitted(writer, batch(1))
    with client.session():
        client.record_action("during")(int)()
    reading = read_home(home)
    with reading.store as store:
        names = {event["event_type"] for s in store.sessions() for event in store.session(s.id)}
    assert {"before", "during", "program 1"} <= names
    assert () == reading.notes
    client.close()
    writer.stop()


def test_several_threads_with_loops_of_their_own_may_submit(writer, readers):
    """The receipt comes to the loop that waits."""
    threads = [
        threading.Thread(target=submitted, args=(writer, batch(n), batch(n + 100)))
        for n in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with readers.of_project("") as store:
        assert 8 == store.stats().events


def test_a_journal_that_cannot_be_read_stops_nobody(tmp_path):
    """It is left alone, and batches are stored."""
    home = tmp_path / "home"
    (home / "journal" / "local").mkdir(parents=True)
    (home / "journal" / "local" / "0193f2c1a2b3-4242-9f8e7d6c-0001.jsonl").mkdir()
    writer = Writer(SqliteSink(home / "store.db", home=home))
    assert [Receipt(1)] == submitted(writer, batch(1))
    asyncio.run(until(lambda: writer.is_well))
    assert [Receipt(1)] == submitted(writer, batch(2))
    writer.stop()
