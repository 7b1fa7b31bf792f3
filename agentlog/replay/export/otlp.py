"""A session as OpenTelemetry has traces: OTLP in JSON.

The rules of this file: a line is a whole `TracesData`, as the specification of OTLP files has it,
which a collector takes by a POST to `/v1/traces`. It is one line, unless that is more than it takes
at once. Ids go over as they are; where they are not of W3C's form, they are derived, the same from
the same. Semantic conventions are followed where they fit, and what they have no word for is below
`agentlog.`, values of any shape as JSON.

https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from agentlog._version import __version__
from agentlog.replay.export.run import Run
from agentlog.replay.export.strict import written
from agentlog.replay.node import Node, moment
from agentlog.store.ids import moment_of_id
from agentlog.store.merge import Event

MOST_TEXT: Final = 16 << 20
"""Characters of a line; OpenTelemetry's collector takes up to 20 MiB unless told otherwise."""

_INTERNAL, _CLIENT = 1, 3
_OK, _ERROR = 1, 2
_LARGEST = 1 << 63
_LAST = (1 << 64) - 1
_OPERATIONS = {"llm": "chat", "tool": "execute_tool", "session": "invoke_agent"}

Json = dict[str, object]


def parts(run: Run) -> Iterator[str]:
    """Yield the lines."""
    head = Node(run.head())
    begin = (
        f'{{"resourceSpans":[{{"resource":{{"attributes":{written(_resource(head))}}},'
        f'"scopeSpans":[{{"scope":{{"name":"agentlog","version":"{__version__}"}},"spans":['
    )
    end = "]}]}]}\n"
    yield begin
    between, room = "", MOST_TEXT
    for event in run.shown():
        text = written(span(event, run.last))
        if between and len(text) > room:
            yield end + begin
            between, room = "", MOST_TEXT
        yield between + text
        between, room = ",", room - len(text) - 1
    yield end


def span(event: Event, last: float | None = None) -> Json:
    """Return an event as a span; one without an end goes to `last`."""
    node = Node(event)
    start = node.when
    if start is None:
        start = moment(moment_of_id(node.session_id)) or 0.0
    end = node.ended
    if end is None:
        end = last
    end = start if end is None else max(start, end)
    parent = event.get("parent_id")
    found: Json = {
        "traceId": _id(node.session_id, 32),
        "spanId": _id(node.id, 16),
        "name": node.name,
        "kind": _CLIENT if node.kind in {"llm", "api"} else _INTERNAL,
        "startTimeUnixNano": _nanoseconds(start),
        "endTimeUnixNano": _nanoseconds(end),
        "attributes": _attributes(_facts(node)),
        "status": _status(node),
    }
    if isinstance(parent, str) and parent and node.kind != "session":
        found["parentSpanId"] = _id(parent, 16)
    if events := [*_crumbs(event.get("log"), start), *_exception(event.get("error"), end)]:
        found["events"] = events
    return found


def _id(text: str, digits: int) -> str:
    if re.fullmatch(f"[0-9a-f]{{{digits}}}", text) and text.strip("0"):
        return text
    return sha256(text.encode(errors="replace")).hexdigest()[:digits]


def _nanoseconds(seconds: float) -> str:
    """Write a time; a float has no more than microseconds in it."""
    return str(min(round(seconds * 1e6) * 1000, _LAST))


def _status(node: Node) -> Json:
    if node.failed:
        return {"code": _ERROR, "message": node.error or node.reason or ""}
    return {"code": _OK} if node.event.get("result") == "Success" else {}


# -- Attributes ------------------------------------------------------------------------------------


def _facts(node: Node) -> dict[str, object]:
    """Return what is known of an event, by the names of its attributes."""
    event = node.event
    error = event.get("error")
    facts: dict[str, object] = {
        "gen_ai.operation.name": _OPERATIONS.get(node.kind),
        "gen_ai.conversation.id": node.session_id,
        "gen_ai.request.model": node.model,
        "gen_ai.usage.input_tokens": node.tokens_in,
        "gen_ai.usage.output_tokens": node.tokens_out,
        "error.type": error.get("type") if isinstance(error, Mapping) else None,
        "agentlog.action_type": node.kind,
        "agentlog.state": node.state.value,
        "agentlog.reason": node.reason,
        "agentlog.rating": node.rating,
        "agentlog.tags": list(node.tags) or None,
        "agentlog.level": node.level,
        "agentlog.logger": node.logger,
        "agentlog.source": event.get("source"),
    }
    if node.kind == "session":
        facts["gen_ai.agent.name"] = node.name
    if node.kind == "tool":
        facts["gen_ai.tool.name"] = node.name
        facts["gen_ai.tool.call.arguments"] = _payload(event.get("params"))
        facts["gen_ai.tool.call.result"] = _payload(event.get("returns"))
    else:
        facts["agentlog.params"] = _payload(event.get("params"))
        facts["agentlog.returns"] = _payload(event.get("returns"))
    if messages := _messages(event.get("prompt")):
        facts["gen_ai.input.messages"] = written(messages)
    else:
        facts["agentlog.prompt"] = _payload(event.get("prompt"))
    return facts


def _resource(head: Node) -> list[Json]:
    process = head.event.get("process")
    known = process if isinstance(process, Mapping) else {}
    named = head.name if head.event.get("event_type") else "agentlog"
    return _attributes(
        {
            "service.name": named,
            "host.name": known.get("host"),
            "process.pid": known.get("pid"),
            "process.runtime.name": "python" if known.get("python") else None,
            "process.runtime.version": known.get("python"),
        }
    )


def _payload(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else written(value)


def _messages(prompt: object) -> list[Json]:
    """Return a prompt as the conventions have messages; nothing, if it has another form."""
    if isinstance(prompt, str):
        return [_message("user", prompt)] if prompt else []
    if not isinstance(prompt, list):
        return []
    found = []
    for message in prompt:
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            return []
        role, content = message["role"], message["content"]
        if not isinstance(role, str) or not isinstance(content, str):
            return []
        found.append(_message(role, content))
    return found


def _message(role: str, content: str) -> Json:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def _attributes(facts: Mapping[str, object]) -> list[Json]:
    return [
        {"key": name, "value": value}
        for name, fact in facts.items()
        if (value := _value(fact)) is not None
    ]


def _value(fact: object) -> Json | None:
    if isinstance(fact, bool):
        return {"boolValue": fact}
    if isinstance(fact, str):
        return {"stringValue": fact}
    if isinstance(fact, int):
        return {"intValue": str(fact)} if -_LARGEST <= fact < _LARGEST else None
    if isinstance(fact, list):
        return {"arrayValue": {"values": [{"stringValue": text} for text in fact]}}
    return None


# -- What happened on the way ----------------------------------------------------------------------


def _exception(error: object, when: float) -> Iterator[Json]:
    if not error:
        return
    told = error if isinstance(error, Mapping) else {"message": _payload(error)}
    facts = {
        "exception.type": told.get("type"),
        "exception.message": told.get("message"),
        "exception.stacktrace": told.get("traceback"),
    }
    yield {
        "timeUnixNano": _nanoseconds(when),
        "name": "exception",
        "attributes": _attributes(facts),
    }


def _crumbs(log: object, start: float) -> Iterator[Json]:
    """Yield the last lines of the log before a failure."""
    for line in log if isinstance(log, list) else []:
        if isinstance(line, Mapping):
            when = moment(line.get("timestamp"))
            rest = {
                f"agentlog.{name}": value if isinstance(value, bool | int | str) else written(value)
                for name, value in line.items()
                if name not in {"timestamp", "event"} and isinstance(name, str)
            }
            yield {
                "timeUnixNano": _nanoseconds(start if when is None else when),
                "name": _payload(line.get("event")) or "log",
                "attributes": _attributes(rest),
            }
