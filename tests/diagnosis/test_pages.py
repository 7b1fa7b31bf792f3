"""The set-ups of the how-to pages: whoever copies one is told that nothing is wrong with it."""

import os
import re
import sys

import pytest

from tests import warm
from tests.documents import ROOT, SAVED, blocks
from tests.warm import PLAIN

COPIED = "from logs import configure"
BY_DICT = """
import logging.config
{}

def configure():
    logging.config.dictConfig({})
"""
BY_DJANGO = """
import os
from django import setup as configure

os.environ["DJANGO_SETTINGS_MODULE"] = "{}"
"""
PAGES = {
    "structlog": COPIED,
    "structlog-to-logging": COPIED,
    "processor-formatter": COPIED,
    "opentelemetry": COPIED,
    "logging": COPIED,
    "logging, basicConfig": "import small\nconfigure = list",
    "servers, uvicorn": BY_DICT.format("from serve import LOGGING", "LOGGING"),
    "servers, gunicorn": BY_DICT.format(
        "import runpy", 'runpy.run_path("gunicorn.conf.py")["logconfig_dict"]'
    ),
    "django": BY_DJANGO.format("settings"),
    "django, structlog": BY_DJANGO.format("structlog_settings"),
}
"""How the programs of a page configure their logging."""


@pytest.mark.parametrize("name", PAGES)
def test_the_set_up_of_a_page_is_well(name, tmp_path):
    """Lines become events, and nothing is noticed."""
    page, _, _ = name.partition(",")
    for block in blocks(ROOT / "docs" / "how-to" / f"{page}.md"):
        if saved := SAVED.match(block.text):
            path = tmp_path / saved[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    (tmp_path / "asked.py").write_text(PAGES[name], encoding="utf-8")
    done = warm.run(
        [sys.executable, "-m", "agentlog", "doctor", "--structlog", "asked:configure"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PLAIN, "COLUMNS": "80"},
        text=True,
    )
    assert 0 == done.returncode, done.stderr
    assert not re.findall(r"^  [!✗].*", done.stdout, re.MULTILINE)
    assert "lines become events here" in done.stdout
    assert done.stdout.endswith("\n✓ no problems\n")
