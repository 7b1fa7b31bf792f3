"""What an insert does, and what it does not."""

import asyncio
import time
from contextlib import closing

import pytest

from agentlog.errors import StoreError
from agentlog.server import intake
from agentlog.server.writer import Broken, Writer
from agentlog.store import Receipt
from agentlog.store.clickhouse.writing import FEW
from agentlog.store.engine import Portion
from agentlog.store.intake import entry_of_record
from tests.busy import up_to
from tests.store.contract.records import SESSION, closed, opened


def entries(*records):
    """Return them as a collector has them."""
    return [entry_of_record(record) for record in records]


def test_an_insert_reads_nothing(server, place):
    """However often a batch comes, and whatever is there: one statement is all."""
    sink = place.sink()
    server.asked()
    for _ in range(3):
        sink.put(
            [
                Portion("anna", entries(opened("a")), 7.0),
                Portion("bert", entries(closed("a")), 7.0),
            ]
        )
    asked = server.asked()
    assert 3 == len([statement for statement in asked if "INSERT INTO" in statement])
    assert [] == [one for one in asked if "INSERT INTO" not in one and "system.settings" not in one]
    sink.close()


def test_what_came_twice_becomes_one_row(place, link):
    """As the engine merges; two records that claim one half both stay, and one prevails."""
    with place.open() as store:
        for _ in range(3):
            store.put([opened("a", params={"n": 1}), closed("a")])
        store.put([opened("a", params={"n": 2})])
        before = store.session(SESSION)
        link.do("OPTIMIZE TABLE records FINAL")
        assert [(3,)] == link.rows("SELECT count() FROM records")
        assert before == store.session(SESSION)
        assert 1 == store.sessions()[0].events


@pytest.mark.parametrize(
    ("count", "ways"),
    [(FEW - 1, {"async_insert=1", "wait_for_async_insert=1"}), (FEW, {"async_insert=0"})],
)
def test_a_full_batch_goes_at_once_and_a_few_records_wait_for_others(server, place, count, ways):
    """Both are there when the receipt is."""
    with place.open() as store:
        server.asked()
        store.put([opened(str(number)) for number in range(count)])
        (insert,) = [one for one in server.asked() if "INSERT INTO" in one]
        said = insert.rpartition(" -- ")[2].split(", ")
        assert ways == {setting for setting in said if "async_insert" in setting}
        assert count == store.count_of(SESSION)


@pytest.mark.parametrize(
    "harm",
    [
        "DETACH TABLE records",
        "DETACH TABLE sessions",
        "ALTER TABLE records MODIFY SETTING table_readonly = 1",
        "ALTER TABLE records MODIFY SETTING parts_to_throw_insert = 2",
    ],
)
def test_a_store_that_cannot_be_written_is_told_by_trying(place, link, harm):
    """So a collector is not called well again until it can; where all is well nothing changes."""
    with closing(place.sink()) as sink:
        link.do("SYSTEM STOP MERGES records")
        full = [Portion("", entries(*(opened(str(number)) for number in range(FEW))), 7.0)]
        for _ in range(3):
            sink.put(full)
        sink.try_to_write()
        assert (3 * FEW,) == link.row("SELECT count() FROM records")
        link.do(harm)
        with pytest.raises(StoreError):
            sink.try_to_write()


def test_who_cannot_store_is_not_called_well_until_it_can(server, place, link):
    """However often that is asked meanwhile, and though the server answers questions."""
    batch = intake.of_records([opened("a" * 16, session_id=SESSION)])
    writer = Writer(place.sink())
    link.do("RENAME TABLE sessions TO away")
    with pytest.raises(Broken):
        asyncio.run(writer.submit("", batch))
    server.asked()
    tried = 0
    while tried < 2:
        assert not writer.is_well
        tried += sum("WHERE 0" in statement for statement in server.asked())
        link.row("SELECT 1")
    link.do("RENAME TABLE away TO sessions")
    until = time.monotonic() + up_to(5)
    while not writer.is_well:
        assert time.monotonic() < until
        link.row("SELECT 1")
    assert Receipt(1) == asyncio.run(writer.submit("", batch))
    writer.stop()


def test_letters_that_are_written_as_escapes_are_found(place):
    """JSON of ASCII alone is what many send."""
    sink = place.sink()
    text = f'{{"id": "a", "session_id": "{SESSION}", "event_type": "caf\\u00e9 \\u4e2d"}}'
    entry = entry_of_record(opened("a"))
    sink.put([Portion("", [type(entry)(SESSION, "a", "open", text)], 7.0)])
    with place.open() as store:
        assert ["a"] == [event["id"] for event in store.search("CAFE 中")]
    sink.close()
