"""Runs to export, and the check that JSON is strict."""

import json

import pytest

from agentlog.replay.export.run import Run
from agentlog.replay.tree import forest, walk


def run_of(events, last=None):
    """Return a run of records or events, merged as a store has them."""
    merged = [node.event for _, node in walk(forest(events))]
    return Run(lambda: iter(merged), last)


def strict(text):
    """Parse strict JSON, which has no NaN."""
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
