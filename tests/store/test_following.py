"""A store that is looked at again and again: what is new, and nothing twice."""

import os

import agentlog as ao
from agentlog.store.following import FollowedHome, FollowedStore, News
from agentlog.store.sqlite.store import SqliteStore


def names(events):
    """Return names and outcomes."""
    return [(event["event_type"], event.get("result")) for event in events]


def test_what_is_new_is_given_once(home):
    """What was recorded since the last look, and what has ended since."""
    client = ao.Client()
    followed = FollowedHome(home)
    with client.session() as session:
        news = News(session.session_id)
        assert [(client_name(), None)] == names(news.of(followed.look()))
        assert [] == list(news.of(followed.look()))
        with client.action("plan"):
            assert [("plan", None)] == names(news.of(followed.look()))
            client.record(ao.Event("tick"))
            assert [("tick", "Indeterminate")] == names(news.of(followed.look()))
        assert [("plan", "Success")] == names(news.of(followed.look()))
    assert [(client_name(), "Success")] == names(news.of(followed.look()))
    client.close()
    followed.close()


def client_name():
    """Return the name of a session of this process."""
    client = ao.Client()
    with client.session():
        pass
    client.close()
    with FollowedHome(client.settings.home).look() as store:
        return store.sessions()[0].event_type


def test_a_home_that_is_not_there_yet(home, monkeypatch):
    """It is followed from its first event on."""
    followed = FollowedHome(home / "later")
    assert [] == followed.look().sessions()
    client = ao.Client(home=home / "later")
    with client.session() as session:
        news = News(session.session_id)
        assert 1 == len(list(news.of(followed.look())))
        client.record(ao.Event("tick"))
        assert ["tick"] == [event["event_type"] for event in news.of(followed.look())]
    client.close()
    followed.close()


def test_a_look_at_which_nothing_is_new_reads_next_to_nothing():
    """However long the session is, and whatever others have put since."""
    events = [
        {
            "id": f"{n}",
            "session_id": "s",
            "parent_id": "0" if n else None,
            "event_type": "a",
            "timestamp": n,
        }
        | ({"end_timestamp": n, "result": "Success"} if n else {})
        for n in range(20_000)
    ]
    with SqliteStore() as store:
        store.put(events)
        news = News("s")
        assert 20_000 == len(list(news.of(store)))
        store.put([event | {"session_id": "t"} for event in events])
        assert 20 > hundreds_of_steps(store, news, [])
        new = events[-1] | {"id": "new"}
        store.put([new])
        hundreds_of_steps(store, news, [new])
        store.put([new | {"id": "newer"}])
        assert 20 > hundreds_of_steps(store, news, [new | {"id": "newer"}])


def hundreds_of_steps(store, news, expected):
    """Return how many hundreds of steps SQLite's machine takes for what is new."""
    taken = []
    with store.reading() as connection:
        connection.set_progress_handler(lambda: taken.append(1), 100)
        assert expected == list(news.of(store))
        connection.set_progress_handler(None, 0)
    return len(taken)


def test_a_home_that_is_only_read_is_copied_only_when_its_store_changes(home, monkeypatch):
    """What the journal gains is taken up into the copy."""
    client = ao.Client()
    with client.session() as session:
        pass
    with FollowedHome(home).look():  # makes the store
        pass
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and path.exists())
    followed = FollowedHome(home)
    copy = followed.look()
    assert copy is followed.look()
    assert copy.path is None
    with client.session() as session:
        assert session.session_id == followed.look().sessions()[0].id
        assert copy is followed.look()
        with SqliteStore(home / "store.db") as store:
            store.put([{"id": "1", "session_id": "s", "event_type": "a", "timestamp": 1.0}])
        assert copy is not followed.look()
        assert {session.session_id, "s"} <= {one.id for one in followed.look().sessions()}
    client.close()
    followed.close()


def test_what_is_interrupted_is_new():
    """An event whose process is gone has changed, though nothing more was written of it."""
    opened = {"id": "1", "session_id": "s", "parent_id": None, "event_type": "a", "timestamp": 1.0}
    with SqliteStore() as store:
        store.put([opened])
        news = News("s")
        followed = FollowedStore(store)
        assert 1 == len(list(news.of(followed.look())))
        with store.writing() as connection:
            connection.execute("UPDATE events SET interrupted = 1")
        assert ["interrupted"] == [event["reason"] for event in news.of(store)]
        assert [] == list(news.of(store))
