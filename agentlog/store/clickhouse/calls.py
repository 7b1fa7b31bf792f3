"""The calls of models in sessions, and the ways from them to the roots.

The rule: only what has tokens is read, and what is around it: from there it is climbed by the ids
of the parents, a level at a time for all calls at once.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from agentlog import prices
from agentlog.store import Call
from agentlog.store.clickhouse import events, fields, listing
from agentlog.store.clickhouse.link import Link
from agentlog.store.merge import Address, Event

_WITH_TOKENS = """
    SELECT DISTINCT session_id, id FROM records
    WHERE project = {project:String} AND session_id IN {ids:Array(String)}
    AND coalesce(prompt_tokens, completion_tokens) IS NOT NULL
"""


def of_sessions(
    link: Link, project: str, session_ids: Sequence[str]
) -> Iterator[tuple[str, list[Call]]]:
    """Yield, by the sessions that have calls, these and what is around them, in no order."""
    found = link.rows(_WITH_TOKENS, project=project, ids=list(session_ids))
    known = _with_parents(link, project, [(session_id, id_) for session_id, id_ in found])
    by_session: dict[str, list[Event]] = defaultdict(list)
    for (session_id, _), event in known.items():
        by_session[session_id].append(event)
    for head in listing.places(link, project, sorted(by_session)):
        some = by_session[head.session_id]
        yield head.session_id, [_call(event, is_head=event["id"] == head.root_id) for event in some]


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


def _with_parents(link: Link, project: str, addresses: Sequence[Address]) -> dict[Address, Event]:
    known: dict[Address, Event] = {}
    wanted = set(addresses)
    while wanted:
        found = {
            place: fields.event_of(halves) for place, halves in events.at(link, project, wanted)
        }
        known |= found
        parents = {(session_id, _parent(event)) for (session_id, _), event in found.items()}
        wanted = {
            (session_id, parent)
            for session_id, parent in parents
            if parent and (session_id, parent) not in known
        } - wanted
    return known


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
