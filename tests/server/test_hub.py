"""Who is told of what, and from where on: places, what is remembered, and where it ends."""

import asyncio
import time
from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from agentlog.server.hub import MOST_SESSIONS, MOST_WAITING, REMEMBERED, Hub
from agentlog.store.engine import Change, Marks, News


def new_hub(epoch="e", **marks):
    """Return a hub."""
    return Hub(Marks(epoch, **marks))


def told(*changes, hub=None):
    """Return a hub that was told of changes, one after the other."""
    hub = hub or new_hub()
    for change in changes:
        hub._note(News([change], hub._last + 1))
    return hub


def heard(hub, *listened, **after):
    """Return what somebody who begins to listen now hears at once."""
    with hub.listening(*listened, **after) as ear:
        assert ear.news.is_set() == bool(ear.waiting or ear.is_deaf)
        return ear.take()


def test_an_ear_hears_of_what_it_listens_to():
    """Of one session, by the ids of events, or of all of a project, by their ids."""
    hub = new_hub()
    with hub.listening("", "a") as one, hub.listening("") as every, hub.listening("b") as other:
        told(Change("", "a", (1, 2)), Change("", "c", (3,)), Change("", "a", (2, 4)), hub=hub)
        assert ({1, 2, 4}, False) == one.take()
        assert ({"a", "c"}, False) == every.take()
        assert (set(), False) == other.take()
        assert (set(), False) == one.take()


def test_an_ear_that_listens_no_more_hears_nothing():
    """It leaves no trace."""
    hub = new_hub()
    with hub.listening("", "a") as ear:
        pass
    told(Change("", "a", (1,)), hub=hub)
    assert (set(), False) == ear.take()


@given(st.lists(st.sampled_from("ab"), max_size=20), st.integers(0, 20))
def test_from_a_place_on_nothing_is_missed(names, place):
    """Who knows all up to a place hears of everything behind it, and of nothing else."""
    hub, places = new_hub(), []
    for number, name in enumerate(names):
        places.append(hub.at)
        told(Change("", name, (number,)), hub=hub)
    places.append(hub.at)
    place = min(place, len(names))
    behind = {number for number in range(place, len(names)) if names[number] == "a"}
    assert (behind, False) == heard(hub, "", "a", after=places[place])


def test_who_comes_from_another_collector_of_a_store_misses_nothing():
    """What the other has seen is taken to be a little ahead of what is seen here."""
    hub = new_hub("shared", start=100, slack=10)
    for mark in (105, 115, 125):
        hub._note(News([Change("", "a", (f"{mark}",))], mark))
    assert ({"115", "125"}, False) == heard(hub, "", "a", after="shared-120")
    assert (set(), False) == heard(hub, "", "a", after="shared-150")
    assert (set(), True) == heard(hub, "", "a", after="shared-109")
    assert (set(), True) == heard(hub, "", "a", after="other-120")


def test_where_nothing_is_new_time_goes_on():
    """Who listens is not woken, and who comes again need not be told what is old."""
    hub = new_hub()
    with hub.listening("", "a") as ear:
        hub._note(News([], 7))
        assert not ear.news.is_set()
    assert "e-7" == hub.at


def test_what_is_remembered_has_an_end():
    """Who was away for longer is deaf."""
    hub = told(Change("", "a", (1,)))
    place = hub.at
    told(Change("", "b", tuple(range(REMEMBERED))), hub=hub)
    assert (set(), True) == heard(hub, "", "a", after=place)
    assert (set(), False) == heard(hub, "", "a", after=hub.at)


def test_what_waits_has_an_end():
    """An ear that is not asked for long is deaf, and holds little."""
    hub = new_hub()
    with hub.listening("", "a") as one, hub.listening("") as every:
        told(Change("", "a", tuple(range(MOST_WAITING + 1))), hub=hub)
        for _ in range(2):
            told(*(Change("", str(n), (n,)) for n in range(MOST_SESSIONS + 1)), hub=hub)
            told(Change("", "a", tuple(range(9))), hub=hub)
            assert [set(), set()] == [one.waiting, every.waiting]
        assert (set(), True) == one.take()
        assert (set(), True) == every.take()


def test_who_hears_of_something_else_costs_nothing():
    """However many there are."""
    hub = new_hub()
    with ExitStack() as stack:
        for number in range(5000):
            stack.enter_context(hub.listening("", f"other {number}"))
        began = time.process_time()
        hub._note(News([Change("", str(number), (number,)) for number in range(2000)], 1))
        assert time.process_time() - began < 0.3
    assert not hub._ears


def test_a_session_that_is_gone_makes_deaf():
    """Whoever hears of it reads anew."""
    hub = new_hub()
    with hub.listening("", "a") as one, hub.listening("") as every, hub.listening("", "b") as other:
        told(Change("", "a", is_gone=True), hub=hub)
        assert [True, True, False] == [ear.take()[1] for ear in (one, every, other)]


def test_where_nobody_knows_what_has_changed_all_are_deaf():
    """Those who listen, and those who come from before."""
    hub = told(Change("", "a", (1,)))
    place = hub.at
    with hub.listening("", "a") as ear:
        hub._note(News(None, hub._last + 1))
        assert ear.take()[1]
    assert heard(hub, "", "a", after=place)[1]
    assert (set(), False) == heard(hub, "", "a", after=hub.at)


def test_what_is_too_much_to_tell_makes_deaf_who_listens_to_that_session():
    """A list is told which one it is, and nobody else has to read anew."""
    hub = new_hub()
    with hub.listening("", "a") as one, hub.listening("") as every, hub.listening("", "b") as other:
        told(Change("", "a", None), hub=hub)
        assert [True, False, False] == [ear.is_deaf for ear in (one, every, other)]
        assert ({"a"}, False) == every.take()


def test_sums_alone_are_news_of_a_list():
    """No row of a session is another by them."""
    hub = new_hub()
    with hub.listening("", "a") as one, hub.listening("") as every:
        told(Change("", "a"), hub=hub)
        assert not one.news.is_set()
        assert ({"a"}, False) == every.take()


def test_it_is_told_from_another_thread():
    """In whose thread nobody waits; before and behind the loop it is told to nobody."""
    hub = new_hub()
    hub.tell(News([Change("", "a", (1,))], 1))

    async def listened():
        hub.open()
        with hub.listening("", "a") as ear:
            await asyncio.to_thread(hub.tell, News([Change("", "a", (2,))], 2))
            await asyncio.wait_for(ear.news.wait(), 10)
            return ear.take()

    assert ({2}, False) == asyncio.run(listened())
    hub.tell(News([Change("", "a", (3,))], 3))
