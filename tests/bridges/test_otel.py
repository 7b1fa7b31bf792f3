"""agentlog.bridges.otel: OpenTelemetry's spans as events, nested with our actions."""

import asyncio
import contextvars
import gc
import json
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider

import agentlog as ao
from agentlog.bridges.otel import EventSpanProcessor
from agentlog.bridges.provider import OwnProvider
from agentlog.testing import capture_events
from tests.scripts import FORK, run

CHAT = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "input.value": '{"messages": [{"role": "user", "content": "Hi"}], "model": "gpt-4o"}',
}
ANSWER = {
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "Hello",
    "llm.token_count.prompt": 9,
    "llm.token_count.completion": 2,
}


def provider_of(*processors):
    """Return a provider as a program has one, with these processors."""
    provider = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider


@pytest.fixture
def provider():
    """Give a provider whose spans are events."""
    return provider_of(EventSpanProcessor())


@pytest.fixture
def tracer(provider):
    """Trace with it."""
    return provider.get_tracer("test")


@pytest.fixture
def wrapper(provider):
    """Trace with it as another instrumentation, of what calls what the first is of."""
    return provider.get_tracer("wrapper")


# -- One span --------------------------------------------------------------------------------------


def test_the_event_has_the_id_of_the_span(captured, tracer):
    """It is in the journal as soon as the span starts."""
    with tracer.start_as_current_span("b", attributes={"x": 1}) as span:
        event = captured.one("b")
        assert f"{span.get_span_context().span_id:016x}" == event["id"]
        assert {"x": 1} == event["params"]
        assert "end_timestamp" not in event
    assert "Success" == captured.one("b")["result"]


def test_a_call_of_a_model_has_what_both_ends_say(captured, tracer):
    """The prompt is there from the start on, and nothing is written twice."""
    with tracer.start_as_current_span("chat", attributes=CHAT) as span:
        assert [{"role": "user", "content": "Hi"}] == captured.one("chat")["prompt"]
        span.set_attributes({**ANSWER, "llm.input_messages.0.message.role": "user"})
    event = captured.one("chat")
    assert ("llm", "gpt-4o", 9, 2) == tuple(
        event[name] for name in ("action_type", "model", "prompt_tokens", "completion_tokens")
    )
    assert [{"role": "assistant", "content": "Hello"}] == event["returns"]
    assert {"provider": "openai"} == event["params"]
    assert {"prompt", "params", "event_type"}.isdisjoint(json.loads(captured.records[-1]))


def test_what_came_back_counts_where_all_is_said_at_the_start(captured, tracer):
    """As of a span that is made once the call is over."""
    tracer.start_span("chat", attributes={**CHAT, **ANSWER}).end()
    event = captured.one("chat")
    assert (9, 2) == (event["prompt_tokens"], event["completion_tokens"])
    assert [{"role": "assistant", "content": "Hello"}] == event["returns"]


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize("scope", ["test", "openinference.instrumentation.openai"])
def test_a_stream_was_left_if_its_package_would_have_set_a_status(
    captured, is_ours, is_answered, scope
):
    """Or is one of ours and has no answer; of others nothing is guessed."""
    provider = OwnProvider() if is_ours else provider_of()
    (provider.add if is_ours else provider.add_span_processor)(EventSpanProcessor())
    request = {**CHAT, "input.value": '{"messages": [], "stream": true}'}
    span = provider.get_tracer(scope).start_span("chat", attributes=request)
    span.set_attributes(ANSWER if is_answered else {})
    span.end()
    event = captured.one("chat")
    was_left = scope != "test" or (is_ours and not is_answered)
    outcome = ("Indeterminate", "abandoned") if was_left else ("Success", None)
    assert outcome == (event["result"], event.get("reason"))


def test_a_request_that_asks_no_model_is_none(captured, tracer):
    """Not even where the answer is one that a model gave once."""
    request = json.dumps({"name": "owls", "files": ["file-" + "0" * 60]})
    attributes = {**CHAT, "input.value": request}
    with tracer.start_as_current_span("Response", attributes=attributes) as span:
        span.set_attributes({**ANSWER, "llm.model_name": "gpt-4o", "output.value": '{"id": "1"}'})
        span.set_attribute("llm.invocation_parameters", request)
    event = captured.one("Response")
    assert ("api", "owls", {"id": "1"}) == (
        event["action_type"],
        event["params"]["name"],
        event["returns"],
    )
    assert {"model", "prompt", "prompt_tokens"}.isdisjoint(event)


def test_what_is_said_late_counts(captured, tracer):
    """Attributes that are set after the start are in the record of the end."""
    with tracer.start_as_current_span("a", attributes={"a": 1}) as span:
        span.set_attributes({"a": 2, "openinference.span.kind": "TOOL"})
    event = captured.one("a")
    assert "tool" == event["action_type"]
    assert {"a": 2} == event["params"]


def test_a_span_has_its_last_name(captured, tracer):
    """As servers give one when they know the route; the record of the end says all of it."""
    with (
        ao.action("serve"),
        tracer.start_as_current_span("GET", attributes={**CHAT, "a": 1}) as span,
    ):
        span.update_name("GET /users")
        span.set_attribute("b", 2)
        span.record_exception(LookupError("nobody"))
        span.set_status(trace.StatusCode.ERROR)
    assert [("serve", ["GET /users"])] == captured.tree()
    event = captured.one("GET /users")
    assert {"provider": "openai", "a": 1, "b": 2} == event["params"]
    assert "LookupError" == event["error"]["type"]
    [last] = [one for one in map(json.loads, captured.records) if one.get("result") == "Fail"][:1]
    assert event == last


def test_a_long_name_out_of_an_attribute_is_no_other_name_at_the_end(captured, tracer):
    """Though long attributes are read but once."""
    name = "step " * 20
    with tracer.start_as_current_span("a", attributes={"traceloop.entity.name": name}) as span:
        span.set_attribute("b", 2)
    assert [name] == captured.names()
    assert "event_type" not in json.loads(captured.records[-1])


def test_an_exception_is_the_error(captured, tracer):
    """With type, message and traceback, as of an action that fails."""
    with pytest.raises(LookupError), tracer.start_as_current_span("search"):
        raise LookupError("no index")
    event = captured.one("search")
    assert "Fail" == event["result"]
    assert ("LookupError", "no index") == (event["error"]["type"], event["error"]["message"])
    assert "raise LookupError" in event["error"]["traceback"]


def test_an_exception_that_a_span_got_over_is_no_failure(captured, tracer):
    """Only the status says that it failed. The exception is a line, as another than the last is."""
    with tracer.start_as_current_span("search") as span:
        span.record_exception(LookupError("no index"))
    assert "Success" == captured.one("search")["result"]
    assert "error" not in captured.one("search")
    assert [("search", ["exception"])] == captured.tree()
    assert "no index" == captured.one("exception")["params"]["exception.message"]


def test_an_event_of_a_span_is_a_line_below_it(captured, tracer):
    """With the time that it has."""
    with tracer.start_as_current_span("search") as span:
        span.add_event("cache miss", {"key": "cats"}, timestamp=1_700_000_000_000_000_000)
    assert [("search", ["cache miss"])] == captured.tree()
    event = captured.one("cache miss")
    assert ("log", 1_700_000_000.0, {"key": "cats"}) == (
        event["action_type"],
        event["timestamp"],
        event["params"],
    )


def test_no_duration_of_a_span_is_negative(captured, tracer):
    """Whatever times the program gives it."""
    tracer.start_span("a", start_time=2_000_000_000).end(end_time=1_000_000_000)
    event = captured.one("a")
    assert 2.0 == event["timestamp"] == event["end_timestamp"]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (1_700_000_000_123_456_789, 1_700_000_000.123456),
        (1_000_000_000, 1.0),
        (999_999_000, 0.999999),
        (1.7e18, 1_700_000_000.0),
        (-1_500_000_000, -1.5),
    ],
)
def test_times_are_told_in_seconds(captured, tracer, time, seconds):
    """Down to the microsecond, and whatever number the program has taken for a time."""
    tracer.start_span("a", start_time=time).end(end_time=time)
    event = captured.one("a")
    assert seconds == event["timestamp"] == event["end_timestamp"]


def test_a_span_that_ends_twice_is_one_event(captured, tracer):
    """The SDK complains of the second end, and we hear of one."""
    span = tracer.start_span("a")
    span.end()
    span.end()
    assert 3 == len(captured.records)  # the session, and two halves


def test_a_span_that_nobody_holds_any_more_was_abandoned(captured, tracer):
    """It will never end: its event is closed as soon as that is clear."""
    span = tracer.start_span("a")
    assert "end_timestamp" not in captured.one("a")
    del span
    gc.collect()
    event = captured.one("a")
    assert ("Indeterminate", "abandoned") == (event["result"], event["reason"])


def test_a_span_that_nobody_holds_any_more_was_abandoned_for_every_client(captured, tmp_path):
    """Each closes the event of its own."""
    other = ao.Client(home=tmp_path)
    provider = provider_of(EventSpanProcessor(), EventSpanProcessor(other))
    provider.get_tracer("test").start_span("a")
    gc.collect()
    other.close()
    assert "abandoned" == captured.one("a")["reason"]
    assert 4 == other.stats().delivered  # both halves of session and span


@pytest.mark.parametrize("value", [object(), {1: 2}, [object()], b"\xff", float("nan"), 1 << 70])
def test_attributes_of_any_type_harm_nothing(captured, tracer, value):
    """The SDK takes what it likes, and we what it took."""
    with tracer.start_as_current_span("a") as span:
        span.set_attribute("value", value)
        span.set_attribute("llm.input_messages.0.message.content", value)
        span.set_attribute("input.value", value)
    assert "Success" == captured.one("a")["result"]
    assert 0 == captured.client.stats().dropped


# -- Nesting ---------------------------------------------------------------------------------------


def test_spans_and_actions_nest_in_both_directions(captured, tracer):
    """What was entered last is the innermost, whichever it is."""
    with ao.action("a"), tracer.start_as_current_span("b"), ao.action("c"):
        with tracer.start_as_current_span("d"):
            ao.record(ao.Event("e"))
        ao.record(ao.Event("f"))
    ao.record(ao.Event("g"))
    assert [("a", [("b", [("c", [("d", ["e"]), "f"])])]), "g"] == captured.tree()


def test_a_span_without_an_action_belongs_to_the_session(captured, tracer):
    """One is started if there is none, and all are of one session."""
    with tracer.start_as_current_span("a"), tracer.start_as_current_span("b"):
        pass
    with tracer.start_as_current_span("c"):
        pass
    assert [("a", ["b"]), "c"] == captured.tree()
    assert 1 == len(captured.sessions)


def test_a_session_that_a_span_starts_does_not_begin_after_it(captured, tracer):
    """Nor does one begin long ago because a span is dated back."""
    almost_a_microsecond_later = time.time_ns() // 1000 * 1000 + 999
    with tracer.start_as_current_span("a", start_time=almost_a_microsecond_later):
        [session] = captured.sessions
        assert session["timestamp"] == captured.one("a")["timestamp"]
    ao.end_session()
    tracer.start_span("of old", start_time=1_000_000_000).end()
    assert captured.sessions[-1]["timestamp"] >= session["timestamp"]


def test_a_session_inside_of_a_span_is_a_root(captured, tracer):
    """What happens in it belongs to it, and what happens behind it to the span."""
    with tracer.start_as_current_span("request"):
        with ao.session() as session, tracer.start_as_current_span("inside"):
            pass
        ao.record(ao.Event("behind"))
    assert session.id == captured.one("inside")["parent_id"]
    assert captured.one("request")["id"] == captured.one("behind")["parent_id"]


def test_a_session_that_takes_the_place_inside_of_a_span(captured, tracer):
    """What follows belongs to it: the span is of a session that has ended."""
    with tracer.start_as_current_span("main"):
        ao.start_session()
        ao.record(ao.Event("a"))
        with ao.action("b"), tracer.start_as_current_span("c"):
            ao.record(ao.Event("d"))
        with tracer.start_as_current_span("e"):
            ao.record(ao.Event("f"))
    assert ["main", "a", ("b", [("c", ["d"])]), ("e", ["f"])] == captured.tree()
    first, second = (session["session_id"] for session in captured.sessions)
    assert first == captured.one("main")["session_id"]
    assert {second} == {captured.one(name)["session_id"] for name in "abcdef"}


def test_a_task_that_outlives_its_session_hangs_under_its_span(captured, tracer):
    """It has no session but that one."""

    async def late(left):
        with tracer.start_as_current_span("span"):
            await left.wait()
            ao.record(ao.Event("late"))

    async def main():
        left = asyncio.Event()
        async with ao.session():
            task = asyncio.create_task(late(left))
            await asyncio.sleep(0)
        left.set()
        await task

    asyncio.run(main())
    assert [("span", ["late"])] == captured.tree()


def test_a_span_that_is_open_but_not_current_is_no_parent(captured, tracer):
    """Only its own children are below it."""
    with ao.action("a"):
        span = tracer.start_span("stream")
        with ao.action("b"):
            ao.record(ao.Event("c"))
        span.end()
    assert [("a", ["stream", ("b", ["c"])])] == captured.tree()


def test_a_span_that_was_left_open_across_a_block_is_no_parent_behind_it(captured, tracer):
    """An action that was entered in it leaves nothing behind."""
    span = tracer.start_span("stream")
    with trace.use_span(span, end_on_exit=False), ao.action("a"):
        pass
    ao.record(ao.Event("behind"))
    span.end()
    assert [("stream", ["a"]), "behind"] == captured.tree()


def test_a_span_that_has_ended_is_no_parent(captured, tracer):
    """What is recorded while it is still the current one hangs under the span around it."""
    with tracer.start_as_current_span("a"), tracer.start_as_current_span("b") as span:
        span.end()
        ao.record(ao.Event("c"))
        with tracer.start_as_current_span("d"):
            pass
    assert [("a", ["b", "c", "d"])] == captured.tree()


def test_a_thread_that_has_only_opentelemetrys_context(captured, tracer):
    """As one has that its instrumentation of threads has started."""

    def work(context):
        otel_context.attach(context)
        with tracer.start_as_current_span("c"):
            ao.record(ao.Event("d"))
        with ao.action("e"):
            pass

    with ao.action("a"), tracer.start_as_current_span("b"):
        thread = threading.Thread(target=work, args=[otel_context.get_current()])
        thread.start()
        thread.join()
    assert [("a", [("b", [("c", ["d"]), "e"])])] == captured.tree()


def test_what_is_told_at_the_start_of_the_end_counts(captured, tracer):
    """As a span does whose maker knows already that it has failed."""
    with tracer.start_as_current_span("a", attributes={"agentops.session.end_state": "Fail"}):
        pass
    assert "Fail" == captured.one("a")["result"]


def test_a_header_that_comes_back_to_the_same_process(captured, tracer):
    """As that of a test client does, or of a queue: the span that sent it is around the work."""

    def serve(header):
        within = propagate.extract(header)
        with tracer.start_as_current_span("server", context=within), ao.action("answer"):
            pass

    header = {}
    with ao.action("a"), tracer.start_as_current_span("client"):
        propagate.inject(header)
        thread = threading.Thread(target=serve, args=[header])
        thread.start()
        thread.join()
    assert [("a", [("client", [("server", ["answer"])])])] == captured.tree()


def test_bound_threads_keep_both(captured, tracer):
    """ao.bind carries the whole context along."""
    with ao.action("a"), tracer.start_as_current_span("b"), ao.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: ao.record(ao.Event(name)), ["c", "d"]))
    ((_, [(_, below)]),) = captured.tree()
    assert ["c", "d"] == sorted(below)


def test_tasks_have_their_own_spans(captured, tracer):
    """Side by side, each below its own."""

    async def work(name):
        with ao.action(name), tracer.start_as_current_span(f"{name} span"):
            await asyncio.sleep(0)
            ao.record(ao.Event(f"{name} event"))

    async def main():
        with tracer.start_as_current_span("all"):
            await asyncio.gather(work("a"), work("b"))

    asyncio.run(main())
    ((_, below),) = captured.tree()
    assert [("a", [("a span", ["a event"])]), ("b", [("b span", ["b event"])])] == sorted(below)


def test_a_task_that_outlives_the_action_hangs_under_the_span(captured, tracer):
    """An action that has closed is passed over on the way out, a span that is open is not."""

    async def late(left):
        await left.wait()
        ao.record(ao.Event("late"))

    async def main():
        left = asyncio.Event()
        with tracer.start_as_current_span("span"):
            with ao.action("a"):
                task = asyncio.create_task(late(left))
            left.set()
            await task

    asyncio.run(main())
    assert [("span", ["a", "late"])] == captured.tree()


def test_a_generators_work_is_its_child_and_its_consumers_is_not(captured, tracer):
    """Though OpenTelemetry takes the span that is open across a `yield` for the current one."""

    @ao.record_action("generator")
    def numbers():
        with tracer.start_as_current_span("inside"):
            yield 1
            ao.record(ao.Event("a"))
            yield 2

    with ao.action("consumer"):
        for number in numbers():
            ao.record(ao.Event(f"{number}"))
    assert [("consumer", [("generator", [("inside", ["a"])]), "1", "2"])] == captured.tree()


def test_a_parent_that_is_named(captured, tracer):
    """As frameworks do that do not make their spans current."""
    chain = tracer.start_span("chain")
    step = tracer.start_span("step", context=trace.set_span_in_context(chain))
    step.end()
    chain.end()
    assert [("chain", ["step"])] == captured.tree()


def test_a_parent_that_is_named_counts_elsewhere(captured, tracer):
    """In a context whose actions have nothing to do with it: they do not know of it."""

    def work(name, parent=None):
        action = ao.action(name)
        action.__enter__()
        at = trace.set_span_in_context(parent) if parent else None
        return tracer.start_span(f"{name} span", context=at)

    one = contextvars.Context().run(work, "a")
    contextvars.Context().run(work, "b", one)
    assert [("a", [("a span", ["b span"])]), "b"] == captured.tree()


def test_an_action_inside_of_a_parent_that_is_named_is_the_nearer(captured, tracer):
    """As a node of a graph has one: frameworks name their own spans, and know of no action."""
    with ao.action("plan"):
        node = tracer.start_span("node")
        with ao.action("decorated"):
            tracer.start_span("call", context=trace.set_span_in_context(node)).end()
        node.end()
    assert [("plan", ["node", ("decorated", ["call"])])] == captured.tree()


# -- What is said of the place elsewhere -----------------------------------------------------------


@pytest.mark.parametrize("is_recorded", [True, False])
def test_spans_that_are_not_recorded_are_passed_over(captured, tracer, is_recorded):
    """However many there are: what is in them belongs to the nearest that is recorded."""
    other = provider_of().get_tracer("not recorded")
    own = OwnProvider()
    own.add(EventSpanProcessor())
    inner = own.get_tracer("ours")
    with (
        (tracer if is_recorded else other).start_as_current_span("request"),
        ao.action("act"),
        inner.start_as_current_span("tool"),
        other.start_as_current_span("x"),
    ):
        ao.record(ao.Event("a"))
        with other.start_as_current_span("y"), other.start_as_current_span("z"):
            ao.record(ao.Event("b"))
            with inner.start_as_current_span("llm"):
                pass
            with tracer.start_as_current_span("c"), other.start_as_current_span("x"):
                with other.start_as_current_span("y"):
                    ao.record(ao.Event("d"))
                ao.record(ao.Event("e"))
    inside = ("act", [("tool", ["a", "b", "llm", ("c", ["d", "e"])])])
    assert [("request", [inside]) if is_recorded else inside] == captured.tree()


def test_a_span_that_is_not_recorded_has_the_parent_that_is_named(captured, tracer):
    """Also where another span is the current one."""
    other = provider_of().get_tracer("not recorded")
    chain = tracer.start_span("chain")
    with tracer.start_as_current_span("current"), other.start_as_current_span("x"):
        inside = other.start_span("inside", context=trace.set_span_in_context(chain))
        with trace.use_span(inside):
            ao.record(ao.Event("a"))
        with other.start_as_current_span("y"):
            ao.record(ao.Event("b"))
    assert [("chain", ["a"]), ("current", ["b"])] == captured.tree()


def test_what_is_done_elsewhere_for_a_span_is_its_child(captured, tracer):
    """The header names what an event recorded here would hang under, with an action or without."""
    headers = {}
    with tracer.start_as_current_span("a"):
        ao.inject(headers)
        assert captured.one("a")["id"] == headers["traceparent"].split("-")[2]
        with ao.action("b"), tracer.start_as_current_span("c"):
            ao.inject(headers)
            with ao.action("d") as action:
                inside = {}
                ao.inject(inside)
    assert captured.one("c")["id"] == headers["traceparent"].split("-")[2]
    assert action.id == inside["traceparent"].split("-")[2]


def test_the_session_of_a_thread_that_has_only_opentelemetrys_context(captured, tracer):
    """It is that of the span."""
    found = []

    def work(context):
        otel_context.attach(context)
        found.append(ao.current_session())

    with ao.session() as session, tracer.start_as_current_span("a"):
        thread = threading.Thread(target=work, args=[otel_context.get_current()])
        thread.start()
        thread.join()
    assert [session] == found


def test_lines_that_are_not_selected_name_the_span_too(captured, tracer):
    """Where lines have the ids of what is open, a span is as good as an action."""
    processor = ao.EventProcessor(correlate="all")
    lines = []
    with ao.action("a"), tracer.start_as_current_span("b"):
        lines.append(processor(None, "info", {"event": "said"}))
    with tracer.start_as_current_span("c"):
        lines.append(processor(None, "info", {"event": "said"}))
    places = [(line["session_id"], line["parent_id"]) for line in lines]
    assert [(event["session_id"], event["id"]) for event in captured.events[1:]] == places


# -- The same call, seen twice ---------------------------------------------------------------------


def test_a_call_that_two_instrumentations_see_is_one_event(captured, wrapper, tracer):
    """What only the inner one knows completes the outer one."""
    with wrapper.start_as_current_span("completion", attributes={**CHAT, "a": 1}) as outer:
        with tracer.start_as_current_span("chat", attributes=CHAT) as inner:
            with tracer.start_as_current_span("POST"):
                pass
            inner.set_attributes({**ANSWER, "b": 2})
        outer.set_attribute("llm.token_count.prompt", 10)
    assert [("completion", ["POST"])] == captured.tree()
    event = captured.one("completion")
    assert (10, 2) == (event["prompt_tokens"], event["completion_tokens"])
    assert {"provider": "openai", "a": 1, "b": 2} == event["params"]
    assert "Hello" == event["returns"][0]["content"]


def test_a_call_that_is_known_as_one_only_after_its_start(captured, wrapper, tracer):
    """Some instrumentations set their attributes when the span has started."""
    with wrapper.start_as_current_span("completion") as outer:
        outer.set_attributes(CHAT)
        with tracer.start_as_current_span("chat", attributes=CHAT):
            pass
    assert ["completion"] == captured.tree()


def test_an_action_between_makes_it_two_calls(captured, wrapper, tracer):
    """So does an embedding inside of a chat, and a second call after one that went well."""
    with wrapper.start_as_current_span("chat", attributes=CHAT):
        with ao.action("tool"), tracer.start_as_current_span("other", attributes=CHAT):
            pass
        embedding = {**CHAT, "openinference.span.kind": "EMBEDDING"}
        with tracer.start_as_current_span("embedding", attributes=embedding):
            pass
        for name in ("same", "second"):
            with tracer.start_as_current_span(name, attributes=CHAT):
                pass
    assert [("chat", [("tool", ["other"]), "embedding", "second"])] == captured.tree()


def chat(content, model="gpt-4o", **more):
    """Return the attributes of a call with this message."""
    asked = {"messages": [{"role": "user", "content": content}], "model": model}
    return {**CHAT, "input.value": json.dumps(asked), **more}


@pytest.mark.parametrize("inner", [chat("Hi", "gpt-4o-2024-08-06"), {**CHAT, "input.value": "Hi"}])
def test_what_may_be_the_same_is_the_same(captured, wrapper, tracer, inner):
    """A model with its date, a model that is not told."""
    with (
        wrapper.start_as_current_span("outer", attributes=chat("Hi")),
        tracer.start_as_current_span("inner", attributes=inner),
    ):
        pass
    assert ["outer"] == captured.tree()


@pytest.mark.parametrize("inner", [chat("Hi", "gpt-3.5"), chat("Hi", "claude"), chat("Is it so?")])
def test_what_contradicts_is_another_call(captured, wrapper, tracer, inner):
    """Another model, or another message: as a router makes them, or a judge."""
    with (
        wrapper.start_as_current_span("outer", attributes=chat("Hi", "gpt-4o-mini")),
        tracer.start_as_current_span("inner", attributes=inner) as span,
    ):
        span.set_attributes(ANSWER)
    assert [("outer", ["inner"])] == captured.tree()
    assert "prompt_tokens" not in captured.one("outer")


def test_one_instrumentation_sees_each_call_once(captured, tracer):
    """So of two spans of its own each is a call."""
    with (
        tracer.start_as_current_span("outer", attributes=CHAT),
        tracer.start_as_current_span("inner", attributes=CHAT),
    ):
        pass
    assert [("outer", ["inner"])] == captured.tree()


def test_what_contradicts_only_at_its_end_is_an_event_of_its_own(captured, wrapper, tracer):
    """One record has all of it, with its own times."""
    start = {"openinference.span.kind": "LLM"}
    with wrapper.start_as_current_span("outer", attributes={**start, "llm.model_name": "router"}):
        with tracer.start_as_current_span("inner", attributes=start) as span:
            span.set_attributes({**chat("Hi"), **ANSWER})
        with tracer.start_as_current_span("second", attributes=chat("Hi", "router")):
            pass
    assert [("outer", ["inner"])] == captured.tree()
    outer, inner = captured.one("outer"), captured.one("inner")
    assert ("gpt-4o", 9, "Success") == (inner["model"], inner["prompt_tokens"], inner["result"])
    assert "prompt_tokens" not in outer
    assert outer["timestamp"] < inner["timestamp"] < inner["end_timestamp"]


def test_a_failure_of_the_same_call_is_one(captured, wrapper, tracer):
    """Both spans tell of it, and it is not doubled."""
    with wrapper.start_as_current_span("outer", attributes=CHAT) as outer:
        with tracer.start_as_current_span("inner", attributes=CHAT) as span:
            span.set_status(trace.StatusCode.ERROR, "busy")
        outer.set_status(trace.StatusCode.ERROR, "busy")
    assert ["outer"] == captured.tree()


def test_a_failure_that_the_call_got_over_leaves_a_trace(captured, wrapper, tracer):
    """Somebody made up for it, by another model or without one."""
    with (
        wrapper.start_as_current_span("outer", attributes=CHAT),
        tracer.start_as_current_span("inner", attributes=CHAT) as span,
    ):
        span.set_status(trace.StatusCode.ERROR, "busy")
    assert [("outer", ["inner"])] == captured.tree()
    assert ("Fail", "busy") == tuple(captured.one("inner")[name] for name in ("result", "reason"))
    assert "Success" == captured.one("outer")["result"]


def test_a_retry_is_the_same_call(captured, wrapper, tracer):
    """The first attempt failed, and is told; the second did not: the call went well."""
    with wrapper.start_as_current_span("chat", attributes=CHAT):
        for attempt in ("first", "second"):
            with tracer.start_as_current_span(attempt, attributes=CHAT) as span:
                if attempt == "first":
                    span.set_status(trace.StatusCode.ERROR)
                else:
                    span.set_attributes(ANSWER)
    assert [("chat", ["first"])] == captured.tree()
    event = captured.one("chat")
    assert ("Success", 9) == (event["result"], event["prompt_tokens"])


# -- Clients ---------------------------------------------------------------------------------------


def test_two_processors_of_one_client_make_one_event(captured):
    """Of one provider, by the default and by its name."""
    provider = provider_of(EventSpanProcessor(), EventSpanProcessor(captured.client))
    with provider.get_tracer("test").start_as_current_span("a"):
        pass
    assert 3 == len(captured.records)


def test_what_is_no_client_is_an_error():
    """It says what is accepted."""
    with pytest.raises(ao.ConfigurationError, match="client=3 is not accepted: it is a Client, or"):
        EventSpanProcessor(3)


def test_two_clients_have_each_their_own(captured, tmp_path):
    """The parents of each are its own, too."""
    other = ao.Client(home=tmp_path)
    provider = provider_of(EventSpanProcessor(), EventSpanProcessor(other))
    with (
        ao.action("a"),
        other.action("b"),
        provider.get_tracer("test").start_as_current_span("c"),
    ):
        ao.record(ao.Event("d"))
    other.close()
    assert [("a", [("c", ["d"])])] == captured.tree()
    assert 6 == other.stats().delivered  # both halves of session, action and span


def test_a_span_belongs_to_the_default_client_of_its_start(tracer):
    """Before there is one nothing is recorded, and one that comes later does not get the end."""
    with tracer.start_as_current_span("before"):
        pass
    with (
        capture_events() as first,
        tracer.start_as_current_span("a"),
        capture_events() as second,
        tracer.start_as_current_span("b"),
    ):
        pass
    assert ["a"] == first.names()
    assert "end_timestamp" in first.one("a")
    assert ["b"] == second.names()


def test_a_client_that_is_disabled_records_no_span(monkeypatch, tmp_path):
    """AGENTLOG_DISABLED is enough."""
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    client = ao.Client(home=tmp_path)
    with provider_of(EventSpanProcessor(client)).get_tracer("test").start_as_current_span("a"):
        pass
    assert [] == list(tmp_path.iterdir())


def test_a_client_that_is_closed_still_records(captured, tracer):
    """As it does with actions."""
    with tracer.start_as_current_span("a"):
        captured.client.close()
    with tracer.start_as_current_span("b"):
        pass
    assert ["a", "b"] == captured.names()
    assert "Success" == captured.one("a")["result"]


def test_a_processor_that_was_stopped_closes_what_is_open(captured):
    """And begins nothing any more."""
    processor = EventSpanProcessor()
    tracer = provider_of(processor).get_tracer("test")
    with tracer.start_as_current_span("a"):
        processor.stop()
        with tracer.start_as_current_span("b"):
            pass
    assert ["a"] == captured.names()
    assert "Success" == captured.one("a")["result"]


# -- What is kept off the disk, and what is bounded ------------------------------------------------


@pytest.mark.parametrize("redact", [True, "all", lambda _field, _value: "seen"])
def test_secrets_in_a_prompt_reach_no_disk(redact):
    """Whatever the client says of redaction holds for spans as for all else."""
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    request = {"messages": [{"role": "user", "content": f"my key is {secret}"}], "api_key": secret}
    attributes = {**CHAT, "input.value": json.dumps(request), "other": secret}
    with capture_events(redact=redact) as captured:
        tracer = provider_of(EventSpanProcessor()).get_tracer("test")
        with tracer.start_as_current_span("chat", attributes=attributes) as span:
            span.set_attribute("llm.output_messages.0.message.content", f"it is {secret}")
            span.record_exception(ValueError(secret))
            span.set_status(trace.StatusCode.ERROR, secret)
        assert secret not in b"".join(captured.records).decode()
        assert ["chat"] == captured.names()


def test_a_payload_of_10_megabytes_is_bounded(captured, tracer):
    """Each half is a line of bounded size, and the event is whole."""
    messages = [{"role": "user", "content": "word " * 2_000_000}]
    request = json.dumps({"messages": messages, "model": "gpt-4o"})
    with tracer.start_as_current_span("chat", attributes={**CHAT, "input.value": request}) as span:
        span.set_attribute("llm.output_messages.0.message.content", "word " * 2_000_000)
    event = captured.one("chat")
    assert "gpt-4o" == event["model"]
    assert event["notes"]["truncated"]
    assert all(len(record) < (1 << 20) + (64 << 10) for record in captured.records)


# -- Processes -------------------------------------------------------------------------------------

PROGRAM = """
from opentelemetry.sdk.trace import TracerProvider
from agentlog.bridges.otel import EventSpanProcessor
from agentlog.bridges.provider import OwnProvider

provider = TracerProvider()
provider.add_span_processor(EventSpanProcessor())
tracer = provider.get_tracer("test")
ao.init()
"""


def test_a_child_does_not_close_a_span_of_its_parent(tmp_path):
    """It is the parent's; what the child does hangs under it."""
    source = f"""{FORK}{PROGRAM}
with tracer.start_as_current_span("a") as span:
    def work():
        with tracer.start_as_current_span("b"):
            pass
        span.end()
    child(work)
    ao.record(ao.Event("c"))
"""
    ran = run(tmp_path, source)
    ((name, below),) = ran.captured.tree()
    assert ("", "a", ["b", "c"]) == (ran.stderr, name, sorted(below))
    ends = [one for one in ran.captured.records if b'"end_timestamp"' in one]
    a = ran.captured.one("a")["id"].encode()
    assert 1 == sum(a in one.partition(b"session_id")[0] for one in ends)


def test_a_child_does_not_abandon_a_span_of_its_parent(tmp_path):
    """Though nobody holds it there."""
    source = f"""{FORK}{PROGRAM}
import gc
span = tracer.start_span("a")
def work():
    global span
    del span
    gc.collect()
child(work)
span.end()
"""
    ran = run(tmp_path, source)
    ends = [one for one in ran.captured.records if b'"end_timestamp"' in one]
    a = ran.captured.one("a")
    assert ("", "Success") == (ran.stderr, a["result"])
    assert 1 == sum(a["id"].encode() in one.partition(b"session_id")[0] for one in ends)


def test_importing_agentlog_imports_nothing_of_opentelemetry():
    """Nor does a program that records without it."""
    source = """
import sys, agentlog as ao
ao.init()
with ao.action("a"):
    pass
found = [name for name in sys.modules if name.startswith(("opentelemetry", "openinference"))]
sys.exit(str(found) if found else 0)
"""
    subprocess.run([sys.executable, "-c", source], check=True)
