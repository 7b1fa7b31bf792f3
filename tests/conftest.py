"""What every test has: a home of its own, and nothing of the settings of whoever runs it."""

import os

import pytest

from agentlog import default

pytest.register_assert_rewrite("tests.documents")


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Every test records into a directory of its own, never into somebody's real home."""
    for name in [name for name in os.environ if name.startswith("AGENTLOG_")]:
        monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("AGENTLOG_HOME", str(directory))
    monkeypatch.setattr(default, "_client", None)
    return directory
