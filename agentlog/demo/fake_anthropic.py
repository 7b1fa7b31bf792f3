"""Speaks Anthropic's API on loopback, so that a program that uses it can be tried without a key.

It has messages, in JSON and in streams, with tools and failures. The form is that of
https://docs.anthropic.com/en/api/messages; the words are those of `agentlog.demo.model`. Blocks of
the system prompt that are to be cached count as read from the cache.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from secrets import token_hex

from agentlog.demo import loopback, model
from agentlog.demo.fake_openai import text, words
from agentlog.demo.loopback import Answer, Facts
from agentlog.demo.model import Reply, Tool, Turn


def messages(body: Facts) -> Answer:
    """Answer a conversation."""
    turns = [turn for message in body["messages"] for turn in said(message)]
    tools = [
        Tool(one["name"], one.get("description", ""), one["input_schema"].get("properties", {}))
        for one in body.get("tools", ())
    ]
    turns.insert(0, Turn("system", text(body.get("system"))))
    reply = model.reply(turns, tools)
    given, taken = model.spent(turns, reply)
    cached = sum(
        model.tokens(block["text"])
        for block in body.get("system") or ()
        if isinstance(block, dict) and "cache_control" in block
    )
    message = {
        "id": f"msg_{token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content(reply),
        "stop_reason": "tool_use" if reply.calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": given - cached,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": 0,
            "output_tokens": taken,
        },
    }
    return events(message) if body.get("stream") else message


def said(message: Facts) -> Iterator[Turn]:
    """Yield what a message says: tools answer in messages of the user."""
    parts = message["content"]
    if isinstance(parts, str):
        parts = [{"type": "text", "text": parts}]
    for part in parts:
        if part["type"] == "tool_result":
            yield Turn("tool", text(part["content"]))
        else:
            yield Turn(message["role"], part.get("text", ""))


def content(reply: Reply) -> list[Facts]:
    """Return the blocks of an answer."""
    if not reply.calls:
        return [{"type": "text", "text": reply.text}]
    return [
        {
            "type": "tool_use",
            "id": f"toolu_{token_hex(12)}",
            "name": call.name,
            "input": call.arguments,
        }
        for call in reply.calls
    ]


def events(message: Facts) -> Iterator[Facts]:
    """Yield an answer as it comes about."""
    blocks, usage = message["content"], message["usage"]
    begun = {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield {"type": "message_start", "message": message | begun}
    for at, block in enumerate(blocks):
        empty: Facts = {"input": {}} if block["type"] == "tool_use" else {"text": ""}
        yield {"type": "content_block_start", "index": at, "content_block": block | empty}
        for delta in deltas(block):
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


def deltas(block: Facts) -> Iterator[Facts]:
    """Yield a block in pieces."""
    if block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        return
    for word in words(block["text"]):
        yield {"type": "text_delta", "text": word}


def serving(port: int = 0) -> AbstractContextManager[str]:
    """Serve for as long as a `with` block runs; it gets the address."""
    return loopback.serving({"POST /v1/messages": messages}, port)


def told(address: str) -> dict[str, str]:
    """Return variables that tell a program, by its official client, to use the server."""
    return {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": "none"}


def main() -> int:
    """Serve until interrupted, or for as long as a program runs."""
    return loopback.main("Anthropic", serving, told)


if __name__ == "__main__":
    raise SystemExit(main())
