"""The fake server, used by the official client: what it sends is understood there."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentlog.demo import fake_openai, loopback
from tests.warm import PLAIN, ROOT

EXAMPLE = ROOT / "examples" / "fake_openai.py"
CITIES = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}}}
FORECAST = {"name": "forecast", "description": "the weather", "parameters": CITIES}
TOOLS = [{"type": "function", "function": FORECAST}]
QUESTION = {"role": "user", "content": "Owls hunt at night. When do owls hunt?"}
WEATHER = {"role": "user", "content": "Will it rain in Oslo or in Rome?"}
ANSWER = "Owls hunt at night."


def said(client, model="gpt-4o", messages=(QUESTION,), **more):
    """What is answered."""
    completion = client.chat.completions.create(model=model, messages=messages, **more)
    return completion.choices[0].message


def test_a_conversation_is_answered(client):
    """With the model that was asked for, an end and the tokens."""
    completion = client.chat.completions.create(model="gpt-4o", messages=[QUESTION])
    [choice] = completion.choices
    assert ("gpt-4o", ANSWER, "stop") == (
        completion.model,
        choice.message.content,
        choice.finish_reason,
    )
    assert (8, 4, 12) == (
        completion.usage.prompt_tokens,
        completion.usage.completion_tokens,
        completion.usage.total_tokens,
    )


def test_a_message_may_have_parts(client):
    """Text counts, a picture does not."""
    parts = [
        {"type": "text", "text": QUESTION["content"]},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}},
    ]
    assert ANSWER == said(client, messages=[{"role": "user", "content": parts}]).content


def test_an_answer_is_streamed(client):
    """Word by word; what it took comes last, if it is wanted."""
    plain = list(client.chat.completions.create(model="gpt-4o", messages=[QUESTION], stream=True))
    assert ANSWER == "".join(chunk.choices[0].delta.content or "" for chunk in plain)
    assert ["stop"] == [one for chunk in plain if (one := chunk.choices[0].finish_reason)]
    *_, last = client.chat.completions.create(
        model="gpt-4o", messages=[QUESTION], stream=True, stream_options={"include_usage": True}
    )
    assert ([], 12) == (last.choices, last.usage.total_tokens)


def test_tools_are_called_and_heard(client):
    """The loop of an agent: a question, calls side by side, their answers, the answer."""
    message = said(client, messages=[WEATHER], tools=TOOLS)
    cities = [json.loads(call.function.arguments)["city"] for call in message.tool_calls]
    assert (None, ["Oslo", "Rome"]) == (message.content, cities)
    heard = [
        {"role": "tool", "tool_call_id": call.id, "content": f"It rains in {city}."}
        for call, city in zip(message.tool_calls, cities, strict=True)
    ]
    answer = said(client, messages=[WEATHER, message, *heard], tools=TOOLS)
    assert ("It rains in Oslo. It rains in Rome.", None) == (answer.content, answer.tool_calls)
    assert said(client, messages=[WEATHER], tools=TOOLS, tool_choice="none").tool_calls is None


def test_calls_of_tools_are_streamed(client):
    """The client puts them together from their pieces."""
    with client.chat.completions.stream(model="gpt-4o", messages=[WEATHER], tools=TOOLS) as stream:
        message = stream.get_final_completion().choices[0].message
    assert ['{"city": "Oslo"}', '{"city": "Rome"}'] == [
        call.function.arguments for call in message.tool_calls
    ]


def test_the_younger_way_to_an_answer(client):
    """A response, of a text or of a conversation with tools; streamed too."""
    response = client.responses.create(model="gpt-4o", input=QUESTION["content"])
    assert (ANSWER, 12) == (response.output_text, response.usage.total_tokens)
    with client.responses.stream(model="gpt-4o", input=QUESTION["content"]) as stream:
        kinds = [event.type for event in stream]
        assert ANSWER == stream.get_final_response().output_text
    assert 4 == kinds.count("response.output_text.delta")
    tools = [{"type": "function", "strict": False, **FORECAST}]
    called = client.responses.create(model="gpt-4o", input=[WEATHER], tools=tools).output
    heard = [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": f"Rain: {call.arguments}",
        }
        for call in called
    ]
    response = client.responses.create(
        model="gpt-4o", input=[WEATHER, *called, *heard], tools=tools
    )
    assert 'Rain: {"city": "Oslo"} Rain: {"city": "Rome"}' == response.output_text


def test_texts_become_vectors(client):
    """As numbers, and as the bytes that the official client asks for."""
    [two, other] = client.embeddings.create(model="small", input=["owls hunt", "owls"]).data
    [plain] = client.embeddings.create(model="small", input="owls", encoding_format="float").data
    assert pytest.approx(plain.embedding) == other.embedding
    assert two.embedding != other.embedding


def test_the_models_are_listed(client):
    """There is one."""
    assert ["extractive"] == [model.id for model in client.models.list()]


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("fail-401", "AuthenticationError"),
        ("fail-429", "RateLimitError"),
        ("fail-500", "InternalServerError"),
    ],
)
def test_failures_come_by_choice(client, model, error):
    """A model that is called for a status fails with it."""
    import openai

    with pytest.raises(getattr(openai, error), match="was asked for, so this fails"):
        said(client, model)


def test_a_client_that_tries_again_gets_through(client):
    """`fail-429-2` fails twice, and the client tries three times."""
    assert ANSWER == said(client, "fail-429-2").content


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/chat/completions", b"{", 400),
        ("/v1/chat/completions", b"[]", 400),
        ("/v1/chat/completions", b'{"model": "gpt-4o"}', 400),
        ("/v1/chat/completions", b'{"model": 4, "messages": []}', 400),
        ("/v1/chat/completions", b'{"model": "gpt-4o", "messages": [{"role": {}}, 2]}', 400),
        ("/v1/images", b'{"model": "gpt-4o"}', 404),
        ("/v1/chat", None, 404),
    ],
)
def test_what_it_does_not_know_it_says(address, path, body, status):
    """In the form of an error of OpenAI, whatever comes."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address + path, body)
    assert status == caught.value.code
    assert {"type", "message"} <= json.load(caught.value)["error"].keys()


def test_it_serves_many_at_once(client):
    """Each call gets the answer to its own question."""
    names = [f"bird{number}" for number in range(20)]
    with ThreadPoolExecutor(10) as pool:
        questions = ({"role": "user", "content": f"The {name} sings. Who sings?"} for name in names)
        answers = pool.map(lambda question: said(client, messages=[question]).content, questions)
        assert [f"The {name} sings." for name in names] == list(answers)


def example(*arguments):
    """The command of the example."""
    return [sys.executable, "-W", "error", str(EXAMPLE), *arguments]


def test_a_program_is_run_against_it():
    """It finds the server where the official client looks, and its status is handed on."""
    source = "import os, sys; print(os.environ['OPENAI_BASE_URL']); sys.exit(3)"
    environ = os.environ | {"PYTHONPATH": PLAIN}
    command = example(sys.executable, "-c", source)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (3, "") == (done.returncode, done.stderr)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1\n", done.stdout)


def test_a_proxy_is_not_asked(monkeypatch):
    """The way to this machine does not lead through one, whatever else does."""
    monkeypatch.setenv("NO_PROXY", "intern.example")
    assert "intern.example,127.0.0.1" == loopback.around_proxies()


def test_it_serves_until_it_is_interrupted():
    """What it prints is what a shell has to be told."""
    environ = os.environ | {"PYTHONPATH": PLAIN}
    with subprocess.Popen(example(), env=environ, stdout=subprocess.PIPE, text=True) as process:
        export, *settings = process.stdout.readline().split()
        address = settings[0].removeprefix("OPENAI_BASE_URL=")
        with urllib.request.urlopen(f"{address}/models") as answer:
            assert b"extractive" in answer.read()
        process.send_signal(signal.SIGINT)
    assert ("export", 3, 130) == (export, len(settings), process.returncode)


def test_two_servers_have_ports_of_their_own():
    """Tests that run side by side are not in each other's way."""
    with fake_openai.serving() as one, fake_openai.serving() as other:
        assert one != other
