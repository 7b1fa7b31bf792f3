"""The tables, alone and on a cluster."""

import pytest

from agentlog.store.clickhouse import pruning, schema
from tests.store.contract.records import opened

STATEMENTS = [*schema.migrations_table("the-many"), *schema.first("the-many")]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: " ".join(text.split())[27:60])
def test_what_a_cluster_is_told_is_understood(link, statement):
    """The engine parses it, and it goes to every server."""
    assert link.rows(f"EXPLAIN AST {statement}")
    assert " ON CLUSTER `the-many`" in statement


def test_on_a_cluster_tables_are_replicated_and_sharded_by_session():
    """Each has a path in Keeper of its own, and what is of one session lies on one shard."""
    made = " ".join(" ".join(STATEMENTS).split())
    place = "'/clickhouse/tables/{shard}/{database}/records', '{replica}'"
    assert f"ENGINE = ReplicatedReplacingMergeTree({place})" in made
    for table in ("records", "sessions", "gone"):
        over = f"Distributed('the-many', currentDatabase(), {table}_local, cityHash64(session_id))"
        assert f"{table} ON CLUSTER `the-many` AS {table}_local ENGINE = {over}" in made
    assert "summing ON CLUSTER `the-many` TO sessions_local" in made
    assert "FROM records_local GROUP BY" in made


def test_a_deletion_on_a_cluster_is_understood(link):
    """Each shard deletes what it has, and asks no table: a replica may have less of that."""
    statement = pruning.deletion_of("records", "the-many")
    asked = {"project": "anna", "ids": ["a", "it's"], "until": [1, 2]}
    assert link.rows(f"EXPLAIN AST {statement}", **asked)
    assert "FROM records_local ON CLUSTER `the-many`" in statement
    assert "SELECT" not in statement


def test_a_batch_of_whatever_ids_is_one_part(place, link):
    """Times and ids that a sender makes up do not scatter it: that would be refused for ever."""
    records = [
        opened("a", float(month * 2_678_400), session_id=f"{month * 2_678_400_000:012x}7{'0' * 19}")
        for month in range(1, 600)
    ]
    with place.open() as store:
        assert len(records) == store.put(records).accepted
        assert len(records) == store.stats().sessions
    parts = "SELECT count() FROM system.parts WHERE database = currentDatabase()"
    assert [(1,)] == link.rows(f"{parts} AND table = 'records' AND active")


@pytest.mark.parametrize("table", ["records", "sessions", "keys"])
def test_what_was_told_to_be_kept_is_on_the_disk(link, table):
    """A receipt and a key come when the engine has written it there."""
    ((made,),) = link.rows(f"SHOW CREATE TABLE {table}")
    assert "fsync_after_insert = 1, fsync_part_directory = 1" in made


def test_a_field_of_another_type_is_none(place, link):
    """What looks like a number is none, and the largest is damage; of tokens that prevails."""
    odd = {
        "timestamp": "7.5",
        "prompt_tokens": 2**70,
        "completion_tokens": True,
        "result": ["Fail"],
    }
    with place.open() as store:
        store.put([opened("a") | odd])
    columns = "started, prompt_tokens, completion_tokens, failed"
    expected = (None, schema.NO_NUMBER, schema.NO_NUMBER, False)
    assert [expected] == link.rows(f"SELECT {columns} FROM records")
