"""The vocabulary of AgentOps' SDK from 0.4 on: `agentops.*`, beside that of traceloop.py for LLMs.

A span is called `forecast.task` for what its program calls `forecast`; what a session became stands
in an attribute, as its status is never set.

https://github.com/AgentOps-AI/agentops/tree/main/agentops/semconv
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from agentlog.conventions.attributes import Attributes, first, held, parsed, text, texts
from agentlog.conventions.traceloop import as_called

_KINDS: Final = {"tool": "tool", "llm": "llm", "http": "api"}
_SIDE: Final = re.compile(r"agentops\.\w+\.(input|output)").fullmatch
_NAMES: Final = ("operation.name", "agentops.operation.name")
_STATES: Final = ("agentops.session.end_state", "agentops.status.end_state")
_REASONS: Final = ("agentops.status.end_state_reason",)
_RESULTS: Final = {
    "success": "Success",
    "ok": "Success",
    "fail": "Fail",
    "error": "Fail",
    "indeterminate": "Indeterminate",
    "unset": "Indeterminate",
}


def read(attributes: Attributes, _: Sequence[Any] = ()) -> dict[str, object]:
    """Take what this vocabulary knows out of attributes, and return it as fields of a record."""
    kind = text(attributes.pop("agentops.span.kind", None))
    sides = {side[1]: attributes.pop(name) for name in list(attributes) if (side := _SIDE(name))}
    return {
        "event_type": text(first(attributes, _NAMES)),
        "action_type": kind and _KINDS.get(kind.partition(".")[0], "action"),
        "params": as_called(parsed(sides.get("input")), "input"),
        "returns": _unquoted(parsed(sides.get("output"))),
        "tags": held(attributes, ("agentops.tags", "tags"), texts, attributes),
        **_outcome(attributes),
    }


def _unquoted(value: Any) -> Any:
    """Return a text that is JSON's as the text that it is."""
    if isinstance(value, str) and value.startswith('"'):
        told = parsed(f"[{value}]")
        return told[0] if isinstance(told, list) and len(told) == 1 else value
    return value


def _outcome(attributes: Attributes) -> dict[str, object]:
    """Return what a session became; a state of somebody's own is the reason."""
    state, reason = (text(first(attributes, names)) for names in (_STATES, _REASONS))
    result = _RESULTS.get(state.rpartition(".")[2].casefold()) if state else None
    return {"result": result, "reason": reason or (None if result else state)}
