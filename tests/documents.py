"""Follows a document as its reader would: runs what it shows, and compares what comes out.

The rule: a block is run or compared, or the document is wrong. A language that is not in
`LANGUAGES`, a block without one, an indented block, output that belongs to nothing and a program
that nobody runs are failures, so that nothing is skipped in silence.

* `python` runs in the document's one namespace; when it begins with `# name.py` it is saved under
  that name instead, for a later block to run or import.
* `text` right behind a `python` block is what that block printed.
* `console` is a shell: lines after `$ ` are commands, the lines below are what they print. Where
  none are shown, any will do, but the command has to succeed. `make` is not run here: .ci/run has
  to say the same command.
* `json`, `toml`, `yaml` and `ini` have to parse.

`...` stands for anything. What differs from run to run (ids, times, durations, bars, the width of
columns) is compared by its kind.
"""

import configparser
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from tests import warm
from tests.warm import ROOT

SAVED = re.compile(r"# ([\w./-]+\.py)\n")
SIMPLE = re.compile(
    r"(?P<variables>([A-Z_]+=[\w:/.-]* )*)"
    r"(?P<program>python|agentlog)"
    r"(?P<arguments>(?! -m)( [\w:/.=-]+)*)"
)
"""A command in which nothing is for a shell."""
READ = re.compile(r'"\$\(cat ([\w.]+)\)"')
TOLD = '; echo "exit status $?"'
"""What shells are often for: they cost a new Python, which a copy of one does not."""
VARYING = (
    (re.compile(r"\b\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?"), "<time>"),
    (re.compile(r"\b\d\d-\d\d \d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b\d\d:\d\d(:\d\d(\.\d+)?)?\b"), "<time>"),
    (re.compile(r"\b1\d{9}\.\d+"), "<time>"),
    (re.compile(r"\b\d+(\.\d+)? ?(µs|us|ms|s|min|h)\b"), "<duration>"),
    (re.compile(r"\b[0-9a-f]{8,32}\b"), "<id>"),
    (re.compile(r"[▀-▟━╸╺┅]+"), ""),
    (re.compile(r"(?<=\S)[ \t]+"), " "),
    (re.compile(r" +$", re.MULTILINE), ""),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: where it stands, what it says it is, and what is in it."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """Everything in a document that a reader sees as code."""
    found = []
    for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8")):
        line = (token.map or [0])[0] + 1
        if token.type in ("fence", "code_block"):
            found.append(Block(path, line, token.info.strip(), token.content))
        elif token.type == "html_block" and "<pre" in token.content:
            found.append(Block(path, line, "<pre>", token.content))
    return found


def settled(text: str) -> str:
    """A text with what differs from run to run replaced by its kind."""
    for pattern, kind in VARYING:
        text = pattern.sub(kind, text)
    return text.strip("\n")


def compare(shown: str, actual: str, where: Block) -> None:
    """Fail, with both texts, unless what the document shows is what came out."""
    expected, came = settled(shown), settled(actual)
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    if not re.fullmatch(pattern, came, re.DOTALL):
        assert expected == came, f"{where} shows something else than what comes out"


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output shown for it."""
    before, *rest = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert "" == before, f"{block} does not begin with a command"
    for each in rest:
        command, _, shown = each.partition("\n")
        yield command, shown


def started(command: str, directory: Path) -> tuple[list[str], dict[str, str]]:
    """What a command starts, and the variables in front of it: a shell, where it needs one."""
    plain = READ.sub(lambda file: (directory / file[1]).read_text("utf-8").strip(), command)
    if not (simple := SIMPLE.fullmatch(plain)):
        return ["/bin/sh", "-c", command], {}
    variables = dict(word.split("=", 1) for word in simple["variables"].split())
    program = [] if simple["program"] == "python" else ["-m", "agentlog"]
    return [sys.executable, *program, *simple["arguments"].split()], variables


@dataclass(slots=True)
class Reader:
    """Somebody who follows one document from its first block to its last."""

    directory: Path
    module: types.ModuleType = field(default_factory=lambda: types.ModuleType("__main__"))
    terminal: io.StringIO = field(default_factory=io.StringIO)
    printed: str | None = None

    def follow(self, path: Path) -> None:
        """Do what the document says."""
        todo = blocks(path)
        for number, block in enumerate(todo):
            assert block.language in LANGUAGES, (
                f"{block} is of the language {block.language!r}, and nothing runs that"
            )
            if saved := SAVED.match(block.text):
                used = any(Path(saved[1]).stem in later.text for later in todo[number + 1 :])
                assert used, f"{block} saves {saved[1]}, and nothing runs it"
            self.printed = LANGUAGES[block.language](self, block)

    def python(self, block: Block) -> str | None:
        """Run a block, or save it; what it printed."""
        if saved := SAVED.match(block.text):
            (self.directory / saved[1]).write_text(block.text, encoding="utf-8")
            return None
        # Empty lines in front let tracebacks and call sites name the line of the document.
        code = compile("\n" * block.line + block.text, block.path, "exec")
        start = self.terminal.tell()
        with contextlib.redirect_stdout(self.terminal), contextlib.redirect_stderr(self.terminal):
            exec(code, self.module.__dict__)
        return self.terminal.getvalue()[start:]

    def text(self, block: Block) -> None:
        """Compare the output of the block before."""
        assert self.printed is not None, f"{block} is the output of nothing"
        compare(block.text, self.printed, block)

    def console(self, block: Block) -> None:
        """Run commands in a shell, and compare what they print."""
        for command, shown in commands(block):
            if command.startswith("make"):
                script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
                assert command in script, f"{block}: .ci/run does not run {command!r}"
                continue
            asked = command.removesuffix(TOLD)
            arguments, variables = started(asked, self.directory)
            done = warm.run(
                arguments,
                cwd=self.directory,
                # The option is of a tool of ours, which warns.
                env={**os.environ, "PYTEST_ADDOPTS": "-p no:anyio", **variables},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
            if asked != command:
                status = done.returncode if done.returncode >= 0 else 128 - done.returncode
                compare(shown, f"{done.stdout}exit status {status}\n", block)
            elif shown.strip():
                compare(shown, done.stdout, block)
            else:
                assert 0 == done.returncode, f"{block}: {command}\n{done.stdout}"

    def json(self, block: Block) -> None:
        """Parse one object, or one a line."""
        try:
            json.loads(block.text)
        except json.JSONDecodeError:
            for line in block.text.splitlines():
                json.loads(line)

    def toml(self, block: Block) -> None:
        """Parse it."""
        tomllib.loads(block.text)

    def yaml(self, block: Block) -> None:
        """Parse it."""
        yaml.safe_load(block.text)

    def ini(self, block: Block) -> None:
        """Parse it: every line belongs to a section."""
        configparser.ConfigParser(interpolation=None, delimiters=["="]).read_string(block.text)

    def toctree(self, block: Block) -> None:
        """Leave it to the build of the documentation, which fails on a page that is not there."""

    def reference(self, block: Block) -> None:
        """Let only docstrings in: code in another markup would not be seen here."""
        for line in block.text.splitlines():
            assert re.match(r"\.\. auto\w+::|   :|$", line), (
                f"{block} has more than docstrings in it"
            )


LANGUAGES = {
    "python": Reader.python,
    "text": Reader.text,
    "console": Reader.console,
    "json": Reader.json,
    "toml": Reader.toml,
    "yaml": Reader.yaml,
    "ini": Reader.ini,
    "{toctree}": Reader.toctree,
    "{eval-rst}": Reader.reference,
}


def search_path(path: str) -> str:
    """The PATH on which `python` and `agentlog` are those of the running tests."""
    return f"{Path(sys.executable).parent}:{path}"
