"""A run as nodes that can be compared, as agentlog has it and as a receiver gives it back."""

import json
from typing import Any, NamedTuple

from agentlog.store.merge import merged


class Node(NamedTuple):
    """One node: where it is, what it is, how it ended, what went in and out."""

    id: str
    parent: str | None
    name: str
    kind: str
    status: str
    message: str
    given: Any
    gave: Any
    happened: list[str]


_KINDS = {"llm": "LLM", "tool": "TOOL", "session": "AGENT"}


def nodes_of(records):
    """Return the nodes of what was recorded, by their ids."""
    return {event["id"]: _node(event) for event in merged(records).values()}


def _node(event):
    kind, error = event["action_type"], event.get("error") or {}
    status = {"Success": "OK", "Fail": "ERROR"}.get(event.get("result"), "UNSET")
    message = f"{error['type']}: {error['message']}" if error else event.get("reason", "")
    if event.get("reason") == "interrupted":
        status = "ERROR"
    happened = [event["event_type"]] if kind == "log" else []
    happened += [line["event"] for line in event.get("log", ())]
    return Node(
        id=event["id"],
        parent=event["parent_id"],
        name=event["event_type"],
        kind=_KINDS.get(kind, "CHAIN"),
        status=status,
        message=message if status == "ERROR" else "",
        given=event.get("prompt" if kind == "llm" else "params"),
        gave=event.get("returns"),
        happened=[*happened, *(["exception"] if error else [])],
    )


def value(text):
    """Return what a payload was that a receiver gives as JSON, or as it is."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
