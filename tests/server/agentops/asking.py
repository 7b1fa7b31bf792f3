"""How the tests ask a collector: as the SDK writes, and as somebody reads who may."""

import json
from uuid import uuid4


def say(collector, path, body, **headers):
    """Post a body, bytes or what becomes JSON, as the SDK does; return status and answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "application/json; charset=UTF-8", "Accept": "*/*"}
    answer = collector.ask("POST", path, data, {**kind, **named})
    return answer.status, answer.json


def found(collector, session, secret=None):
    """Return the root of a session, by its UUID, and the events below it."""
    answer = collector.get(f"/v1/sessions/{session.replace('-', '')}", secret)
    return (None, []) if answer.status == 404 else (answer.json["session"], answer.json["events"])


def new():
    """Return the UUID of a new session."""
    return str(uuid4())
