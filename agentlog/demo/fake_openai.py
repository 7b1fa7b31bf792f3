"""Speaks OpenAI's API on loopback, so that a program that uses it can be tried without a key.

It has chat completions, responses, embeddings and the list of models, in JSON and in streams. The
rule it keeps: what the official client sends is understood, and what it gets has the form of
https://platform.openai.com/docs/api-reference; the words are those of `agentlog.demo.model`.
"""

import base64
import json
import re
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from secrets import token_hex
from typing import Any

from agentlog.demo import loopback, model
from agentlog.demo.loopback import Answer, Facts, Routes
from agentlog.demo.model import Reply, Tool, Turn

# -- Chat completions ------------------------------------------------------------------------------


def chat(body: Facts) -> Answer:
    """Answer a conversation."""
    head, reply, taken = answered(body)
    if not body.get("stream"):
        return completion(head, reply, taken)
    with_usage = (body.get("stream_options") or {}).get("include_usage")
    return chunks(head, reply, taken if with_usage else None)


def answered(body: Facts) -> tuple[Facts, Reply, Facts]:
    """Return what each piece of an answer begins with, the answer, and the tokens that it took."""
    turns = [Turn(message["role"], text(message.get("content"))) for message in body["messages"]]
    tools = [tool(one["function"]) for one in body.get("tools") or ()]
    reply = model.reply(turns, [] if body.get("tool_choice") == "none" else tools)
    head = {"id": f"chatcmpl-{token_hex(12)}", "created": int(time.time()), "model": body["model"]}
    given, taken = model.spent(turns, reply)
    usage = {"prompt_tokens": given, "completion_tokens": taken, "total_tokens": given + taken}
    return head, reply, usage


def completion(head: Facts, reply: Reply, taken: Facts) -> Facts:
    message: Facts = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = tool_calls(reply)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(reply)}
    return head | {"object": "chat.completion", "choices": [choice], "usage": taken}


def chunks(head: Facts, reply: Reply, taken: Facts | None) -> Iterator[Facts | str]:
    """Yield an answer word by word, then how it ended, then what it took if that was wanted."""
    head = head | {"object": "chat.completion.chunk"}

    def chunk(delta: Facts, ended: str | None = None) -> Facts:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": ended}
        return head | {"choices": [choice]}

    yield chunk({"role": "assistant", "content": None if reply.calls else ""})
    for word in words(reply.text):
        yield chunk({"content": word})
    for at, call in enumerate(tool_calls(reply)):
        function = call.pop("function")
        opened = {"index": at, **call, "function": {"name": function["name"], "arguments": ""}}
        yield chunk({"tool_calls": [opened]})
        yield chunk(
            {"tool_calls": [{"index": at, "function": {"arguments": function["arguments"]}}]}
        )
    yield chunk({}, finish(reply))
    if taken:
        yield head | {"choices": [], "usage": taken}
    yield "[DONE]"


def finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def tool_calls(reply: Reply) -> list[Facts]:
    return [
        {
            "id": f"call_{token_hex(12)}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for call in reply.calls
    ]


# -- Responses: the younger of the two ways to an answer -------------------------------------------


def respond(body: Facts) -> Answer:
    """Answer a text, or the items of a conversation."""
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    turns = [Turn("system", text(body.get("instructions"))), *map(turn, items)]
    reply = model.reply(turns, [tool(one) for one in body.get("tools") or () if "name" in one])
    given, taken = model.spent(turns, reply)
    response = {
        "id": f"resp_{token_hex(12)}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": body["model"],
        "output": output(reply),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "usage": {
            "input_tokens": given,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": taken,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": given + taken,
        },
    }
    return events(response, reply) if body.get("stream") else response


def turn(item: Facts) -> Turn:
    if item.get("type") == "function_call_output":
        return Turn("tool", text(item["output"]))
    return Turn(item.get("role", "assistant"), text(item.get("content")))


def output(reply: Reply) -> list[Facts]:
    """Return the items of an answer: a message, or the calls of tools."""
    said = {"type": "output_text", "text": reply.text, "annotations": []}
    message = {"type": "message", "role": "assistant", "content": [said]}
    calls: list[Facts] = [
        {
            "type": "function_call",
            "call_id": f"call_{token_hex(12)}",
            "name": call.name,
            "arguments": json.dumps(call.arguments),
        }
        for call in reply.calls
    ]
    return [
        {"id": f"item_{token_hex(12)}", "status": "completed", **item}
        for item in calls or [message]
    ]


def events(response: Facts, reply: Reply) -> Iterator[Facts]:
    """Yield the answer as it comes about, each event with its number, and at the end all of it."""
    begun = response | {"status": "in_progress", "output": [], "usage": None}
    told: list[Facts] = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(response["output"]):
        about = {"item_id": item["id"], "output_index": at, "content_index": 0, "logprobs": []}
        told.append({"type": "response.output_item.added", "output_index": at, "item": item})
        told.extend(
            {"type": "response.output_text.delta", "delta": word, **about}
            for word in words(reply.text)
        )
        told.append({"type": "response.output_item.done", "output_index": at, "item": item})
    told.append({"type": "response.completed", "response": response})
    for number, event in enumerate(told):
        yield event | {"sequence_number": number}


# -- Embeddings and models -------------------------------------------------------------------------


def embed(body: Facts) -> Answer:
    """Return a vector for each text."""
    texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
    vectors = [encoded(model.embedding(one), body.get("encoding_format")) for one in texts]
    taken = sum(map(model.tokens, texts))
    return {
        "object": "list",
        "model": body["model"],
        "data": [
            {"object": "embedding", "index": at, "embedding": vector}
            for at, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": taken, "total_tokens": taken},
    }


def encoded(vector: Sequence[float], form: str | None) -> Sequence[float] | str:
    """Return a vector as it was asked for: the official client prefers its bytes."""
    if form != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def models(_body: Facts) -> Answer:
    """List the one who answers, whatever model is asked for."""
    listed = {"id": model.NAME, "object": "model", "created": 0, "owned_by": "agentlog"}
    return {"object": "list", "data": [listed]}


# -- What they share -------------------------------------------------------------------------------


def text(content: Any) -> str:
    """Return the text of a message: it is one, or has parts that have one."""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or ())


def tool(function: Facts) -> Tool:
    properties = (function.get("parameters") or {}).get("properties") or {}
    return Tool(function["name"], function.get("description") or "", properties)


def words(answer: str) -> list[str]:
    """Return the pieces in which a text is streamed.

    >>> words("It rains.")
    ['It ', 'rains.']
    """
    return re.findall(r"\S+\s*", answer)


ROUTES: Routes = {
    "GET /v1/models": models,
    "POST /v1/chat/completions": chat,
    "POST /v1/embeddings": embed,
    "POST /v1/responses": respond,
}


def serving(port: int = 0) -> AbstractContextManager[str]:
    """Serve for as long as a `with` block runs; it gets the address, to which clients add /v1."""
    return loopback.serving(ROUTES, port)


def told(address: str) -> dict[str, str]:
    """Return variables that tell a program, by its official client, to use the server."""
    return {"OPENAI_BASE_URL": f"{address}/v1", "OPENAI_API_KEY": "none"}


def main() -> int:
    """Serve until interrupted, or for as long as a program runs."""
    return loopback.main("OpenAI", serving, told)


if __name__ == "__main__":
    raise SystemExit(main())
