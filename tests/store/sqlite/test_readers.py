"""Reading a store while another connection writes it."""

import threading

import pytest

from agentlog.errors import StoreError
from agentlog.store.sqlite.readers import SqliteReaders
from agentlog.store.sqlite.store import SqliteStore

ENDLESS = "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n"


def event(event_id, session_id="s", **fields):
    """Return a record of an event."""
    return {"id": event_id, "session_id": session_id, "event_type": "plan", **fields}


@pytest.fixture
def store(tmp_path):
    """Open the store that is written."""
    with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def readers(store):
    """Read it, too."""
    opened = SqliteReaders(store.path)
    yield opened
    opened.close()


def test_what_was_committed_is_read(store, readers):
    """Also while the next transaction is under way; nothing is waited for."""
    store.put([event("a")])
    with readers.of_project("") as reader:
        assert [event("a")] == reader.session("s")
        with store.writing():
            store.put_entries([])
            assert 1 == len(reader.sessions())
        store.put([event("b")])
        assert 2 == len(reader.session("s"))


def test_a_reader_changes_nothing(store, readers):
    """It does not index what it searches: that is the writer's."""
    store.put([event("a", params="needle")])
    with readers.of_project("") as reader:
        assert [] == reader.search("needle")
        assert 1 == store.index_some()
        assert ["a"] == [found["id"] for found in reader.search("needle")]
        for write in (lambda: reader.put([event("b")]), lambda: reader.prune(9e9)):
            with pytest.raises(StoreError, match="read"):
                write()


def test_several_threads_read_at_once_and_one_more_waits(store, readers):
    """As many as there are connections; they are used again."""
    store.put([event("a")])
    everybody = threading.Barrier(4)

    def read():
        for _ in range(3):
            with readers.of_project("") as reader:
                everybody.wait(10)
                assert 1 == len(reader.session("s"))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_who_fails_in_the_middle_keeps_nothing(store, readers):
    """Neither a connection nor what was read of the file, whoever holds the error."""
    store.put([event("a"), event("b")])
    failures = []

    def fail():
        try:
            with readers.of_project("") as reader, reader.texts_of("s", most=1) as parts:
                next(parts)
                raise MemoryError
        except MemoryError as error:
            failures.append(error)

    for _ in range(2):
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join(20)
    assert 2 == len(failures)
    with readers.of_project("") as reader:
        assert 2 == len(reader.session("s"))
    with store.reading() as connection:
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert 0 == busy


def test_the_end_waits_for_no_reader(store, readers):
    """What is being read is broken off, and what is asked for later is refused."""
    begun, told = threading.Event(), []

    def read():
        try:
            with readers.of_project("") as reader, reader.reading() as connection:
                begun.set()
                connection.execute(ENDLESS).fetchall()
        except StoreError as error:
            told.append(str(error))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert begun.wait(20)
    readers.close()
    thread.join(20)
    assert [f"{store.path} cannot be used: interrupted."] == told
    with pytest.raises(StoreError, match="not read any more"), readers.of_project(""):
        pass


def test_a_store_that_is_not_there_is_told(tmp_path):
    """Reading makes none; and it is there once it was made."""
    path = tmp_path / "store.db"
    readers = SqliteReaders(path, most=1)
    with pytest.raises(StoreError, match="cannot be opened as a file"), readers.of_project(""):
        pass
    assert [] == list(tmp_path.iterdir())
    SqliteStore(path).close()
    with readers.of_project("") as store:
        assert [] == store.sessions()
    readers.close()
