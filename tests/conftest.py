"""What every test has: a home of its own, and nothing of the settings of whoever runs it."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agentlog import default

# Hundreds of processes are started here: none of them should have to compile the library again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest.register_assert_rewrite("tests.documents")

PAGES = Path(__file__).parent / "page"

# A machine that is busy is slow, and that says nothing about the library. All tests together have
# three minutes.
settings.register_profile(
    "agentlog", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("agentlog")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the pages, which share a browser, and with what waits long, not to end with it."""
    items.sort(
        key=lambda item: (PAGES not in item.path.parents, item.get_closest_marker("waits") is None)
    )


def pytest_collection_finish():
    """Leave what has been imported out of every search for garbage: there is none in it."""
    gc.freeze()


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Every test records into a directory of its own, never into somebody's real home."""
    for name in [name for name in os.environ if name.startswith("AGENTLOG_")]:
        monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("user")))
    monkeypatch.setenv("AGENTLOG_HOME", str(directory))
    monkeypatch.setattr(default, "_client", None)
    return directory
