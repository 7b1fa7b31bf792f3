"""`GET /v1/compare/{one}/{other}`: what became different, over HTTP."""

import pytest
from starlette.exceptions import HTTPException

from agentlog.server import compare
from agentlog.store.sqlite.store import SqliteStore
from tests.server.collector import event_id, record, session_id, without


@pytest.fixture(scope="module")
def compared(collector):
    """Two sessions, of which the second fails."""
    for session, fields in ((1, {}), (2, {"result": "Fail", "error": {"message": "no"}})):
        collector.post(
            [
                record(1, session=session),
                record(2, session=session, params={"page": "owls"}),
                record(3, session=session, params={"page": "bears"}, **fields),
            ]
        )
    return f"/v1/compare/{session_id(1)}/{session_id(2)}"


def test_the_answer(collector, compared):
    """The sessions, the counts, and the rows of what differs."""
    answer = collector.get(compared)
    assert 200 == answer.status
    assert [session_id(1), session_id(2)] == [
        answer.json[side]["session_id"] for side in ("before", "after")
    ]
    assert {"failed now": 1} == answer.json["counts"]
    _, alike, failed = answer.json["rows"]
    assert (1, "alike") == (alike["hidden"], alike["word"])
    assert ("step 3", event_id(3), "no") == (
        failed["name"],
        failed["after"]["id"],
        failed["after"]["error"],
    )


def test_a_run_does_not_differ_from_itself(collector, compared):
    """Then there is one row, for all that is alike."""
    answer = collector.get(f"/v1/compare/{session_id(1)}/{session_id(1)}").json
    assert (False, {}, 1) == (answer["differs"], answer["counts"], len(answer["rows"]))


def test_of_a_silent_session_what_is_open_is_silent(collector, compared):
    """As a list and a replay say it."""
    opened = [without(record(n, session=3), "end_timestamp", "result") for n in (1, 2)]
    collector.post(opened)
    answer = collector.get(f"/v1/compare/{session_id(1)}/{session_id(3)}").json
    sides = [answer["after"], *(row["after"] for row in answer["rows"] if row.get("after"))]
    assert {"silent"} == {side["state"] for side in sides}


@pytest.mark.parametrize("pair", [(1, 9), (9, 1)])
def test_a_session_that_is_not_there_is_a_404(collector, compared, pair):
    """On either side."""
    answer = collector.get(f"/v1/compare/{session_id(pair[0])}/{session_id(pair[1])}")
    assert (404, "there is no such session") == (answer.status, answer.json["detail"])


def test_it_asks_for_the_token(collector, compared):
    """As all that reads."""
    assert 401 == collector.get(compared, "").status


def test_what_is_too_large_is_refused(monkeypatch):
    """By its events, and by its text; the command is named that can compare it."""
    with SqliteStore() as store:
        store.put([record(number) for number in range(1, 5)])
        for name in ("MOST_EVENTS", "MOST_TEXT"):
            with monkeypatch.context() as patch:
                patch.setattr(compare, name, 3)
                with pytest.raises(HTTPException, match="agentlog diff"):
                    compare.side_of(store, session_id())
        side = compare.side_of(store, session_id())
        assert compare.compared(side, side)
