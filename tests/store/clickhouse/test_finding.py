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
