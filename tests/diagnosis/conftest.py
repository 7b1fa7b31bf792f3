"""structlog and logging as they are in a process that has configured neither."""

import logging

import pytest
import structlog


@pytest.fixture
def bare(monkeypatch):
    """Begin with nothing configured but pytest's own handlers, and leave it so."""
    before, level = logging.root.handlers[:], logging.root.level
    structlog.reset_defaults()
    monkeypatch.setattr(logging.root.manager, "loggerDict", {})
    logging.root.setLevel(logging.NOTSET)
    yield
    logging.root.setLevel(level)
    logging.root.handlers[:] = [one for one in logging.root.handlers if one in before]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
