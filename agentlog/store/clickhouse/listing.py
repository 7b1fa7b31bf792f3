"""Sessions as a list: what their events sum up to, beside what their roots say.

The rule: the table of sessions tells which ones are on a page, and only of those are records looked
at. They are counted as they are read, so a batch that came twice is counted once. What the root of
a session says is merged here, and so are sessions in which two records claim one half of an event:
which one prevails the engine cannot know.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentlog.store import MOST_TOKENS, SessionFilter, SessionSummary
from agentlog.store.clickhouse import events, fields
from agentlog.store.clickhouse.link import Link, Row
from agentlog.store.ids import NAMED, is_named
from agentlog.store.merge import Event
from agentlog.store.state import SILENT_AFTER, State, state_of

_PAGE: Final = 100
_LARGEST_PAGE: Final = 500
"""Sessions that are summed up at once, where nobody said how many there shall be, and at most."""

_MOMENT: Final = """if(match(session_id, '^[0-9a-f]{12}7[0-9a-f]{19}$'),
    reinterpretAsUInt64(reverse(unhex(concat('0000', substring(session_id, 1, 12))))) / 1000, NULL)
"""
_PLACES: Final = f"""
    SELECT session_id, min(root) AS head, if(head.1 < 2, head.3, NULL) AS root_id,
        coalesce(if(head.1 < 2 AND isFinite(head.2), head.2, NULL), min(first), {_MOMENT}) AS start,
        max(last) AS latest
    FROM sessions WHERE project = {{project:String}}
"""  # noqa: S608 - made of constants, as all here
_NEWEST: Final = f"""
    SELECT session_id, root_id, start FROM ({_PLACES} GROUP BY session_id) WHERE true
"""  # noqa: S608
_SOME: Final = f"{_PLACES} AND session_id IN {{ids:Array(String)}} GROUP BY session_id"
_CLAUSES: Final = {
    "since": "AND start >= {since:Float64}",
    "before": "AND start < {before:Float64}",
    "behind": """AND (start < {behind:Nullable(Float64)}
        OR (start IS NULL AND {behind:Nullable(Float64)} IS NOT NULL)
        OR (start IS NOT DISTINCT FROM {behind:Nullable(Float64)}
            AND session_id < {behind_id:String}))""",
}
_ORDER: Final = "ORDER BY start DESC NULLS LAST, session_id DESC LIMIT {most:UInt64}"
_BEGINNING: Final = """
    SELECT DISTINCT session_id FROM sessions
    WHERE project = {project:String} AND startsWith(session_id, {prefix:String})
    ORDER BY session_id LIMIT {most:UInt64}
"""
_WITH: Final = """
    SELECT DISTINCT session_id FROM records WHERE project = {project:String} AND id = {event:String}
"""

_TOKENS: Final = f"if({{0}} >= 0 AND {{0}} < {MOST_TOKENS}, {{0}}, 0)"
# argMax leaves out what is NULL: so a field is the close half's if that has it, else the open's.
_SUMS: Final = f"""
    SELECT session_id, count() - if(max(is_own), countIf(stands_in), 0), countIf(has_failed),
        sum(toFloat64({_TOKENS.format("given")})), sum(toFloat64({_TOKENS.format("made")})),
        min(start), max(greatest(coalesce(start, end), coalesce(end, start))), max(is_disputed)
    FROM (
        SELECT session_id, id, argMax(failed, half) AS has_failed,
            argMax(prompt_tokens, half) AS given, argMax(completion_tokens, half) AS made,
            argMax(started, half) AS start, argMax(ended, half) AS end,
            min(rank) = 0 AND isNotNull(start) AS is_own,
            min(rank) = 0 AND isNull(start) AND max(half) = 0 AS stands_in,
            minIf(digest, half = 0) < maxIf(digest, half = 0)
                OR minIf(digest, half = 1) < maxIf(digest, half = 1) AS is_disputed
        FROM records
        WHERE project = {{project:String}} AND session_id IN {{ids:Array(String)}}
        GROUP BY session_id, id
    ) GROUP BY session_id
    SETTINGS max_threads = 1
"""  # noqa: S608 - for so little a thread is faster than several


@dataclass(frozen=True, slots=True)
class Place:
    """A session in the order of the list: its root, if that is known, and its start."""

    session_id: str
    root_id: str | None
    start: float | None


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the events of a session sum up to."""

    events: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    last: float | None


def sessions(link: Link, project: str, wanted: SessionFilter) -> list[SessionSummary]:
    """Return the sessions of a project that a filter lets through, newest first."""
    found: list[SessionSummary] = []
    limit = float("inf") if wanted.limit is None else wanted.limit
    for page in _pages(link, project, wanted):
        found += (one for one in _summed_up(link, project, page) if _is_wanted(one, wanted))
        if len(found) >= limit:
            break
    return found[: wanted.limit]


def summaries(link: Link, project: str, session_ids: Iterable[str]) -> list[SessionSummary]:
    """Return those of these sessions that a project has."""
    return [
        summary
        for some in events.in_parts(list(session_ids))
        for summary in _summed_up(link, project, places(link, project, some))
    ]


def places(link: Link, project: str, session_ids: Sequence[str]) -> list[Place]:
    """Return where those of these sessions stand that a project has."""
    found = link.rows(_SOME, project=project, ids=list(session_ids))
    return [Place(session_id, root_id, start) for session_id, _, root_id, start, _ in found]


def is_silent(link: Link, project: str, session_id: str) -> bool:
    """Say whether a session has said nothing for long."""
    for *_, start, last in link.rows(_SOME, project=project, ids=[session_id]):
        said = start if last is None else last
        return said is not None and said < time.time() - SILENT_AFTER
    return False


def ids_beginning_with(link: Link, project: str, prefix: str) -> list[str]:
    """Return the first few session ids of a project that begin so, sorted; with "" none."""
    if not prefix:
        return []
    found = link.rows(_BEGINNING, project=project, prefix=prefix, most=NAMED + 1)
    return [session_id for (session_id,) in found]


def session_with(link: Link, project: str, event_id: str) -> str | None:
    """Return the newest session of a project that has an event of this id."""
    having = [of for (of,) in link.rows(_WITH, project=project, event=event_id)]
    newest = max(places(link, project, having), key=_age, default=None)
    return newest.session_id if newest else None


def _age(place: Place) -> tuple[bool, float, str]:
    return place.start is not None, place.start or 0.0, place.session_id


def _pages(link: Link, project: str, wanted: SessionFilter) -> Iterator[list[Place]]:
    """Yield places, newest first, as long as there are some; each time more of them at once."""
    values = _values(wanted)
    most = min(_PAGE if wanted.limit is None else wanted.limit, _LARGEST_PAGE)
    while most:
        clauses = " ".join(clause for name, clause in _CLAUSES.items() if name in values)
        asked = {**values, "project": project, "most": most}
        page = [Place(*row) for row in link.rows(f"{_NEWEST} {clauses} {_ORDER}", **asked)]
        yield page
        if len(page) < most:
            return
        values |= {"behind": page[-1].start, "behind_id": page[-1].session_id}
        most = min(2 * most, _LARGEST_PAGE)


def _values(wanted: SessionFilter) -> dict[str, object]:
    values: dict[str, object] = {}
    if wanted.since is not None:
        values["since"] = wanted.since
    if isinstance(wanted.before, tuple):
        values |= {"behind": wanted.before[0], "behind_id": wanted.before[1]}
    elif wanted.before is not None:
        values["before"] = wanted.before
    return values


def _summed_up(link: Link, project: str, page: Sequence[Place]) -> Iterator[SessionSummary]:
    """Yield the sessions of a page; one that has no events yet, or any more, is none."""
    if not page:
        return
    sums = _sums(link, project, [place.session_id for place in page])
    heads = [(place.session_id, place.root_id) for place in page if place.root_id is not None]
    roots = events.at(link, project, heads)
    for place in page:
        if place.session_id in sums:
            root = roots.get((place.session_id, place.root_id or ""))
            yield _summary(place, sums[place.session_id], root)


def _sums(link: Link, project: str, session_ids: Sequence[str]) -> dict[str, _Sums]:
    return {
        row[0]: _of_events(events.of_session(link, project, row[0])) if row[-1] else _of_row(row)
        for row in link.rows(_SUMS, project=project, ids=list(session_ids))
    }


def _of_row(row: Row) -> _Sums:
    _, count, failures, given, made, _, last, _ = row
    return _Sums(count, failures, int(given), int(made), last)


def _of_events(found: Sequence[Event]) -> _Sums:
    times = [
        time
        for event in found
        for name in ("timestamp", "end_timestamp")
        if (time := fields.number(event, name)) is not None
    ]
    return _Sums(
        len(found),
        sum(event.get("result") == "Fail" for event in found),
        sum(fields.tokens(event, "prompt_tokens") for event in found),
        sum(fields.tokens(event, "completion_tokens") for event in found),
        max(times, default=None),
    )


def _summary(place: Place, sums: _Sums, root: Event | None) -> SessionSummary:
    said: Mapping[str, Any] = root or {}
    event = dict(said)
    return SessionSummary(
        id=place.session_id,
        event_type=fields.text(event, "event_type"),
        timestamp=place.start,
        end_timestamp=fields.number(event, "end_timestamp"),
        last=sums.last,
        result=fields.text(event, "result"),
        reason=fields.text(event, "reason"),
        rating=fields.text(event, "rating"),
        tags=tuple(fields.tags(event) or ()),
        events=sums.events,
        failures=sums.failures,
        prompt_tokens=sums.prompt_tokens,
        completion_tokens=sums.completion_tokens,
        state=_state(root, place.start if sums.last is None else sums.last),
    )


def _state(root: Event | None, said: float | None) -> State:
    """Decide what became of a session; nobody here sees whether its process lives."""
    if root is None:
        return State.UNKNOWN
    result, is_ended = fields.text(root, "result"), "end_timestamp" in root
    if result is None and not is_ended:
        is_silent = said is not None and said < time.time() - SILENT_AFTER
        return State.SILENT if is_silent else State.RUNNING
    return state_of(result, root.get("reason"), ended=True)


def _is_wanted(summary: SessionSummary, wanted: SessionFilter) -> bool:
    """Say whether a filter lets a session through that the engine has found."""
    return (
        wanted.result in {None, summary.result}
        and wanted.state in {None, summary.state}
        and (wanted.tag is None or wanted.tag in summary.tags)
        and is_named(
            (wanted.text or "").casefold(), summary.id, (summary.event_type or "", *summary.tags)
        )
    )
