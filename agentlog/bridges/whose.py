"""Whose events: what each way in takes as its `client`."""

from typing import Any

from agentlog.client import Client
from agentlog.errors import ConfigurationError
from agentlog.recording.redact import shown


def checked_client(client: Any) -> Client | None:
    """Return a client, or None for the default one; anything else is an error that says so."""
    if client is not None and not isinstance(client, Client):
        given = shown(client, "client")
        message = f"{given} is not accepted: it is a Client, or None for the default one"
        raise ConfigurationError(message)
    return client
