"""What agentlog says in warnings and errors: the value that it means, and no secret in it."""

import warnings

import pytest

import agentlog as ao
from agentlog.errors import ConfigurationError
from tests.recording.made_up import ALNUM, MadeUp

TOKEN = "ghp_" + MadeUp(5).word(ALNUM, 36)
PASSWORD = MadeUp(6).password()


class Unwritable(dict):
    """Headers that take nothing."""

    def __setitem__(self, key, value):
        """Refuse."""
        raise TypeError(TOKEN)


def updated(client, **fields):
    """Update an action with what it does not take."""
    with client.action("call") as action:
        action.update(**fields)


SAID = {
    "a field of a secret's name": lambda client: updated(client, api_key=PASSWORD),
    "a wrong field": lambda client: updated(client, tags=TOKEN),
    "a wrong state": lambda client: client.end_session({"password": PASSWORD}),
    "headers": lambda client: ao.inject(Unwritable(authorization=f"Bearer {TOKEN}")),
    "a home": lambda client: ao.Client(home=f"/dev/null/{TOKEN}").record(ao.Event("x")),
    "tags": lambda client: ao.Event("x", tags=TOKEN),
    "params": lambda client: ao.Event("x", params=[("password", PASSWORD)]),
    "at the cut": lambda client: ao.Event("x", tags="x" * 75 + " " + TOKEN),
    "an ignored name": lambda client: client.record_action("x", ignore=TOKEN),
    "an instruction": lambda client: ao.Client(redact=TOKEN),
    "a home that is none": lambda client: ao.Client(home=f"{TOKEN}\0"),
    "a client": lambda client: ao.EventProcessor(TOKEN),
    "a number": lambda client: ao.EventProcessor(client, breadcrumbs=TOKEN),
    "a stamp": lambda client: ao.EventProcessor(client, correlate=TOKEN),
    "a rule": lambda client: ao.EventProcessor(client, select=TOKEN),
}


@pytest.mark.parametrize("say", SAID.values(), ids=SAID)
def test_what_is_said_of_a_value_holds_no_secret(say, captured, capsys):
    """Wherever a value is named, in a warning or an error, its secrets are not."""
    with warnings.catch_warnings(record=True) as caught, captured.client.session():
        warnings.simplefilter("always")
        try:
            say(captured.client)
        except ConfigurationError as error:
            caught.append(error)
    said = f"{[str(getattr(one, 'message', one)) for one in caught]}{capsys.readouterr().err}"
    assert len(said) > len("[]")
    for secret in (TOKEN, TOKEN[:12], PASSWORD):
        assert secret not in said
