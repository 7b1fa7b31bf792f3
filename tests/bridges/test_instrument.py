"""agentlog.bridges.instrument: one line, and the calls of LLM clients are events."""

import json
import os
import subprocess
import sys
import threading
import tomllib
from importlib.util import find_spec
from types import SimpleNamespace

import openai
import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import agentlog as ao
from agentlog.bridges import instrument as module
from agentlog.demo import fake_openai
from tests.documents import ROOT
from tests.scripts import FORK, run


@pytest.fixture(scope="module")
def client():
    """A client of a server on this machine."""
    with (
        fake_openai.serving() as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def all_undone():
    """Every test leaves the client as it was."""
    before = openai.OpenAI.request
    yield
    assert before is openai.OpenAI.request
    assert {} == module._on


def ask(client, content="Owls hunt at night. When do owls hunt?", **more):
    """Ask the model."""
    messages = [{"role": "user", "content": content}]
    return client.chat.completions.create(model="gpt-4o", messages=messages, **more)


@pytest.mark.parametrize("first", [0, 1])
def test_twice_and_undone_in_any_order(captured, client, first):
    """Each call is one event until the last is undone; undone twice is undone."""
    undo = [ao.instrument("openai"), ao.instrument("openai")]
    ask(client)
    undo[first]()
    undo[first]()
    ask(client)
    undo[1 - first]()
    ask(client)
    assert ["ChatCompletion"] * 2 == captured.names()


def test_two_clients_have_each_their_own(captured, client, tmp_path):
    """The package is switched on once, and each of them has every call."""
    other = ao.Client(home=tmp_path)
    undo = [ao.instrument("openai"), ao.instrument("openai", client=other)]
    ask(client)
    undo[0]()
    ask(client)
    undo[1]()
    other.close()
    assert ["ChatCompletion"] == captured.names()
    assert 6 == other.stats().delivered  # the session and two calls, both halves


def test_undone_while_a_call_runs(captured, client):
    """It is recorded to its end."""
    undo = ao.instrument("openai")
    stream = ask(client, stream=True)
    undo()
    list(stream)
    ask(client)
    (call,) = captured.events
    assert "Success" == call["result"]
    assert [{"role": "assistant", "content": "Owls hunt at night."}] == call["returns"]


def test_before_there_is_a_client(client):
    """What is called before `init` is not recorded, and what is called after it is."""
    undo = ao.instrument("openai")
    ask(client)
    ao.init()
    ask(client)
    ao.close()
    undo()
    assert 4 == ao.stats().delivered


def test_without_names_those_that_are_installed(captured, client):
    """And nothing is said of the others."""
    undo = ao.instrument()
    assert {"openai", "anthropic"} <= set(module._on)
    ask(client)
    undo()
    assert ["ChatCompletion"] == captured.names()


def test_without_names_and_with_nothing_installed_it_says_so(captured, monkeypatch):
    """Else nobody would know why no call is recorded."""
    for name in module._INSTRUMENTORS:
        monkeypatch.setitem(sys.modules, f"openinference.instrumentation.{name}", None)
    with pytest.warns(ao.AgentlogWarning, match="instrument.. records nothing: install"):
        ao.instrument()()


def test_an_unknown_name_is_an_error_that_names_the_known():
    """Before anything is switched on."""
    with pytest.raises(
        ao.ConfigurationError, match=r"'opnai' is not accepted: .*anthropic, .*openai"
    ):
        ao.instrument("openai", "opnai")


def test_what_is_no_name_is_an_error_that_shows_how_names_are_given():
    """One by one, as arguments: a list of them is what many will try."""
    with pytest.raises(
        ao.ConfigurationError, match=r"\['openai'\] is not accepted: names are given one by one"
    ):
        ao.instrument(["openai"])


def test_what_is_no_client_is_an_error_before_anything_is_switched_on():
    """It says what is accepted."""
    with pytest.raises(
        ao.ConfigurationError, match=r"client=<object .* is not accepted: it is a Client"
    ):
        ao.instrument("openai", client=object())


def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch):
    """And what was switched on before it is off again."""
    monkeypatch.setitem(sys.modules, "openinference.instrumentation.groq", None)
    with pytest.raises(ao.ConfigurationError, match=r"pip install 'agentlog\[groq\]'"):
        ao.instrument("openai", "groq")


class Broken:
    """A package that is switched on, or off, with an error."""

    is_instrumented_by_opentelemetry = False

    def __init__(self, *, begins=False):
        self.begins = begins

    def instrumentation_dependencies(self):
        return []

    def instrument(self, **_):
        if not self.begins:
            raise TypeError("no such method")
        self.is_instrumented_by_opentelemetry = True

    def uninstrument(self):
        raise TypeError("no such method")


@pytest.mark.parametrize(
    ("package", "why"),
    [
        (SimpleNamespace(), "no attribute 'GroqInstrumentor'"),
        (SimpleNamespace(GroqInstrumentor=Broken), "no such method"),
    ],
)
def test_what_a_package_raises_is_why_it_is_left_out(captured, client, monkeypatch, package, why):
    """One that is named is an error; either way, what is on can be switched off."""
    monkeypatch.setitem(sys.modules, "openinference.instrumentation.groq", package)
    with pytest.warns(ao.AgentlogWarning, match=f"leaves groq out: .*{why}"):
        undo = ao.instrument()
    ask(client)
    undo()
    with pytest.raises(ao.ConfigurationError, match=rf"instrument\('groq'\): .*{why}"):
        ao.instrument("openai", "groq")
    assert ["ChatCompletion"] == captured.names()


def test_a_package_that_cannot_be_switched_off_harms_no_other(captured, monkeypatch):
    """The others are."""
    package = SimpleNamespace(AnthropicInstrumentor=lambda: Broken(begins=True))
    monkeypatch.setitem(sys.modules, "openinference.instrumentation.anthropic", package)
    undo = ao.instrument("anthropic", "openai")
    with pytest.warns(ao.AgentlogWarning, match="anthropic could not be switched off: .*method"):
        undo()


def test_an_error_of_the_hosts_switches_off_what_was_begun(monkeypatch):
    """Ctrl-C while a package is imported, which takes a while."""

    def interrupted():
        raise KeyboardInterrupt

    package = SimpleNamespace(GroqInstrumentor=interrupted)
    monkeypatch.setitem(sys.modules, "openinference.instrumentation.groq", package)
    with pytest.raises(KeyboardInterrupt):
        ao.instrument("openai", "groq")


def test_somebody_elses_instrumentation_is_an_error_that_names_the_way(captured, client):
    """Their provider can have our processor."""
    theirs = TracerProvider(shutdown_on_exit=False)
    OpenAIInstrumentor().instrument(tracer_provider=theirs)
    try:
        with pytest.raises(ao.ConfigurationError, match=r"traced already.*EventSpanProcessor"):
            ao.instrument("openai")
        with pytest.warns(ao.AgentlogWarning, match="leaves openai out: its calls are traced"):
            ao.instrument()()
    finally:
        OpenAIInstrumentor().uninstrument()


def test_a_client_that_is_disabled_is_not_instrumented(monkeypatch):
    """Its packages need not be there."""
    monkeypatch.setenv("AGENTLOG_DISABLED", "1")
    ao.instrument("openai", "groq")()


def test_threads_that_instrument_and_undo_at_once(captured, client):
    """It is switched on as long as one of them wants it."""

    def work():
        for _ in range(20):
            undo = ao.instrument("openai")
            ask(client)
            undo()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 80 == len(captured.names())
    assert {"Success"} == {event["result"] for event in captured.events}


def test_a_child_that_is_forked_meanwhile_can_instrument(tmp_path):
    """The thread that is at it is not there."""
    ran = run(tmp_path, FORK + FORKED_MEANWHILE)
    assert (0, "") == (ran.status, ran.stderr)


FORKED_MEANWHILE = """
import signal, threading, types, warnings

class Package:
    is_slow, is_instrumented_by_opentelemetry = True, False
    def instrumentation_dependencies(self):
        return []
    def instrument(self, **_):
        if self.is_slow:
            begun.set()
            go_on.wait()

def work():
    signal.alarm(20)
    Package.is_slow = False
    ao.instrument("groq")()

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread
begun, go_on = threading.Event(), threading.Event()
sys.modules["openinference.instrumentation.groq"] = types.SimpleNamespace(GroqInstrumentor=Package)
ao.init()
thread = threading.Thread(target=ao.instrument, args=("groq",))
thread.start()
begun.wait()
try:
    child(work)
finally:
    go_on.set()
    thread.join()
"""


# -- The program's own OpenTelemetry ---------------------------------------------------------------


def test_the_programs_own_spans_have_the_parents_that_they_had(captured, client):
    """A span of ours is the current one while a call runs, and nobody exports it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("program")
    undo = ao.instrument("openai")

    def send(request):
        with tracer.start_as_current_span("POST"):
            pass

    client._client.event_hooks["request"] = [send]
    with tracer.start_as_current_span("request"):
        ask(client)
    ask(client)
    client._client.event_hooks["request"] = []
    undo()
    inside, request, alone = exporter.get_finished_spans()
    assert request.context.span_id == inside.parent.span_id
    assert request.context.trace_id == inside.context.trace_id
    assert alone.parent is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
    ],
)
def test_what_the_environment_says_of_opentelemetry_is_not_for_us(
    captured, client, monkeypatch, name, value
):
    """It is the program's set-up; calls are recorded, and whole."""
    monkeypatch.setenv(name, value)
    undo = ao.instrument("openai")
    ask(client)
    undo()
    (call,) = captured.events
    assert [{"role": "assistant", "content": "Owls hunt at night."}] == call["returns"]


def test_what_the_environment_says_of_openinference_is_in_force(captured, client, monkeypatch):
    """It is about what is recorded, so it holds here too."""
    monkeypatch.setenv("OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH", "10")
    monkeypatch.setenv("OPENINFERENCE_HIDE_OUTPUTS", "true")
    undo = ao.instrument("openai")
    ask(client, [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJDQUJD"}}])
    undo()
    call = captured.one("ChatCompletion")
    assert "QUJD" not in json.dumps(call)
    assert "__REDACTED__" == call["returns"]


def test_a_conversation_of_any_length_is_whole(captured, client):
    """The SDK keeps 128 attributes of a span, unless told otherwise."""
    said = [{"role": "user", "content": f"Owls hunt at night. {at}?"} for at in range(200)]
    undo = ao.instrument("openai")
    client.chat.completions.create(model="gpt-4o", messages=said)
    undo()
    (call,) = captured.events
    assert said == call["prompt"]
    assert call["prompt_tokens"]
    assert call["returns"]


def test_a_call_that_another_instrumentation_sees_too_is_one_event(client, tmp_path):
    """OpenLLMetry's spans become events by our processor, and OpenInference's by `instrument`."""
    if find_spec("opentelemetry.instrumentation.openai") is None:
        pytest.skip("OpenLLMetry's instrumentation is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SEEN_TWICE, str(client.base_url)],
        env={**os.environ, "AGENTLOG_HOME": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert [["llm", "Success", 8, 4, "Owls hunt at night."]] * 2 == json.loads(done.stdout)


SEEN_TWICE = """
import json, sys
import agentlog as ao
import openai
from agentlog.bridges.otel import EventSpanProcessor
from agentlog.testing import capture_events
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider()
provider.add_span_processor(EventSpanProcessor())
OpenAIInstrumentor().instrument(tracer_provider=provider)
ao.instrument("openai")
client = openai.OpenAI(base_url=sys.argv[1], api_key="none")
asked = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Owls hunt at night. When do owls hunt?"}],
}
with capture_events() as captured:
    client.chat.completions.create(**asked)
    list(client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ))
fields = ("action_type", "result", "prompt_tokens", "completion_tokens")
print(json.dumps([
    [*(call[field] for field in fields), call["returns"][0]["content"]] for call in captured.events
]))
"""


def test_the_global_provider_is_left_alone(captured, client):
    """None is set, and none is used."""
    before = trace.get_tracer_provider()
    undo = ao.instrument("openai")
    ask(client)
    undo()
    assert before is trace.get_tracer_provider()


def test_a_seed_of_the_programs_makes_no_two_events_the_same(captured, client):
    """`random.seed` is called by who wants the same run again."""
    import random

    undo = ao.instrument("openai")
    for _ in range(2):
        random.seed(0)
        ask(client)
    undo()
    assert 2 == len({event["id"] for event in captured.events})


def test_a_program_that_does_not_undo_ends_at_once(tmp_path):
    """There is no thread, and nothing to wait for at exit."""
    source = "import agentlog as ao; ao.init(); ao.instrument('openai')"
    environ = {**os.environ, "AGENTLOG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        env=environ,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"" == done.stderr


def test_each_name_is_an_extra():
    """What the error says to install is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for name in module._INSTRUMENTORS:
        assert extras[name][0].startswith(f"openinference-instrumentation-{name}>=")
