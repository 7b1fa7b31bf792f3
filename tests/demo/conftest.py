"""What the tests of the demo share: the fake server, and the official client."""

import pytest

from agentlog.demo import fake_openai


@pytest.fixture(scope="module")
def address():
    """Serve OpenAI's API."""
    with fake_openai.serving() as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    """Hold the official client, pointed to the server; it takes half a second to import."""
    import openai

    with openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        yield client
