"""agentlog.bridges.spannode: one call that several instrumentations see, as they do.

The spans are made in the order and in the contexts in which OpenInference's packages make them:
those for clients make theirs current and tell what they are at once; LangChain's tell nothing
before the end, and are not current.
"""

import asyncio
import contextvars
import gc
import json
import sys
import threading
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import agentlog as ao
from agentlog.bridges import spans
from agentlog.bridges.otel import EventSpanProcessor
from agentlog.bridges.spannode import SpanNode
from agentlog.testing import capture_events

CHAIN = "openinference.instrumentation.chains"
KIND = "openinference.span.kind"


def asked(model="gpt-4o", text="Hi"):
    """Return what a client's package tells when a call starts."""
    request = {"messages": [{"role": "user", "content": text}], "model": model}
    return {KIND: "LLM", "llm.system": "openai", "input.value": json.dumps(request)}


def answered(tokens=9):
    """Return what is told when it ends."""
    return {"llm.output_messages.0.message.content": "Hello", "llm.token_count.prompt": tokens}


class Packages:
    """The packages of a library that runs chains, of one that calls clients, and of two clients."""

    def __init__(self):
        self.provider = provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(EventSpanProcessor())
        self.chains = provider.get_tracer(CHAIN)
        self.wrapper = provider.get_tracer("openinference.instrumentation.wrapper")
        self.client = provider.get_tracer("openinference.instrumentation.client")
        self.other = provider.get_tracer("openinference.instrumentation.other")
        self.current = contextvars.ContextVar("current", default=None)

    def get_current_span(self):
        """Tell which chain or tool is the current one, as LangChain's package does."""
        return self.current.get()

    def run(self, name, work=None, kind="CHAIN", parent=None):
        """Run a chain or a tool: what it calls knows it by the library's own context."""
        span = self.begin(name, parent)
        token = self.current.set(span)
        try:
            return work() if work is not None else None
        finally:
            self.current.reset(token)
            span.set_attribute(KIND, kind)
            span.end()

    def begin(self, name, parent=None):
        """Start a span that nobody makes current."""
        parent = parent or self.current.get()
        return self.chains.start_span(name, context=parent and trace.set_span_in_context(parent))

    def end(self, span, model="gpt-4o", tokens=9):
        """Tell at the end what it was: a call, with all there is to it."""
        said = {**asked(model), "llm.model_name": model, "metadata": '{"step": 1}'}
        span.set_attributes({**said, **answered(tokens)})
        span.end()

    def ask(self, tracer=None, tokens=9, *, fails=False, **kwargs):
        """Make a call, by the package of a client."""
        with (tracer or self.client).start_as_current_span(
            "call", attributes=asked(**kwargs)
        ) as span:
            if fails:
                span.set_status(trace.StatusCode.ERROR)
            else:
                span.set_attributes(answered(tokens))

    def model(self, **kwargs):
        """Make a call by the chains' library, which calls the client."""
        span = self.begin("Model")
        self.ask(**kwargs)
        self.end(span)


@pytest.fixture
def packages(monkeypatch):
    """Have the packages, and the module in which the chains' says which span is current."""
    packages = Packages()
    told = SimpleNamespace(get_current_span=packages.get_current_span)
    monkeypatch.setitem(sys.modules, CHAIN, told)
    yield packages
    spans.ask_no_more(CHAIN)


def kinds(captured):
    """Return how many events there are of each kind that were asked of a model, and around."""
    return {event["event_type"]: event["action_type"] for event in captured.events}


# -- A span that tells at its end that it was a call -----------------------------------------------


def test_a_call_is_written_when_it_starts_and_what_is_around_it_is_no_second_one(
    captured, packages
):
    """The outer one says only what the call does not."""
    with ao.action("agent"):
        packages.model()
    assert [("agent", [("Model", ["call"])])] == captured.tree()
    model, call = captured.one("Model"), captured.one("call")
    assert ("action", "llm") == (model["action_type"], call["action_type"])
    assert {"metadata": {"step": 1}} == model["params"]
    assert {"model", "prompt", "returns", "prompt_tokens"}.isdisjoint(model)
    assert ("gpt-4o", 9) == (call["model"], call["prompt_tokens"])


def test_without_a_client_that_is_seen_it_is_the_call(captured, packages):
    """With all that it says at its end."""
    packages.end(packages.begin("Model"))
    event = captured.one("Model")
    assert ("llm", "gpt-4o", 9) == (event["action_type"], event["model"], event["prompt_tokens"])


def test_a_span_that_is_current_and_known_late(captured, packages):
    """As the package for LlamaIndex makes them: nothing is guessed there, whatever it says."""
    with packages.wrapper.start_as_current_span("predict") as span:
        packages.ask()
        span.set_attributes({**asked(), "llm.token_count.prompt": 1})
    assert [("predict", ["call"])] == captured.tree()
    assert {"predict": "action", "call": "llm"} == kinds(captured)


def test_a_call_below_a_known_one_that_is_known_late_completes_it(captured, packages):
    """One library calls another, that calls the client: one call."""
    with (
        packages.other.start_as_current_span("outer", attributes=asked("a/gpt-4o")),
        packages.wrapper.start_as_current_span("completion") as span,
    ):
        span.set_attributes(asked())
        packages.ask()
    assert [("outer", ["completion"])] == captured.tree()
    assert {"outer": "llm", "completion": "action"} == kinds(captured)
    assert 9 == captured.one("outer")["prompt_tokens"]
    assert "prompt_tokens" not in captured.one("completion")


def test_a_call_that_is_known_already_is_told_to_nobody_else(captured, packages):
    """What is around it was no call when it started: its tokens count there, and once."""
    with (
        packages.other.start_as_current_span("outer", attributes=asked()),
        packages.wrapper.start_as_current_span("completion") as span,
    ):
        packages.ask()
        span.set_attributes({**asked(), **answered()})
    assert [("outer", [("completion", ["call"])])] == captured.tree()
    assert {"outer": "llm", "completion": "action", "call": "llm"} == kinds(captured)
    assert 9 == captured.one("call")["prompt_tokens"]
    assert "prompt_tokens" not in captured.one("outer")


def test_a_call_is_completed_once(captured, packages):
    """What comes behind is another one, which the same question was asked."""
    with packages.other.start_as_current_span("outer", attributes=asked()):
        packages.ask()
        with packages.wrapper.start_as_current_span("completion") as span:
            span.set_attributes({**asked(), **answered(5)})
    assert {"outer": "llm", "completion": "llm"} == kinds(captured)
    assert [9, 5] == [event["prompt_tokens"] for event in captured.events]


@pytest.mark.parametrize(("outer", "model"), [("other", "second"), ("wrapper", "gpt-4o")])
def test_a_call_below_another_that_is_known_late_is_its_own(captured, packages, outer, model):
    """Of another model, or told by the same instrumentation."""
    with (
        getattr(packages, outer).start_as_current_span("outer", attributes=asked()),
        packages.wrapper.start_as_current_span("completion") as span,
    ):
        span.set_attributes({**asked(model), **answered()})
    assert {"outer": "llm", "completion": "llm"} == kinds(captured)
    assert "prompt_tokens" not in captured.one("outer")
    assert 9 == captured.one("completion")["prompt_tokens"]


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_stream_that_was_left_tells_what_had_come(captured, packages, is_answered):
    """The event is that of the library around it."""
    request = {"messages": [{"role": "user", "content": "Hi"}], "model": "gpt-4o", "stream": True}
    streamed = {**asked(), "input.value": json.dumps(request)}
    tracer = packages.provider.get_tracer("openinference.instrumentation.openai")
    with (
        packages.wrapper.start_as_current_span("outer", attributes=streamed),
        tracer.start_as_current_span("call", attributes=streamed) as span,
    ):
        span.set_attributes(answered() if is_answered else {})
    assert ["outer"] == captured.tree()
    assert is_answered == (captured.one("outer").get("prompt_tokens") == 9)


def test_three_libraries_and_one_call(captured, packages):
    """A chain's model calls a library that calls the client."""
    span = packages.begin("Model")
    with packages.wrapper.start_as_current_span("completion") as inner:
        inner.set_attributes(asked())
        packages.ask()
    packages.end(span)
    assert [("Model", ["completion"])] == captured.tree()
    assert {"Model": "action", "completion": "llm"} == kinds(captured)


def test_fallbacks_of_one_library(captured, packages):
    """What falls back is no call: those are that it tried."""
    with packages.wrapper.start_as_current_span("completion") as span:
        span.set_attributes(asked("first"))
        for model, fails in (("first", True), ("second", False)):
            with packages.wrapper.start_as_current_span("attempt") as attempt:
                attempt.set_attributes(asked(model))
                packages.ask(model=model, fails=fails)
                if fails:
                    attempt.set_status(trace.StatusCode.ERROR)
        span.set_attributes(answered())
    assert [("completion", ["attempt", "attempt"])] == captured.tree()
    assert ["action", "llm", "llm"] == [event["action_type"] for event in captured.events]


def test_fallbacks_of_a_library_that_a_chain_calls(captured, packages):
    """Neither the chain's model nor what falls back is one more call."""
    model = packages.begin("Model")
    with packages.wrapper.start_as_current_span("completion") as span:
        with packages.wrapper.start_as_current_span("attempt") as attempt:
            attempt.set_attributes({**asked(), **answered()})
        span.set_attributes({**asked(), **answered()})
    packages.end(model)
    assert [("Model", [("completion", ["attempt"])])] == captured.tree()
    assert {"Model": "action", "completion": "action", "attempt": "llm"} == kinds(captured)


def test_a_call_that_has_another_behind_it_is_still_one(captured, packages):
    """The first is the same call; the second is another, below it."""
    with packages.wrapper.start_as_current_span("completion") as span:
        span.set_attributes(asked())
        packages.ask()
        packages.ask(text="and now?")
    assert [("completion", ["call"])] == captured.tree()
    assert {"completion": "llm", "call": "llm"} == kinds(captured)


def test_what_has_ended_in_between_hides_nothing(captured, packages):
    """A prompt is filled in, and then the call is made."""
    span = packages.begin("Model")
    packages.run("prompt")
    packages.ask()
    packages.end(span)
    assert [("Model", ["call"]), "prompt"] == captured.tree()


def test_a_call_that_failed_and_its_retry(captured, packages):
    """Both are below the one that tried, and it is neither."""
    span = packages.begin("Model")
    packages.ask(fails=True)
    packages.ask()
    packages.end(span)
    assert [("Model", ["call", "call"])] == captured.tree()
    assert ["action", "llm", "llm"] == [event["action_type"] for event in captured.events]


def test_a_retriever_that_embeds_stays_what_it_is(captured, packages):
    """What it calls is below it, with all that is said of it."""
    span = packages.begin("Retriever")
    attributes = {**asked(), KIND: "EMBEDDING"}
    for _ in range(2):
        with packages.client.start_as_current_span("embed", attributes=attributes):
            pass
    span.set_attributes({KIND: "RETRIEVER", "input.value": "owls"})
    span.end()
    assert [("Retriever", ["embed", "embed"])] == captured.tree()
    assert {"Retriever": "action", "embed": "llm"} == kinds(captured)
    assert {"input": "owls", "kind": "RETRIEVER"} == captured.one("Retriever")["params"]


def test_embeddings_that_are_known_by_their_names(captured, packages):
    """LiteLLM's package tells the kind only at the end."""
    with packages.wrapper.start_as_current_span("embedding") as span:
        span.set_attributes({"embedding.model_name": "small", "input.value": "owls"})
        request = json.dumps({"model": "small", "input": "owls"})
        attributes = {KIND: "EMBEDDING", "input.value": request}
        with packages.client.start_as_current_span("embed", attributes=attributes):
            pass
        span.set_attribute(KIND, "EMBEDDING")
    assert ["embedding"] == captured.tree()


# -- What is not the same call ---------------------------------------------------------------------


def test_a_stream_that_is_open_while_another_call_is_made(captured, packages):
    """By the same client or another: it is a call of its own, beside the stream."""
    span = packages.begin("Model")
    with packages.client.start_as_current_span(
        "call", attributes=asked(), end_on_exit=False
    ) as call:
        pass
    packages.ask(text="in between")
    packages.ask(packages.other, text="in between")
    ao.record(ao.Event("between"))
    call.end()
    packages.end(span)
    assert [("Model", ["call"]), "call", "call", "between"] == captured.tree()
    assert "action" == captured.one("Model")["action_type"]


def test_a_stream_of_a_client_is_around_nothing(captured, packages):
    """Though no other call is known in it: it was the current one when it called."""
    stream = packages.client.start_span("stream", attributes=asked())
    packages.ask(packages.other)
    packages.run("chain")
    stream.end()
    assert ["stream", "call", "chain"] == captured.tree()


def test_a_chain_is_not_inside_of_a_stream(captured, packages):
    """LiteLLM's is never current; it has said by then that it is a call."""
    stream = packages.wrapper.start_span("stream")
    stream.set_attributes(asked())
    packages.run("chain")
    stream.end()
    assert ["stream", "chain"] == captured.tree()


@pytest.mark.parametrize(("model", "tokens"), [("claude", 0), ("claude", 3), ("gpt-4o", 3)])
def test_an_open_stream_whose_own_call_is_not_seen(captured, packages, model, tokens):
    """Another call that is made meanwhile takes nothing away from it: both count."""
    span = packages.begin("Model")
    packages.ask(text="in between")
    packages.end(span, model, tokens)
    assert {"Model": "llm", "call": "llm"} == kinds(captured)
    assert tokens == captured.one("Model")["prompt_tokens"]


def test_two_calls_of_one_instrumentation_are_never_one(captured, packages):
    """Not even where one is started while the other is open."""
    outer, inner = packages.begin("Model"), packages.begin("Model")
    packages.end(inner)
    packages.end(outer)
    assert ["Model", "Model"] == captured.tree()
    assert ["llm", "llm"] == [event["action_type"] for event in captured.events]


def test_an_action_in_between_is_around_the_call(captured, packages):
    """A stream is left open, and a function that is decorated makes a call."""
    span = packages.begin("Model")
    with ao.action("agent"):
        packages.ask()
    packages.end(span)
    assert ["Model", ("agent", ["call"])] == captured.tree()
    assert "llm" == captured.one("Model")["action_type"]


def test_a_span_that_was_abandoned_is_around_nothing(captured, packages):
    """It was collected, and never ended."""
    span = packages.begin("Model")
    del span
    packages.ask()
    assert ["Model", "call"] == captured.tree()


def test_a_session_that_has_ended_has_no_more_calls(captured, packages):
    """A stream that is still open there is around nothing that happens in another."""
    with ao.session():
        span = packages.begin("Model")
    with ao.session():
        packages.ask()
    packages.end(span)
    assert 2 == len({event["session_id"] for event in captured.events})


@pytest.mark.parametrize("overlapping", [1, 2, 3])
def test_what_has_ended_is_not_held_while_others_go_on(captured, packages, overlapping):
    """A program that has some span open at any time would hold all that they said."""
    begun = [packages.begin("chain") for _ in range(overlapping)]
    for _ in range(20):
        begun.append(packages.begin("chain"))
        begun.pop(0).end()
    begun.append(packages.begin("chain"))
    gc.collect()
    nodes = [one for one in gc.get_objects() if type(one) is SpanNode]
    recorder = captured.client.active
    assert overlapping + 1 == sum(node.recorder is recorder for node in nodes)
    for span in begun:
        span.end()


# -- Side by side ----------------------------------------------------------------------------------


@pytest.mark.parametrize("in_threads", [True, False])
def test_parallel_calls_with_the_same_prompt(captured, packages, in_threads):
    """Each is below its own, in threads as in tasks, and however they overlap."""
    together = threading.Barrier(4)

    async def task(together):
        span = packages.begin("Model")
        await together.wait()
        packages.ask()
        await together.wait()
        packages.end(span)

    def thread():
        span = packages.begin("Model")
        together.wait()
        packages.ask()
        together.wait()
        packages.end(span)

    async def main():
        together = asyncio.Barrier(4)
        await asyncio.gather(*(task(together) for _ in range(4)))

    def work():
        if not in_threads:
            asyncio.run(main())
            return
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=[thread]) for _ in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    packages.run("batch", work)
    assert [("batch", [("Model", ["call"])] * 4)] == captured.tree()
    assert {"batch": "action", "Model": "action", "call": "llm"} == kinds(captured)


# -- What runs inside of a chain or a tool ---------------------------------------------------------


def test_a_tool_has_what_it_does_below_it(captured, packages):
    """Actions, events and calls, also those that it makes by the library again."""

    def tool():
        with ao.action("lookup"):
            packages.ask()
        ao.record(ao.Event("note"))
        packages.ask()
        packages.model()

    def chain():
        packages.model()
        packages.run("tool", tool, kind="TOOL")
        ao.record(ao.Event("behind"))

    with ao.action("agent"):
        packages.run("chain", chain)
        ao.record(ao.Event("at last"))
    model = ("Model", ["call"])
    used = ("tool", [("lookup", ["call"]), "note", "call", model])
    assert [("agent", [("chain", [model, used, "behind"]), "at last"])] == captured.tree()
    assert "tool" == captured.one("tool")["action_type"]


def test_of_two_that_are_current_the_one_started_last_is_inside(captured, packages):
    """One by OpenTelemetry's context, one by the library's."""

    def work():
        with packages.wrapper.start_as_current_span("step", attributes={KIND: "CHAIN"}):
            ao.record(ao.Event("a"))
            packages.run("inner", lambda: ao.record(ao.Event("b")))

    packages.run("outer", work)
    assert [("outer", [("step", ["a"]), ("inner", ["b"])])] == captured.tree()


def test_a_package_that_cannot_tell_harms_nothing(captured, packages, monkeypatch):
    """It raises, or tells what is no span."""
    for tell in (lambda: 1 / 0, lambda: "no span", lambda: None):
        monkeypatch.setattr(sys.modules[CHAIN], "get_current_span", tell)
        spans.ask_no_more(CHAIN)
        span = packages.begin("chain")
        with ao.action("a"):
            pass
        with packages.wrapper.start_as_current_span("b", attributes={KIND: "CHAIN"}):
            pass
        span.end()
    assert ["chain", "a", "b"] * 3 == captured.tree()
    assert 0 == captured.client.stats().dropped


def test_each_client_knows_its_own(captured, packages):
    """A second one, by the same provider."""
    with capture_events() as second:
        packages.model()
    assert [("Model", ["call"])] == second.tree()
    assert [] == captured.tree()
