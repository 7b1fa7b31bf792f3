"""What a search looks through, and how a query is asked. Pure.

The rule: whatever somebody types is text to be found, never syntax. A character of Chinese or
Japanese, which set no blanks between words, is a word.
"""

import re

from agentlog.store.merge import Event

NO_TEXT = (
    "session_id",
    "id",
    "parent_id",
    "timestamp",
    "end_timestamp",
    "result",
    "prompt_tokens",
    "completion_tokens",
    "notes",
)
"""Fields that no search looks into."""
MOST_WORDS = 32
"""Words of a query that count."""

_UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Han and kana."""


def words(event: Event) -> str:
    """Return the text of an event that a search may find, keys of its payloads included."""
    found: list[str] = []
    pending = [value for field, value in event.items() if field not in NO_TEXT]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            # An image is megabytes of letters that nobody types.
            found.append("" if value.startswith("data:image/") else value)
        elif isinstance(value, dict):
            pending.extend((*value.keys(), *value.values()))
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(str(value))
    return spaced("\n".join(found))


def spaced(text: str) -> str:
    """Set blanks around every character that is a word."""
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def project_word(project: int) -> str:
    """Return the word by which the events of one project are told from those of others."""
    return f"p{project}"


def words_of(text: str) -> list[str]:
    """Return the words of a query."""
    clean = text.replace("\0", " ").encode(errors="replace").decode()
    return clean.split()[:MOST_WORDS]


def queries(text: str, project: int) -> tuple[str, ...]:
    """Return the FTS5 expressions for every word of `text`, in any order; none without a word.

    The first is for the very words, the second for these and what begins so. Source:
    https://sqlite.org/fts5.html#full_text_query_syntax (a string in quotes is a phrase, in which a
    quote is doubled).
    """
    phrases = [f'"{spaced(word).replace(chr(34), chr(34) * 2)}"' for word in words_of(text)]
    if not phrases:
        return ()
    found = (" ".join(phrases), " ".join(f"{phrase}*" for phrase in phrases))
    return tuple(f"text : ({one}) AND project : {project_word(project)}" for one in found)
