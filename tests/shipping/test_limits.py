"""How much at once: tokens that come back with time, and a size that is learned."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping.limits import BATCH_SIZE, GROW_AFTER, SizeLimit, Tokens


def test_tokens():
    """Sixty at once, then two a second."""
    tokens = Tokens()
    for _ in range(60):
        assert tokens.ready_at() <= 5.0
        tokens.spend(5.0)
    assert 5.5 == tokens.ready_at()
    tokens.spend(5.5)
    assert 6.0 == tokens.ready_at()


def test_tokens_are_not_saved_up():
    """A long time, or many that were given back, make no more than sixty."""
    for tokens in (Tokens(), Tokens(at=0.0)):
        for _ in range(100):
            tokens.spend(1e6, -1.0)
        for _ in range(60):
            tokens.spend(1e6)
        assert pytest.approx(1e6 + 0.5) == tokens.ready_at()


def test_there_is_a_token_at_the_beginning():
    """Nothing waits for its first."""
    assert -math.inf == Tokens().ready_at()


@pytest.mark.parametrize(("size", "expected"), [(1 << 20, 1 << 19), (1000, 500), (1, 1), (3, 1)])
def test_half_of_what_was_too_large(size, expected):
    """The next batch is half as large."""
    limit = SizeLimit()
    limit.refused(size)
    assert expected == limit.size


def test_what_has_passed_is_not_halved():
    """Between what passed and what was too large, the next batch is as large as what passed."""
    limit = SizeLimit()
    limit.took(700)
    limit.refused(1000)
    assert 700 == limit.size
    limit.refused(5000)
    assert 700 == limit.size


def test_what_passed_may_be_too_large_another_time():
    """Where the server counts compressed bytes, a size says little."""
    limit = SizeLimit()
    limit.took(1000)
    limit.refused(900)
    assert 450 == limit.size


def test_the_limit_grows_again():
    """After twenty batches about as large as the limit a larger one is tried."""
    limit = SizeLimit(size=1000)
    for _ in range(GROW_AFTER):
        limit.took(400)
    assert 1000 == limit.size
    for _ in range(GROW_AFTER):
        limit.took(600)
    assert 2000 == limit.size
    for _ in range(100 * GROW_AFTER):
        limit.took(BATCH_SIZE)
    assert BATCH_SIZE == limit.size


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 2 << 20))))
def test_any_sizes(steps):
    """The limit stays between 1 and a MiB, and each refusal within it makes it smaller."""
    limit = SizeLimit()
    for passed, size in steps:
        before = limit.size
        (limit.took if passed else limit.refused)(size)
        assert 1 <= limit.size <= BATCH_SIZE
        assert passed or size > before or limit.size < size or limit.size == 1
