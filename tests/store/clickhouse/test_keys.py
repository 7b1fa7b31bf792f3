"""The keys of a collector that goes on while others do what it does not expect."""

import pytest

from agentlog.cli import main
from agentlog.errors import ConfigurationError
from agentlog.store.clickhouse.keys import EVERY
from agentlog.store.engine import Key

ANNA, BERT = Key("anna", "00", 1.0), Key("bert", "11", 2.0)


@pytest.fixture
def keyring(place):
    """Return the keys of a collector, which has been asked for them."""
    known = place.keys()
    known.add(ANNA)
    assert [ANNA] == list(known.now())
    return known


def test_a_key_is_revoked_in_a_newer_store_too(place, keyring, link):
    """A newer collector has brought the tables up to date: the older ones go on."""
    link.do("INSERT INTO migrations (version, agentlog) VALUES (99, '9.9')")
    place.keys().revoke("anna")
    keyring.refresh()
    assert [] == list(keyring.now())
    with pytest.raises(ConfigurationError, match="written by a newer agentlog"):
        place.keys().add(BERT)


def test_nobody_is_let_in_while_keys_cannot_be_read(keyring, link):
    """Though the server is there; and the trouble is told, until it is over."""
    link.do("ALTER TABLE keys RENAME COLUMN sha256 TO digest")
    keyring.refresh()
    with pytest.raises(ConfigurationError, match=r"cannot be used: .*sha256"):
        keyring.now()
    link.do("ALTER TABLE keys RENAME COLUMN digest TO sha256")
    keyring.refresh()
    assert [ANNA] == list(keyring.now())


def test_a_store_that_is_gone_has_no_keys(keyring, link):
    """They went with it."""
    link.do("DROP TABLE keys SYNC")
    keyring.refresh()
    assert [] == list(keyring.now())


def test_a_command_tells_a_key_when_collectors_have_looked(place, capsys, monkeypatch):
    """Until then its records would go where those without a key go, and stay there."""
    slept = []
    monkeypatch.setattr("agentlog.store.clickhouse.keys.time.sleep", slept.append)
    for arguments in (["add", "anna"], ["revoke", "anna"]):
        assert 0 == main(["keys", *arguments, "--store", str(place)])
        assert [2 * EVERY] == slept
        slept.clear()
    assert capsys.readouterr().out.strip()
