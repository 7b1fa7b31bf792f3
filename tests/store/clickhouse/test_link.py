"""A server that is not there, comes back, or does not let somebody in."""

import threading
from contextlib import closing

import pytest

from agentlog.errors import ConfigurationError, StoreError
from agentlog.store.address import PASSWORD
from agentlog.store.clickhouse.link import ANSWERING, LONG, Link
from agentlog.store.clickhouse.troubles import AwayError
from agentlog.store.engine import Key
from agentlog.store.retention import Retention
from tests.cli.commandline import agentlog
from tests.store.clickhouse.server import Server
from tests.store.contract.records import SESSION, opened


@pytest.fixture
def mortal(tmp_path):
    """Start an engine that is killed."""
    started = Server(tmp_path)
    yield started
    started.kill()


def test_what_was_acknowledged_is_there_after_a_kill(mortal):
    """Somebody writes as it dies; what he has a receipt for is there when it is back."""
    where = mortal.where("store")
    where.sink().close()
    kept, said = [], []
    begun = threading.Event()

    def write():
        with where.open() as store:
            number = 0
            while True:
                batch = [f"{number}-{place}" for place in range(20)]
                try:
                    store.put([opened(one) for one in batch])
                except StoreError as error:
                    said.append(str(error))
                    return
                kept.extend(batch)
                number += 1
                if number == 5:
                    begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    mortal.kill()
    writer.join()
    assert "cannot be reached" in said[0]
    mortal.start()
    with where.open() as store:
        there = {event["id"] for event in store.session(SESSION)}
    assert set(kept) <= there
    assert len(kept) >= 100


def test_who_has_a_store_open_need_not_open_it_again(mortal):
    """While the server is away each question says so; then it is as before."""
    where = mortal.where("store")
    sink = where.sink()
    keys = where.keys()
    keys.add(Key("anna", "00", 1.0))
    with where.open() as store:
        store.put([opened("a")])
        assert ["anna"] == [key.name for key in keys.now()]
        mortal.kill()
        for question in (store.sessions, store.stats, lambda: store.session(SESSION)):
            with pytest.raises(StoreError, match=r"127\.0\.0\.1:\d+/store cannot be reached"):
                question()
        assert () == tuple(sink.news().changes)
        with pytest.raises(ConfigurationError, match="cannot be reached"):
            keys.load()
        assert ["anna"] == [key.name for key in keys.now()]
        mortal.start()
        assert ["a"] == [event["id"] for event in store.session(SESSION)]
    sink.close()


def test_a_server_that_is_not_there_is_told(mortal):
    """To whoever begins, too, in one sentence."""
    where = mortal.where()
    mortal.kill()
    for use in (where.open, where.readers, where.sink):
        with pytest.raises(StoreError, match=r"cannot be reached: .*[Rr]efused"):
            use()
    mortal.start()


def test_what_was_asked_of_a_server_that_is_not_there_is_not_logged(mortal, caplog):
    """In it are the words that a person looked for; a trouble is told by who asked."""
    where = mortal.where("store")
    where.sink().close()
    with where.open() as store:
        mortal.kill()
        with pytest.raises(StoreError, match="cannot be reached"):
            store.search("something private")
    mortal.start()
    assert [] == caplog.messages


def test_a_wrong_password_names_where_it_belongs(tmp_path, monkeypatch):
    """The right one is taken from there."""
    locked = Server(tmp_path, password="s3cret")
    where = locked.where()
    for wrong in ("", "other"):
        monkeypatch.setenv(PASSWORD, wrong)
        with pytest.raises(StoreError, match=f"refuses the user or the password: set {PASSWORD}"):
            where.sink()
    monkeypatch.setenv(PASSWORD, "s3cret")
    where.sink().close()
    locked.kill()


def test_what_takes_too_long_is_ended_by_the_server(link, place):
    """It would give signs of life for ever; whoever has asked may ask again."""
    with closing(Link(place, answering=7)) as short:
        assert [(ANSWERING,), (7,)] == [
            one.row("SELECT toUInt32(getSetting('max_execution_time'))") for one in (link, short)
        ]
    long = "SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 1"
    for ask in (link.rows, link.do):
        with pytest.raises(AwayError, match=f"{place} has not answered within 1 seconds"):
            ask(long, 1)


def test_what_is_much_has_its_time(link):
    """To count all takes as long as there is much; what comes in parts waits for who takes it."""
    bound = "SELECT toUInt32(getSetting('max_execution_time'))"
    assert (LONG,) == link.row(bound, LONG)
    with link.blocks(bound) as blocks:
        assert [(LONG,)] == [row for block in blocks for row in block]


def test_what_looks_at_all_sessions_has_its_time(server, place):
    """To count them, and to find those that are silent, by whatever link."""
    with place.open() as store, closing(place.sink(keep=Retention(1e9))) as sink:
        server.asked()
        store.stats()
        store.prune(1.0)
        sink.errands._next_pruning = 0
        sink.errands.run(idle=True, between=list)
    long = [one for one in server.asked() if f"max_execution_time={LONG}" in one]
    assert ["FROM sessions", "FROM records", "AS spoke", "AS spoke"] == [
        next(part for part in ("AS spoke", "FROM sessions", "FROM records") if part in one)
        for one in long
    ]


def test_nothing_is_told_of_what_was_asked(link):
    """What the server says is cut off before it quotes that; its own log has more."""
    asked = {"project": "acme", "words": ["private", "DB::Exception: words"]}
    these = "FROM records WHERE project = {project:String} AND id IN {words:Array(String)}"
    for wrong, why in {
        f"SELECT nothing {these}": r"identifier `nothing` \(code 47\)",
        f"SELECT id, count() {these}": r"not under aggregate .* \(code 215\)",
        "SELECT throwIf(materialize({project:String}) = 'acme')": r"non-zero \(code 395\)",
        "SELECT toInt64({project:String}), {words:Array(String)}": r"Cannot parse string '\.\.\.'",
    }.items():
        with pytest.raises(StoreError, match=f"{why}.*; the server's log has more") as raised:
            link.rows(wrong, **asked)
        told = str(raised.value)
        assert not [word for word in ("acme", "private", "SELECT", "http") if word in told], told


def test_a_trouble_is_told_once():
    """By the command, and not by a library besides."""
    done = agentlog("sessions", "--store", "clickhouse://127.0.0.1:1/nowhere")
    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "cannot be reached" in done.stderr
