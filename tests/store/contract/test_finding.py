"""What is found: events by their words, and sessions by the beginnings of their ids."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.errors import SessionNotFoundError
from tests.memory import bounded
from tests.store.contract.records import OTHER, SESSION, closed, opened


def test_any_part_of_an_event_can_be_searched(store):
    """Names, payloads and their keys, errors, models, tags; by words or their beginning."""
    store.put(
        [
            opened(
                "a", event_type="search_documents", params={"query": ["Ångström"]}, model="gpt-4"
            ),
            closed("a", returns={"n": 42}, error={"type": "ValueError", "message": "line\nbreak"}),
            opened("b", prompt="find the needle", tags=["blue"]),
        ]
    )
    for text in ("search_doc", "QUERY ångs", "gpt-4", "42", "ValueErr", "break", "docum value"):
        assert ["a"] == [event["id"] for event in store.search(text)], text
    assert ["b"] == [event["id"] for event in store.search("needle blue")]
    for text in ("", "  ", "absent", "needle gpt", '"', "Success"):
        assert [] == store.search(text), text


def test_the_texts_that_a_search_finds_come_in_parts(store, fresh):
    """The newest first, whenever they were put, and those of one project alone."""
    store.put([opened(event_id, float(event_id)) for event_id in "35142"])
    fresh().put([opened("6", 6.0)])
    with store.texts_found("plan", limit=5, most=3) as found:
        parts = [[json.loads(text)["id"] for text in part] for part in found]
    assert [["5", "4", "3"], ["2", "1"]] == parts


def test_signs_divide_words_whatever_they_are(store):
    """In what is looked for, and in what is there."""
    for number, text in enumerate(("a·b", "a.b", "a😀b c", "a…b")):
        store.put([opened(f"{number}", number, params=text)])
    for text in ("a·b", "a…b", "a😀b", "a.b", "a b"):
        assert ["3", "2", "1", "0"] == [event["id"] for event in store.search(text)], text
    assert ["2"] == [event["id"] for event in store.search("a·b c")]


def test_words_may_be_in_different_halves(store):
    """Of one event, whichever order they are asked for in."""
    store.put([opened("a", params="weather tomorrow"), closed("a", returns="it rains")])
    store.put([opened("b", params="weather"), closed("c", returns="rains")])
    for text in ("weather rains", "rain weath", "it tomorrow weather"):
        assert ["a"] == [event["id"] for event in store.search(text)], text


def test_a_search_prefers_the_very_words(store):
    """Where there are enough of them; else what begins so is found, too."""
    store.put([opened(f"{n}", n, params="step" if n % 2 else "steps") for n in range(8)])
    assert ["7", "5"] == [event["id"] for event in store.search("step", limit=2)]
    assert list("76543") == [event["id"] for event in store.search("step", limit=5)]


def test_a_search_finds_what_came_after_the_last_search(store):
    """The index follows the store; an event is found once, by its newest text."""
    store.put([opened("a", params="early", timestamp=1.0)])
    assert 1 == len(store.search("early"))
    store.put([closed("a", returns="late"), opened("b", params="early", timestamp=5.0)])
    assert ["b", "a"] == [event["id"] for event in store.search("early")]
    assert ["b"] == [event["id"] for event in store.search("early", limit=1)]
    assert ["a"] == [event["id"] for event in store.search("late")]


@pytest.fixture(scope="session")
def searched(fresh):
    """Return a project in which an event is, in words that are syntax elsewhere."""
    store = fresh()
    store.put([opened("a", params="text AND more")])
    return store


@given(
    st.text(st.characters(codec=None), max_size=40) | st.text('"*^:(){}+- ANDORNEAR\0', max_size=40)
)
def test_no_text_is_search_syntax(searched, text):
    """Whatever is typed is looked for."""
    searched.search(text)


@pytest.mark.parametrize("text", ["text", "AND", '"', "*", "p:", "-", "\0", "\\"])
def test_a_long_search_is_one(searched, text):
    """As if somebody had pasted a page."""
    searched.search(f"{text} " * 500)


def test_a_prefix_names_a_session(store):
    """As long as it fits one; the whole id always does, and `last` is the newest by start."""
    store.put([opened("a", 5.0), opened("a", 1.0, session_id=OTHER)])
    assert SESSION == store.resolve(SESSION[:12])
    assert OTHER == store.resolve(OTHER)
    assert SESSION == store.resolve("last")
    store.put([opened("a", 0.0, session_id=OTHER[:20])])
    assert OTHER[:20] == store.resolve(OTHER[:20])


def test_a_prefix_of_several_sessions_names_them(store):
    """The error lists what may have been meant, as far as a list of sessions writes them."""
    store.put([opened("a"), opened("a", session_id=OTHER)])
    with pytest.raises(SessionNotFoundError) as raised:
        store.resolve("0193")
    assert "Several sessions begin with '0193': 0193f2c1a2b3, 0193f2c1ffff." == str(raised.value)
    store.put([opened("a", session_id=f"0193{number:028}") for number in range(5)])
    with pytest.raises(SessionNotFoundError) as raised:
        store.resolve("0193")
    assert str(raised.value).endswith(f", 0193{4:028}, …")
    assert 5 == str(raised.value).count(", 0193") + 1


def test_a_prefix_may_be_in_capitals(store):
    """As tools write hexadecimal digits; an id that has capitals itself is found first."""
    store.put([opened("a"), opened("a", session_id="0193F2")])
    assert SESSION == store.resolve(SESSION.upper())
    assert SESSION == store.resolve("0193F2C1")
    assert "0193F2" == store.resolve("0193F2")


def test_a_long_prefix_is_not_repeated_at_length(store):
    """Its first sixty characters tell what it was."""
    with pytest.raises(SessionNotFoundError) as raised:
        store.resolve("a" * 5000)
    assert f"No session begins with '{'a' * 60}'…." == str(raised.value)


@pytest.mark.parametrize("prefix", ["f", "", "%", "\ud800", "\x1b[31m"])
def test_a_prefix_of_no_session_is_not_found(store, prefix):
    """And is told in ASCII, whatever it holds."""
    store.put([opened("a")])
    with pytest.raises(SessionNotFoundError, match=r"\ANo session begins with '[ -~]*'\.\Z"):
        store.resolve(prefix)


def test_there_is_no_last_session_in_an_empty_store(store):
    """It is said in words of its own."""
    with pytest.raises(SessionNotFoundError, match="Nothing has been recorded yet"):
        store.resolve("last")


def test_a_search_takes_what_came_last(store):
    """Whatever the ids of sessions are: those of OpenTelemetry say nothing of their time."""
    ids = [f"{Random(number).getrandbits(128):032x}" for number in range(1_000)]
    for place in range(0, 1_000, 100):
        part = enumerate(ids[place : place + 100], place)
        store.put([opened("a", float(n), session_id=id_, prompt="needle") for n, id_ in part])
    newest = [store.search(text, limit=20) for text in ("needle", "need")]
    assert [ids[:-21:-1]] * 2 == [[event["session_id"] for event in some] for some in newest]


def test_a_late_arrival_is_among_the_newest(store):
    """Though it stands behind those that began after it."""
    store.put([opened("a", 7.0), opened("b", 8.0), opened("c", 9.0)])
    store.put([opened("late", 1.0)])
    assert ["c", "late"] == [event["id"] for event in store.search("plan", limit=2)]


def test_of_large_events_a_few_are_in_memory(store):
    """However many a search finds."""
    large = "large " * 50_000
    for number in range(100):
        store.put([opened(f"{number}", float(number), prompt=large)])
    with bounded(megabytes=24), store.texts_found("large", limit=100, most=5) as parts:
        found = [json.loads(text)["id"] for part in parts for text in part]
    assert [f"{number}" for number in reversed(range(100))] == found


def test_the_very_word_is_found_behind_very_many_that_have_it_within(store):
    """And behind those that begin so, if there are not too many of them."""
    store.put([opened("a", params="art"), opened("b", params="artist")])
    store.put([opened(f"c{number}", 2.0 + number, params="started") for number in range(2_100)])
    assert "a" in [event["id"] for event in store.search("art")]


def test_a_search_may_be_of_one_session(store):
    """Where its words are in others, too."""
    store.put([opened("a", params="needle"), opened("b", params="needle", session_id=OTHER)])
    assert ["b"] == [event["id"] for event in store.search("needle", session_id=OTHER)]
    assert [] == store.search("needle", session_id="nowhere")


def test_a_search_finds_words_in_any_script(store):
    """Of those that set no blanks, each character is a word."""
    store.put([opened("a", params="東京タワーに行く"), opened("b", 2.0, params="Москва Straße")])
    for text, expected in (("東京", "a"), ("タワー", "a"), ("москва", "b"), ("МОСК", "b")):  # noqa: RUF001
        assert [expected] == [event["id"] for event in store.search(text)], text
    assert [] == store.search("大阪")
