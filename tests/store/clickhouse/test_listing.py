"""What a list asks the engine for."""

import pytest

from agentlog.store import SessionFilter
from tests.store.contract.records import event, opened, root


@pytest.fixture
def asked(server, place):
    """Ask a store with many sessions something; return the statements that were for records."""

    def ask(question):
        with place.open() as store:
            store.put([root(f"s{number:03}", number, tags=["x"]) for number in range(300)])
            server.asked()
            question(store)
        return [statement for statement in server.asked() if "FROM records" in statement]

    return ask


@pytest.mark.parametrize(
    "wanted",
    [
        {"tag": "nowhere"},
        {"result": "Fail"},
        {"text": "nowhere"},
        {"state": "running"},
        {"state": "failed"},
        {"state": "unknown"},
    ],
)
def test_a_filter_that_fits_no_session_reads_no_records(asked, wanted):
    """However many sessions there are."""
    assert [] == asked(lambda store: store.sessions(SessionFilter(**wanted)))


def test_a_filter_that_fits_every_session_reads_no_more_than_the_page(asked):
    """Their sums, and their roots."""
    assert 2 == len(asked(lambda store: store.sessions(SessionFilter(tag="x", limit=50))))


def test_of_a_session_with_a_disputed_half_no_other_records_are_read(server, place):
    """What it says is told by that event alone."""
    with place.open() as store:
        store.put([root("s"), *(event("s", f"{n}") for n in range(50))])
        store.put([event("s", "7", params="another")])
        server.asked()
        assert 51 == store.sessions()[0].events
    read = [one for one in server.asked() if "record)" in one and "FROM records" in one]
    assert 2 == len(read)
    assert all("id IN" in statement for statement in read)


def test_a_session_is_listed_with_many_others_put_at_once(place):
    """And none twice, whichever page it is on."""
    with place.open() as store:
        store.put([opened("a", 1.0, session_id=f"s{number}") for number in range(1_234)])
        assert 1_234 == len({summary.id for summary in store.sessions()})
