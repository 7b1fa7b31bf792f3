"""The official clients: whatever is done with a call, it is one child of the function around it."""

import asyncio
import gc
import json
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

import agentlog as ao
from tests.bridges.providers import (
    ANSWER,
    QUESTION,
    TOKENS,
    WEATHER,
    Anthropic,
    OpenAI,
)
from tests.scripts import ended, started

CERTIFICATE = Path(__file__).parents[1] / "shipping" / "localhost.pem"
only_openai = pytest.mark.parametrize("provider", [OpenAI], ids=["OpenAI"], indirect=True)


@pytest.fixture(scope="module", params=[OpenAI, Anthropic], ids=lambda kind: kind.__name__)
def provider(request):
    """A provider, with its official client."""
    return request.param()


@pytest.fixture(scope="module")
def address(provider):
    """Where its API is spoken."""
    with provider.serving() as address:
        yield address


@pytest.fixture(autouse=True)
def instrumented(provider, captured, monkeypatch):
    """Instrument the client, for what is captured; it need not read all authorities each time."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    undo = ao.instrument(provider.name)
    yield
    undo()


@pytest.fixture
def client(provider, address):
    """The client that waits for its answers."""
    with provider.client(address) as client:
        yield client


@ao.record_action("agent", capture_returns=False)
def agent(work, *arguments):
    """The function that is decorated: its children are what this is about."""
    return work(*arguments)


@ao.record_action("agent", capture_returns=False)
async def async_agent(work, *arguments):
    """The same for coroutines."""
    return await work(*arguments)


def calls(captured):
    """Return what was recorded below the function: nothing is anywhere else."""
    parent, *below = captured.events
    assert "agent" == parent["event_type"]
    assert {parent["id"]} == {event["parent_id"] for event in below}
    return below


def check(call, text=ANSWER, asked=QUESTION, tokens=TOKENS):
    """Check that a call that succeeded has all that is known of it."""
    assert ("llm", "Success") == (call["action_type"], call["result"])
    assert {"role": "user", "content": asked} == call["prompt"][-1]
    assert [{"role": "assistant", "content": text}] == call["returns"]
    assert tokens == (call["prompt_tokens"], call["completion_tokens"])
    assert call["timestamp"] < call["end_timestamp"]


# -- One call --------------------------------------------------------------------------------------


def test_each_call_of_a_function_is_its_child(captured, provider, client):
    """The promise: a function that makes several calls has each of them as a child."""

    def work():
        return [provider.text(provider.ask(client)) for _ in range(3)]

    assert [ANSWER] * 3 == agent(work)
    for call in calls(captured):
        check(call)
    assert 3 == len(calls(captured))


def test_a_call_that_is_awaited(captured, provider, address):
    """The client for asyncio leaves the same."""

    async def work():
        async with provider.async_client(address) as client:
            return provider.text(await provider.ask(client))

    assert ANSWER == asyncio.run(async_agent(work))
    (call,) = calls(captured)
    check(call)


def test_the_model_and_its_parameters_are_there(captured, provider, client):
    """What was asked for, besides the messages."""
    agent(lambda: provider.ask(client, model="tuned-1", max_tokens=17))
    (call,) = calls(captured)
    assert ("tuned-1", 17) == (call["model"], call["params"]["max_tokens"])


def test_tools_are_offered_and_called(captured, provider, client):
    """The tools are params, and which of them are called, with what, is the answer."""
    agent(lambda: provider.ask(client, WEATHER, tools=provider.tools))
    (call,) = calls(captured)
    [answer] = call["returns"]
    wanted = [one["function"] for one in answer["tool_calls"]]
    assert list(provider.tools) == call["params"]["tools"]
    assert [("forecast", "Oslo"), ("forecast", "Rome")] == [
        (one["name"], json.loads(one["arguments"])["city"]) for one in wanted
    ]


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        (40_000, f'"data:image/png;base64,{"QUJD" * 10_000}"'),
        (800_000, f'"data:image/png;base64,{"QUJD" * 200_000}"'),
        (2_000_000, '"<image/png: 2000022 characters>"'),
    ],
)
def test_a_picture_is_whole_or_a_note(captured, provider, client, size, seen):
    """Never cut; what else was asked is there in any case."""
    data = "QUJD" * (size // 4)
    agent(provider.ask, client, [provider.picture(data), {"type": "text", "text": QUESTION}])
    (call,) = calls(captured)
    asked = json.dumps(call["prompt"])
    assert seen in asked
    assert QUESTION in asked
    assert len(asked) < len(seen) + 500


# -- Streams ---------------------------------------------------------------------------------------


def test_a_stream_is_one_call(captured, provider, client):
    """From the request to the last piece, with the whole answer and its tokens."""
    assert ANSWER == agent(lambda: "".join(map(provider.piece, provider.stream(client))))
    (call,) = calls(captured)
    check(call)


def test_a_stream_of_asyncio_is_one_call(captured, provider, address):
    """The same where the pieces are awaited."""

    async def work():
        async with provider.async_client(address) as client:
            return "".join([provider.piece(one) async for one in await provider.stream(client)])

    assert ANSWER == asyncio.run(async_agent(work))
    (call,) = calls(captured)
    check(call)


def test_a_stream_that_is_read_later_stays_where_it_was_made(captured, provider, client):
    """What reads it is not its parent, and what is recorded between two pieces is not its child."""
    stream = agent(provider.stream, client)
    with ao.action("reader"):
        for _ in stream:
            ao.record(ao.Event("piece"))
    made, call, reader, *pieces = captured.events
    check(call)
    assert made["id"] == call["parent_id"]
    assert {reader["id"]} == {piece["parent_id"] for piece in pieces}


def close_after_one(stream):
    """Read one piece, and close it."""
    next(iter(stream))
    stream.close()


def break_after_one(stream):
    """Read one piece, and no more."""
    for _ in stream:
        break


def leave_the_block(stream):
    """Read one piece in a block."""
    with stream:
        break_after_one(stream)


def fail_while_reading(stream):
    """Read one piece, which is too much for who reads."""
    with suppress(LookupError):
        for _ in stream:
            raise LookupError


def leave_a_generator(stream):
    """Read one piece by way of a generator."""

    def pieces():
        yield from stream

    break_after_one(pieces())


@pytest.mark.parametrize(
    "left",
    [
        close_after_one,
        break_after_one,
        leave_the_block,
        fail_while_reading,
        leave_a_generator,
        lambda stream: None,
    ],
)
def test_a_stream_that_is_left_is_one_call_that_was_abandoned(captured, provider, client, left):
    """It has ended as soon as nobody holds it, and neither failed nor went well."""
    agent(lambda: left(provider.stream(client)))
    gc.collect()
    (call,) = calls(captured)
    assert ("Indeterminate", "abandoned") == (call["result"], call["reason"])
    assert QUESTION == call["prompt"][-1]["content"]


@pytest.mark.parametrize("closed", [True, False])
def test_a_stream_of_asyncio_that_is_left(captured, provider, address, closed):
    """Closed, or left by its block."""

    async def work():
        async with provider.async_client(address) as client:
            stream = await provider.stream(client)
            if closed:
                async for _ in stream:
                    break
                await stream.close()
                return
            async with stream:
                async for _ in stream:
                    break

    asyncio.run(async_agent(work))
    (call,) = calls(captured)
    assert ("Indeterminate", "abandoned") == (call["result"], call["reason"])


def test_an_exception_that_leaves_the_block_of_a_stream_fails_it(captured, provider, client):
    """The packages tell it as one of the client's."""
    with suppress(LookupError), provider.stream(client) as stream:
        next(iter(stream))
        raise LookupError("mine")
    (call,) = (event for event in captured.events if event["action_type"] == "llm")
    assert ("Fail", "mine") == (call["result"], call["error"]["message"])


@pytest.mark.parametrize("provider", [Anthropic], ids=["Anthropic"], indirect=True)
@pytest.mark.parametrize("much", ["nothing", "an event", "a text", "all"])
def test_a_stream_of_messages_may_be_left_too(captured, client, much):
    """`messages.stream`, which is read by its block."""
    asked = {"model": "claude", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
    with client.messages.stream(**asked) as stream:
        if much != "nothing":
            for _ in stream.text_stream if much == "a text" else stream:
                if much != "all":
                    break
    (call,) = (event for event in captured.events if event["action_type"] == "llm")
    outcome = ("Success", None) if much == "all" else ("Indeterminate", "abandoned")
    assert outcome == (call["result"], call.get("reason"))


def test_a_generator_that_streams_has_the_call_as_its_child(captured, provider, client):
    """A function that yields what comes is decorated like any other."""

    @ao.record_action("agent", capture_returns=False)
    def tell():
        for piece in provider.stream(client):
            yield provider.piece(piece)

    assert ANSWER == "".join(tell())
    (call,) = calls(captured)
    check(call)


# -- Failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, "AuthenticationError"), (429, "RateLimitError"), (500, "InternalServerError")],
)
def test_a_call_that_fails_is_one_call(captured, provider, client, status, error):
    """However often the client tried; it says what the client raised, and the function too."""
    kind = getattr(provider.package, error)
    with pytest.raises(kind, match="so this fails"):
        agent(lambda: provider.ask(client, model=f"fail-{status}"))
    (call,) = calls(captured)
    assert ("Fail", f"{provider.name}.{error}") == (
        call["result"],
        call["error"]["type"],
    )
    assert f"Error code: {status}" in call["error"]["message"]
    assert "Traceback" in call["error"]["traceback"]
    assert ("Fail", f"fail-{status}") == (captured.one("agent")["result"], call["model"])


def test_a_call_that_gets_through_at_last_is_one_call(captured, provider, client):
    """The client was told to wait, twice, and then had its answer."""
    agent(lambda: provider.ask(client, model="fail-429-2"))
    (call,) = calls(captured)
    check(call)


def test_a_server_that_is_not_there(captured, provider):
    """A connection that is refused is a failure of the call."""
    with socket.socket() as deaf:  # bound, and never listened to
        deaf.bind(("127.0.0.1", 0))
        address = "http://{}:{}".format(*deaf.getsockname())
        with (
            provider.client(address, max_retries=0) as client,
            pytest.raises(provider.package.APIConnectionError),
        ):
            agent(lambda: provider.ask(client))
    (call,) = calls(captured)
    name = f"{provider.name}.APIConnectionError"
    assert ("Fail", name) == (call["result"], call["error"]["type"])


def test_a_call_that_is_cancelled(captured, provider, address):
    """A task that is cancelled while it waits: neither a success nor a failure."""

    async def work():
        async with provider.async_client(address) as client:
            asked = asyncio.create_task(provider.ask(client))
            await asyncio.sleep(0)  # it runs until it waits for its connection
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked

    asyncio.run(async_agent(work))
    (call,) = calls(captured)
    assert ("Indeterminate", "cancelled") == (call["result"], call["reason"])


@only_openai
def test_a_program_that_is_killed_shows_what_it_was_asking(provider, tmp_path):
    """What was sent to a server that never answers is on disk before it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = "http://{}:{}".format(*deaf.getsockname())
        process = started(tmp_path, PROGRAM, type(provider).__name__, address)
        connection, _ = deaf.accept()
        connection.recv(1)
        process.kill()
        killed = ended(process, tmp_path)
        connection.close()
    assert -signal.SIGKILL == killed.status
    (call,) = calls(killed.captured)
    assert ("llm", QUESTION) == (call["action_type"], call["prompt"][-1]["content"])
    assert "end_timestamp" not in call


PROGRAM = """
    import sys
    import agentlog as ao
    from tests.bridges import providers

    ao.init()
    provider = getattr(providers, sys.argv[1])()
    ao.instrument(provider.name)
    with ao.action("agent"):
        provider.ask(provider.client(sys.argv[2]))
"""

# -- Side by side ----------------------------------------------------------------------------------


def test_calls_in_threads_have_their_own_parents(captured, provider, client):
    """Each thread has a function of its own, and all share one client."""
    names = [f"bird{number}" for number in range(12)]

    def work(name):
        with ao.action(name):
            return provider.text(provider.ask(client, f"The {name} sings. Who sings?"))

    def crowd():
        with ao.ThreadPoolExecutor(6) as pool:
            return list(pool.map(work, names))

    assert [f"The {name} sings." for name in names] == agent(crowd)
    check_each_has_its_own(captured, names)


def test_calls_in_tasks_have_their_own_parents(captured, provider, address):
    """The same in tasks, whose calls wait at the same time."""
    names = [f"bird{number}" for number in range(12)]

    async def work(client, name):
        async with ao.action(name):
            return await provider.ask(client, f"The {name} sings. Who sings?")

    async def crowd():
        async with provider.async_client(address) as client:
            await asyncio.gather(*(work(client, name) for name in names))

    asyncio.run(async_agent(crowd))
    check_each_has_its_own(captured, names)


def check_each_has_its_own(captured, names):
    """Check that below each of these is the one call that was made there."""
    parents = {captured.one(name)["id"]: name for name in names}
    found = [event for event in captured.events if event["action_type"] == "llm"]
    assert sorted(names) == sorted(parents[call["parent_id"]] for call in found)
    for call in found:
        name = parents[call["parent_id"]]
        check(call, f"The {name} sings.", f"The {name} sings. Who sings?", (5, 3))


# -- What else OpenAI's client has -----------------------------------------------------------------


@only_openai
def test_embeddings_are_calls_too(captured, client):
    """With the texts and the tokens; of the vectors, how many there are and how long."""
    agent(lambda: client.embeddings.create(model="small", input=["owls hunt", "mice"]))
    (call,) = calls(captured)
    assert ("llm", "small", 3) == (call["action_type"], call["model"], call["prompt_tokens"])
    assert ["owls hunt", "mice"] == call["prompt"]
    assert {"vectors": 2, "dimensions": 64} == call["returns"]


@only_openai
@pytest.mark.parametrize("streamed", [False, True])
def test_responses_are_calls_too(captured, client, streamed):
    """The younger way to an answer leaves the same."""

    def work():
        answer = client.responses.create(model="gpt-4o", input=QUESTION, stream=streamed)
        return list(answer) if streamed else answer

    agent(work)
    (call,) = calls(captured)
    assert QUESTION == call["prompt"]
    assert ("llm", "gpt-4o", TOKENS) == (
        call["action_type"],
        call["model"],
        (call["prompt_tokens"], call["completion_tokens"]),
    )
    assert ANSWER in json.dumps(call["returns"])


@only_openai
def test_a_stream_by_the_helper_is_one_call(captured, client):
    """`stream()`, which gathers the answer for its user."""

    def work():
        asked = [{"role": "user", "content": QUESTION}]
        with client.chat.completions.stream(
            model="gpt-4o", messages=asked, stream_options={"include_usage": True}
        ) as stream:
            return stream.get_final_completion().choices[0].message.content

    assert ANSWER == agent(work)
    (call,) = calls(captured)
    check(call)


@only_openai
def test_a_raw_response_is_one_call(captured, client):
    """For its headers, and parsed afterwards."""
    asked = [{"role": "user", "content": QUESTION}]
    create = client.chat.completions.with_raw_response.create
    raw = agent(lambda: create(model="gpt-4o", messages=asked))
    assert ANSWER == raw.parse().choices[0].message.content
    (call,) = calls(captured)
    check(call)


@only_openai
def test_a_request_that_asks_no_model_is_none(captured, client):
    """A list of models is an event of its own kind, at its start and at its end."""
    agent(lambda: list(client.models.list()))
    (call,) = calls(captured)
    assert ("api", "Success") == (call["action_type"], call["result"])
    assert ["extractive"] == [model["id"] for model in call["returns"]["data"]]
    assert {"model", "prompt"}.isdisjoint(call)
