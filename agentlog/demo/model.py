"""The model of the demo: it answers with sentences of what it was given, and calls tools.

It stands where a language model would: behind the fake servers, and in the agent itself where the
real client is not installed. The rule it keeps: an answer is made of the conversation, and the
same conversation gets the same answer. Its tokens are words.
"""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import Any

from agentlog.demo.bm25 import Index, Passage, terms

NAME = "extractive"
NOTHING = "There is nothing here to quote from."
_MOST = 2  # sentences
_DIMENSIONS = 64


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said in a conversation: by "system", "user" or "assistant", or the "tool" used."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; the properties of its parameters are JSON schemas."""

    name: str
    description: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to be called, and with what."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: a text, or the tools to call before it can."""

    text: str
    calls: Sequence[Call] = ()


def reply(turns: Sequence[Turn], tools: Sequence[Tool] = ()) -> Reply:
    """Answer a conversation, from what its tools found if any was called, else from all of it."""
    asked = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=0)
    question = turns[asked].text if turns else ""
    found = [turn.text for turn in turns[asked:] if turn.role == "tool"]
    if tools and not found and (calls := _calls(question, tools)):
        return Reply("", calls)
    return Reply(_quote(question, found or [turn.text for turn in turns]))


def _quote(question: str, sources: Iterable[str]) -> str:
    """Return the sentences that say most about the question, in their own order."""
    given = dict.fromkeys(one for source in sources for one in _sentences(source))
    sentences = [one for one in given if not one.endswith("?")]
    index = Index([Passage("", sentence) for sentence in sentences])
    asked = " ".join(one for one in _sentences(question) if one.endswith("?")) or question
    about = [one for one in sentences if index.coverage(asked, one)] or sentences
    best = sorted(about, key=lambda one: index.coverage(asked, one), reverse=True)[:_MOST]
    return " ".join(one for one in sentences if one in best) or NOTHING


def _sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.?!])\s+|\n+", text.strip()) if one]


def _calls(question: str, tools: Sequence[Tool]) -> list[Call]:
    """Return the calls of the tool that shares most words with the question."""
    wanted = set(terms(question))
    tool = max(tools, key=lambda tool: len(wanted & set(terms(f"{tool.name} {tool.description}"))))
    calls: list[dict[str, Any]] = [{}]
    for name, schema in tool.properties.items():
        calls = [call | {name: value} for call in calls for value in _values(schema, question)]
    return [Call(tool.name, arguments) for arguments in calls]


def _values(schema: Mapping[str, Any], question: str) -> list[Any]:
    """Return what the question has for a parameter: each of the choices that it names, or one."""
    if choices := schema.get("enum"):
        return [choice for choice in choices if str(choice).lower() in question.lower()]
    if schema.get("type") in {"integer", "number"}:
        return [int(number) for number in re.findall(r"\d+", question)[:1]]
    return [question]


def tokens(text: str) -> int:
    """Return how long a text is: in words."""
    return len(text.split())


def spent(turns: Iterable[Turn], said: Reply) -> tuple[int, int]:
    """Return the tokens in and out."""
    calls = [f"{call.name} {value}" for call in said.calls for value in call.arguments.values()]
    return sum(tokens(turn.text) for turn in turns), sum(map(tokens, [said.text, *calls]))


def embedding(text: str) -> list[float]:
    """Return a vector for a text: texts that share words are near to each other."""
    vector = [0.0] * _DIMENSIONS
    for term in terms(text):
        vector[zlib.crc32(term.encode()) % _DIMENSIONS] += 1.0
    length = hypot(*vector) or 1.0
    return [value / length for value in vector]
