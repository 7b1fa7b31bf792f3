"""What is asserted in a helper is told as it is in a test."""

import pytest

pytest.register_assert_rewrite("tests.faults.accounts")
