"""What a search looks through, and how it is asked."""

from agentlog.store.search import queries, words


def test_payloads_give_their_words():
    """Texts, numbers and keys at any depth; not the fields that every event has."""
    event = {
        "id": "a1",
        "result": "Success",
        "event_type": "plan",
        "params": {"key": ["deep", 7, 1.5, True, None]},
        "error": {"message": "went wrong"},
    }
    expected = {"plan", "key", "deep", "7", "1.5", "error", "message", "went wrong"} - {"error"}
    assert expected == set(words(event).split("\n"))


def test_all_text_is_searched():
    """Of a log line as of a session, and in fields that nobody knows; ids and times are no text."""
    event = {
        "session_id": "a" * 32,
        "timestamp": 1.5,
        "level": "warning",
        "source": "a.py:7",
        "process": {"host": "heron"},
        "colour": "blue",
    }
    assert {"warning", "a.py:7", "host", "heron", "blue"} == set(words(event).split("\n"))


def test_a_script_without_blanks_has_a_word_a_character():
    """So that what stands in the middle is found, by a phrase."""
    assert ["今", "日", "は", "東", "京", "で", "rain"] == words({"a": "今日は東京でrain"}).split()
    assert ["ﾃ", "ﾞ"] == words({"a": "ﾃﾞ"}).split()
    assert 'text : (" 東  京 ") AND project : p1' == queries("東京", 1)[0]


def test_an_image_has_no_words():
    """Nobody looks for base64."""
    assert "" == words({"returns": "data:image/png;base64,iVBOR"}).strip()


def test_every_word_is_quoted():
    """With its quotes doubled; as it is, and as a beginning; beside it stands the project."""
    expected = (
        'text : ("NEAR(a" "b""") AND project : p7',
        'text : ("NEAR(a"* "b"""*) AND project : p7',
    )
    assert expected == queries('  NEAR(a b" ', 7)
    assert () == queries(" \0 ", 7)
