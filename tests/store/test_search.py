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
