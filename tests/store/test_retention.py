"""For how long sessions are kept: the age of each project, and the moment that it comes to."""

import math

import pytest

from agentlog.store.retention import FOREVER, Before, Retention, in_project

NOW = 1_700_000_000.0


def test_a_project_without_an_age_of_its_own_has_that_of_all_others():
    """What was written without a key is one of those."""
    before = Retention(90.0, {"staging": 7.0, "audit": math.inf}).before(NOW)
    assert NOW - 7 == before.of("staging")
    assert NOW - 90 == before.of("") == before.of("Staging")
    assert -math.inf == before.of("audit")


def test_without_an_age_for_all_others_they_are_kept_for_ever():
    """Nothing was ever said before what they have for a moment."""
    assert -math.inf == FOREVER.before(NOW).of("") == Retention(own={"a": 1.0}).before(NOW).of("b")
    assert Before() == FOREVER.before(NOW)


@pytest.mark.parametrize(
    ("keep", "shortest"),
    [
        (FOREVER, math.inf),
        (Retention(own={"audit": math.inf}), math.inf),
        (Retention(90.0), 90.0),
        (Retention(90.0, {"staging": 7.0}), 7.0),
        (Retention(7.0, {"audit": 90.0}), 7.0),
        (Retention(own={"staging": 7.0}), 7.0),
    ],
    ids=str,
)
def test_the_shortest_age_says_how_often_to_look(keep, shortest):
    """Whosever it is; an infinite one says that there is nothing to look for."""
    assert shortest == keep.shortest


def test_a_moment_is_for_one_project_or_for_each():
    """The project without a name is one, too."""
    assert (NOW, NOW) == (in_project(None, NOW).of(""), in_project(None, NOW).of("anna"))
    assert (NOW, -math.inf) == (in_project("", NOW).of(""), in_project("", NOW).of("anna"))
