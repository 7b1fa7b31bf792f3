"""The demo, run as its user runs it: in a process of its own, on a home that nobody has used."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentlog.demo.bm25 import Index, Passage, terms
from agentlog.replay.tree import Node, forest, root_cause, walk
from tests import warm
from tests.warm import PLAIN, ROOT

CORPUS = ROOT / "agentlog" / "demo" / "corpus"


@dataclass(frozen=True, slots=True)
class Run:
    """What a program printed, and the tree that it left behind."""

    output: str
    nodes: list[tuple[int, Node]]

    def named(self, name):
        return [node for _, node in self.nodes if node.name == name]


def run(directory, *arguments):
    """Run a Python program with a home below `directory`."""
    clean = {name: os.environ[name] for name in os.environ if not name.startswith("AGENTLOG_")}
    env = clean | {"AGENTLOG_HOME": str(directory / "home"), "PYTHONPATH": PLAIN}

    def python(*arguments):
        command = [sys.executable, "-W", "error", *arguments]
        done = warm.run(command, env=env, cwd=directory, text=True)
        assert 0 == done.returncode, done.stderr
        return done

    done = python(*arguments)
    assert "" == done.stderr
    replay = json.loads(python("-m", "agentlog", "replay", "last", "--json").stdout)
    events = [replay["session"], *replay["events"]]
    return Run(done.stdout, list(walk(forest(events))))


def ask(directory, pages, question):
    """Write `pages` into a corpus and let the agent answer `question` from it."""
    corpus = directory / "corpus"
    corpus.mkdir()
    for name, text in pages.items():
        (corpus / name).write_text(text, "utf-8")
    program = (
        "import pathlib, sys; from agentlog.demo import agent;"
        "answer = agent.run(pathlib.Path(sys.argv[1]), sys.argv[2]);"
        "print(answer.report.read_text('utf-8'))"
    )
    return run(directory, "-c", program, str(corpus), question)


DEMOS = {
    "agentlog demo": ["-m", "agentlog", "demo"],
    "make demo": [str(ROOT / "examples" / "research_agent.py")],
    "without the extra": [
        "-c",
        "import sys; sys.modules['openai'] = None; from agentlog.cli import main; main(['demo'])",
    ],
}


@pytest.fixture(scope="module", params=DEMOS.values(), ids=DEMOS)
def demo(request, tmp_path_factory):
    """The ways to the demo: the command, the example, and where there is no client of OpenAI."""
    return run(tmp_path_factory.mktemp("a demo"), *request.param)


def test_the_replay_has_something_to_show(demo):
    """The demo leaves at least 20 events on at least 4 levels, all of them with a duration."""
    assert len(demo.nodes) >= 20
    assert max(depth for depth, _ in demo.nodes) >= 3
    assert [] == [node.name for _, node in demo.nodes if node.duration is None]


def test_the_session_succeeds_although_a_branch_fails(demo):
    """What the agent coped with, did not make its session a failure."""
    _, session = demo.nodes[0]

    assert "Success" == session.event["result"]
    assert ("demo",) == session.tags
    assert {"read_index", "search", "answer_part"} == {n.name for _, n in demo.nodes if n.failed}


def test_the_root_cause_is_the_search_that_found_nothing(demo):
    """The branch that ended shows where it ended, with the log that led there."""
    cause = root_cause([demo.nodes[0][1]])

    assert "search" == cause.name
    assert "Which Kafka topic does it publish to?" == cause.event["params"]["query"]
    assert re.search("the pages cover [0-9]+% of the question$", cause.error)
    assert "agentlog.demo.agent.NoEvidenceError" == cause.event["error"]["type"]
    assert ["searched"] == [line["event"] for line in cause.event["log"]]


def test_the_missing_index_is_recovered_from(demo):
    """The step that failed has a parent that succeeded, because another way was taken."""
    [corpus] = demo.named("read_corpus")
    [index] = demo.named("read_index")

    assert index in corpus.children
    assert "FileNotFoundError" == index.event["error"]["type"]
    assert not corpus.failed
    assert len(demo.named("read_page")) == corpus.event["returns"]["pages"]


def test_threads_tasks_and_generators_keep_their_place(demo):
    """Every page hangs under its reader, every part under the run, every passage is counted."""
    [corpus] = demo.named("read_corpus")
    pages = demo.named("read_page")
    _, session = demo.nodes[0]

    assert all(page in corpus.children for page in pages)
    assert [["split_passages"]] * len(pages) == [[n.name for n in p.children] for p in pages]
    assert corpus.event["returns"]["passages"] == sum(
        node.event["returns"] for node in demo.named("split_passages")
    )
    assert demo.named("answer_part") == [n for n in session.children if n.name == "answer_part"]


def test_each_call_of_the_model_is_a_child_of_the_function_that_made_it(demo):
    """As many as the function makes, in its own task, beside what else it does."""
    answered, failed = ["ChatCompletion", "search", "ChatCompletion"], ["ChatCompletion", "search"]

    parts = demo.named("answer_part")

    assert [failed if part.failed else answered for part in parts] == [
        [child.name for child in part.children] for part in parts
    ]
    assert 1 == [part.failed for part in parts].count(True)
    assert 5 == len(demo.named("ChatCompletion"))


def test_the_calls_are_those_of_the_client_where_there_is_one(demo, request):
    """They tell who provided the model; without the client they are recorded by hand."""
    providers = {
        node.event.get("params", {}).get("provider") for node in demo.named("ChatCompletion")
    }

    assert {None if "without the extra" in request.node.name else "openai"} == providers


def test_a_call_says_what_was_asked_and_answered(demo):
    """The model, the whole conversation, the answer or the tool that is wanted, and the tokens."""
    for part in demo.named("answer_part"):
        first, *last = [child for child in part.children if child.name == "ChatCompletion"]
        [asking] = first.event["returns"]
        prompt = first.event["prompt"]

        assert ("llm", "extractive") == (first.kind, first.model)
        assert ["system", "user"] == [message["role"] for message in prompt]
        assert first.tokens_in == sum(len(message["content"].split()) for message in prompt)
        assert "search" == asking["tool_calls"][0]["function"]["name"]
        for node in last:
            [answer] = node.event["returns"]
            assert "tool" == node.event["prompt"][-1]["role"]
            assert node.tokens_out == len(answer["content"].split())
            assert part.event["returns"].startswith(answer["content"])


def test_the_answer_is_printed_and_kept(demo):
    """The report has the answers that were found, and lies in the home, as the replay says."""
    [report] = demo.named("write_report")
    path = Path(report.event["returns"])
    text = path.read_text("utf-8")

    assert ("home", "demo-report.md") == path.parts[-2:]

    assert text.strip() in demo.output
    assert all(part.failed or part.event["returns"] in text for part in demo.named("answer_part"))


def test_an_index_for_agents_is_followed(tmp_path):
    """Of a corpus with an llms.txt the agent reads what is listed, and nothing fails."""
    pages = {
        "llms.txt": "# Zoo\n\n- [Owls](owls.md): at night\n- [More](https://example.com/more.md)\n",
        "owls.md": "# Owls\n\nOwls hunt at night. They hear better than they see.\n",
        "pumas.md": "# Pumas\n\nPumas hunt at dusk.\n",
    }

    answered = ask(tmp_path, pages, "When do owls hunt?")

    assert 1 == len(answered.named("read_page"))
    assert "Owls hunt at night. (owls)" in answered.output
    assert [] == [node for _, node in answered.nodes if node.failed]


def test_code_is_not_quoted(tmp_path):
    """What stands in a code block, a heading, a table or a directive answers no question."""
    code, note = "```\nOwls hunt.\n\nOwls hunt.\n```", ":::{note}\nOwls hunt.\n:::"
    page = f"# Owls hunt.\n\n{code}\n\n{note}\n\n| owls hunt |\n"

    answered = ask(tmp_path, {"page.md": page}, "When do owls hunt?")

    assert [0] == [node.event["returns"] for node in answered.named("split_passages")]
    assert (
        "agentlog.demo.agent.NoEvidenceError" == answered.named("search")[0].event["error"]["type"]
    )


def test_the_corpus_is_small_and_whole():
    """The package brings some ten short pages, each with a title."""
    pages = [page.read_text("utf-8") for page in CORPUS.glob("*.md")]

    assert 8 <= len(pages) <= 12
    assert all(page.startswith("# ") and 150 <= len(page.split()) <= 300 for page in pages)


def test_nobody_pays_for_the_demo():
    """Importing agentlog does not import the demo."""
    program = "import sys, agentlog; print('agentlog.demo' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "False" == done.stdout.strip()


def test_ranking_prefers_the_rare_word():
    """A passage with the rare word of the question comes before passages with the common one."""
    common = [Passage(f"common{n}", "the agent reads a page") for n in range(5)]
    rare = Passage("rare", "a tokenizer reads it")

    ranked = Index([*common, rare]).ranked("agent tokenizer")

    assert rare == ranked[0]
    assert 6 == len(ranked)


def test_coverage_is_the_share_of_the_question():
    """A text covers all of a question, a part of it by weight, or nothing."""
    index = Index([Passage("a", "red green"), Passage("b", "red blue"), Passage("c", "red")])

    assert 1.0 == index.coverage("green?", "Green.")
    assert 0.0 == index.coverage("yellow", "red")
    assert 0.0 == index.coverage("which is it", "it is which")
    assert index.coverage("red green", "red") < 0.5 < index.coverage("red green", "green")


def test_an_empty_index_finds_nothing():
    """Where there are no words, there is no ranking, and no error."""
    assert [] == Index([]).ranked("anything")
    assert [] == Index([Passage("page", "the")]).ranked("anything")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The processes were killed.", ["process", "kill"]),
        ("a process, the pages of a page", ["process", "pag", "pag"]),
        ("How is it?", []),
    ],
)
def test_words_are_compared_without_their_endings(text, expected):
    """Words that differ in a common ending are the same; those without meaning are left out."""
    assert expected == terms(text)
