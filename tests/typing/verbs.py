"""The other public verbs: sessions, actions, events, bind, the executor, inject and attach."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import assert_type

import agentlog as ao


def work(a: int, *, b: str = "x") -> float:
    return 1.0


def right_uses(client: ao.Client) -> None:
    with client.session(tags=["a"]) as session, client.action("a", {"b": 1}) as action:
        assert_type(session, ao.Session)
        assert_type(session.session_id, str)
        assert_type(session.parent_id, str | None)
        assert_type(action, ao.Action)
        assert_type(action.id, str)
        action.returns = object()
        action.update(model="m", prompt_tokens=1, completion_tokens=2, tags=("a",))
        action.fail("why")
        action.fail(ValueError())
    assert_type(client.start_session(), ao.Session)
    assert_type(ao.current_action(), ao.Action | None)
    assert_type(ao.current_session(), ao.Session | None)
    client.end_session("Success", rating="5", reason="done")
    client.end_session(ao.EventState.FAIL)
    client.record(
        ao.Event("x", {"a": 1}, [1], ao.EventState.SUCCESS, ao.ActionType.TOOL, ao.Models.GPT_4)
    )
    client.record(ao.Event("x", result="Success", action_type="llm", model="any", tags={"a"}))
    assert_type(ao.flush(1.0), ao.FlushResult)
    assert_type(ao.stats().reasons["x"], int)
    assert_type(ao.bind(work)(1, b="y"), float)
    with ao.ThreadPoolExecutor(2) as pool:
        assert_type(pool.submit(work, 1, b="y"), Future[float])
        assert_type(list(pool.map(work, [1])), list[float])
    headers: dict[str, str] = {}
    ao.inject(headers)
    with ao.attach(headers):
        pass


async def right_async_uses(client: ao.Client) -> None:
    async with client.session() as session, ao.action("a") as action:
        assert_type(session, ao.Session)
        assert_type(action, ao.Action)


def an_exception_is_not_swallowed() -> int:
    with ao.session(), ao.action("a"), ao.attach({}):
        return 1


def wrong_uses(client: ao.Client) -> None:
    client.action()  # error: [call-arg]
    client.action(5)  # error: [arg-type]
    client.action("a", [1])  # error: [arg-type]
    client.session("a", "b")  # error: [call-arg]
    client.record("x")  # error: [arg-type]
    ao.Event()  # error: [call-arg]
    ao.Event("x", params=5)  # error: [arg-type]
    ao.Event("x", tags=[1])  # error: [list-item]
    with client.action("a") as action:
        action.update(prompt_tokens="1")  # error: [arg-type]
        action.update("m")  # error: [call-arg]
        action.id = 5  # error: [assignment]
    ao.bind(work)("x")  # error: [arg-type]
    ao.bind(5)  # error: [arg-type]
    with ao.ThreadPoolExecutor() as pool:
        pool.submit(work, "x")  # error: [arg-type]
        pool.submit(work)  # error: [call-arg]
    ao.inject(5)  # error: [arg-type]
    ao.attach(5)  # error: [arg-type]
    ao.Client(home=5)  # error: [arg-type]
    ao.Client(redact=5)  # error: [arg-type]
    ao.init(max_wait="1")  # error: [arg-type]


bound: Callable[[int], float] = ao.bind(work)
