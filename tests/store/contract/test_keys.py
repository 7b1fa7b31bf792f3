"""The keys of a store."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from threading import Barrier

import pytest

from agentlog import keys
from agentlog.errors import ConfigurationError
from agentlog.store.engine import Key
from tests.busy import up_to


def test_a_key_that_is_added_is_known_until_it_is_revoked(place):
    """By a collector that runs, too, soon after; the name is free again then."""
    collecting, keyring = place.keys(), place.keys()
    assert [] == list(keyring.load()) == list(collecting.now())
    anna, bert = keys.add(keyring, "anna", now=1.0), keys.add(keyring, "bert", now=2.0)
    assert [("anna", 1.0), ("bert", 2.0)] == [(key.name, key.added) for key in keyring.load()]
    ring = keys.Ring(collecting)
    assert known(ring, anna, "anna")
    assert known(ring, bert, "bert")
    assert ring.name_of("something else") is None
    keyring.revoke("anna")
    assert known(ring, anna, None)
    assert known(ring, bert, "bert")
    again = keys.add(keyring, "anna", now=3.0)
    assert known(ring, again, "anna")
    assert ["bert", "anna"] == [key.name for key in keyring.load()]


def known(ring, key, name):
    """Say whether a key becomes known by a name, soon."""
    until = time.monotonic() + up_to(5)
    while ring.name_of(key) != name:
        if time.monotonic() > until:
            return False
    return True


def test_a_name_has_one_key(place):
    """Whoever wants another revokes it first."""
    keyring = place.keys()
    keys.add(keyring, "anna")
    with pytest.raises(ConfigurationError, match="anna has a key"):
        keys.add(place.keys(), "anna")
    with pytest.raises(ConfigurationError, match="there is no key 'bert'"):
        keyring.revoke("bert")
    assert ["anna"] == [key.name for key in keyring.load()]


def test_a_key_that_was_revoked_may_be_added_again(place):
    """The very same one, however soon; and revoked again."""
    keyring, key = place.keys(), Key("anna", "00", 1.0)
    for _ in range(2):
        keyring.add(key)
        with pytest.raises(ConfigurationError, match="anna has a key"):
            keyring.add(key)
        assert [key] == list(keyring.load())
        keyring.revoke("anna")
        assert [] == list(keyring.load())


def test_of_two_who_add_a_name_at_once_one_has_it_at_most(place):
    """Whoever was told a key has the one that counts."""
    begin = Barrier(2)

    def added(ring):
        told = []
        for number in range(10):
            begin.wait()
            with suppress(ConfigurationError):
                told.append(keys.digest(keys.add(ring, f"anna{number}")))
        return told

    with ThreadPoolExecutor(2) as pool:
        told = list(chain(*pool.map(added, [place.keys(), place.keys()])))
    assert sorted(told) == sorted(key.sha256 for key in place.keys().load())
    assert len(told) <= 10


def test_keys_are_of_one_store(engine):
    """No other knows them, and nothing of a key is kept but its digest."""
    one, other = engine.where(), engine.where()
    key = keys.add(one.keys(), "anna")
    assert [keys.digest(key)] == [kept.sha256 for kept in one.keys().load()]
    assert [] == list(other.keys().load())
