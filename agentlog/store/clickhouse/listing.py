"""Sessions as a list: what their events sum up to, beside what their roots say.

The rule: the table of sessions tells which ones may be on a page, and only of those are records
looked at. They are counted as they are read, so a batch that came twice is counted once. What the
root of a session says is merged here, and so are events of which two records claim one half: which
of them prevails the engine cannot know.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from agentlog.store import MOST_TOKENS, SessionFilter, SessionSummary
from agentlog.store.clickhouse import events, fields
from agentlog.store.clickhouse.link import Link
from agentlog.store.clickhouse.news import OVERLAP
from agentlog.store.clickhouse.settled import Settled
from agentlog.store.ids import NAMED, is_named
from agentlog.store.merge import Address, Event
from agentlog.store.state import BY_REASON, BY_RESULT, SILENT_AFTER, State, state_of
from agentlog.store.values import asked

_PAGE: Final = 100
_LARGEST_PAGE: Final = 10_000
"""Sessions that are asked for at once, where nobody said how many there shall be, and at most."""

_AT_ONCE: Final = 500
"""Sessions that are summed up together."""

_MOMENT: Final = """if(match(session_id, '^[0-9a-f]{12}7[0-9a-f]{19}$'),
    reinterpretAsUInt64(reverse(unhex(concat('0000', substring(session_id, 1, 12))))) / 1000, NULL)
"""
_PLACES: Final = f"""
    WITH toUnixTimestamp64Micro(stored) AS moment
    SELECT session_id, if(root.1 < 2, root.3, NULL) AS root_id,
        coalesce(if(root.1 < 2 AND isFinite(root.2), root.2, NULL), first, {_MOMENT}) AS start,
        last, if(moment < toUnixTimestamp64Micro(now64(6)) - {OVERLAP}, moment, NULL) AS settled
    FROM sessions FINAL WHERE project = {{project:String}}
"""  # noqa: S608 - made of constants, as all here
_SOME: Final = f"{_PLACES} AND session_id IN {{ids:Array(String)}}"

# What the root may have said leaves out most of those that are not meant; the root itself decides.
_SAID: Final = "has(said, {{{name}:String}})"
_CLAUSES: Final = {
    "since": "start >= {since:Float64}",
    "before": "start < {before:Float64}",
    "behind": """(start < {behind:Nullable(Float64)}
        OR (start IS NULL AND {behind:Nullable(Float64)} IS NOT NULL)
        OR (start IS NOT DISTINCT FROM {behind:Nullable(Float64)}
            AND session_id < {behind_id:String}))""",
    "tag": _SAID.format(name="tag"),
    "result": _SAID.format(name="result"),
    "outcome": _SAID.format(name="outcome"),
    "lively": "coalesce(last, start) >= {lively:Float64}",
    "silent": "coalesce(last, start) < {silent:Float64}",
    "rootless": "root.1 >= 2",
    "text": """(startsWith(caseFoldUTF8(session_id), {text:String})
        OR arrayAll(word -> arrayExists(one -> position(caseFoldUTF8(one), word) > 0, said),
            {words:Array(String)}))""",
}
_OUTCOMES: Final[dict[str, str]] = {state: said for said, state in (BY_RESULT | BY_REASON).items()}
"""What the root of a session has said that is in a state."""

_ORDER: Final = "ORDER BY start DESC NULLS LAST, session_id DESC LIMIT {most:UInt64}"
_BEGINNING: Final = """
    SELECT DISTINCT session_id FROM sessions
    WHERE project = {project:String} AND startsWith(session_id, {prefix:String})
    ORDER BY session_id LIMIT {most:UInt64}
"""
_WITH: Final = f"""
    {_PLACES} AND session_id IN (
        SELECT session_id FROM records WHERE project = {{project:String}} AND id = {{event:String}})
    {_ORDER}
"""  # noqa: S608

_TOKENS: Final = f"if({{0}} >= 0 AND {{0}} < {MOST_TOKENS}, {{0}}, 0)"
# argMax leaves out what is NULL: so a field is the close half's if that has it, else the open's.
_SUMS: Final = f"""
    SELECT session_id, {events.COUNT}, countIf(has_failed AND NOT is_disputed),
        sum(if(is_disputed, 0, toFloat64({_TOKENS.format("given")}))),
        sum(if(is_disputed, 0, toFloat64({_TOKENS.format("made")}))),
        maxIf(greatest(coalesce(start, end), coalesce(end, start)), NOT is_disputed),
        groupArrayIf(id, is_disputed)
    FROM (
        SELECT session_id, id, {events.KINDS}, argMax(failed, half) AS has_failed,
            argMax(prompt_tokens, half) AS given, argMax(completion_tokens, half) AS made,
            argMax(started, half) AS start, argMax(ended, half) AS end,
            minIf(digest, half = 0) < maxIf(digest, half = 0)
                OR minIf(digest, half = 1) < maxIf(digest, half = 1) AS is_disputed
        FROM records
        WHERE project = {{project:String}} AND session_id IN {{ids:Array(String)}}
        GROUP BY session_id, id
    ) GROUP BY session_id
    SETTINGS max_threads = 1
"""  # noqa: S608 - for so little a thread is faster than several


_MOMENTS: Final = ("timestamp", "end_timestamp")


@dataclass(frozen=True, slots=True)
class Place:
    """A session in the order of the list: its root, if that is known, its start and latest time.

    `settled` is the moment of what came last of it, in microseconds since the epoch; None if that
    came so lately that something from before may not be seen yet.
    """

    session_id: str
    root_id: str | None
    start: float | None
    last: float | None
    settled: int | None

    def age(self) -> tuple[bool, float, str]:
        """Return what places are sorted by, the oldest first."""
        return self.start is not None, self.start or 0.0, self.session_id


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the events of a session sum up to."""

    events: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    last: float | None

    def with_disputed(self, event: Event) -> "_Sums":
        """Add what an event says that was only counted."""
        moments = [self.last, *(fields.number(event, name) for name in _MOMENTS)]
        return replace(
            self,
            failures=self.failures + (event.get("result") == "Fail"),
            prompt_tokens=self.prompt_tokens + fields.tokens(event, "prompt_tokens"),
            completion_tokens=self.completion_tokens + fields.tokens(event, "completion_tokens"),
            last=max((moment for moment in moments if moment is not None), default=None),
        )


def sessions(
    link: Link, settled: Settled, project: str, wanted: SessionFilter
) -> list[SessionSummary]:
    """Return the sessions of a project that a filter lets through, newest first."""
    found: list[SessionSummary] = []
    limit = float("inf") if wanted.limit is None else wanted.limit
    for page in _pages(link, project, wanted):
        for some in _in_parts(page):
            found += (
                one for one in _summed_up(link, settled, project, some) if _is_wanted(one, wanted)
            )
            if len(found) >= limit:
                return found[: wanted.limit]
    return found


def summaries(
    link: Link, settled: Settled, project: str, session_ids: Iterable[str]
) -> list[SessionSummary]:
    """Return those of these sessions that a project has, newest first."""
    found = sorted(places(link, project, session_ids), key=Place.age, reverse=True)
    return [one for some in _in_parts(found) for one in _summed_up(link, settled, project, some)]


def places(link: Link, project: str, session_ids: Iterable[str]) -> list[Place]:
    """Return where those of these sessions stand that a project has."""
    return [
        Place(*place)
        for some in events.in_parts(session_ids)
        for place in link.rows(_SOME, project=project, ids=some)
    ]


def is_silent(link: Link, project: str, session_id: str) -> bool:
    """Say whether a session has said nothing for long."""
    found = places(link, project, [session_id])
    return any(_is_silent(place.start, place.last) for place in found)


def ids_beginning_with(link: Link, project: str, prefix: str) -> list[str]:
    """Return the first few session ids of a project that begin so, sorted; with "" none."""
    if not prefix:
        return []
    found = link.rows(_BEGINNING, project=project, prefix=prefix, most=NAMED + 1)
    return [session_id for (session_id,) in found]


def session_with(link: Link, project: str, event_id: str) -> str | None:
    """Return the newest session of a project that has an event of this id."""
    found = link.rows(_WITH, project=project, event=event_id, most=1)
    return str(found[0][0]) if found else None


def _pages(link: Link, project: str, wanted: SessionFilter) -> Iterator[list[Place]]:
    """Yield places, newest first, as long as there are some; each time many more of them."""
    values = _values(wanted)
    most = _PAGE if wanted.limit is None else wanted.limit
    while most:
        clauses = " AND ".join(clause for name, clause in _CLAUSES.items() if name in values)
        question = f"{_PLACES} AND {clauses or 'true'} {_ORDER}"
        page = [Place(*row) for row in link.rows(question, **values, project=project, most=most)]
        yield page
        if len(page) < most:
            return
        values |= {"behind": page[-1].start, "behind_id": page[-1].session_id}
        most = min(max(_PAGE, 4 * most), _LARGEST_PAGE)


def _in_parts(page: Iterable[Place]) -> Iterator[list[Place]]:
    return events.in_parts(page, most=_AT_ONCE, text=lambda place: place.session_id)


def _values(wanted: SessionFilter) -> dict[str, object]:
    since = time.time() - SILENT_AFTER
    return asked(
        wanted,
        outcome=_OUTCOMES.get(wanted.state or ""),
        lively=since if wanted.state == State.RUNNING else None,
        silent=since if wanted.state == State.SILENT else None,
        rootless=wanted.state == State.UNKNOWN or None,
        words=wanted.text.casefold().split() if wanted.text else None,
    )


def _summed_up(
    link: Link, settled: Settled, project: str, page: Sequence[Place]
) -> Iterator[SessionSummary]:
    """Yield the sessions of a page; one that has no events yet, or any more, is none."""
    known = {place: settled.get((project, place.session_id), place.settled) for place in page}
    made = _made(link, project, [place for place in page if known[place] is None])
    for place, summary in made.items():
        settled.keep((project, place.session_id), place.settled, summary)
    yield from (_as_of_now(one) for place in page if (one := known[place] or made.get(place)))


def _made(link: Link, project: str, page: Sequence[Place]) -> dict[Place, SessionSummary]:
    if not page:
        return {}
    heads = [(place.session_id, place.root_id) for place in page if place.root_id is not None]
    # Either takes a third of what a list may take: so they are asked side by side.
    with ThreadPoolExecutor(1) as beside:
        said = beside.submit(_events_at, link, project, heads)
        sums = _sums(link, project, [place.session_id for place in page])
        roots = said.result()
    return {
        place: _summary(
            place, sums[place.session_id], roots.get((place.session_id, place.root_id or ""))
        )
        for place in page
        if place.session_id in sums
    }


def _sums(link: Link, project: str, session_ids: Sequence[str]) -> dict[str, _Sums]:
    rows = link.rows(_SUMS, project=project, ids=list(session_ids))
    sums = {
        session_id: _Sums(count, failures, int(given), int(made), last)
        for session_id, count, failures, given, made, last, _ in rows
    }
    disputed = [(session_id, id_) for session_id, *_, ids in rows for id_ in ids]
    for (session_id, _), event in _events_at(link, project, disputed).items():
        sums[session_id] = sums[session_id].with_disputed(event)
    return sums


def _events_at(link: Link, project: str, addresses: Iterable[Address]) -> dict[Address, Event]:
    return {place: fields.event_of(some) for place, some in events.at(link, project, addresses)}


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
        state=_state(root),
    )


def _state(root: Event | None) -> State:
    """Decide what became of a session."""
    if root is None:
        return State.UNKNOWN
    result = fields.text(root, "result")
    if result is None and "end_timestamp" not in root:
        return State.RUNNING
    return state_of(result, root.get("reason"), ended=True)


def _as_of_now(summary: SessionSummary) -> SessionSummary:
    """Say of a session that runs whether it is silent; nobody here sees if its process lives."""
    is_silent = summary.state == State.RUNNING and _is_silent(summary.timestamp, summary.last)
    return replace(summary, state=State.SILENT) if is_silent else summary


def _is_silent(start: float | None, last: float | None) -> bool:
    said = start if last is None else last
    return said is not None and said < time.time() - SILENT_AFTER


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
