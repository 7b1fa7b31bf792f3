"""A state in one word."""

import pytest

from agentlog.store.state import state_of


@pytest.mark.parametrize(
    ("result", "reason", "ended", "expected"),
    [
        ("Success", None, True, "succeeded"),
        ("Success", "cancelled", True, "succeeded"),
        ("Fail", "interrupted", True, "failed"),
        ("Fail", None, False, "failed"),
        ("Indeterminate", "cancelled", True, "cancelled"),
        ("Indeterminate", "interrupted", False, "interrupted"),
        ("Indeterminate", "abandoned", True, "abandoned"),
        ("Indeterminate", "exit", True, "exited"),
        ("Indeterminate", "my own", True, "indeterminate"),
        ("Indeterminate", None, True, "indeterminate"),
        ("Indeterminate", ["cancelled"], True, "indeterminate"),
        ("Succes", None, True, "indeterminate"),
        (None, None, False, "running"),
        (7, None, True, "indeterminate"),
        ([], {}, False, "running"),
    ],
)
def test_state(result, reason, ended, expected):
    """The state follows from result and reason, and from whether there is an end."""
    assert expected == state_of(result, reason, ended=ended)
