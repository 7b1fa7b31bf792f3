"""A research agent: it answers a question from a folder of Markdown pages, offline.

`agentlog demo` runs it on the pages beside this file, `examples/research_agent.py` on agentlog's
own documentation. Read it from top to bottom as an example: everything that is recorded about the
agent, and how, stands in this one file.

It asks a model by the official `openai` client, if that is installed with the extra of the same
name; who answers is a server on loopback. The rule it keeps: nothing is pretended. Nothing sleeps,
the model quotes what it was given, and what fails is what fails for an agent: the pages bring no
`llms.txt`, the usual index for agents, so it takes every page instead; and to one part of the
question they have no answer, so that branch ends, and the report goes without it.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

import agentlog as ao
from agentlog.demo import fake_openai, model
from agentlog.demo.bm25 import Index, Passage

CORPUS = Path(__file__).with_name("corpus")
QUESTION = (
    "What is left of a run when the process is killed? "
    "Which Kafka topic does it publish to? "
    "How are secrets kept out of the journal?"
)
ENOUGH = 0.5  # of a question, to be answered from a passage
SEARCH = {
    "name": "search",
    "description": "Look for passages of the pages that answer a question.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}
REQUEST: dict[str, Any] = {"model": model.NAME, "tools": [{"type": "function", "function": SEARCH}]}

Message = dict[str, Any]
Ask = Callable[[list[Message]], Message]

log = structlog.get_logger("research_agent")


class NoEvidenceError(LookupError):
    """The pages say too little about what was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run leaves: its report, and the session that tells how it came about."""

    report: Path
    session_id: str


def run(corpus: Path = CORPUS, question: str = QUESTION) -> Answer:
    """Answer `question` from the pages below `corpus`, all of it in one session."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            ao.EventProcessor(correlate=False),  # a line with an event_type becomes an event too
            structlog.dev.ConsoleRenderer(colors=False),
        ],
    )
    client = ao.init(tags=["demo"])
    with connected() as ask, client.session() as session:
        with ao.action("plan", params={"question": question}) as action:
            parts = action.returns = re.findall(r"\S[^?]*\?", question) or [question]
        index = read_corpus(corpus)
        answers = asyncio.run(answer_all(ask, index, parts))
        report = write_report(client.settings.home / "demo-report.md", question, answers)
        return Answer(report, session.session_id)


def read_corpus(corpus: Path) -> Index:
    """Read the pages in threads; the pool of agentlog keeps their work below this action."""
    with ao.action("read_corpus", params={"corpus": corpus}) as action:
        try:
            pages = read_index(corpus)
        except FileNotFoundError:
            pages = sorted(corpus.rglob("*.md"))
            log.warning("no index, taking every page", event_type="no_index", pages=len(pages))
        with ao.ThreadPoolExecutor(max_workers=4) as pool:
            passages = [passage for found in pool.map(read_page, pages) for passage in found]
        action.returns = {"pages": len(pages), "passages": len(passages)}
        return Index(passages)


@ao.record_action("read_index", action_type="tool")
def read_index(corpus: Path) -> list[Path]:
    """Return the pages that the index for agents names, see https://llmstxt.org."""
    index = (corpus / "llms.txt").read_text("utf-8")
    return [corpus / page for page in re.findall(r"\]\(([^):]+\.md)\)", index)]


@ao.record_action("read_page", action_type="tool", capture_returns=False)
def read_page(path: Path) -> list[Passage]:
    return [Passage(path.stem, text) for text in split_passages(path.read_text("utf-8"))]


@ao.record_action("split_passages", ignore=["markdown"], reduce=len)
def split_passages(markdown: str) -> Iterator[str]:
    """Yield the paragraphs of prose: in code, tables and headings there is nothing to quote."""
    prose = re.sub(r"^ *(```|~~~|:::).*?^ *\1", "", markdown, flags=re.DOTALL | re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", prose):
        if re.match(r"[A-Z`].*[.]\s*$", paragraph, flags=re.DOTALL):
            yield " ".join(paragraph.split())


async def answer_all(ask: Ask, index: Index, parts: list[str]) -> dict[str, str]:
    """Answer the parts side by side, each in a task of its own."""
    async with asyncio.TaskGroup() as group:
        tasks = {part: group.create_task(try_to_answer(ask, index, part)) for part in parts}
    return {part: answer for part, task in tasks.items() if (answer := task.result())}


async def try_to_answer(ask: Ask, index: Index, part: str) -> str | None:
    try:
        return await answer_part(ask, index, part)
    except NoEvidenceError as error:
        log.warning("left out of the report", part=part, why=str(error))
        return None


@ao.record_action("answer_part", ignore=["ask", "index"])
async def answer_part(ask: Ask, index: Index, part: str) -> str:
    """Let the model call for searches until it answers from what they found."""
    conversation: list[Message] = [
        {"role": "system", "content": "Search the pages, then answer from what they say."},
        {"role": "user", "content": part},
    ]
    pages: dict[str, None] = {}
    while calls := (message := await asyncio.to_thread(ask, conversation)).get("tool_calls"):
        conversation.append(message)
        for call in calls:
            wanted = json.loads(call["function"]["arguments"])
            passages = await asyncio.to_thread(search, index, **wanted)
            pages |= dict.fromkeys(passage.page for passage in passages)
            found = "\n".join(passage.text for passage in passages)
            conversation.append({"role": "tool", "tool_call_id": call["id"], "content": found})
    return f"{message['content']} ({', '.join(pages)})"


@ao.record_action("search", action_type="tool", ignore=["index"])
def search(index: Index, query: str, most: int = 3) -> list[Passage]:
    passages = index.ranked(query)[:most]
    covered = max((index.coverage(query, passage.text) for passage in passages), default=0.0)
    log.info("searched", query=query, passages=len(passages), covered=round(covered, 2))
    if covered < ENOUGH:
        raise NoEvidenceError(f"the pages cover {covered:.0%} of the question")
    log.info("evidence found", event_type="evidence", pages=[found.page for found in passages])
    return passages


@ao.record_action("write_report", action_type="tool")
def write_report(path: Path, question: str, answers: dict[str, str]) -> Path:
    report = "\n\n".join(f"{part}\n{answer}" for part, answer in answers.items())
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    path.write_text(f"{question}\n\n{report}\n", "utf-8")
    log.info("report written", event_type="report", path=str(path), answers=len(answers))
    return path


# -- How it asks the model -------------------------------------------------------------------------


@contextmanager
def connected() -> Iterator[Ask]:
    """Give what asks the model: the official client if it is installed, else the model itself."""
    try:
        from openai import DefaultHttpxClient, OpenAI

        # From here on, each call of the client is a child of the function that makes it.
        undo = ao.instrument("openai")
    except (ImportError, ao.ConfigurationError):
        undo = None
    if undo is None:
        yield ask_here
        return
    no_proxy = DefaultHttpxClient(trust_env=False)  # there is none on the way to this machine
    with (
        fake_openai.serving() as address,
        OpenAI(base_url=f"{address}/v1", api_key="none", http_client=no_proxy) as client,
    ):
        try:
            yield partial(ask_by_client, client.chat.completions)
        finally:
            undo()


def ask_by_client(completions: Any, conversation: list[Message]) -> Message:
    completion = completions.create(messages=conversation, **REQUEST)
    message: Message = completion.choices[0].message.to_dict(exclude_none=True)
    return message


def ask_here(conversation: list[Message]) -> Message:
    """Do in this process what the server does, and record by hand what the client's calls leave."""
    with ao.action("ChatCompletion", model=model.NAME, prompt=conversation) as action:
        asked = {**REQUEST, "messages": conversation}
        completion = fake_openai.completion(*fake_openai.answered(asked))
        message: Message = completion["choices"][0]["message"]
        action.returns = [message]
        given, taken = (completion["usage"][f"{side}_tokens"] for side in ("prompt", "completion"))
        action.update(prompt_tokens=given, completion_tokens=taken)
    return message
