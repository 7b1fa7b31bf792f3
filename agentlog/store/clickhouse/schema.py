"""The tables of a store in a ClickHouse, as SQL. Pure.

`records` has a row for each record: its address, its text, and what the engine takes out of that as
it is inserted. A field of another type than it should have counts as not there. Rows are sorted by
session, so that one of 400 events is a few thousand bytes in one place; `digest` lets two records
that claim one half of an event both stay, and copies of one become one row as parts are merged.

`sessions` has what a list is sorted by, and which event is the root of each; a materialized view
keeps it, so that whoever inserts need not know. It is only aggregated by `min`, `max` and as sets:
a batch that comes twice changes nothing in it. `said` has what the root may say of its name, tags
and outcome, so that a list with a filter looks only at those that may be meant. `gone` tells other
collectors what was deleted, for a while.

On a cluster each table is `NAME_local` on every server, replicated, and `NAME` is Distributed over
them by session: whatever is asked of one session is asked where it lies.

The rules: partitions go by the time of arrival, never by what a record says, because an insert into
many partitions is refused, and one poisoned batch would stop its sender. Every statement may be
executed again, and by two collectors at once.
"""

from dataclasses import dataclass
from typing import Final

from agentlog.store.search import NO_TEXT

OLDEST_SERVER: Final = (26, 8)
"""Older ones have no text index that answers from itself alone."""

PATIENCE: Final = {
    "distributed_ddl_task_timeout": 5,
    "distributed_ddl_output_mode": "null_status_on_timeout",
}
"""With what a statement for all servers is executed: one that is away does it when it is back."""

_FIELDS: Final = "CAST(JSONExtractKeysAndValuesRaw(record), 'Map(String, String)')"

# The values of the other fields, as JSON. It has no lambda in it: the index would not be read
# directly, and a search would take seconds. So a value that is the same as one of those is lost.
_LEFT_OUT: Final = ", ".join(f"{_FIELDS}['{name}']" for name in NO_TEXT)
_VALUES: Final = f"arrayStringConcat(arrayExcept(mapValues({_FIELDS}), [{_LEFT_OUT}]), ' ')"

# In JSON a line break is a backslash and an n, which is no letter of the word behind it. The index
# divides words at the signs of ASCII, and has to be shown the others.
_NO_WORDS: Final = r"\\\\(u00[01].|[^u])|[^\\x00-\\x7f\\pL\\pN\\pM]"
_DIVIDED: Final = f"replaceRegexpAll({_VALUES}, '{_NO_WORDS}', ' ')"
WORDS: Final = f"removeDiacriticsUTF8(caseFoldUTF8({_DIVIDED}))"

NO_NUMBER: Final = -(1 << 63)
"""What a record says of tokens that says something else than a number: it prevails as one would."""


def _tokens(name: str) -> str:
    said = f"ifNull(toInt64OrNull(fields['{name}']), {NO_NUMBER})"
    return f"if(mapContains(fields, '{name}'), {said}, NULL)"


_RECORDS: Final = f"""
    project LowCardinality(String),
    session_id String,
    id String,
    record String CODEC(ZSTD(1)),
    fields Map(String, String) EPHEMERAL {_FIELDS},
    half UInt8 DEFAULT mapContains(fields, 'end_timestamp'),
    digest UInt64 DEFAULT sipHash64(record) CODEC(NONE),
    rank UInt8 DEFAULT multiIf(
        NOT startsWith(fields['event_type'], '"'), 2,
        startsWith(fields['parent_id'], '"'), 3,
        fields['action_type'] = '"session"', 0,
        1),
    started Nullable(Float64) DEFAULT toFloat64OrNull(fields['timestamp']),
    ended Nullable(Float64) DEFAULT toFloat64OrNull(fields['end_timestamp']),
    failed Nullable(Bool) DEFAULT if(mapContains(fields, 'result'),
        fields['result'] = '"Fail"', NULL),
    prompt_tokens Nullable(Int64) DEFAULT {_tokens("prompt_tokens")},
    completion_tokens Nullable(Int64) DEFAULT {_tokens("completion_tokens")},
    arrived Nullable(Float64),
    stored DateTime64(6) DEFAULT now64(6)
"""
_SEARCHED: Final = f"""
    words String ALIAS {WORDS},
    INDEX searched words TYPE text(tokenizer = splitByNonAlpha)
"""
_SESSIONS: Final = """
    project LowCardinality(String),
    session_id String,
    root SimpleAggregateFunction(min, Tuple(UInt8, Float64, String)),
    first SimpleAggregateFunction(min, Nullable(Float64)),
    last SimpleAggregateFunction(max, Nullable(Float64)),
    said SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    arrived SimpleAggregateFunction(max, Nullable(Float64)),
    stored SimpleAggregateFunction(max, DateTime64(6))
"""

# Of several events without a parent the session's own is the root, else the earliest, as which one
# without a time counts; a session's without a time stands in for another that has not come. What
# the root says may be in a half without a name (rank 2), which may be another event's as well.
_TOLD: Final = "'Tuple(event_type String, result String, reason String, tags Array(String))'"
_SUMS: Final = f"""
    WITH JSONExtract(if(rank < 3, record, ''), {_TOLD}) AS told
    SELECT project, session_id,
        min((rank, ifNull(started, if(rank = 0, inf, -inf)), if(rank < 2, id, ''))) AS root,
        min(started) AS first,
        max(greatest(coalesce(started, ended), coalesce(ended, started))) AS last,
        groupUniqArrayArray(arrayConcat([told.1, told.2, told.3], told.4)) AS said,
        max(arrived) AS arrived,
        max(stored) AS stored
    FROM {{records}} GROUP BY project, session_id
"""  # noqa: S608 - made of constants
_VIEW: Final = "summing"
_GONE: Final = """
    project LowCardinality(String),
    session_id String,
    until DateTime64(6),
    stored DateTime64(6) DEFAULT now64(6)
"""
_KEYS: Final = """
    name String,
    sha256 String,
    added Float64,
    is_revoked Bool,
    changed DateTime64(6) DEFAULT now64(6)
"""
_MIGRATIONS: Final = """
    version UInt32,
    agentlog String,
    applied DateTime64(6) DEFAULT now64(6)
"""

# A part is on disk before who sent it is told, as with SQLite; what was merged lies beside what it
# was made of for some minutes. A primary key without the id is small, and finds a session as well.
_KEPT: Final = "fsync_after_insert = 1, fsync_part_directory = 1"
_OF_RECORDS: Final = f"""
    PARTITION BY toYYYYMM(stored)
    PRIMARY KEY (project, session_id)
    ORDER BY (project, session_id, id, half, digest)
    SETTINGS index_granularity = 1024, {_KEPT}
"""
_OF_GONE: Final = "ORDER BY stored TTL toDateTime(stored) + INTERVAL 1 DAY"
_OF_SESSIONS: Final = f"""
    ORDER BY (project, session_id)
    SETTINGS index_granularity = 1024, {_KEPT}
"""


_BY_SESSION: Final = "cityHash64(session_id)"
_ANYWHERE: Final = "rand()"


@dataclass(frozen=True, slots=True)
class Table:
    """A table, as it is made on one server and on a cluster.

    Attributes:
        name: By which it is asked.
        columns: What stands between its brackets.
        engine: What keeps it, on one server.
        order: What stands behind the engine.
        sharding: By what its rows are spread over a cluster.

    """

    name: str
    columns: str
    engine: str
    order: str
    sharding: str

    def made(self, cluster: str | None) -> tuple[str, ...]:
        """Return what makes it."""
        if cluster is None:
            head = f"CREATE TABLE IF NOT EXISTS {self.name} ({self.columns})"
            return (f"{head} ENGINE = {self.engine} {self.order}",)
        here, on = local(self.name, cluster), on_cluster(cluster)
        place = f"'/clickhouse/tables/{{shard}}/{{database}}/{self.name}', '{{replica}}'"
        engine = f"Replicated{self.engine}({place})"
        over = f"Distributed('{cluster}', currentDatabase(), {here}, {self.sharding})"
        head = f"CREATE TABLE IF NOT EXISTS {here}{on} ({self.columns})"
        return (
            f"{head} ENGINE = {engine} {self.order}",
            f"CREATE TABLE IF NOT EXISTS {self.name}{on} AS {here} ENGINE = {over}",
        )


# The two small ones keep every row: which of several counts is decided when they are read.
_OF_VERSIONS: Final = Table("migrations", _MIGRATIONS, "MergeTree", "ORDER BY version", _ANYWHERE)
_TABLES: Final = (
    Table("records", f"{_RECORDS}, {_SEARCHED}", "ReplacingMergeTree", _OF_RECORDS, _BY_SESSION),
    Table("sessions", _SESSIONS, "AggregatingMergeTree", _OF_SESSIONS, _BY_SESSION),
    Table("gone", _GONE, "MergeTree", _OF_GONE, _BY_SESSION),
    Table("keys", _KEYS, "MergeTree", f"ORDER BY name SETTINGS {_KEPT}", _ANYWHERE),
)


def migrations_table(cluster: str | None) -> tuple[str, ...]:
    """Return what makes the table of the versions that were applied."""
    return _OF_VERSIONS.made(cluster)


def first(cluster: str | None) -> tuple[str, ...]:
    """Return what makes the tables of the first version."""
    made = (statement for table in _TABLES for statement in table.made(cluster))
    return (*made, _view(cluster))


def names(cluster: str | None) -> list[str]:
    """Return the names of all that is on a server, or on each one of a cluster."""
    tables = [table.name for table in (_OF_VERSIONS, *_TABLES)]
    below = [local(table, cluster) for table in tables] if cluster else []
    return [*tables, *below, _VIEW]


def _view(cluster: str | None) -> str:
    """Return what makes `sessions` follow `records`, on each server for itself."""
    records, sessions = local("records", cluster), local("sessions", cluster)
    made = f"CREATE MATERIALIZED VIEW IF NOT EXISTS {_VIEW}{on_cluster(cluster)} TO {sessions}"
    return f"{made} AS {sums(records)}"


def sums(records: str) -> str:
    """Return what sums up records as `sessions` has them."""
    return _SUMS.format(records=records)


def local(table: str, cluster: str | None) -> str:
    """Return the name of what a table is made of: of one server, or of a shard."""
    return f"{table}_local" if cluster else table


def on_cluster(cluster: str | None) -> str:
    """Return what makes a statement one for all servers."""
    return f" ON CLUSTER `{cluster}`" if cluster else ""
