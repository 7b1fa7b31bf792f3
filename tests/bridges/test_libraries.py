"""LangChain and LiteLLM, which call OpenAI's client: each call is one, whatever sees it.

`make test-libraries` has them in an environment of their own; where they are not, this is skipped.
"""

import asyncio
import contextvars

import pytest

import agentlog as ao
from tests.bridges.providers import OpenAI

pytestmark = pytest.mark.filterwarnings("default")  # what the libraries warn of is theirs

CALL = "ChatCompletion"
TEXT = "Owls hunt at night. When do owls hunt?"


@pytest.fixture(scope="module")
def base():
    """Where OpenAI's API is spoken."""
    with OpenAI().serving() as address:
        yield f"{address}/v1"


@pytest.fixture(scope="module")
def run():
    """Run coroutines in one loop: LangChain keeps its connections."""
    with asyncio.Runner() as runner:
        yield lambda work: runner.run(work, context=contextvars.copy_context())


@pytest.fixture
def direct(base):
    """OpenAI's client, to call it beside the library."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=base, api_key="none") as client:
        yield lambda: client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": TEXT}]
        )


def calls(captured):
    """Return the calls of models."""
    return [event for event in captured.events if event["action_type"] == "llm"]


# -- LangChain -------------------------------------------------------------------------------------

MODEL = ("ChatOpenAI", [CALL])


@pytest.fixture
def chains():
    """Instrument LangChain, and the client that it calls."""
    chains = pytest.importorskip("langchain_openai", reason="no LangChain: make test-libraries")
    undo = ao.instrument("langchain", "openai")
    yield chains
    undo()


@pytest.fixture
def model(chains, base):
    """Return a model of LangChain's."""
    return lambda name="gpt-4o-mini": chains.ChatOpenAI(
        model=name, max_retries=0, base_url=base, api_key="none"
    )


@ao.record_action("agent", capture_returns=False)
def agent(work):
    """The function that is decorated."""
    return work()


async def awaited(model, *, streamed):
    """Ask in a task."""
    if streamed:
        return [piece async for piece in model.astream(TEXT)]
    return await model.ainvoke(TEXT)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_call_by_langchain_is_one(captured, run, model, streamed, is_async):
    """Below the model that made it, with all that is known of it."""

    def work():
        if is_async:
            return run(awaited(model(), streamed=streamed))
        return list(model().stream(TEXT)) if streamed else model().invoke(TEXT)

    agent(work)
    assert [("agent", [MODEL])] == captured.tree()
    (call,) = calls(captured)
    assert TEXT == call["prompt"][-1]["content"]
    assert "Owls hunt at night." in call["returns"][0]["content"]


@pytest.mark.parametrize("is_async", [True, False])
def test_calls_side_by_side(captured, run, model, is_async):
    """With the same prompt, in threads and in tasks."""
    chat = model()
    agent(lambda: run(chat.abatch([TEXT] * 3)) if is_async else chat.batch([TEXT] * 3))
    assert [("agent", [MODEL] * 3)] == captured.tree()


def test_a_fallback(captured, model):
    """Each try is one call."""
    model("fail-401").with_fallbacks([model()]).invoke(TEXT)
    assert [("RunnableWithFallbacks", [MODEL, MODEL])] == captured.tree()
    assert ["Fail", "Success"] == [call["result"] for call in calls(captured)]


@pytest.mark.parametrize("is_async", [True, False])
def test_a_tool_in_a_chain(captured, run, model, direct, is_async):
    """What the tool does is below it, with its own calls of models."""
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import tool

    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        with ao.action("lookup"):
            direct()
        return model().invoke(city).content

    async def work(message):
        return await weather.ainvoke({"city": message.content})

    if is_async:
        run((model() | RunnableLambda(work, name="use")).ainvoke(TEXT))
    else:
        used = RunnableLambda(lambda message: weather.invoke({"city": message.content}), name="use")
        (model() | used).invoke(TEXT)
    tool_ = ("weather", [("lookup", [CALL]), MODEL])
    assert [("RunnableSequence", [MODEL, ("use", [tool_])])] == captured.tree()
    assert "tool" == captured.one("weather")["action_type"]


def test_a_call_between_two_pieces_of_a_stream(captured, model, direct):
    """It is another, and not below the stream."""
    pieces = model().stream(TEXT)
    next(pieces)
    direct()
    list(pieces)
    assert [MODEL, CALL] == captured.tree()


# -- LiteLLM ---------------------------------------------------------------------------------------


@pytest.fixture
def litellm(monkeypatch):
    """Instrument LiteLLM, and the client that it calls."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm = pytest.importorskip("litellm", reason="there is no LiteLLM: make test-libraries")
    undo = ao.instrument("litellm", "openai")
    yield litellm
    undo()


@pytest.fixture
def request_(base):
    """What is asked of LiteLLM."""
    messages = [{"role": "user", "content": TEXT}]
    return {"model": "openai/gpt-4o", "messages": messages, "api_base": base, "api_key": "none"}


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_call_by_litellm_is_one(captured, run, litellm, request_, streamed, is_async):
    """One event, of LiteLLM's, with the tokens."""

    async def ask():
        answer = await litellm.acompletion(stream=streamed, **request_)
        return [piece async for piece in answer] if streamed else answer

    def work():
        if is_async:
            return run(ask())
        answer = litellm.completion(stream=streamed, **request_)
        return list(answer) if streamed else answer

    agent(work)
    assert [("agent", ["acompletion" if is_async else "completion"])] == captured.tree()
    assert 1 == len(calls(captured))


def test_embeddings_by_litellm_are_one_call(captured, litellm, base):
    """LiteLLM's package tells what they are at their end."""
    litellm.embedding(
        model="openai/small", input=["a"], api_base=base, api_key="none", encoding_format="float"
    )
    assert ["CreateEmbeddings"] == captured.tree()
    assert {"vectors": 1, "dimensions": 64} == captured.one("CreateEmbeddings")["returns"]
