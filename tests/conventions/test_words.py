"""agentlog.conventions.words: what is written of an event is what is read."""

import pytest

from agentlog.conventions import own, words, writing
from agentlog.conventions.words import moment_of_id
from tests.conventions.test_writing import event


def test_every_word_of_the_tables_is_written_and_read():
    """And those that are named in code."""
    fields = {
        **dict.fromkeys((*words.TEXTS, *words.COUNTS), "x"),
        **dict.fromkeys(words.COUNTS, 7),
        "tags": ["x"],
        "action_type": "llm",
    }
    span = writing.span(event(**fields))
    names = {*words.TEXTS.values(), *words.COUNTS.values(), words.TAGS}
    assert names <= span.attributes.keys()
    only = {name: span.attributes[name] for name in names}
    found = own.event(span._replace(attributes=only, events=()))
    assert fields == {field: found[field] for field in fields}


@pytest.mark.parametrize(
    ("session_id", "expected"),
    [
        ("018bcfe568007" + "a" * 19, 1_700_000_000.0),
        ("018bcfe568008" + "a" * 19, None),
        ("018bcfe568007", None),
        ("s", None),
        ("", None),
    ],
)
def test_moment_of_id(session_id, expected):
    """An id of agentlog's form says when its session began; any other says nothing."""
    assert expected == moment_of_id(session_id)
