"""One line that makes the calls of LLM clients events: `agentlog.instrument("openai")`.

Nothing here knows a client. OpenInference's packages do: each is an extra of agentlog with the name
in the table below. Their spans go to a provider of our own (provider.py), one for each package,
which all clients of agentlog that want them share: the package itself can be switched on only once.

What only sees what others have recorded (pydantic-ai's package is a span processor) or only carries
contexts along (mcp's) is no instrumentation in this sense.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from agentlog.bridges.whose import checked_client
from agentlog.client import Client
from agentlog.config import is_disabled
from agentlog.errors import ConfigurationError, warn
from agentlog.forklock import ForkLock
from agentlog.recording.redact import shown

if TYPE_CHECKING:
    from agentlog.bridges.otel import EventSpanProcessor
    from agentlog.bridges.provider import OwnProvider

_INSTRUMENTORS: Final = {
    "anthropic": "AnthropicInstrumentor",
    "bedrock": "BedrockInstrumentor",
    "crewai": "CrewAIInstrumentor",
    "dspy": "DSPyInstrumentor",
    "google-genai": "GoogleGenAIInstrumentor",
    "groq": "GroqInstrumentor",
    "haystack": "HaystackInstrumentor",
    "instructor": "InstructorInstrumentor",
    "langchain": "LangChainInstrumentor",
    "litellm": "LiteLLMInstrumentor",
    "llama-index": "LlamaIndexInstrumentor",
    "mistralai": "MistralAIInstrumentor",
    "openai": "OpenAIInstrumentor",
    "openai-agents": "OpenAIAgentsInstrumentor",
    "smolagents": "SmolagentsInstrumentor",
    "vertexai": "VertexAIInstrumentor",
}
"""Names, which are those of extras too, and the class in `openinference.instrumentation.<name>`."""

_lock = ForkLock()

_on: "dict[str, tuple[Any, OwnProvider]]" = {}
"""What is switched on here, with the provider that its spans go to."""


class _Unusable(Exception):  # noqa: N818 - it is the reason
    """Why a package cannot be switched on."""


class _Absent(_Unusable):
    """It is not installed, or its client is not."""


def instrument(*names: str, client: Client | None = None) -> Callable[[], None]:
    """Record the calls of LLM clients, each as a child of the action it is made in.

    A call has its model, messages, parameters, answer and tokens; it is in the journal as soon as
    it starts. The program's own set-up of OpenTelemetry is left alone.

    Args:
        *names: `"openai"`, `"anthropic"`, ...: the extras of agentlog with these names. Without
            any, all that are installed.
        client: Whose events they are; None: the default client's, at the time of the call.

    Returns:
        A function that undoes it; calls that run then are recorded to their end.

    Raises:
        ConfigurationError: If an argument is not accepted, a name's extra is not installed, or its
            package is switched on already by other code.

    """
    for name in names:
        if not isinstance(name, str):
            how = 'names are given one by one, instrument("openai", "anthropic")'
            raise ConfigurationError(f"{shown(name)} is not accepted: {how}")
        if name not in _INSTRUMENTORS:
            known = ", ".join(_INSTRUMENTORS)
            raise ConfigurationError(f"{name!a} is not accepted: it is one of {known}")
    checked_client(client)
    if is_disabled() if client is None else client.active is None:
        return lambda: None
    with _lock.held():
        return _switch_on(names, client)


def _switch_on(names: tuple[str, ...], client: Client | None) -> Callable[[], None]:
    begun: list[tuple[str, OwnProvider]] = []
    processor: EventSpanProcessor | None = None
    absent = 0
    try:
        for name in dict.fromkeys(names or _INSTRUMENTORS):
            try:
                provider = _provider_of(name)
            except _Unusable as reason:
                if names:
                    message = f"instrument({name!r}): {reason}"
                    raise ConfigurationError(message) from reason.__cause__
                if type(reason) is _Absent:
                    absent += 1
                else:
                    warn(f"instrument() leaves {name} out: {reason}")
                continue
            begun.append((name, provider))
            processor = processor or _new_processor(client)
            provider.add(processor)
    except BaseException:
        _switch_off(begun, processor)
        raise

    if absent == len(_INSTRUMENTORS):
        warn("instrument() records nothing: install a client and its extra, 'agentlog[openai]'")

    def undo() -> None:
        with _lock.held():
            _switch_off(begun, processor)
            begun.clear()

    return undo


def _new_processor(client: Client | None) -> "EventSpanProcessor":
    from agentlog.bridges.otel import EventSpanProcessor

    return EventSpanProcessor(client)


def _module(name: str) -> str:
    return f"openinference.instrumentation.{name.replace('-', '_')}"


def _provider_of(name: str) -> "OwnProvider":
    """Return the provider that the spans of a package go to; switch the package on."""
    try:
        return _switched_on(name)
    except ImportError as error:
        reason = f"{error}; pip install 'agentlog[{name}]'"
        raise _Absent(reason) from error
    except _Unusable:
        raise
    except Exception as error:  # the package is other people's code
        raise _Unusable(shown(error)) from error


def _switched_on(name: str) -> "OwnProvider":
    from opentelemetry.instrumentation.dependencies import get_dependency_conflicts

    from agentlog.bridges.provider import OwnProvider, trace_config

    instrumentor = getattr(import_module(_module(name)), _INSTRUMENTORS[name])()
    if instrumentor.is_instrumented_by_opentelemetry:
        if name not in _on:
            reason = (
                "its calls are traced already, by other code of this program. Give that code's "
                "TracerProvider .add_span_processor(agentlog.bridges.otel.EventSpanProcessor())"
            )
            raise _Unusable(reason)
        return _on[name][1]
    if conflict := get_dependency_conflicts(instrumentor.instrumentation_dependencies()):
        raise (_Absent if conflict.found is None else _Unusable)(str(conflict))
    provider = OwnProvider()
    instrumentor.instrument(tracer_provider=provider, config=trace_config(), skip_dep_check=True)
    tracer: Any = getattr(instrumentor, "_tracer", None)
    if hasattr(tracer, "run_inline"):
        tracer.run_inline = True  # LangChain's: else it is told in other threads what tasks do
    _on[name] = instrumentor, provider
    return provider


def _ask_no_more(name: str) -> None:
    from agentlog.bridges.spans import ask_no_more

    ask_no_more(_module(name))


def _switch_off(
    begun: "list[tuple[str, OwnProvider]]", processor: "EventSpanProcessor | None"
) -> None:
    for name, provider in begun:
        provider.remove(processor)
        instrumentor, current = _on.get(name, (None, None))
        if instrumentor is not None and current is provider and not provider.processors:
            del _on[name]
            _ask_no_more(name)
            try:
                if instrumentor.is_instrumented_by_opentelemetry:
                    instrumentor.uninstrument()
            except Exception as error:  # noqa: BLE001 - as above; the others are switched off too
                warn(f"{name} could not be switched off: {shown(error)}")
