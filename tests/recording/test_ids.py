"""Ids: the W3C form, order by start, and that nothing of the user's random numbers is in them."""

import os
import random
import re
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from agentlog.recording import ids


def test_an_event_id_is_a_span_id():
    """It is 16 hex digits, lower case, not all zero."""
    made = {ids.event_id() for _ in range(1000)}
    assert 1000 == len(made)
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in made)
    assert "0" * 16 not in made


@given(st.floats(min_value=0, max_value=2**48 / 1000 - 1))
def test_a_session_id_is_a_trace_id_that_begins_with_its_time(timestamp):
    """It is 48 bits of milliseconds, the digit 7 and 76 random bits."""
    made = ids.session_id(timestamp)
    assert re.fullmatch("[0-9a-f]{12}7[0-9a-f]{19}", made)
    assert int(timestamp * 1000) == int(made[:12], 16)


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_any_clock_gives_a_session_id(timestamp):
    """A clock before 1970, or far off, gives an id of the same form."""
    assert re.fullmatch("[0-9a-f]{12}7[0-9a-f]{19}", ids.session_id(timestamp))


def test_session_ids_sort_by_their_start():
    """The order of ids is the order of starts."""
    made = [ids.session_id(1_700_000_000 + n) for n in range(100)]
    assert sorted(made) == made


def test_the_low_64_bits_of_a_session_id_are_random():
    """Samplers look at them: each of the bits is set in some id and clear in some other."""
    low = [int(ids.session_id(0.0)[16:], 16) for _ in range(200)]
    ones, zeros = 0, 0
    for bits in low:
        ones |= bits
        zeros |= ~bits & (1 << 64) - 1
    assert (1 << 64) - 1 == ones == zeros


def test_the_users_seed_changes_no_id():
    """`random.seed(0)` before each of two ids does not make them equal."""
    random.seed(0)
    first = ids.event_id(), ids.session_id(0.0)
    random.seed(0)
    assert first != (ids.event_id(), ids.session_id(0.0))


def test_recording_uses_none_of_the_users_random_numbers(captured):
    """A seeded program draws the same numbers with agentlog and without."""
    random.seed(0)
    expected = [random.random() for _ in range(3)]
    random.seed(0)
    drawn = []
    for _ in range(3):
        with captured.client.action("draw"):
            drawn.append(random.random())
    assert expected == drawn


def test_threads_share_no_id():
    """Eight threads at once make ids that are all different."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [ids.event_id() for _ in range(1000)], range(8)))
    assert 8000 == len(set().union(*made))


def test_a_forked_child_makes_ids_of_its_own():
    """Parent and child, which begin with the same memory, make different ids."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, ids.event_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 16).decode()
    os.close(read)
    os.close(write)
    assert 16 == len(theirs)
    assert theirs not in {ids.event_id() for _ in range(3)}
