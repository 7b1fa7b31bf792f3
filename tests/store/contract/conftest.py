"""What every test of the contract has: an engine, and stores of it that are empty.

Most tests have a project of their own in a store that all share, which costs next to nothing; those
that ask for what concerns all projects have a store of their own, `place`.
"""

from itertools import count

import pytest

from tests.store.contract.engines import ENGINES

_projects = count()


@pytest.fixture(scope="session", params=ENGINES)
def engine(request, tmp_path_factory):
    """Start an engine."""
    started = ENGINES[request.param](tmp_path_factory.mktemp(request.param))
    yield started
    started.close()


@pytest.fixture(scope="session")
def shared(engine):
    """Open the store in which most tests have a project."""
    with opened(engine.where()) as store:
        yield store


@pytest.fixture(scope="session")
def fresh(shared):
    """Return empty projects, one each time."""
    return lambda: shared.for_project(f"project{next(_projects)}")


@pytest.fixture
def store(fresh):
    """Return an empty project."""
    return fresh()


@pytest.fixture
def place(engine):
    """Return where a store is that nobody else has; it is there, and empty."""
    found = engine.where()
    made(found)
    return found


def made(where):
    """Make a store, as a collector does."""
    where.sink().close()


def opened(where):
    """Make a store and open it."""
    made(where)
    return where.open()
