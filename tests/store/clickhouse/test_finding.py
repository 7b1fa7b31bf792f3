"""What is found where words are in more records than are asked for."""

import pytest

from agentlog.store.clickhouse import finding
from tests.store.contract.records import closed, opened


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Ask for a few records only."""
    monkeypatch.setattr(finding, "MOST", 8)


def test_a_rare_word_leads_to_an_event_with_a_common_one_in_its_other_half(place):
    """However many newer ones have the common word alone."""
    common = [
        opened(f"a{number}", params="weather", session_id=f"b{number}") for number in range(30)
    ]
    with place.open() as store:
        store.put([*common, opened("z", params="weather"), closed("z", returns="zebra")])
        assert ["z"] == [event["id"] for event in store.search("weather zebra", limit=1)]
        assert ["z"] == [event["id"] for event in store.search("zebra weather", limit=1)]


def test_the_newest_of_one_long_session_are_found(place):
    """Whatever their ids are."""
    with place.open() as store:
        store.put([opened(f"{99 - number}", float(number), params="x") for number in range(60)])
        assert ["40", "41"] == [event["id"] for event in store.search("x", limit=2)]


@pytest.fixture
def asked(server, place):
    """Search for a text; return what was found, and the statements that were for records."""

    def search(text, limit, *records):
        with place.open() as store:
            store.put(records)
            server.asked()
            found = [event["id"] for event in store.search(text, limit=limit)]
        return found, [one for one in server.asked() if "FROM records" in one]

    return search


def test_an_event_that_fits_is_looked_at_once(asked):
    """Though it is found by its very word, and by what begins so."""
    found, statements = asked("plan", 2, opened("a", params="plan"))
    assert ["a"] == found
    assert 1 == sum("groupUniqArray(record)" in statement for statement in statements)


def test_words_in_two_halves_are_looked_for_from_the_longest(asked):
    """It is in few, as a rule; of the others is asked only who of those few has them."""
    records = [opened("a", params="weather"), closed("a", returns="in")]
    found, statements = asked("in weather", 1, *records)
    assert ["a"] == found
    alone = [one for one in statements if "like0" in one and "like1" not in one]
    assert ["id IN" in one for one in alone].count(True) == 1
    assert "id IN" not in alone[0]
