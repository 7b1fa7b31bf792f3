"""A laboratory for each test; what is asserted in a helper is told as it is in a test."""

import pytest

pytest.register_assert_rewrite("tests.shipping.faults.lab")

from tests.shipping.faults.lab import Lab  # noqa: E402 - after it is said how to import it


@pytest.fixture
def lab(tmp_path):
    """Give a home, and processes that are gone after the test."""
    lab = Lab(tmp_path)
    yield lab
    lab.close()
