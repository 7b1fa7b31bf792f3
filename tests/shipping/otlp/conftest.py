"""A laboratory for each test."""

import pytest

from tests.shipping.faults.lab import Lab


@pytest.fixture
def lab(tmp_path):
    """Give a home, and processes that are gone after the test."""
    lab = Lab(tmp_path)
    yield lab
    lab.close()
