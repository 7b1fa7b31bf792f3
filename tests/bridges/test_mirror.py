"""agentlog.bridges.mirror: our actions as spans of a TracerProvider of the program."""

import asyncio
import gc
import json
import threading
from contextlib import suppress

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import agentlog as ao
from agentlog.bridges.otel import EventSpanProcessor, mirror
from agentlog.server.otlp.intake import read_protobuf
from agentlog.store.merge import merged
from agentlog.testing import ManualClock, capture_events
from tests.scripts import FORK, run


@pytest.fixture
def exporter():
    """What the program's exporter would ship."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    """A provider as a program has one."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
def tracer(provider):
    """What the program's other instrumentation traces with."""
    return provider.get_tracer("program")


@pytest.fixture(autouse=True)
def mirrored(provider):
    """Mirror the actions of the default client."""
    undo = mirror(provider)
    yield
    undo()


def tree(exporter):
    """Return each exported span with the name of its parent, in the order of their starts."""
    spans = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time)
    names = {span.context.span_id: span.name for span in spans}
    return [(span.name, names[span.parent.span_id] if span.parent else None) for span in spans]


def test_an_action_is_a_span_and_spans_inside_are_its_children(captured, exporter, tracer):
    """And the other way round."""
    with ao.action("a"), tracer.start_as_current_span("http"), ao.action("b"):
        pass
    assert [("a", None), ("http", "a"), ("b", "http")] == tree(exporter)
    assert trace.INVALID_SPAN is trace.get_current_span()


def test_a_mirrored_span_is_not_recorded_again(captured, exporter, provider, tracer):
    """Also where the spans of the same provider are events."""
    provider.add_span_processor(EventSpanProcessor())
    with ao.action("a"), tracer.start_as_current_span("http"), ao.action("b"):
        ao.record(ao.Event("c"))
    assert [("a", [("http", [("b", ["c"])])])] == captured.tree()
    assert 3 == len(exporter.get_finished_spans())


def test_a_span_says_what_the_journal_says(captured, exporter):
    """Redacted as that is, with what came out, and the ids under which the event is known."""
    with ao.action("a", params={"q": 1, "api_key": "x1y2z3"}, tags=["t"], model="m") as action:
        action.returns = "done"
        action.update(prompt_tokens=5)
    (span,) = exporter.get_finished_spans()
    assert trace.StatusCode.OK is span.status.status_code
    assert {
        "agentlog.action_type": "llm",
        "agentlog.params": '{"q":1,"api_key":"[redacted: api key]"}',
        "agentlog.event_id": action.id,
        "agentlog.tags": ("t",),
        "session.id": action.session_id,
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 5,
        "output.value": "done",
    }.items() <= span.attributes.items()


@pytest.mark.parametrize("name", ["fetch https://bob:hunter22@example.com/x", "ab" * 200_000])
def test_a_span_has_the_name_that_the_journal_has(captured, exporter, name):
    """Without its secrets, and no longer than a record has room for."""
    with ao.action(name):
        pass
    (span,) = exporter.get_finished_spans()
    (event,) = (event for event in captured.events if event["action_type"] == "action")
    assert event["event_type"] == span.name != name


def test_a_failure_is_an_error_with_its_exception(captured, exporter):
    """Told once, as the span of the action has it."""
    with pytest.raises(LookupError), ao.action("a"):
        raise LookupError("no index, password=hunter22")
    (span,) = exporter.get_finished_spans()
    (event,) = span.events
    assert trace.StatusCode.ERROR is span.status.status_code
    assert ("exception", "LookupError") == (event.name, event.attributes["exception.type"])
    assert "hunter22" not in str(span.to_json())


def test_a_collector_of_ours_has_actions_and_spans_in_one_tree(captured, exporter, tracer):
    """That of the trace: there the ids are those of the spans."""
    with suppress(KeyError), tracer.start_as_current_span("request"), ao.action("act"):
        with tracer.start_as_current_span("GET"):
            pass
        raise KeyError
    with ao.action("alone", params={"x": 1}):
        pass
    batch = read_protobuf(encode_spans(exporter.get_finished_spans()).SerializeToString(), None)
    events = merged(json.loads(entry.text) for entry in batch.entries).values()
    names = {event["id"]: event["event_type"].partition(":")[0] for event in events}
    assert {
        ("unknown_service", None),
        ("request", "unknown_service"),
        ("act", "request"),
        ("GET", "act"),
        ("alone", "unknown_service"),
    } == {(names[event["id"]], names.get(event["parent_id"])) for event in events}
    assert 2 == len({event["session_id"] for event in events})
    assert captured.one("act")["error"] == named(events, "act")["error"]
    assert {"x": 1} == named(events, "alone")["params"]


def named(events, name):
    """The event of a name."""
    return next(event for event in events if name == event["event_type"])


def test_a_generator_is_the_current_span_only_while_it_runs(captured, exporter, tracer):
    """Its consumer's spans are not below it, nor below a block that it has open."""

    @ao.record_action("generator")
    def numbers():
        with ao.action("block"):
            yield 1
            with tracer.start_as_current_span("inside"):
                pass

    with ao.action("consumer"):
        for _ in numbers():
            with tracer.start_as_current_span("outside"):
                pass
    assert [
        ("consumer", None),
        ("generator", "consumer"),
        ("block", "generator"),
        ("outside", "consumer"),
        ("inside", "block"),
    ] == tree(exporter)


def test_tasks_side_by_side(captured, exporter, tracer):
    """Each action is the current span of its own task."""

    @ao.record_action("a")
    async def work(name):
        await asyncio.sleep(0)
        with tracer.start_as_current_span(name):
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(work("1"), work("2"))

    asyncio.run(main())
    assert ["a", "a", "1", "2"] == [name for name, _ in tree(exporter)]
    parents = {span.parent.span_id for span in exporter.get_finished_spans() if span.parent}
    assert 2 == len(parents)


def test_it_can_be_undone_at_any_time(captured):
    """What is open ends, and what begins later has no span."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    undo = mirror(provider)
    with ao.action("a"):
        undo()
        with ao.action("b"):
            pass
    assert ["a"] == [span.name for span in exporter.get_finished_spans()]
    assert trace.INVALID_SPAN is trace.get_current_span()


@pytest.mark.parametrize("has_spans", [True, False])
def test_undone_it_costs_nothing_once_nothing_is_open(provider, tmp_path, has_spans):
    """The client looks for no spans any more, unless some may be events of it."""
    client = ao.Client(home=tmp_path)
    undo = [mirror(provider, client=client) for _ in range(2)]
    if has_spans:
        EventSpanProcessor(client)
    with client.action("a"):
        undo[0]()
        undo[1]()
        assert client.active.joined.mirrors
    joint = client.active.joined
    assert has_spans == (joint is not None)
    assert not has_spans or () == joint.mirrors
    mirror(provider, client=client)()
    assert joint is client.active.joined
    client.close()


def test_twice_is_once(captured, exporter, provider):
    """Until the last is undone."""
    undo = mirror(provider)
    with ao.action("a"):
        pass
    undo()
    with ao.action("b"):
        pass
    assert [("a", None), ("b", None)] == tree(exporter)


def test_a_client_that_takes_the_place_is_mirrored_too(exporter):
    """As the module's verbs work on it."""
    for name in ("a", "b"):
        with capture_events(), ao.action(name):
            pass
    assert [("a", None), ("b", None)] == tree(exporter)


def test_the_actions_of_a_client_of_its_own(captured, exporter, provider, tmp_path):
    """Another client's are not mirrored by it."""
    client = ao.Client(home=tmp_path)
    undo = mirror(provider, client=client)
    with client.action("a"):
        pass
    undo()
    with client.action("b"):
        pass
    client.close()
    assert [("a", None)] == tree(exporter)


def test_a_span_ends_when_nobody_holds_its_action_any_more(captured, exporter):
    """As when a thread has ended that never left it."""

    def enter():
        ao.action("never left", params={"x": 1}).__enter__()

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    gc.collect()
    (span,) = exporter.get_finished_spans()
    assert ("never left", trace.StatusCode.UNSET) == (span.name, span.status.status_code)
    assert "end_timestamp" not in captured.one("never left")


def test_a_child_does_not_export_a_span_of_its_parent(tmp_path):
    """Though it leaves the action that it was forked in, and nobody holds that any more."""
    ran = run(tmp_path, FORK + MIRRORED + EXPORTED)
    assert ("a True\n", "") == (ran.stdout, ran.stderr)


def test_a_child_that_is_forked_while_another_thread_joins(tmp_path):
    """The thread that has the lock is not there."""
    ran = run(tmp_path, FORK + MIRRORED + JOINED)
    assert (0, "") == (ran.status, ran.stderr)


MIRRORED = """
import gc
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from agentlog.bridges import joint
from agentlog.bridges.otel import mirror

class Printing(SpanProcessor):
    def on_end(self, span):
        os.write(1, f"{span.name} {os.getpid() == parent}\\n".encode())

parent = os.getpid()
ao.init()
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(Printing())
"""
EXPORTED = """
mirror(provider)
action = ao.action("a")
action.__enter__()
def work():
    global action
    action.__exit__(None, None, None)
    del action
    gc.collect()
child(work)
action.__exit__(None, None, None)
"""
JOINED = """
import signal, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread
has_it, go_on = threading.Event(), threading.Event()

def hold():
    with joint._lock.held():
        has_it.set()
        go_on.wait()

def work():
    signal.alarm(20)
    mirror(provider)()

thread = threading.Thread(target=hold)
thread.start()
has_it.wait()
try:
    child(work)
finally:
    go_on.set()
    thread.join()
"""


class Exporting(SpanProcessor):
    """What looks at the journal while it exports, and takes its time."""

    def __init__(self, captured, clock):
        self.captured, self.clock, self.seen = captured, clock, []

    def on_start(self, *_, **__):
        self.look()

    def on_end(self, *_, **__):
        self.look()

    def look(self):
        self.clock.advance(5)
        self.seen.append(self.captured.records[-1].decode())


@pytest.mark.parametrize("error", [None, KeyError("x")])
def test_both_halves_are_written_before_the_programs_exporter_is_asked(error):
    """It may take long, and may be what the process dies in: the event has ended before."""
    clock = ManualClock()
    provider = TracerProvider(shutdown_on_exit=False)
    with capture_events(clock=clock) as captured:
        processor = Exporting(captured, clock)
        provider.add_span_processor(processor)
        undo = mirror(provider)
        with suppress(KeyError), ao.action("a"):
            before = clock.time()
            if error:
                raise error
        undo()
    opened, closed = processor.seen
    assert '"event_type":"a"' in opened
    assert '"end_timestamp"' in closed
    assert before == captured.one("a")["end_timestamp"]


def test_what_a_span_says_was_encoded_once(exporter, provider, tmp_path):
    """It is read off the lines of the journal: nobody's redaction is asked twice."""
    asked = []
    client = ao.Client(home=tmp_path, redact=lambda field, value: (asked.append(field), value)[1])
    undo = mirror(provider, client=client)
    with suppress(KeyError), client.action("a", params={"x": 1}) as action:
        action.returns = [1, {"b": 2}]
        raise KeyError
    undo()
    client.close()
    assert ["process", "params", "returns", "error"] == asked
    assert "a" in [span.name for span in exporter.get_finished_spans()]


class Broken:
    """A tracer that raises."""

    def get_tracer(self, *_, **__):
        return self

    def start_span(self, *_, **__):
        raise RuntimeError("out of order")


@pytest.mark.parametrize("wrong", [{"tracer_provider": 3}, {"client": "x"}])
def test_what_is_neither_provider_nor_client_is_an_error(wrong):
    """It says what is accepted."""
    with pytest.raises(ao.ConfigurationError, match=r"is not accepted: it is a \w+, or None for"):
        mirror(**wrong)


def test_a_tracer_that_raises_harms_nobody(captured):
    """The action is recorded; that it has no span is said."""
    undo = mirror(Broken())
    with pytest.warns(ao.AgentlogWarning, match="no whole span in OpenTelemetry"), ao.action("a"):
        pass
    undo()
    assert "Success" == captured.one("a")["result"]
