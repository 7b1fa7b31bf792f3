"""README and docs: every block in them runs, and what they show is what comes out."""

import configparser
import doctest
import importlib
import os
import pkgutil
import re
import sys
from pathlib import Path

import pytest
import structlog
import yaml

import agentlog
from tests.documents import ROOT, Reader, search_path
from tests.store.contract.engines import MISSING, ClickHouse
from tests.warm import PLAIN

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*.md")
    for path in ROOT.glob(pattern)
)
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader with an empty directory, a bare interpreter and a terminal of 80 columns."""
    reader = Reader(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", reader.module)
    monkeypatch.setenv("PATH", search_path(os.environ["PATH"]))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")  # as on a terminal: what is printed comes in order
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONPATH", PLAIN)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:schemathesis")  # it needs rich, and seconds
    yield reader
    agentlog.close()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def clickhouse(tmp_path_factory):
    """A ClickHouse, whose address is in the variable that a document has for it."""
    if MISSING:
        pytest.skip(f"{', '.join(MISSING)} not installed: `make test-clickhouse` has it")
    engine = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    yield str(engine.where())
    engine.close()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_does_what_it_shows(path, reader, monkeypatch, request):
    """Whoever follows a document from top to bottom sees what it shows."""
    if "$CLICKHOUSE" in path.read_text("utf-8"):
        monkeypatch.setenv("CLICKHOUSE", request.getfixturevalue("clickhouse"))
    if "pip install '.[cost]'" in path.read_text("utf-8"):
        pytest.importorskip("genai_prices")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
    reader.follow(path)


def test_the_examples_in_docstrings_are_true():
    """The reference is made of docstrings, and what follows `>>>` in them is a code block too."""
    names = [module.name for module in pkgutil.walk_packages(agentlog.__path__, "agentlog.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    wrong = {module.__name__ for module in modules if doctest.testmod(module).failed}
    assert set() == wrong


def test_each_guarantee_names_tests_that_are_there():
    """Every row of every table has a test, and each of them is one that runs."""
    there = set(re.findall(r"^def (test_\w+)", "".join(map(Path.read_text, TESTS)), re.MULTILINE))
    rows = re.findall(r"^\| [A-Z].*\|$", (ROOT / "docs/guarantees.md").read_text(), re.MULTILINE)
    named = [set(re.findall(r"`(test_\w+)`", row.split("|")[-2])) for row in rows]
    assert all(named)
    assert set() == set().union(*named) - there


GOOD = {
    "names live on": "```python\nx = 1\n```\n```python\nprint(x)\n```\n```text\n1\n```\n",
    "a program": "```python\n# a.py\nprint(1)\n```\n```console\n$ python a.py\n1\n```\n",
    "anything": "```console\n$ printf 'a\\nb\\nc\\n'\na\n...\nc\n$ true\n```\n",
    "a duration": "```console\n$ echo 'plan    3.25 ms'\nplan 8 ms\n```\n",
    "an id": "```console\n$ echo 0192a4b7c3d8\nffffffff\n```\n",
    "main runs": "```python\nif __name__ == '__main__':\n    print(1)\n```\n```text\n1\n```\n",
    "a shown failure": "```console\n$ echo no; false\nno\n```\n",
    "in a list": "* item\n\n  ```python\n  print(1)\n  ```\n\n  ```text\n  1\n  ```\n",
    "settings": "```ini\n[Unit]\nAfter=a\n```\n```yaml\na: [b]\n```\n",
    "values": '```json\n{"a": 1}\n{"a": 2}\n```\n```toml\na = 1\n```\n',
}
BAD = {
    "no language": "```\nx = 1\n```\n",
    "indented": "A paragraph.\n\n    x = 1\n",
    "a language that nothing runs": "```bash\ntrue\n```\n",
    "code in HTML": "<pre>x = 1</pre>\n",
    "code in a directive": "```{note}\nx\n```\n",
    "code in another markup": "```{eval-rst}\n.. code-block:: python\n```\n",
    "output of nothing": "```text\n1\n```\n",
    "other output": "```python\nprint(1)\n```\n```text\n2\n```\n",
    "an assertion": "```python\nassert False\n```\n",
    "a silent failure": "```console\n$ false\n```\n",
    "other output of a command": "```console\n$ echo 1\n2\n```\n",
    "more output than shown": "```console\n$ printf '1\\n2\\n'\n1\n```\n",
    "another indentation": "```console\n$ printf 'a\\n b\\n'\na\n  b\n```\n",
    "a program that nobody runs": "```python\n# a.py\nprint(1)\n```\n",
    "a target that .ci/run leaves out": "```console\n$ make coffee\n```\n",
    "no command": "```console\nagentlog\n```\n",
    "no settings": "```ini\nAfter=a\n```\n",
    "no YAML": "```yaml\na: [b\n```\n",
    "no JSON": "```json\n{'a': 1}\n```\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_document_that_tells_the_truth_is_right(text, reader, tmp_path):
    """Blocks share a namespace and a directory; what differs from run to run may differ."""
    (tmp_path / "good.md").write_text(text)
    reader.follow(tmp_path / "good.md")


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_document_that_cannot_be_followed_is_wrong(text, reader, tmp_path):
    """What does not run, shows something else or cannot be checked is a failure, never skipped."""
    (tmp_path / "bad.md").write_text(text)
    with pytest.raises((AssertionError, ValueError, configparser.Error, yaml.YAMLError)):
        reader.follow(tmp_path / "bad.md")
