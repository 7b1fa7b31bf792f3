"""What is a JSON object, of what may be anything."""

import pytest

from agentlog.shipping.objects import object_of


def test_an_object():
    """It is read."""
    assert {"a": [1]} == object_of(b'{"a": [1]}')


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"1", b"null", b"{", b"\xff\xfe{", b"\0", b'{"a":' * 100_000]
)
def test_none(text):
    """Another value, a part of one, no text, too deep a one: none of them is an object."""
    assert None is object_of(text)
