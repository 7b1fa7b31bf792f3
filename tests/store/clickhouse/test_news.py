"""What is new is told to all who watch, once."""

import itertools

import pytest

from agentlog.errors import StoreError
from agentlog.store.clickhouse import news
from tests.store.contract.records import SESSION, opened


@pytest.fixture
def at_once(monkeypatch):
    """Let nobody wait for the next look."""
    monkeypatch.setattr(news, "EVERY", 0.0)


def told(watch):
    """Return the ids that are told now."""
    return sorted(itertools.chain(*(change.ids for change in watch.look().changes)))


@pytest.mark.usefixtures("at_once")
def test_each_watch_tells_of_each_record_once(place, link):
    """Also of what came twice, and where rows became one meanwhile."""
    one, other = news.Watch(link), news.Watch(link)
    with place.open() as store:
        store.put([opened("a"), opened("b")])
        assert ["a", "b"] == told(one)
        assert [] == told(one)
        store.put([opened("c")])
        assert ["c"] == told(one)
        assert ["a", "b", "c"] == told(other)
        store.put([opened("a")])
        assert ["a"] == told(one)
        link.do("OPTIMIZE TABLE records FINAL")
        assert [] == told(one)
        assert 1 == store.prune(1e12)
    assert [(SESSION, True)] == [(c.session_id, c.is_gone) for c in one.look().changes]
    assert [] == told(one)


@pytest.mark.usefixtures("at_once")
def test_a_look_that_fails_has_told_nothing(place, link):
    """However far it came: the next one tells of it."""
    watch = news.Watch(link)
    with place.open() as store:
        store.put([opened("a")])
    link.do("RENAME TABLE gone TO away")
    assert [] == told(watch)
    assert "is no agentlog store" in watch.trouble()
    link.do("RENAME TABLE away TO gone")
    assert ["a"] == told(watch)
    assert "" == watch.trouble()


@pytest.mark.usefixtures("at_once")
def test_an_insert_that_is_seen_late_is_told(place, link):
    """It has taken long, or lay on a replica that was behind; as far as the bound goes."""
    watch = news.Watch(link)
    assert [] == told(watch)
    for name, seconds in (("late", 20), ("too late", 40)):
        link.do(
            "INSERT INTO records (session_id, id, record, stored)"
            f" SELECT 's', {{id:String}}, '{{}}', now64(6) - {seconds}",
            id=name,
        )
    assert ["late"] == told(watch)
    assert [] == told(watch)


@pytest.mark.usefixtures("at_once")
def test_more_inserts_than_fit_into_a_question_are_something(link):
    """Who listens reads anew; and what comes behind that is told as ever."""
    watch = news.Watch(link)
    insert = """
        INSERT INTO records (session_id, id, record, stored)
        SELECT 's', toString(number), '{}', now64(6) - toIntervalMicrosecond(number)
        FROM numbers({count:UInt64})
    """
    link.do(insert, count=8_000)
    assert None is watch.look().changes
    link.do(insert, count=1)
    assert ["0"] == told(watch)


def test_a_server_that_answers_with_nothing_is_a_trouble(link):
    """So do some proxies."""
    with pytest.raises(StoreError, match="0 rows instead of one"):
        link.row("SELECT 1 WHERE 0")


@pytest.mark.usefixtures("at_once")
def test_very_much_is_told_by_its_sessions(place, link, monkeypatch):
    """Very many sessions as something; and what comes behind that is told as ever."""
    monkeypatch.setattr(news, "MOST", 10)
    watch = news.Watch(link)
    with place.open() as store:
        store.put([opened(str(number)) for number in range(11)])
        assert [(SESSION, None)] == [(c.session_id, c.ids) for c in watch.look().changes]
        store.put([opened("a", session_id=str(number)) for number in range(11)])
        assert None is watch.look().changes
        store.put([opened("a")])
    assert ["a"] == told(watch)


def test_it_looks_twice_a_second(link, server):
    """Whoever asks more often is told nothing, and nobody is asked for it."""
    watch = news.Watch(link)
    first = watch.look()
    server.asked()
    assert news.News((), first.mark) == watch.look()
    assert [] == server.asked()
    assert 0 < watch.pause() <= news.EVERY
