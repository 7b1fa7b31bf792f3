"""The routes of the AgentOps SDK, at a real collector."""

import asyncio
import json
import threading
import time
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from starlette.requests import Request

from agentlog.server.agentops.routes import patiently, routes
from agentlog.server.writer import Busy
from agentlog.store import Receipt
from tests.server.agentops.asking import found, new, say
from tests.server.agentops.told import ended, event, session
from tests.server.collector import Collector

PATHS = (
    "/sessions",
    "/events",
    "/agents",
    "/v2/create_session",
    "/v2/update_session",
    "/v2/create_events",
    "/v2/create_agent",
    "/v2/reauthorize_jwt",
)
ALL = (200, {"accepted": 1, "refused": []})
BOTH = (200, {"accepted": 2, "refused": []})
UNKNOWN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A collector that asks for a key, and has two."""
    collector = Collector(tmp_path_factory.mktemp("closed"), "--allow-host", "agents.test")
    collector.keys = {name: collector.key(name) for name in ("one", "two")}
    with collector:
        yield collector


def bearer(jwt):
    """The header with which a token is shown."""
    return {"Authorization": f"Bearer {jwt}"}


def key(collector, name):
    """The header with which 0.2 and 0.3 show a key."""
    return {"X-Agentops-Api-Key": collector.keys[name]}


def test_a_session_and_its_events_are_stored(collector):
    """What is answered with 200 can be read."""
    at = {"session_id": new()}
    assert ALL == say(collector, "/sessions", {"session": session(tags=["a"], **at)})
    told = [event(**at), event(event_type="act", **at)]
    assert BOTH == say(collector, "/events", {"events": told})
    assert ALL == say(collector, "/sessions", {"session": ended(tags=["a"], **at)})
    root, events = found(collector, at["session_id"])
    assert ("Success", ["a"]) == (root["result"], root["tags"])
    assert {"plan", "act"} == {one["event_type"] for one in events}
    assert {root["id"]} == {one["parent_id"] for one in events}


def test_a_batch_that_is_sent_again_doubles_nothing(collector):
    """Equal events within it stay."""
    at = {"session_id": new()}
    body = json.dumps({"events": [event(**at), event(**at)]}).encode()
    for _ in range(3):
        assert BOTH == say(collector, "/events", body)
    assert 2 == len(found(collector, at["session_id"])[1])


def test_requests_that_overtake_each_other_are_right(collector):
    """Events before their session, its end before its start."""
    at = {"session_id": new()}
    say(collector, "/events", {"events": [event(**at)]})
    say(collector, "/sessions", {"session": ended(rating="5", **at)})
    say(collector, "/sessions", {"session": session(**at)})
    root, events = found(collector, at["session_id"])
    assert ("Success", "5", 1) == (root["result"], root["rating"], len(events))


def test_tags_that_are_set_later_count(collector):
    """0.0.21 and later send a session again when its tags change."""
    at = {"session_id": new()}
    for tags in (["a", "b"], ["b"], ["c", "a"]):
        assert ALL == say(collector, "/sessions", {"session": session(tags=tags, **at)})
        assert tags == found(collector, at["session_id"])[0]["tags"]


def test_a_session_of_a_later_version_is_created_before_it_is_updated(collector):
    """Also where the first request comes last."""
    at = {"session_id": new()}
    assert ALL == say(collector, "/v2/update_session", {"session": session(tags=["b"], **at)})
    assert 200 == say(collector, "/v2/create_session", {"session": session(tags=["a"], **at)})[0]
    assert ["b"] == found(collector, at["session_id"])[0]["tags"]


def test_an_end_that_the_sdk_could_not_write_does_no_harm(collector):
    """0.0.21 sends an empty text for a session whose end_state was left at its default."""
    at = {"session_id": new()}
    say(collector, "/sessions", {"session": session(**at)})
    why = {"index": 0, "id": None, "why": "without a session_id that is a UUID"}
    answer = say(collector, "/sessions", {"session": ""})
    assert (200, {"accepted": 0, "refused": [why]}) == answer
    assert "result" not in found(collector, at["session_id"])[0]


def test_a_record_that_is_refused_does_not_touch_its_neighbours(collector):
    """The answer counts in the batch as it came."""
    at = {"session_id": new()}
    deep = json.loads("[" * 500 + "]" * 500)
    told = [event(**at), "text", event(params=deep, **at), event(session_id=None), event(**at)]
    status, answer = say(collector, "/events", {"events": told})
    assert (200, 2) == (status, answer["accepted"])
    assert [1, 2, 3] == [one["index"] for one in answer["refused"]]
    assert 2 == len(found(collector, at["session_id"])[1])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"text"', b"\xff", b"[" * 100_000, b'{"events": [' + b"[" * 9_999],
)
def test_what_is_no_json_object_is_a_400(collector, path, body):
    """The answer is an object that says why, on every path."""
    status, answer = say(collector, path, body)
    assert (400, ["detail"]) == (status, list(answer))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sessions", {}),
        ("/events", {}),
        ("/events", {"events": {}}),
        ("/v2/create_session", {"session": ""}),
        ("/v2/create_session", {}),
        ("/v2/reauthorize_jwt", {}),
    ],
)
def test_what_is_no_envelope_is_a_400(collector, path, body):
    """0.0.2 sends an empty object for a batch that it could not write."""
    assert 400 == say(collector, path, body)[0]


def test_an_empty_batch_is_none(collector):
    """There is nothing to refuse."""
    assert (200, {"accepted": 0, "refused": []}) == say(collector, "/events", {"events": []})


def test_a_batch_has_an_end(collector):
    """What no queue of the SDK holds is no batch of its."""
    assert 413 == say(collector, "/events", {"events": [0] * 50_001})[0]
    assert 413 == say(collector, "/events", b'{"events": [], "": [' + b"0," * 1_000_000 + b"0]}")[0]


def test_a_large_batch_is_stored_as_a_whole(collector):
    """A queue is best told to be long: the SDK stops for good when it is full."""
    at = {"session_id": new()}
    told = [event(event_type=str(one), **at) for one in range(1_200)]
    told[700], told[1_100]["params"] = None, json.loads("[" * 500 + "]" * 500)
    status, answer = say(collector, "/events", {"events": told})
    assert (200, 1_198, [700, 1_100]) == (
        status,
        answer["accepted"],
        [one["index"] for one in answer["refused"]],
    )
    names = [one["event_type"] for one in found(collector, at["session_id"])[1]]
    assert [str(one) for one in range(1_200) if one not in {700, 1_100}] == names


def test_a_compressed_body_is_not_understood(collector):
    """No version compresses."""
    assert 415 == say(collector, "/events", b"", Content_Encoding="gzip")[0]


@pytest.mark.parametrize("header", ["X-Agentops-Auth", "X-Agentops-Api-Key", "x-agentops-auth"])
def test_a_key_is_a_project(closed, header):
    """The same ids in two projects never meet."""
    one, two = closed.keys.values()
    at = {"session_id": new()}
    assert ALL == say(closed, "/sessions", {"session": session(**at)}, **{header: one})
    assert 401 == say(closed, "/sessions", {"session": ended(**at)}, **{header: UNKNOWN})[0]
    assert "result" not in found(closed, at["session_id"], one)[0]
    assert found(closed, at["session_id"], two)[0] is None
    assert ALL == say(closed, "/sessions", {"session": ended(**at)}, **{header: two})
    assert "result" not in found(closed, at["session_id"], one)[0]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nothing_is_read(closed, path):
    """Not even the body."""
    status, answer = say(closed, path, b"{")
    assert (401, ["detail"]) == (status, list(answer))


def test_a_token_stands_for_its_key_and_session(closed):
    """0.3 shows its key once, and its events do not say whose they are."""
    at = {"session_id": new()}
    status, answer = say(
        closed, "/v2/create_session", {"session": session(**at)}, **key(closed, "one")
    )
    assert (200, 1, []) == (status, answer["accepted"], answer["refused"])
    mine = bearer(answer["jwt"])
    told = {**event(), "session_id": None}
    assert ALL == say(closed, "/v2/create_events", {"events": [told]}, **mine)
    assert ALL == say(closed, "/v2/create_agent", {"id": new(), "name": "a"}, **mine)
    assert ALL == say(closed, "/v2/update_session", {"session": ended(**at)}, **mine)
    root, events = found(closed, at["session_id"], closed.keys["one"])
    assert ("Success", 2) == (root["result"], len(events))


def test_a_token_can_be_had_for_a_session_that_is_there(closed):
    """A second process joins the first one's session."""
    at = {"session_id": new()}
    status, answer = say(closed, "/v2/reauthorize_jwt", at, **key(closed, "one"))
    assert (200, ["jwt"]) == (status, list(answer))
    told = {**event(), "session_id": None}
    assert ALL == say(closed, "/v2/create_events", {"events": [told]}, **bearer(answer["jwt"]))
    assert 1 == len(found(closed, at["session_id"], closed.keys["one"])[1])


def test_a_token_ends_with_its_key(closed):
    """Who may write is asked at every request."""
    closed.keys["gone"] = closed.key("gone")
    until_known(closed, closed.keys["gone"], 200)
    at = {"session_id": new()}
    _, answer = say(closed, "/v2/reauthorize_jwt", at, **key(closed, "gone"))
    closed.command("keys", "revoke", "gone")
    until_known(closed, closed.keys.pop("gone"), 401)
    assert 401 == say(closed, "/v2/create_events", {"events": []}, **bearer(answer["jwt"]))[0]


def until_known(collector, secret, status):
    """Ask until a key is taken so: what is done with keys takes up to a second."""
    while status != say(collector, "/events", {"events": []}, X_Agentops_Auth=secret)[0]:
        pass


@pytest.mark.parametrize("token", ["", "nonsense", "agentlog.", "agentlog.bnVsbA", "a.b.c"])
def test_a_token_that_nobody_gave_opens_nothing(closed, token):
    """What is no ticket is taken for a key, and there is none like it."""
    assert 401 == say(closed, "/v2/create_events", {"events": []}, **bearer(token))[0]


def test_a_key_may_be_shown_as_a_token(closed):
    """As everywhere else."""
    assert 200 == say(closed, "/events", {"events": []}, **bearer(closed.keys["one"]))[0]


def test_no_log_has_a_key_or_a_token(closed):
    """Neither what was shown nor what was given."""
    at = {"session_id": new()}
    told = {"session": session(**at)}
    _, answer = say(closed, "/v2/create_session", told, **key(closed, "one"))
    say(closed, "/v2/create_events", {"events": [event(**at)]}, **bearer(answer["jwt"]))
    assert closed.keys["one"] not in closed.log()
    assert answer["jwt"] not in closed.log()


def test_on_an_open_collector_no_key_is_asked(collector):
    """Whatever is shown, it is written; a key that is known counts."""
    known = collector.key("known")
    until_project(collector, known)
    at = {"session_id": new()}
    assert ALL == say(collector, "/sessions", {"session": session(**at)}, X_Agentops_Auth=UNKNOWN)
    assert ALL == say(collector, "/sessions", {"session": ended(**at)}, X_Agentops_Auth=known)
    assert "result" not in found(collector, at["session_id"])[0]
    assert "Success" == found(collector, at["session_id"], known)[0]["result"]


def until_project(collector, secret):
    """Ask until a key is known."""
    while 401 == collector.get("/v1/sessions", secret).status:
        pass


def test_a_busy_collector_is_waited_for():
    """The SDK throws away what is answered with 429; so it is held for a while."""
    busy = iter([True, True, False])

    async def submit(project, records):
        if next(busy):
            raise Busy(0)
        return Receipt(len(records))

    assert Receipt(2) == asyncio.run(patiently(submit, "", [{}, {}], time.monotonic() + 60))


def test_a_collector_that_stays_busy_says_so():
    """It is told when to come again, before the SDK gives up by itself."""

    async def submit(project, records):
        raise Busy(30)

    with pytest.raises(Busy):
        asyncio.run(patiently(submit, "", [{}], time.monotonic() + 8))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("expected", "header"), [(403, {"Origin": "http://evil.test"}), (421, {"Host": "evil.test"})]
)
def test_no_page_of_a_stranger_writes(collector, path, expected, header):
    """Neither by a form nor by a name that leads here."""
    status, answer = say(collector, path, {"session": session(), "events": [event()]}, **header)
    assert (expected, ["detail"]) == (status, list(answer))


def test_it_may_lie_behind_a_path(tmp_path):
    """An endpoint is whatever the SDK puts its paths behind."""
    with Collector(tmp_path, "--root-path", "/logs") as collector:
        assert ALL == say(collector, "/logs/sessions", {"session": session()})


@pytest.mark.parametrize("path", PATHS)
def test_only_post_is_understood(collector, path):
    """There is nothing to read here."""
    assert 405 == collector.get(path).status


# -- From 0.4 on -----------------------------------------------------------------------------------


def test_a_key_gets_a_token_which_is_the_key(closed):
    """It opens what the key opens: spans are posted with it."""
    key = closed.keys["one"]
    status, told = say(closed, "/v3/auth/token", {"api_key": key})
    assert (200, key, "one") == (status, told["token"], told["project_id"])
    traces = say(closed, "/v1/traces", {}, **bearer(told["token"]))
    assert 200 == traces[0]


@pytest.mark.parametrize("body", [{"api_key": UNKNOWN}, {"api_key": 3}, {}])
def test_a_key_that_is_not_known_gets_none(closed, body):
    """Nor does one that is missing."""
    status, told = say(closed, "/v3/auth/token", body)
    assert (401, "This key is not known here, or there is none.") == (status, told["detail"])


def test_who_asks_for_a_token_says_little(closed):
    """Nobody knows yet who it is."""
    body = {"api_key": "k" * (65 << 10)}
    assert 413 == say(closed, "/v3/auth/token", body)[0]
    assert 400 == say(closed, "/v3/auth/token", b"no json")[0]
    assert 415 == say(closed, "/v3/auth/token", {}, Content_Encoding="gzip")[0]


def test_on_this_machine_any_key_gets_a_token(collector):
    """And so does none."""
    assert UNKNOWN == say(collector, "/v3/auth/token", {"api_key": UNKNOWN})[1]["token"]
    assert "none" == say(collector, "/v3/auth/token", {})[1]["token"]


@pytest.mark.parametrize("body", [b"a line\nand another\n", b'{"body": "a line\\nand another\\n"}'])
def test_a_log_is_one_event(collector, body):
    """As text, and as JSON; of the trace whose number the header has."""
    trace = new().replace("-", "")
    for _ in range(2):
        told = say(collector, "/v4/logs/upload/", body, Trace_Id=str(int(trace, 16)))
        assert (200, {"url": "", "size": len(body)}) == told
    _, (log,) = found(collector, trace)
    assert ("log", "log", "a line\nand another\n") == tuple(
        log[name] for name in ("event_type", "action_type", "returns")
    )


def test_a_log_is_read_in_a_thread():
    """While it is, the loop answers others."""

    class Log(bytes):
        threads: ClassVar = []

        def decode(self, *how, **more):
            self.threads.append(threading.get_ident())
            return super().decode(*how, **more)

    @asynccontextmanager
    async def body_of(_request):
        yield Log(b"a line")

    async def submit(_project, found):
        return Receipt(len(found), ())

    upload = next(one for one in routes(submit, lambda _: "p", body_of) if "logs" in one.path)
    headers = [(b"trace-id", b"17")]
    answer = asyncio.run(upload.endpoint(Request({"type": "http", "headers": headers})))
    assert b'{"url":"","size":6}' == answer.body
    assert Log.threads
    assert threading.get_ident() not in Log.threads


@pytest.mark.parametrize("trace", ["", "x", "-1", "9" * 40, "\xb2"])
def test_a_log_of_no_trace_is_refused(collector, trace):
    """Nothing of it is kept."""
    status, told = say(collector, "/v4/logs/upload/", b"a line", Trace_Id=trace)
    assert (400, "A log has the number of its trace in Trace-Id.") == (status, told["detail"])


def test_a_log_needs_a_key_where_others_can_come(closed):
    """Its token is the key."""
    asked = {"Trace_Id": "17", **bearer(closed.keys["two"])}
    assert 401 == say(closed, "/v4/logs/upload/", b"a", Trace_Id="17")[0]
    assert 200 == say(closed, "/v4/logs/upload/", b"a", **asked)[0]
