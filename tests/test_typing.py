"""What type checkers see: mypy's verdict on the files in tests/typing, which are never run.

A line there that ends in `# error: [code]` is a wrong use and has to be that error; every other
line has to be none.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "tests" / "typing").glob("*.py"))
MARK = re.compile(r"# error: \[([\w, -]+)\]\s*$")
ERROR = re.compile(r"(?P<file>.+?):(?P<line>\d+): error: .* \[(?P<code>[\w-]+)\]$")


def marked(path: Path) -> Counter[tuple[int, str]]:
    """The errors that a file says it has, by line and code."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    return Counter(
        (number, code.strip())
        for number, line in lines
        if (mark := MARK.search(line))
        for code in mark[1].split(",")
    )


@pytest.fixture(scope="module")
def verdict():
    """The errors that mypy finds, by file, line and code: one run for all files."""
    names = [str(path.relative_to(ROOT)) for path in FILES]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-pretty", "--no-color-output", *names],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [match for line in done.stdout.splitlines() if (match := ERROR.match(line))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_wrong_use_is_an_error_and_a_right_one_is_none(path, verdict):
    """A decorated function has its own signature: a wrong use is an error, a right one none."""
    name = str(path.relative_to(ROOT))
    found = Counter(
        (int(error["line"]), error["code"]) for error in verdict if error["file"] == name
    )
    assert marked(path) == found
