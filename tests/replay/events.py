"""Events for the tests of the replay, with what every one of them needs filled in."""

from hypothesis import strategies as st

SESSION = "0192f3a4b5c67" + "0" * 19
START = 1_700_000_000.0


def event(event_id, parent=None, *, name=None, start=0.0, end=1.0, result="Success", **fields):
    """Return a merged event; `end=None` is one that runs."""
    record = {
        "id": event_id,
        "session_id": SESSION,
        "parent_id": parent,
        "event_type": name or event_id,
        "timestamp": START + start,
    }
    if end is not None:
        record |= {"end_timestamp": START + end, "result": result}
    return record | fields


def session(event_id="root", **fields):
    """Return the session event of `event`'s session."""
    return event(event_id, action_type="session", **{"end": 10.0} | fields)


def shape(nodes):
    """Return a forest as nested lists of ids, which tests can compare and read."""
    return [[node.id, *([shape(node.children)] if node.children else [])] for node in nodes]


_code_points = st.one_of(
    st.integers(0, 0x17F), st.integers(0x2000, 0x206F), st.integers(0, 0x10FFFF)
)
texts = st.lists(_code_points.map(chr), max_size=30).map("".join)
"""Texts with lone surrogates, and with what steers a terminal often in them."""

_ids = st.sampled_from("abcdefgh")
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
_json = _scalars | st.lists(_scalars, max_size=2) | st.dictionaries(_ids, _scalars, max_size=2)


def _field(*likely):
    return st.one_of(*map(st.just, likely), _json)


records = st.fixed_dictionaries(
    {"id": _ids, "session_id": st.sampled_from(["s", "t"])},
    optional={
        "parent_id": st.none() | _ids | _json,
        "event_type": _field("plan", "fetch", "a\x1b[31m\u202e\nb", "検索"),
        "action_type": _field("action", "llm", "log", "session"),
        "timestamp": _field(1.0, 2.0, 3.0, 1e300),
        "end_timestamp": _field(2.0, 3.0, 2.5, float("nan")),
        "result": _field("Success", "Fail", "Indeterminate"),
        "reason": _field("cancelled", "interrupted", "exit", "my own"),
        "error": _field({"type": "E", "message": "why\nmore"}, "why", {"type": 3}),
        "model": _field("gpt-4"),
        "level": _field("info"),
        "logger": _field("agent"),
        "rating": _field("good"),
        "prompt_tokens": _field(12, "12", True, 10**400),
        "completion_tokens": _field(3.0, -1),
        "tags": _field(["a", "b"], {"a": 1}, "a"),
        "notes": _field({"redacted": 1}, {"redacted": 2, "truncated": True}),
        "params": _json,
    },
)
"""Records as a hostile or damaged journal may bring them, few ids so that they meet often."""
