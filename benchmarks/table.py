"""The tables of benchmarks/README.md: a line of one, and the marks that one stands between."""

import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parent / "README.md"


class Row(NamedTuple):
    """One line of a table."""

    what: str
    measured: str
    limit: str
    met: bool


def formatted(rows: Iterable[Row], limit: str) -> str:
    """Return a table in Markdown and what it was measured with; `limit` is the head of a column."""
    lines = (
        f"| {row.what} | {row.measured} | {row.limit} | {'' if row.met else '**missed**'} |"
        for row in rows
    )
    made_with = f"Python {platform.python_version()}, {platform.machine()}"
    head = f"| what | measured | {limit} | |"
    return "\n".join((made_with, "", head, "|---|---|---|---|", *lines))


def write(text: str, mark: str) -> None:
    """Put a text between the marks of this name in benchmarks/README.md."""
    marked = re.compile(rf"(<!-- {mark} -->\n).*(\n<!-- end of {mark} -->)", re.DOTALL)
    README.write_text(
        marked.sub(lambda m: f"{m[1]}{text}{m[2]}", README.read_text("utf-8")), "utf-8"
    )
