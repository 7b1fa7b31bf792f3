"""What an insert does, and what it does not."""

from agentlog.store.clickhouse.writing import FEW
from agentlog.store.engine import Portion
from agentlog.store.intake import entry_of_record
from tests.store.contract.records import SESSION, closed, opened


def entries(*records):
    """Return them as a collector has them."""
    return [entry_of_record(record) for record in records]


def test_an_insert_reads_nothing(server, place):
    """However often a batch comes, and whatever is there: one statement is all."""
    sink = place.sink(home=None, keep=None)
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


def test_a_full_batch_goes_at_once_and_a_few_records_wait_for_others(place):
    """Both are there when the receipt is."""
    with place.open() as store:
        for name, count in (("few", 1), ("full", FEW)):
            store.put([opened(f"{name}-{number}", session_id=name) for number in range(count)])
            assert count == store.count_of(name)


def test_letters_that_are_written_as_escapes_are_found(place):
    """JSON of ASCII alone is what many send."""
    sink = place.sink(home=None, keep=None)
    text = f'{{"id": "a", "session_id": "{SESSION}", "event_type": "caf\\u00e9 \\u4e2d"}}'
    entry = entry_of_record(opened("a"))
    sink.put([Portion("", [type(entry)(SESSION, "a", "open", text)], 7.0)])
    with place.open() as store:
        assert ["a"] == [event["id"] for event in store.search("CAFE 中")]
    sink.close()
