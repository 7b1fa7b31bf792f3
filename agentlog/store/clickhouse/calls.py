"""The calls of models in sessions, and the ways from them to the roots.

The rules: only what has tokens is read, and what is around it: from there it is climbed by the ids
of the parents, a level at a time for all calls at once. Of what a call has said nothing else is
kept: it may be large.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agentlog import prices
from agentlog.store import Call
from agentlog.store.clickhouse import events, fields, listing
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.schema import NO_NUMBER
from agentlog.store.merge import Address, Event

_OF_SESSIONS: Final = "project = {project:String} AND session_id IN {ids:Array(String)}"
_WITH_TOKENS: Final = f"""
    SELECT session_id, id, groupUniqArray(record) FROM records WHERE {_OF_SESSIONS}
    AND (session_id, id) IN (
        SELECT session_id, id FROM records WHERE {_OF_SESSIONS}
        AND (prompt_tokens > {NO_NUMBER} OR completion_tokens > {NO_NUMBER}))
    GROUP BY session_id, id {events.IN_BLOCKS}
"""  # noqa: S608 - made of constants


def of_sessions(
    link: Link, project: str, session_ids: Sequence[str]
) -> Iterator[tuple[str, list[Call]]]:
    """Yield, by the sessions that have calls, these and what is around them, in no order."""
    heads = {one.session_id: one.root_id for one in listing.places(link, project, session_ids)}
    known: dict[Address, Call] = {}
    with link.blocks(_WITH_TOKENS, project=project, ids=list(session_ids)) as blocks:
        found = (((of, id_), halves) for block in blocks for of, id_, halves in block)
        around = {of: call for of, call in _calls(found, heads).items() if call.has_tokens}
    while around:
        known |= around
        parents = {(of, call.parent_id) for (of, _), call in around.items() if call.parent_id}
        around = _calls(events.at(link, project, parents - known.keys()), heads)
    by_session: dict[str, list[Call]] = defaultdict(list)
    for (session_id, _), call in known.items():
        by_session[session_id].append(call)
    yield from by_session.items()


def cost_of(event: Event) -> prices.Cost:
    """Return what an event cost."""
    params = event.get("params")
    details = params if isinstance(params, dict) else {}
    return prices.cost(
        fields.text(event, "model"),
        fields.integer(event, "prompt_tokens"),
        fields.integer(event, "completion_tokens"),
        _when(event),
        *(details.get(name) for name in prices.DETAILS),
    )


def _calls(
    found: Iterable[tuple[Address, Sequence[str]]], heads: Mapping[str, str | None]
) -> dict[Address, Call]:
    return {
        (session_id, id_): _call(fields.event_of(halves), is_head=id_ == heads.get(session_id))
        for (session_id, id_), halves in found
    }


def _call(event: Event, *, is_head: bool) -> Call:
    place = str(event["id"]), _parent(event), _when(event), is_head
    given = fields.integer(event, "prompt_tokens")
    made = fields.integer(event, "completion_tokens")
    if given is None and made is None:
        return Call(*place)
    return Call(*place, True, given, made, cost_of(event))


def _parent(event: Event) -> str | None:
    """Return the id of the parent; "" where only the close half is there, which knows none."""
    if event.get("action_type") == "session":
        return None
    parent = fields.text(event, "parent_id")
    return "" if parent is None and "event_type" not in event else parent


def _when(event: Event) -> float | None:
    start = fields.number(event, "timestamp")
    return fields.number(event, "end_timestamp") if start is None else start
