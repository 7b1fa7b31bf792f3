"""Sessions: which program a span is of, whoever ships it."""

import os

import pytest

from agentlog.shipping.otlp.sessions import Sessions
from tests.shipping.destinations import GONE, left, names
from tests.shipping.otlp.test_outbox import SESSION, Shipping, lines, opening


def name_of(sessions, session_id=SESSION):
    """Return the name of the program that a session is of."""
    return dict(sessions.resources_of({session_id})[session_id])["service.name"]


@pytest.fixture
def session(tmp_path):
    """Have the journal hold a session that is open."""
    return left(tmp_path, lines({**opening(1, event_type="app.py"), "action_type": "session"}))


@pytest.mark.usefixtures("session")
def test_another_shipper_has_come_by_it(tmp_path):
    """It is behind the cursor, or in the file beside that is all that is left of its process."""
    shipping = Shipping(tmp_path)
    shipping.outbox.fill(shipping.machine, "", frozenset())
    shipping.send()
    assert "app.py" == name_of(Sessions(tmp_path))
    shipping.outbox.sweep()
    assert [f"{GONE}.open"] == names(tmp_path)
    assert "app.py" == name_of(Sessions(tmp_path))


OTHER = f"{int(SESSION, 16) + 1:032x}"


def line_of(name):
    """Return the line of the other session, of a program of that name."""
    told = {**opening(1, event_type=name), "session_id": OTHER, "action_type": "session"}
    return lines(told)[0] + b"\n"


def test_one_that_is_not_there_yet(tmp_path, session):
    """It is looked for again, in what is new."""
    sessions = Sessions(tmp_path)
    assert "agentlog" == name_of(sessions, OTHER)
    assert "app.py" == name_of(sessions)
    with session.path.open("ab") as file:
        file.write(line_of("b.py"))
    assert "b.py" == name_of(sessions, OTHER)


def test_a_file_that_takes_the_place_of_another(tmp_path, session):
    """It is read from its beginning."""
    sessions, instead = Sessions(tmp_path), tmp_path / "instead"
    assert "agentlog" == name_of(sessions, OTHER)
    instead.write_bytes(line_of("b.py") + session.path.read_bytes())
    instead.replace(session.path)
    assert "b.py" == name_of(sessions, OTHER)


@pytest.mark.usefixtures("session")
def test_sessions_of_elsewhere_are_looked_for_at_once(tmp_path, monkeypatch):
    """Each event may be of another, and there may be hundreds of segments."""
    sessions, asked = Sessions(tmp_path), []
    ids = {f"{number:032x}" for number in range(500)}
    sessions.resources_of({"0" * 32})
    for name in ("listdir", "open"):
        ask = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, ask=ask: asked.append(name) or ask(*args)
        )
    assert ids == sessions.resources_of(ids).keys()
    assert ["listdir"] == asked
