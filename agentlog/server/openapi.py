"""The description of the API for programs, `GET /openapi.json`.

The rule: of what stands in it, it says all that can come back, and nothing that cannot; a test has
schemathesis compare it with what a collector answers. The routes of AgentOps' SDK are not in it:
that SDK is what describes them.
"""

from collections.abc import Mapping
from typing import Any, Final

from agentlog._version import __version__
from agentlog.server.exports import FORMS
from agentlog.server.reading import CURSOR, FEW, MOST, STATES
from agentlog.store.outline import FIELDS

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
    "Outline": _object(
        {
            "session_id": _TEXT,
            "at": {**_TEXT, "description": "The place from which `/v1/live?after=` goes on."},
            "fields": {"type": "array", "items": {"type": "string", "enum": list(FIELDS)}},
            "rows": {
                "type": "array",
                "items": {"type": "array", "minItems": len(FIELDS), "maxItems": len(FIELDS)},
                "description": "A row for each event, by its start: a value for each field.",
            },
        }
    ),
    "Comparison": _object(
        {
            "before": {"type": "object"},
            "after": {"type": "object"},
            "differs": {"type": "boolean"},
            "counts": {"type": "object", "additionalProperties": _COUNT},
            "rows": {
                "type": "array",
                "items": {"type": "object"},
                "description": "In the order of the tree: an event with its `changes`, or the"
                " number of those that are `hidden`.",
            },
        }
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


def _answers(good: _Schema, *problems: str) -> _Schema:
    later = {"Retry-After": {"schema": {"type": "string"}}}
    return {
        "200": good,
        **{
            status: {
                "description": _PROBLEMS[status],
                "content": {"application/json": {"schema": _ref("Problem")}},
                **({"headers": later} if status in ("429", "503", "507") else {}),
            }
            for status in ("400", "403", "421", *problems)
        },
    }


def _good(description: str, schema: str) -> _Schema:
    return {
        "description": description,
        "content": {"application/json": {"schema": _ref(schema)}},
    }


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
_ONE: Final = _parameter("query", "session", _TEXT, "The session; without it, all are searched.")
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
_FORM: Final = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {"schema": _object({"key": _TEXT})},
    },
}


_NAMED: Final = {
    name: _parameter("path", name, {**_TEXT, "minLength": 1}, "A session's id.")
    for name in ("session_id", "one", "other")
}


def _page(summary: str, *names: str) -> _Schema:
    """Return the operations of a page's address."""
    form = {"description": "A form that asks for a key.", "content": _HTML}
    entered = {"description": "To the same address, with the cookie."}
    page = {"description": summary, "content": _HTML}
    token = _parameter("query", "token", _TEXT, "The token, or a key: it becomes the cookie.")
    refused = {k: v for k, v in _answers(form, "408", "413", "429").items() if k != "200"}
    return {
        "parameters": [_NAMED[name] for name in names],
        "get": {
            "summary": summary,
            "parameters": [token],
            "responses": {**_answers(page), "303": entered, "401": form},
        },
        "post": {
            "summary": "Make a key the cookie.",
            "requestBody": _FORM,
            "responses": {**refused, "303": entered, "401": form},
            "security": [],
        },
    }


def _pages() -> _Schema:
    """Return what a browser asks for."""
    scripts = {kind: {"schema": _TEXT} for kind in ("text/css", "text/javascript", "image/svg+xml")}
    file = {
        "summary": "A script, a style or an image of the pages.",
        "parameters": [_parameter("path", "name", {**_TEXT, "minLength": 1}, "Its name.")],
        "responses": {
            **_answers({"description": "It.", "content": scripts}, "404"),
            "304": {"description": "It is what If-None-Match says."},
        },
        "security": [],
    }
    return {
        "/": _page("The list of sessions, as a page."),
        "/sessions/{session_id}": _page("A session, as a page.", "session_id"),
        "/compare/{one}/{other}": _page("Two sessions side by side, as a page.", "one", "other"),
        "/page/{name}": {"get": file},
    }


def _export() -> _Schema:
    """Return the operation of files to keep."""
    kinds = {kind.media_type.partition(";")[0]: {"schema": _TEXT} for kind in FORMS.values()}
    form = _parameter("path", "form", {"type": "string", "enum": list(FORMS)}, "Which form.")
    good = {"description": "What `agentlog export` writes.", "content": kinds}
    return {
        "get": {
            "summary": "A session as a file to keep.",
            "parameters": [_OF_A_SESSION, form],
            "responses": _answers(good, "401", "404", "503"),
        }
    }


def _live() -> _Schema:
    """Return the operation of streams."""
    stream = {
        "description": "`event: rows` of an outline, `event: sessions` of the list, or"
        " `event: reload`; the `id` of a message is a place to go on from.",
        "content": {"text/event-stream": {"schema": _TEXT}},
    }
    return {
        "get": {
            "summary": "What changes, as it changes: server-sent events that do not end.",
            "parameters": [
                _parameter("query", "session", _TEXT, "A session; without it, the list of all."),
                _parameter("query", "after", _TEXT, "A place: an outline's `at`, a message's id."),
                _parameter("header", "Last-Event-ID", _TEXT, "As `after`, from a browser."),
            ],
            "responses": _answers(stream, "401", "503"),
        }
    }


def document(*, is_open: bool, asks_token: bool, root_path: str, cookie: str) -> _Schema:
    """Return the description of a collector.

    Args:
        is_open: Whether writing asks for nothing.
        asks_token: Whether reading asks for something.
        root_path: Where it is below a proxy.
        cookie: The name of its cookie.

    """
    writing = ("408", "413", "415", "429", "503", "507", *(() if is_open else ("401",)))
    batch = {"required": True, "content": {"application/json": {"schema": _ref("Batch")}}}
    post = {
        "summary": "Store records; the answer comes after the commit.",
        "requestBody": batch,
        "responses": _answers(_good("What became of each record.", "Receipt"), *writing),
        **({"security": []} if is_open else {}),
    }
    metrics = {
        "summary": "Numbers.",
        "responses": _answers(_PROMETHEUS, *(() if is_open else ("401",))),
    }
    health = {
        "summary": "Whether it stores what it is given.",
        "responses": {
            **_answers(_good("It does.", "Health")),
            "503": _good("It does not.", "Health"),
        },
        "security": [],
    }
    secret: list[_Schema] = [{"bearer": []}, {"agentops": []}, {"cookie": []}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "agentlog collector",
            "version": __version__,
            "description": "A path has the methods that stand here; for any other it is a 405.",
        },
        "servers": [{"url": root_path or "/"}],
        "paths": {
            "/v1/events": {"post": post},
            "/v1/sessions": _reading(
                "Sessions, newest first.", "Sessions", _LIST_PARAMETERS, "422"
            ),
            "/v1/sessions/{session_id}": _reading(
                "A session with all its events.", "Session", [_OF_A_SESSION], "404"
            ),
            "/v1/sessions/{session_id}/outline": _reading(
                "A session with all its events, without their payloads.",
                "Outline",
                [_OF_A_SESSION],
                "404",
            ),
            "/v1/sessions/{session_id}/export/{form}": _export(),
            "/v1/compare/{one}/{other}": _reading(
                "What became different from one session to another.",
                "Comparison",
                [_NAMED["one"], _NAMED["other"]],
                "404",
                "422",
            ),
            "/v1/live": _live(),
            "/v1/events/{session_id}/{event_id}": _reading(
                "One event.", "Event", [_OF_A_SESSION, _OF_AN_EVENT], "404"
            ),
            "/v1/search": _reading(
                "The newest events with these words.", "Results", [_WORDS, _LIMIT, _ONE], "422"
            ),
            "/healthz": {"get": health},
            **_pages(),
            "/metrics": {"get": {**metrics, **({"security": []} if is_open else {})}},
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "agentops": {"type": "apiKey", "in": "header", "name": "X-Agentops-Auth"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
        "security": secret if asks_token else [],
    }
