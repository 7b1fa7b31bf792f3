"""What every test has: a home of its own, and nothing of the settings of whoever runs it."""

import gc
import itertools
import os
import signal
import sys
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings

from agentlog import default, prices

# What the tests import stays, so nobody looks for garbage in it meanwhile.
gc.disable()

# Hundreds of processes are started here: none of them should have to compile the library again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A script that runs the tests behind its back has these ignored, and so would all they start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

pytest.register_assert_rewrite("tests.documents", "tests.shipping.faults.lab")

PAGES = "tests/page/"
MANY_MODULES = 50

# A machine that is busy is slow, and that says nothing about the library. All tests together have
# three minutes; `make soak` tries more examples.
for profile, examples in (("agentlog", 25), ("thorough", 200)):
    settings.register_profile(
        profile,
        deadline=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("agentlog")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the pages, which share a browser, and with what waits long, not to end with it."""
    items.sort(
        key=lambda item: (
            not item.nodeid.startswith(PAGES),
            item.get_closest_marker("waits") is None,
        )
    )


_searched = 0


def _leave_out_what_is_imported():
    """Leave it out of every search for garbage: there is none in it, and it is looked for often."""
    global _searched  # noqa: PLW0603 - as many modules as there are
    _searched = len(sys.modules)
    gc.collect()
    gc.freeze()


def pytest_collection_finish():
    """Begin without what the tests have imported."""
    gc.enable()
    _leave_out_what_is_imported()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """Go on without what a test has imported, such as the hundreds of modules of an LLM client."""
    if len(sys.modules) > _searched + MANY_MODULES:
        _leave_out_what_is_imported()


@pytest.fixture(scope="session")
def homes(tmp_path_factory):
    """Paths of directories that are not there yet; thousands are wanted, so they cost little."""
    directory = tmp_path_factory.mktemp("homes")
    return (directory / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def home(homes, monkeypatch):
    """Every test records into a directory of its own, never into somebody's real home."""
    for name in [name for name in os.environ if name.startswith("AGENTLOG_")]:
        monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    user = next(homes)
    directory = user / "home"
    directory.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("AGENTLOG_HOME", str(directory))
    monkeypatch.setattr(default, "_client", None)
    yield directory
    with suppress(OSError):  # what a test has left stays for whoever looks for its fault
        directory.rmdir()
        user.rmdir()


@pytest.fixture
def unpriced(monkeypatch):
    """As it is where genai-prices is not installed: nothing has a cost."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    prices.are_there.cache_clear()
    yield
    prices.are_there.cache_clear()
