"""The description of the API for programs, `GET /openapi.json`.

The rule: of what stands in it, it says all that can come back, and nothing that cannot; a test has
schemathesis compare it with what a collector answers. The routes of AgentOps' SDK are not in it:
that SDK is what describes them.
"""

from typing import Final

from agentlog._version import __version__
from agentlog.server.exports import FORMS
from agentlog.server.reading import CURSOR, FEW, MOST, MOST_NAMED, STATES
from agentlog.server.schemas import (
    EVENT_ID,
    SCHEMAS,
    SESSION_ID,
    TEXT,
    Schema,
    answers,
    good,
    in_json,
    object_of,
    parameter,
    problems,
)
from agentlog.server.settings import ServeConfig

_OF_THE_IDS: Final = parameter(
    "query",
    "session",
    {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MOST_NAMED},
    "The ids of sessions, each as a parameter of its own.",
)
_LIMIT: Final = parameter(
    "query",
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": FEW},
    "How many at most.",
)
_LIST_PARAMETERS: Final = [
    _LIMIT,
    parameter(
        "query", "before", {"type": "string", "pattern": f"^{CURSOR.pattern}$"}, "A page's `next`."
    ),
    parameter("query", "q", TEXT, "Words in name or tags, or the beginning of the id."),
    parameter("query", "state", {"type": "string", "enum": list(STATES)}, "What became of it."),
    parameter("query", "tag", TEXT, "One of its tags."),
    _OF_THE_IDS,
]
_WORDS: Final = {
    **parameter("query", "q", {"type": "string", "pattern": r"\S"}, "The words to search for."),
    "required": True,
}
_NAMED_ONES: Final = {**_OF_THE_IDS, "required": True}
_ONE: Final = parameter("query", "session", TEXT, "The session; without it, all are searched.")
_OF_A_SESSION: Final = parameter("path", "session_id", SESSION_ID, "A session's id.")
_OF_AN_EVENT: Final = parameter("path", "event_id", EVENT_ID, "An event's id.")
_PROMETHEUS: Final = {
    "description": "In Prometheus' text format.",
    "content": {"text/plain": {"schema": TEXT}},
}


def _reading(summary: str, schema: str, parameters: list[Schema], *statuses: str) -> Schema:
    told = answers(good(summary, schema), "401", "503", *statuses)
    return {"get": {"summary": summary, "parameters": parameters, "responses": told}}


_NAMED: Final = {
    name: parameter("path", name, {**TEXT, "minLength": 1}, "A session's id.")
    for name in ("session_id", "one", "other")
}
_EXPORTS: Final = {
    "summary": "A session as a file to keep.",
    "parameters": [
        _OF_A_SESSION,
        parameter("path", "form", {"type": "string", "enum": list(FORMS)}, "Which form."),
    ],
    "responses": answers(
        {
            "description": "What `agentlog export` writes.",
            "content": {
                kind.media_type.partition(";")[0]: {"schema": TEXT} for kind in FORMS.values()
            },
        },
        *("401", "404", "503", "507"),
    ),
}
_LIVE: Final = {
    "summary": "What changes, as it changes: server-sent events that do not end.",
    "parameters": [
        parameter("query", "session", TEXT, "A session; without it, the list of all."),
        parameter("query", "after", TEXT, "A place: an outline's `at`, a message's id."),
        parameter("header", "Last-Event-ID", TEXT, "As `after`, from a browser."),
    ],
    "responses": answers(
        {
            "description": "`event: rows` of an outline, `event: sessions` of the list, or"
            " `event: reload`; the `id` of a message is a place to go on from.",
            "content": {"text/event-stream": {"schema": TEXT}},
        },
        *("401", "503"),
    ),
}
_HEALTH: Final = {
    "summary": "Whether it stores what it is given.",
    "responses": {**answers(good("It does.", "Health")), "503": good("It does not.", "Health")},
    "security": [],
}
_READ: Final = {
    "/v1/sessions": _reading("Sessions, newest first.", "Sessions", _LIST_PARAMETERS, "422"),
    "/v1/costs": _reading("What sessions cost.", "Costs", [_NAMED_ONES], "422"),
    "/v1/sessions/{session_id}": _reading(
        "A session with all its events.", "Session", [_OF_A_SESSION], "404", "507"
    ),
    "/v1/sessions/{session_id}/outline": _reading(
        "A session with all its events, without their payloads.",
        *("Outline", [_OF_A_SESSION], "404", "507"),
    ),
    "/v1/sessions/{session_id}/export/{form}": {"get": _EXPORTS},
    "/v1/compare/{one}/{other}": _reading(
        "What became different from one session to another.",
        *("Comparison", [_NAMED["one"], _NAMED["other"]], "404", "422"),
    ),
    "/v1/live": {"get": _LIVE},
    "/v1/events/{session_id}/{event_id}": _reading(
        "One event.", "Event", [_OF_A_SESSION, _OF_AN_EVENT], "404"
    ),
    "/v1/search": _reading(
        "The newest events with these words.", "Results", [_WORDS, _LIMIT, _ONE], "422"
    ),
}

_HTML: Final = {"text/html": {"schema": TEXT}}
_TOKEN: Final = parameter("query", "token", TEXT, "The token: it becomes the cookie.")
_FORM: Final = {"application/x-www-form-urlencoded": {"schema": object_of({"key": TEXT})}}
_ENTERING: Final = {
    "303": {"description": "To the same address, with the cookie."},
    "401": {"description": "A form that asks for a key.", "content": _HTML},
}


def _page(summary: str, *names: str) -> Schema:
    """Return the operations of a page's address."""
    page = {"description": summary, "content": _HTML}
    missing = {"description": "The same page, which says that there is none.", "content": _HTML}
    return {
        "parameters": [_NAMED[name] for name in names],
        "get": {
            "summary": summary,
            "parameters": [_TOKEN],
            "responses": {**answers(page), **_ENTERING, **({"404": missing} if names else {})},
        },
        "post": {
            "summary": "Make a key the cookie.",
            "requestBody": {"required": True, "content": _FORM},
            "responses": {**problems("408", "413", "429"), **_ENTERING},
            "security": [],
        },
    }


_FILE: Final = {
    "summary": "A script, a style or an image of the pages.",
    "parameters": [parameter("path", "name", {**TEXT, "minLength": 1}, "Its name.")],
    "responses": {
        **answers(
            {
                "description": "It.",
                "content": {
                    kind: {"schema": TEXT}
                    for kind in ("text/css", "text/javascript", "image/svg+xml")
                },
            },
            "404",
        ),
        "304": {"description": "It is what If-None-Match says."},
    },
    "security": [],
}
_PAGES: Final = {
    "/": _page("The list of sessions, as a page."),
    "/sessions/{session_id}": _page("A session, as a page.", "session_id"),
    "/compare/{one}/{other}": _page("Two sessions side by side, as a page.", "one", "other"),
    "/page/{name}": {"get": _FILE},
}


def _paths(*, is_open: bool) -> Schema:
    """Return the routes; an open collector does not ask who writes, or who wants its numbers."""
    asking = () if is_open else ("401",)
    free: Schema = {"security": []} if is_open else {}
    receipt = good("What became of each record.", "Receipt")
    post = {
        "summary": "Store records; the answer comes after the commit.",
        "requestBody": {"required": True, "content": in_json("Batch")},
        "responses": answers(receipt, "408", "413", "415", "429", "503", "507", *asking),
    }
    traces = {
        "summary": "Store spans of OpenTelemetry; the answer comes after the commit.",
        "description": "Asked in protobuf, application/x-protobuf, it answers in protobuf.",
        "requestBody": {"required": True, "content": in_json("Traces")},
        "responses": {
            "200": good("What is refused of them.", "Taken"),
            **problems("413", "415", "429", "503", *asking, schema="Status"),
        },
    }
    metrics = {"summary": "Numbers.", "responses": answers(_PROMETHEUS, *asking)}
    return {
        "/v1/events": {"post": post | free},
        "/v1/traces": {"post": traces | free},
        **_READ,
        "/healthz": {"get": _HEALTH},
        **_PAGES,
        "/metrics": {"get": metrics | free},
    }


def document(config: ServeConfig) -> Schema:
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
        "components": {"schemas": SCHEMAS, "securitySchemes": secrets},
        "security": [] if is_free else [{name: []} for name in secrets],
    }
