"""What comes of a session while it is deleted, who deletes it, and what is left after a failure."""

import time
from contextlib import closing

import pytest

from agentlog.errors import StoreError
from agentlog.store.clickhouse import pruning
from agentlog.store.clickhouse.link import Link
from agentlog.store.retention import Before, Retention
from tests.busy import up_to
from tests.store.contract.records import OTHER, SESSION, closed, collect, opened

OLD, NEW = 1_700_000_000.0, 1_700_500_000.0
ALL_OLD = Before(OLD + 1)


class Eventful(Link):
    """A link over which something happens just before the first statement that begins so."""

    def __init__(self, where, beginning, happens):
        super().__init__(where)
        self._beginning, self._happens = beginning, happens

    def do(self, statement, **asked):
        """Have something done, and that before it."""
        if statement.strip().startswith(self._beginning) and self._happens:
            happens, self._happens = self._happens, None
            happens()
        super().do(statement, **asked)


def fail():
    """Be a server that cannot go on."""
    raise StoreError("it is gone")


def count(link, table):
    """Return how many rows a table has."""
    return link.row(f"SELECT count() FROM {table}")[0]


@pytest.mark.parametrize("table", ["records", "sessions"])
def test_what_comes_while_a_session_is_deleted_stays(place, link, table):
    """Also if it has become one row with what goes; the list has it as it is."""

    def come():
        collect(place, ("", opened("b", 9.0, event_type="back")), arrived=NEW)
        link.do("OPTIMIZE TABLE sessions FINAL")

    collect(place, ("", opened("a"), closed("a")), ("anna", opened("a")), arrived=OLD)
    assert 2 == pruning.prune(Eventful(place, f"DELETE FROM {table}", come), ALL_OLD)
    with place.open() as store:
        assert ["b"] == [event["id"] for event in store.session(SESSION)]
        (listed,) = store.sessions()
        assert (1, 9.0, "back") == (listed.events, listed.timestamp, listed.event_type)
        assert [] == store.for_project("anna").sessions()
        assert 0 == store.prune(OLD + 1)
        assert 1 == store.prune(NEW + 1)
        assert [] == store.sessions()
    assert 0 == count(link, "records") == count(link, "sessions")


def test_an_insert_that_began_before_the_deletion_and_ended_behind_it_stays(place, link):
    """It has the moment of its beginning; what it says is acknowledged."""
    collect(place, ("", opened("a")), arrived=OLD)
    (began,) = link.row("SELECT toUnixTimestamp64Micro(now64(6))")

    def end():
        link.do(
            "INSERT INTO records (session_id, id, record, arrived, stored) SELECT"
            " {session:String}, 'late', {record:String}, 2e9,"
            " fromUnixTimestamp64Micro({began:Int64})",
            session=SESSION,
            record=f'{{"session_id": "{SESSION}", "id": "late", "timestamp": 5}}',
            began=began,
        )

    pruning.prune(Eventful(place, "DELETE", end), ALL_OLD)
    with place.open() as store:
        assert ["late"] == [event["id"] for event in store.session(SESSION)]
        assert [5.0] == [listed.timestamp for listed in store.sessions()]


@pytest.mark.parametrize("late", ["bc", "c"])
def test_what_is_listed_before_its_records_are_seen_stays_listed(place, link, late):
    """A replica may have had less of one table than of the other: here a part that is away."""
    parts = []

    def come():
        link.do("SYSTEM STOP MERGES records")
        for id_, kind in ("b", "llm"), ("c", "session"):
            collect(place, ("", opened(id_, event_type=id_, action_type=kind)), arrived=NEW)
        for id_ in late:
            parts.extend(link.row("SELECT _part FROM records WHERE id = {id:String}", id=id_))
            link.do(f"ALTER TABLE records DETACH PART '{parts[-1]}'")

    collect(place, ("", opened("a")), arrived=OLD)
    assert 1 == pruning.prune(Eventful(place, "DELETE FROM sessions", come), ALL_OLD)
    for part in parts:
        link.do(f"ALTER TABLE records ATTACH PART '{part}'")
    link.do("SYSTEM START MERGES records")
    with place.open() as store:
        (listed,) = store.sessions()
        assert (2, "c") == (listed.events, listed.event_type)
        assert 1 == store.prune(NEW + 1)
        assert [] == store.sessions()


def test_what_is_noted_is_not_read_to_be_deleted(place, link):
    """A replica that is asked may not have it yet: here nobody ever has."""
    link.do("RENAME TABLE gone TO away")
    link.do("CREATE TABLE gone AS away ENGINE = Null")
    collect(place, ("", opened("a"), opened("a", session_id=OTHER)), arrived=OLD)
    assert 2 == pruning.prune(link, ALL_OLD)
    assert 0 == count(link, "records") == count(link, "sessions")


@pytest.mark.parametrize(("wait", "seconds"), [(False, 1), (True, 5)])
def test_a_collector_waits_a_second_for_a_server_that_is_away(server, place, link, wait, seconds):
    """Batches wait with it; a person has more time."""

    def come():
        collect(place, ("", opened("b")), arrived=NEW)

    collect(place, ("", opened("a")), arrived=OLD)
    server.asked()
    pruning.prune(Eventful(place, "DELETE FROM sessions", come), ALL_OLD, wait=wait)
    deletions = [asked for asked in server.asked() if asked.startswith("DELETE")]
    assert 3 == len(deletions)
    for deletion in deletions:
        assert f"distributed_ddl_task_timeout={seconds}," in deletion
        assert "distributed_ddl_output_mode=null_status_on_timeout" in deletion


def test_what_another_has_noted_is_left_to_it_for_a_while(place, link, monkeypatch):
    """If that died meanwhile, whoever comes minutes later does it."""
    collect(place, ("", opened("a"), opened("a", session_id=OTHER)), arrived=OLD)
    with pytest.raises(StoreError, match="gone"):
        pruning.prune(Eventful(place, "DELETE", fail), ALL_OLD, wait=False)
    for _ in range(3):
        assert 0 == pruning.prune(link, ALL_OLD, wait=False)
    assert 2 == count(link, "gone")
    collect(place, ("", opened("b")), arrived=OLD)  # which nobody has noted
    assert 1 == pruning.prune(link, ALL_OLD, wait=False)
    monkeypatch.setattr(pruning, "OTHERS", 0)
    assert 1 == pruning.prune(link, ALL_OLD, wait=False)
    with place.open() as store:
        assert [] == store.sessions()


def test_a_command_waits_for_nobody(place, link):
    """A person who has seen it fail does it again."""
    collect(place, ("", opened("a")), arrived=OLD)
    with pytest.raises(StoreError, match="gone"):
        pruning.prune(Eventful(place, "DELETE", fail), ALL_OLD)
    assert 1 == pruning.prune(link, ALL_OLD)
    assert 0 == count(link, "records")


def test_a_deletion_that_fails_is_no_reason_to_take_in_nothing(place, link):
    """It is told, and tried again at its time."""
    with closing(place.sink(keep=Retention(3600.0))) as sink:
        link.do("DROP TABLE gone")
        until = time.monotonic() + up_to(2)
        while not fails(sink):
            assert time.monotonic() < until
        assert not fails(sink)


def fails(sink):
    """Say whether the errands of a sink cannot be done."""
    try:
        sink.errands.run(idle=True, between=lambda: None)
    except StoreError:
        return True
    return False


def test_batches_are_stored_between_the_steps_of_a_long_deletion(place, link, monkeypatch):
    """A backlog of many sessions takes a while."""
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    monkeypatch.setattr(pruning, "MOST", 3)
    collect(place, ("", *(opened("a", session_id=str(n)) for n in range(7))), arrived=OLD)
    steps = []
    assert 7 == pruning.prune(link, ALL_OLD, wait=False, between=lambda: steps.append(time.time()))
    assert 5 == len(steps)
    assert (0, 7) == (count(link, "sessions"), count(link, "gone"))
