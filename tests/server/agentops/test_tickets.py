"""The tokens of 0.2 and 0.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.server.agentops import tickets
from agentlog.server.agentops.tickets import Ticket
from tests.server.agentops.told import HEX


@given(st.none() | st.text())
def test_a_ticket_says_what_it_was_given(key):
    """Key and session are read from it, and it fits into a header."""
    ticket = Ticket(key, HEX)
    assert ticket == tickets.read(str(ticket))
    assert str(ticket).isascii()
    assert " " not in str(ticket)


@given(st.text())
def test_anything_else_is_none(text):
    """A key, a token of AgentOps' own and what nobody made are no tickets, and do no harm."""
    assert tickets.read(text) is None
    assert tickets.read("agentlog." + text) is None


@pytest.mark.parametrize("said", ['["key"]', '["key", 7]', '["key", "no uuid"]', "{}", "[" * 9999])
def test_a_ticket_of_another_form_is_none(said):
    """Whoever makes one up has to make up a whole one, and gains nothing by it."""
    import base64

    token = base64.urlsafe_b64encode(said.encode()).decode()
    assert tickets.read("agentlog." + token) is None


def test_a_ticket_does_not_show_its_key():
    """What is printed by mistake tells no secret."""
    assert "secret" not in repr(Ticket("secret", HEX))
