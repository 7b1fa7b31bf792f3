"""A research agent: it answers a question from a folder of Markdown pages, offline.

`agentlog demo` runs it on the pages beside this file, `examples/research_agent.py` on agentlog's
own documentation. Read it from top to bottom as an example: everything that is recorded about the
agent, and how, stands in this one file.

The rule it keeps: nothing is pretended. Nothing sleeps, and what fails is what fails for an agent:
the pages bring no `llms.txt`, the usual index for agents, so it takes every page instead; and to
one part of the question they have no answer, so that branch ends, and the report goes without it.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

import agentlog as ao
from agentlog.demo.bm25 import Index, Passage

CORPUS = Path(__file__).with_name("corpus")
QUESTION = (
    "What is left of a run when the process is killed? "
    "Which Kafka topic does it publish to? "
    "How are secrets kept out of the journal?"
)
ENOUGH = 0.5  # of a question, to be answered from a passage

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
    with client.session() as session:
        with ao.action("plan", params={"question": question}) as action:
            parts = action.returns = re.findall(r"\S[^?]*\?", question) or [question]
        index = read_corpus(corpus)
        answers = asyncio.run(answer_all(index, parts))
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


async def answer_all(index: Index, parts: list[str]) -> dict[str, str]:
    """Answer the parts side by side, each in a task of its own."""
    async with asyncio.TaskGroup() as group:
        tasks = {part: group.create_task(try_to_answer(index, part)) for part in parts}
    return {part: answer for part, task in tasks.items() if (answer := task.result())}


async def try_to_answer(index: Index, part: str) -> str | None:
    try:
        return await answer_part(index, part)
    except NoEvidenceError as error:
        log.warning("left out of the report", part=part, why=str(error))
        return None


@ao.record_action("answer_part", ignore=["index"])
async def answer_part(index: Index, part: str) -> str:
    passages = await asyncio.to_thread(search, index, part)
    return summarise(index, part, passages)


@ao.record_action("search", action_type="tool", ignore=["index"])
def search(index: Index, part: str, most: int = 3) -> list[Passage]:
    passages = index.ranked(part)[:most]
    covered = max((index.coverage(part, passage.text) for passage in passages), default=0.0)
    log.info("searched", part=part, passages=len(passages), covered=round(covered, 2))
    if covered < ENOUGH:
        raise NoEvidenceError(f"the pages cover {covered:.0%} of the question")
    log.info("evidence found", event_type="evidence", pages=[found.page for found in passages])
    return passages


def summarise(index: Index, part: str, passages: list[Passage]) -> str:
    """Do what an agent asks its model for; this one picks sentences, and its tokens are words."""
    prompt = " ".join([part, *(passage.text for passage in passages)])
    with ao.action("summarise", model="extractive-summary", prompt=prompt) as action:
        sentences = re.findall(r"\S.*?[.?!](?=\s|$)", passages[0].text)
        best = sorted(sentences, key=lambda text: index.coverage(part, text), reverse=True)[:2]
        summary = action.returns = " ".join(text for text in sentences if text in best)
        action.update(prompt_tokens=len(prompt.split()), completion_tokens=len(summary.split()))
    return f"{summary} ({passages[0].page})"


@ao.record_action("write_report", action_type="tool")
def write_report(path: Path, question: str, answers: dict[str, str]) -> Path:
    report = "\n\n".join(f"{part}\n{answer}" for part, answer in answers.items())
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    path.write_text(f"{question}\n\n{report}\n", "utf-8")
    log.info("report written", event_type="report", path=str(path), answers=len(answers))
    return path
