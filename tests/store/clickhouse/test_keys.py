"""The keys of a collector that goes on while others do what it does not expect."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from agentlog.cli import main
from agentlog.errors import ConfigurationError
from agentlog.store.clickhouse.keys import EVERY
from agentlog.store.engine import Key
from tests.busy import up_to

ANNA, BERT = Key("anna", "00", 1.0), Key("bert", "11", 2.0)


class Relay:
    """What lies between, and forgets connections without a word."""

    def __init__(self, port):
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._is_frozen = threading.Event()  # of the connections that are there
        self._made = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in (self._listening, *self._made):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def freeze(self):
        """Hand on nothing more but what comes over new connections."""
        self._is_frozen.set()
        self._is_frozen = threading.Event()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._made += near, far
                for ends in ((near, far), (far, near)):
                    args = (*ends, self._is_frozen)
                    threading.Thread(target=self._hand_on, args=args, daemon=True).start()

    def _hand_on(self, near, far, is_frozen):
        with suppress(OSError):
            while some := near.recv(1 << 16):
                if not is_frozen.is_set():
                    far.sendall(some)


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


def test_a_connection_that_is_frozen_is_not_waited_for(place, monkeypatch):
    """The next look has another one: so nobody is let in for long who was revoked."""
    monkeypatch.setattr("agentlog.store.clickhouse.keys._ANSWERING", 1)
    place.keys().add(ANNA)
    with Relay(place.port) as relay:
        keyring = replace(place, port=relay.port).keys()
        assert [ANNA] == list(keyring.now())
        relay.freeze()
        place.keys().revoke("anna")
        began = time.monotonic()
        keyring.refresh()
        keyring.refresh()
        assert time.monotonic() - began < up_to(10)
        assert [] == list(keyring.now())


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
