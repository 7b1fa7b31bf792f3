"""What goes over the wire, as JSON schemas, and the words that a route is described in.

The rule: a schema says what is always there; what a record may have besides, it may have here.
"""

from collections.abc import Mapping
from typing import Any, Final

from agentlog.server.reading import STATES
from agentlog.store.outline import FIELDS

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "number"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SESSION_ID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
EVENT_ID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{16}$"}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def object_of(required: Mapping[str, Schema], **more: Any) -> Schema:
    """Describe an object that has these, at least."""
    return {
        "type": "object",
        "properties": dict(required),
        "required": list(required),
        **more,
    }


def _list(of: str) -> Schema:
    return {"type": "array", "items": ref(of)}


def ref(name: str) -> Schema:
    """Name a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Final[Schema] = {
    "Problem": object_of({"detail": TEXT}),
    "Record": object_of(
        {"id": EVENT_ID, "session_id": SESSION_ID},
        description="A patch of one event: see the record format. Other fields are kept.",
    ),
    "Event": object_of(
        {"id": TEXT, "session_id": TEXT}, description="The merged records of one event."
    ),
    "Batch": object_of(
        {"events": {"type": "array", "items": {}, "description": "Records, 5,000 at most."}}
    ),
    "Refusal": object_of({"index": _COUNT, "id": _or_null(TEXT), "why": TEXT}),
    "Receipt": object_of({"accepted": _COUNT, "refused": _list("Refusal")}),
    "Traces": object_of(
        {},
        properties={"resourceSpans": {"type": ["array", "null"]}},
        description="An ExportTraceServiceRequest, 10,000 spans at most.",
    ),
    "Taken": object_of(
        {},
        properties={
            "partialSuccess": object_of({"rejectedSpans": TEXT, "errorMessage": TEXT}),
        },
        description="An ExportTraceServiceResponse.",
    ),
    "Status": {
        "description": "A google.rpc.Status; a stranger is answered as everywhere.",
        "anyOf": [object_of({"message": TEXT}), ref("Problem")],
    },
    "Summary": object_of(
        {
            "id": TEXT,
            "event_type": _or_null(TEXT),
            "timestamp": _or_null(_NUMBER),
            "end_timestamp": _or_null(_NUMBER),
            "last": _or_null(_NUMBER),
            "result": _or_null(TEXT),
            "reason": _or_null(TEXT),
            "rating": _or_null(TEXT),
            "tags": {"type": "array", "items": TEXT},
            "events": _COUNT,
            "failures": _COUNT,
            "prompt_tokens": _COUNT,
            "completion_tokens": _COUNT,
            "state": {"type": "string", "enum": list(STATES)},
        }
    ),
    "Sessions": object_of({"sessions": _list("Summary"), "next": _or_null(TEXT)}),
    "Costs": object_of(
        {
            "costs": {
                "type": "object",
                "additionalProperties": object_of(
                    {
                        "tokens_in": _or_null(_COUNT),
                        "tokens_out": _or_null(_COUNT),
                        "dollars": _or_null(_NUMBER),
                        "unpriced": _COUNT,
                    }
                ),
                "description": "By the ids of sessions: tokens, US dollars, and how many calls have"
                " no known price. A session without tokens is not among them, and where there are"
                " no prices at all, none is.",
            }
        }
    ),
    "Session": object_of(
        {"session": {"oneOf": [ref("Event"), {"type": "null"}]}, "events": _list("Event")}
    ),
    "Outline": object_of(
        {
            "session_id": TEXT,
            "is_silent": {"type": "boolean"},
            "options": {**TEXT, "description": "What `agentlog replay ID` needs to read it."},
            "at": {**TEXT, "description": "The place from which `/v1/live?after=` goes on."},
            "fields": {"type": "array", "items": {"type": "string", "enum": list(FIELDS)}},
            "rows": {
                "type": "array",
                "items": {"type": "array", "minItems": len(FIELDS), "maxItems": len(FIELDS)},
                "description": "A row for each event, by its start: a value for each field. `cost`"
                " is in US dollars, `unknown` where there is no known price, and null where there"
                " are no tokens, or no prices at all.",
            },
        }
    ),
    "Comparison": object_of(
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
    "Results": object_of({"results": _list("Event")}),
    "Health": object_of({"status": TEXT}),
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
    "503": "It cannot be done now: come again after Retry-After.",
    "507": "The disk is full: come again after Retry-After.",
}


def in_json(schema: str) -> Schema:
    """Describe a body of JSON, by the name of its schema."""
    return {"application/json": {"schema": ref(schema)}}


def problems(*statuses: str, schema: str = "Problem") -> Schema:
    """Describe what answers a request that cannot be done; any may be malformed or a stranger's."""
    later = {"Retry-After": {"schema": {"type": "string"}}}
    return {
        status: {
            "description": _PROBLEMS[status],
            "content": in_json(schema),
            **({"headers": later} if status in ("429", "503", "507") else {}),
        }
        for status in ("400", "403", "421", *statuses)
    }


def answers(best: Schema, *statuses: str) -> Schema:
    """Describe an answer that is good, and those that may come instead."""
    return {"200": best, **problems(*statuses)}


def good(description: str, schema: str) -> Schema:
    """Describe an answer of JSON, by the name of its schema."""
    return {"description": description, "content": in_json(schema)}


def parameter(place: str, name: str, schema: Schema, description: str) -> Schema:
    """Describe a parameter of the path, which has to be there, or of another place."""
    return {
        "in": place,
        "name": name,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }
