"""The vocabulary of OpenInference: `llm.*`, `input.value`, `openinference.span.kind`.

Of a call to a model it has the request twice: as JSON in `input.value`, which is there when the
span starts, and spread over `llm.input_messages.*` and others, which mostly comes at its end. The
request is taken if its messages are of the usual form, so that both ends of a span say the same.

https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentlog.conventions.attributes import (
    MAPPINGS,
    Attributes,
    Taken,
    as_params,
    by_names,
    count,
    filled,
    parsed,
    rows_of,
    shapes_of,
    taken,
    text,
    texts,
)

KIND: Final = "openinference.span.kind"
NAMESPACES: Final = (
    *("openinference.", "llm.", "input.", "output.", "tag.", "tool.", "metadata"),
    *("embedding.", "retrieval.", "reranker.", "decision."),
)
"""What the names of its attributes begin with."""

_MESSAGES: Final = "llm.input_messages"
"""A list that is put together only where the request has not said it."""

_KINDS: Final = {"LLM": "llm", "EMBEDDING": "llm", "DECISION": "llm", "TOOL": "tool"}
_TOLD_BY_TYPE: Final = frozenset({"", "LLM", "EMBEDDING", "TOOL"})
"""Kinds that the event's type and its operation say; the others are a param, `kind`."""

_LISTS: Final = frozenset(
    {
        "embedding.embeddings",
        "input.images",
        "llm.choices",
        _MESSAGES,
        "llm.output_messages",
        "llm.prompts",
        "llm.tools",
        "output.images",
        "reranker.input_documents",
        "reranker.output_documents",
        "retrieval.documents",
    }
)
_MODELS: Final = (
    "llm.response.model_name",
    "llm.model_name",
    "llm.request.model_name",
    "embedding.model_name",
    "reranker.model_name",
    "decision.response.model_name",
    "decision.model_name",
    "decision.request.model_name",
)
_GIVEN: Final = ("llm.invocation_parameters", "embedding.invocation_parameters")
_FIXED: Final = (*(KIND, "input.value", "input.mime_type", "output.value", "output.mime_type"),)

_FIELDS: Final[Taken] = (
    ("model", _MODELS, text),
    ("prompt_tokens", ("llm.token_count.prompt", "decision.token_count.input"), count),
    ("completion_tokens", ("llm.token_count.completion", "decision.token_count.output"), count),
    ("tags", ("tag.tags",), texts),
)
_PARAMS: Final[Taken] = (
    ("provider", ("llm.provider", "decision.provider", "llm.system", "decision.system"), text),
    ("model", ("llm.request.model_name", "decision.request.model_name"), text),
    ("llm.system", ("llm.system", "decision.system"), text),
    ("parameters", _GIVEN, parsed),
    ("metadata", ("metadata",), parsed),
    ("tool.parameters", ("tool.parameters",), parsed),
    ("llm.prompt_template.variables", ("llm.prompt_template.variables",), parsed),
    ("finish_reason", ("llm.finish_reason",), text),
)
_COUNTED: Final = {
    "llm.token_count.prompt_details.cache_input": "cached_tokens",
    "llm.token_count.prompt_details.cache_read": "cached_tokens",
    "llm.token_count.prompt_details.cache_write": "cache_write_tokens",
    "llm.token_count.completion_details.reasoning": "reasoning_tokens",
    "llm.token_count.total": "total_tokens",
}
"""Those that are told only if there are some."""

_REQUESTED: Final = ("messages", "input", "prompt", "contents")
_SYSTEM: Final = ("system", "instructions")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What there is to be read under some names, and which of them are of this vocabulary."""

    told: tuple[str, ...]
    is_all: bool
    fields: Taken
    params: Taken
    counted: tuple[tuple[str, str], ...]
    spread: dict[str, list[Any]]


@by_names
def _plan(names: tuple[str, ...]) -> _Plan:
    present = frozenset(names)
    fields, params = rows_of(present, _FIELDS), rows_of(present, _PARAMS)
    counted = tuple((name, param) for name, param in _COUNTED.items() if name in present)
    told = {name for _, words, _ in fields + params for name in words}.union(_FIXED, _COUNTED)
    shapes, used = shapes_of(tuple(name for name in names if name not in told), _LISTS)
    told.update(used)
    known = tuple(name for name in names if name in told)
    return _Plan(known, len(known) == len(names), fields, params, counted, shapes)


def read(attributes: Attributes, _: Sequence[Any] = ()) -> dict[str, Any]:
    """Take what this vocabulary knows out of attributes, and return it as fields of a record."""
    plan = _plan((*attributes,))
    if not plan.told:
        return {}
    told = attributes.copy()
    if plan.is_all:
        attributes.clear()
    else:
        for name in plan.told:
            del attributes[name]
    spread: dict[str, Any] = {}
    if plan.spread:
        spread = {
            root: shape if root == _MESSAGES else filled(shape, told)
            for root, shape in plan.spread.items()
        }
    kind = (text(told.get(KIND)) or "").upper()
    is_embedding = kind == "EMBEDDING" or (not kind and "embedding.model_name" in told)
    fields = taken(told, plan.fields, attributes)
    params = fields["params"] = _params(plan, told, spread, attributes)
    _leave_out_what_is_said(params, fields)
    if kind not in _TOLD_BY_TYPE:
        params["kind"] = told[KIND]
    if kind:
        fields["action_type"] = _KINDS.get(kind, "action")
    if is_embedding:
        params["operation"] = "embeddings"
    if fields.get("action_type") == "llm" or (not kind and ("model" in fields or spread)):
        _read_call(fields, told, spread)
        if _asks_no_model(fields, told):
            _read_other(fields, told)
    else:
        _read_step(fields, told, spread)
    return fields


def _params(
    plan: _Plan, told: Attributes, spread: dict[str, list[Any]], rest: Attributes
) -> dict[str, Any]:
    params = taken(told, plan.params, rest)
    for name, param in plan.counted:
        if number := count(told[name]):
            params[param] = number
        elif number is None and told[name] != "":
            rest[name] = told[name]
    if "parameters" in params:
        params.update(as_params(params.pop("parameters"), "parameters"))
    if tools := spread.pop("llm.tools", None):
        params["tools"] = [parsed(tool.get("json_schema", tool)) for tool in map(_mapping, tools)]
    return params


def _leave_out_what_is_said(params: dict[str, Any], fields: dict[str, Any]) -> None:
    """Leave out the model asked for that has answered, a maker that is the provider, a sum."""
    if "model" in params and params["model"] == fields.get("model"):
        del params["model"]
    if "llm.system" in params and params["llm.system"] == params["provider"]:
        del params["llm.system"]
    if "total_tokens" in params:
        parts = (fields.get("prompt_tokens", 0), fields.get("completion_tokens", 0))
        if params["total_tokens"] == sum(parts):
            del params["total_tokens"]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, MAPPINGS) else {"": value}


def _read_step(fields: dict[str, Any], told: Attributes, spread: dict[str, list[Any]]) -> None:
    """Tell what was given to something that is no call to a model, and what came of it."""
    if "output.value" in told:
        fields["returns"] = parsed(told["output.value"])
    if _MESSAGES in spread:
        spread[_MESSAGES] = filled(spread[_MESSAGES], told)
    given, params = as_params(told.get("input.value"), "input"), fields["params"]
    if "kind" in given and "kind" in params:
        params[KIND] = params.pop("kind")
    fields["params"] = {**given, **params, **spread}


def _asks_no_model(fields: dict[str, Any], told: Attributes) -> bool:
    """Tell a request for a list of models, or for an answer of before, from those that ask a model.

    OpenInference's package for OpenAI's client says of each request that it is a call to a model.
    At the end it tells the parameters; those of such a request are all of it, and name no model.
    """
    asked = fields.get("prompt")
    if told.get("llm.system") != "openai" or type(asked) is not dict:
        return False
    if "model" not in fields:
        return True
    return "model" not in asked and parsed(told.get("llm.invocation_parameters")) == asked


def _read_other(fields: dict[str, Any], told: Attributes) -> None:
    """Tell a request that asks no model; what its answer says of one was said before."""
    fields["action_type"] = "api"
    fields["params"] = {**fields["prompt"], **fields["params"]}
    for name in ("model", "prompt", "prompt_tokens", "completion_tokens", "returns"):
        fields.pop(name, None)
    if "output.value" in told:
        fields["returns"] = parsed(told["output.value"])


# -- A call to a model -----------------------------------------------------------------------------


def _read_call(fields: dict[str, Any], told: Attributes, spread: dict[str, list[Any]]) -> None:
    """Tell a request's prompt from its parameters, and an answer from what surrounds it."""
    params = fields["params"]
    embedded = spread.pop("embedding.embeddings", None)
    given = parsed(told.get("input.value"))
    is_spread = bool(spread or embedded or type(given) is dict)
    asked = _read_request(params, given, told, spread, embedded) if is_spread else given
    if asked is not None:
        fields["prompt"] = asked
    if (model := text(params.get("model"))) and fields.setdefault("model", model) == model:
        del params["model"]
    answered = _read_answer(spread, embedded) or parsed(told.get("output.value"))
    if answered is not None:
        fields["returns"] = answered
    params.update(spread)


def _read_request(
    params: dict[str, Any],
    given: Any,
    told: Attributes,
    spread: dict[str, list[Any]],
    embedded: list[Any] | None,
) -> Any:
    """Return the prompt of a request, and add the rest of it to the parameters."""
    messages, prompts = spread.pop(_MESSAGES, []), spread.pop("llm.prompts", None)
    request = dict(given) if isinstance(given, dict) else {}
    named = [name for name in _REQUESTED if name in request]
    asked = request.pop(named[0]) if named else None
    if not _is_usual(asked):
        said = (
            [*map(_usual, filled(messages, told))]
            or _only(prompts, "text")
            or _only(embedded, "text")
        )
        asked = said or asked
    elif system := [request.pop(name) for name in _SYSTEM if name in request]:
        asked = [{"role": "system", "content": system[0]}, *_as_messages(asked)]
    if asked is None:
        return given
    params.update(request)
    return asked


def _read_answer(spread: dict[str, list[Any]], embedded: list[Any] | None) -> Any:
    """Return what came back, where it is spread over attributes."""
    if not spread and not embedded:
        return None
    answers = [*map(_usual, spread.pop("llm.output_messages", ()))]
    return answers or _only(spread.pop("llm.choices", None), "text") or _sizes(embedded)


def _is_usual(asked: Any) -> bool:
    """Say whether this is a text, some, or messages with roles or types."""
    if isinstance(asked, str):
        return True
    if type(asked) is not list:
        return False
    for one in asked:
        if type(one) is not str and not (type(one) is dict and ("role" in one or "type" in one)):
            return False
    return True


def _usual(message: Any) -> Any:
    """Return a message with its parts as its content; calls of tools are told beside them."""
    if not isinstance(message, dict) or "content" in message or "contents" not in message:
        return message
    parts = message.pop("contents")
    if "tool_calls" in message and isinstance(parts, list):
        parts = [part for part in parts if _mapping(part).get("type") != "tool_use"]
    only = parts[0] if isinstance(parts, list) and len(parts) == 1 else None
    is_text = isinstance(only, MAPPINGS) and set(only) == {"type", "text"}
    content = only["text"] if only and is_text else parts
    return {**message, "content": content} if content else message


def _as_messages(asked: Any) -> list[Any]:
    return [{"role": "user", "content": asked}] if isinstance(asked, str) else asked


def _only(items: list[Any] | None, name: str) -> list[Any] | None:
    """Return what the items of a list have by this name, if they have it."""
    if not items:
        return None
    return [one[name] for one in items if isinstance(one, dict) and name in one] or None


def _sizes(embedded: list[Any] | None) -> dict[str, int] | None:
    """Return how many vectors came back and how long they are: the numbers tell nobody a thing."""
    vectors = _only(embedded, "vector")
    if not vectors:
        return None
    sizes = {len(vector) for vector in vectors if isinstance(vector, list | tuple)}
    return {"vectors": len(vectors), "dimensions": max(sizes, default=0)}
