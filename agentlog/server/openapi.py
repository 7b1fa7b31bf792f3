"""The description of the API for programs, `GET /openapi.json`.

The rule: of what stands in it, it says all that can come back, and nothing that cannot; a test has
schemathesis compare it with what a collector answers. The routes of AgentOps' SDK are not in it:
that SDK is what describes them.
"""

from collections.abc import Mapping
from typing import Any, Final

from agentlog._version import __version__
from agentlog.server.reading import CURSOR, FEW, MOST, STATES
from agentlog.server.settings import ServeConfig

_Schema = dict[str, Any]

_TEXT: Final[_Schema] = {"type": "string"}
_NUMBER: Final[_Schema] = {"type": "number"}
_COUNT: Final[_Schema] = {"type": "integer", "minimum": 0}
_SESSION_ID: Final[_Schema] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_EVENT_ID: Final[_Schema] = {"type": "string", "pattern": "^[0-9a-f]{16}$"}


def _or_null(schema: _Schema) -> _Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(required: Mapping[str, _Schema], **more: Any) -> _Schema:
    return {
        "type": "object",
        "properties": dict(required),
        "required": list(required),
        **more,
    }


def _list(of: str) -> _Schema:
    return {"type": "array", "items": _ref(of)}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_SCHEMAS: Final[_Schema] = {
    "Problem": _object({"detail": _TEXT}),
    "Record": _object(
        {"id": _EVENT_ID, "session_id": _SESSION_ID},
        description="A patch of one event: see the record format. Other fields are kept.",
    ),
    "Event": _object(
        {"id": _TEXT, "session_id": _TEXT}, description="The merged records of one event."
    ),
    "Batch": _object(
        {"events": {"type": "array", "items": {}, "description": "Records, 5,000 at most."}}
    ),
    "Refusal": _object({"index": _COUNT, "id": _or_null(_TEXT), "why": _TEXT}),
    "Receipt": _object({"accepted": _COUNT, "refused": _list("Refusal")}),
    "Summary": _object(
        {
            "id": _TEXT,
            "event_type": _or_null(_TEXT),
            "timestamp": _or_null(_NUMBER),
            "end_timestamp": _or_null(_NUMBER),
            "last": _or_null(_NUMBER),
            "result": _or_null(_TEXT),
            "reason": _or_null(_TEXT),
            "rating": _or_null(_TEXT),
            "tags": {"type": "array", "items": _TEXT},
            "events": _COUNT,
            "failures": _COUNT,
            "prompt_tokens": _COUNT,
            "completion_tokens": _COUNT,
            "state": {"type": "string", "enum": list(STATES)},
        }
    ),
    "Sessions": _object({"sessions": _list("Summary"), "next": _or_null(_TEXT)}),
    "Session": _object(
        {"session": {"oneOf": [_ref("Event"), {"type": "null"}]}, "events": _list("Event")}
    ),
    "Results": _object({"results": _list("Event")}),
    "Health": _object({"status": _TEXT}),
}

_PROBLEMS: Final = {
    "400": "The request or its body is malformed; nothing of it is kept.",
    "401": "A key or the token is missing, or is not known.",
    "403": "It comes from a page of another origin.",
    "404": "There is no such thing.",
    "408": "The body did not come in time.",
    "413": "There is too much of it: 5,000 records, 20 MiB decompressed.",
    "415": "The body is in another format or encoding.",
    "421": "The collector is not called by the name in Host.",
    "422": "A value is not accepted; detail says what is.",
    "429": "There is more to store than can be held: come again after Retry-After.",
    "503": "The store cannot be used: come again after Retry-After.",
    "507": "The disk is full: come again after Retry-After.",
}


def _json(schema: str) -> _Schema:
    return {"application/json": {"schema": _ref(schema)}}


def _problems(*statuses: str) -> _Schema:
    later = {"Retry-After": {"schema": {"type": "string"}}}
    return {
        status: {
            "description": _PROBLEMS[status],
            "content": _json("Problem"),
            **({"headers": later} if status in ("429", "503", "507") else {}),
        }
        for status in ("400", "403", "421", *statuses)
    }


def _answers(good: _Schema, *problems: str) -> _Schema:
    return {"200": good, **_problems(*problems)}


def _good(description: str, schema: str) -> _Schema:
    return {"description": description, "content": _json(schema)}


def _parameter(place: str, name: str, schema: _Schema, description: str) -> _Schema:
    return {
        "in": place,
        "name": name,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }


_LIMIT: Final = _parameter(
    "query",
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": FEW},
    "How many at most.",
)
_LIST_PARAMETERS: Final = [
    _LIMIT,
    _parameter(
        "query", "before", {"type": "string", "pattern": f"^{CURSOR.pattern}$"}, "A page's `next`."
    ),
    _parameter("query", "q", _TEXT, "Words in name or tags, or the beginning of the id."),
    _parameter("query", "state", {"type": "string", "enum": list(STATES)}, "What became of it."),
    _parameter("query", "tag", _TEXT, "One of its tags."),
]
_WORDS: Final = {
    **_parameter("query", "q", {"type": "string", "pattern": r"\S"}, "The words to search for."),
    "required": True,
}
_OF_A_SESSION: Final = _parameter("path", "session_id", _SESSION_ID, "A session's id.")
_OF_AN_EVENT: Final = _parameter("path", "event_id", _EVENT_ID, "An event's id.")
_PROMETHEUS: Final = {
    "description": "In Prometheus' text format.",
    "content": {"text/plain": {"schema": _TEXT}},
}


def _reading(summary: str, schema: str, parameters: list[_Schema], *problems: str) -> _Schema:
    answers = _answers(_good(summary, schema), "401", "503", *problems)
    return {"get": {"summary": summary, "parameters": parameters, "responses": answers}}


_HTML: Final = {"text/html": {"schema": _TEXT}}
_FORM: Final = {"application/x-www-form-urlencoded": {"schema": _object({"key": _TEXT})}}
_ENTERING: Final = {
    "303": {"description": "To the page, with the cookie."},
    "401": {"description": "A form that asks for a key.", "content": _HTML},
}
_INDEX: Final = {
    "summary": "The page.",
    "parameters": [_parameter("query", "token", _TEXT, "The token: it becomes the cookie.")],
    "responses": {
        **_answers({"description": "The list of sessions, as a page.", "content": _HTML}, "503"),
        **_ENTERING,
    },
}
_LOGIN: Final = {
    "summary": "Make a key the cookie.",
    "requestBody": {"required": True, "content": _FORM},
    "responses": {**_problems("408", "413"), **_ENTERING},
    "security": [],
}
_HEALTH: Final = {
    "summary": "Whether it stores what it is given.",
    "responses": {**_answers(_good("It does.", "Health")), "503": _good("It does not.", "Health")},
    "security": [],
}
_READ: Final = {
    "/v1/sessions": _reading("Sessions, newest first.", "Sessions", _LIST_PARAMETERS, "422"),
    "/v1/sessions/{session_id}": _reading(
        "A session with all its events.", "Session", [_OF_A_SESSION], "404", "507"
    ),
    "/v1/events/{session_id}/{event_id}": _reading(
        "One event.", "Event", [_OF_A_SESSION, _OF_AN_EVENT], "404"
    ),
    "/v1/search": _reading(
        "The newest events with these words.", "Results", [_WORDS, _LIMIT], "422"
    ),
}


def _paths(*, is_open: bool) -> _Schema:
    """Return the routes; an open collector does not ask who writes, or who wants its numbers."""
    asking = () if is_open else ("401",)
    free: _Schema = {"security": []} if is_open else {}
    receipt = _good("What became of each record.", "Receipt")
    post = {
        "summary": "Store records; the answer comes after the commit.",
        "requestBody": {"required": True, "content": _json("Batch")},
        "responses": _answers(receipt, "408", "413", "415", "429", "503", "507", *asking),
    }
    metrics = {"summary": "Numbers.", "responses": _answers(_PROMETHEUS, *asking)}
    return {
        "/v1/events": {"post": post | free},
        **_READ,
        "/healthz": {"get": _HEALTH},
        "/": {"get": _INDEX},
        "/login": {"post": _LOGIN},
        "/metrics": {"get": metrics | free},
    }


def document(config: ServeConfig) -> _Schema:
    """Return the description of a collector."""
    secrets = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "agentops": {"type": "apiKey", "in": "header", "name": "X-Agentops-Auth"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": config.cookie},
    }
    is_free = config.is_open and config.token is None
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "agentlog collector",
            "version": __version__,
            "description": "A path has the methods that stand here; for any other it is a 405.",
        },
        "servers": [{"url": config.root_path or "/"}],
        "paths": _paths(is_open=config.is_open),
        "components": {"schemas": _SCHEMAS, "securitySchemes": secrets},
        "security": [] if is_free else [{name: []} for name in secrets],
    }
