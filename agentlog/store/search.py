"""What a search looks through, and how a query is asked. Pure.

The rule: whatever somebody types is text to be found, never syntax.
"""

from agentlog.store.merge import Event

SEARCHED = (
    "event_type",
    "model",
    "prompt",
    "tags",
    "params",
    "returns",
    "reason",
    "error",
    "log",
    "logger",
)
_MOST_WORDS = 32


def words(event: Event) -> str:
    """Return the text of an event that a search may find, keys of its payloads included."""
    found: list[str] = []
    pending = [event[field] for field in SEARCHED if field in event]
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
    return "\n".join(found)


def project_word(project: int) -> str:
    """Return the word by which the events of one project are told from those of others."""
    return f"p{project}"


def queries(text: str, project: int) -> tuple[str, ...]:
    """Return the FTS5 expressions for every word of `text`, in any order; none without a word.

    The first is for the very words, the second for these and what begins so. Source:
    https://sqlite.org/fts5.html#full_text_query_syntax (a string in quotes is a phrase, in which a
    quote is doubled).
    """
    clean = text.replace("\0", " ").encode(errors="replace").decode()
    phrases = [f'"{word.replace(chr(34), chr(34) * 2)}"' for word in clean.split()[:_MOST_WORDS]]
    if not phrases:
        return ()
    found = (" ".join(phrases), " ".join(f"{phrase}*" for phrase in phrases))
    return tuple(f"text : ({one}) AND project : {project_word(project)}" for one in found)
