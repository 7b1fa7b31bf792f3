"""docs/openapi.yaml: it is valid, and says what really goes over the wire."""

import io
import json
from contextlib import suppress

import jsonschema
import openapi_spec_validator
import pytest
import structlog
import yaml
from structlog.processors import CallsiteParameter, CallsiteParameterAdder

import agentlog as ao
from agentlog.shipping.policy import receipt_of
from tests.documents import ROOT
from tests.shipping.server import Server, collecting

SPEC = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text("utf-8"))
SCHEMAS = SPEC["components"]["schemas"]
OPERATION = SPEC["paths"]["/v1/events"]["post"]
BATCH = OPERATION["requestBody"]["content"]["application/json"]["example"]
RECEIPTS = OPERATION["responses"]["200"]["content"]["application/json"]["examples"]


def faults(name, value):
    """Return what is not as a schema of the document says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": SPEC["components"]}
    return [str(error) for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def record_every_field(client):
    """Record events that have, together, every field that a record can have."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(io.StringIO()),
        [
            structlog.processors.add_log_level,
            CallsiteParameterAdder({CallsiteParameter.PATHNAME, CallsiteParameter.LINENO}),
            ao.EventProcessor(client),
            structlog.processors.JSONRenderer(),
        ],
    ).bind(logger="agent")
    with client.action("ask", params={"n": 1}, model="gpt-4", prompt=["hello"]) as action:
        action.update(prompt_tokens=1, completion_tokens=2, tags=["c"])
        action.returns = {"password": "x", "image": object()}
    with suppress(ZeroDivisionError), client.action("divide"):
        log.info("about to divide")
        log.warning("by zero", event_type="zero")
        _ = 1 / 0
    client.end_session("Fail", rating="2", reason="it cannot divide")


def test_it_is_valid():
    """Generators of servers, types and tests can read it."""
    openapi_spec_validator.validate(SPEC)
    assert "3.1.0" == SPEC["openapi"]


@pytest.mark.parametrize("receipt", [each["value"] for each in RECEIPTS.values()], ids=RECEIPTS)
def test_its_examples_are_what_it_says(receipt):
    """The batch, and receipts, which the client takes for that batch."""
    assert [] == faults("Batch", BATCH)
    assert [] == faults("Receipt", receipt)
    lines = [json.dumps(record).encode() for record in BATCH["events"]]
    assert receipt_of(json.dumps(receipt).encode(), lines)


def test_what_is_shipped_is_what_it_says():
    """Records of every kind, with every field that it names and no other."""
    with Server(collecting()) as server:
        client = ao.Client("example-key-1", ["a"], server.url)
        record_every_field(client)
        assert 0 == client.flush(20).pending
        client.close()
        batches = [{"events": request.events} for request in server.requests]
    assert [] == [fault for batch in batches for fault in faults("Batch", batch)]
    fields = {field for batch in batches for record in batch["events"] for field in record}
    assert SCHEMAS["Record"]["properties"].keys() == fields


def test_it_has_each_answer_that_means_something_of_its_own():
    """What the client does with each stands there."""
    named = "200 400 401 403 404 408 413 422 425 429 5XX 3XX"
    assert named == " ".join(OPERATION["responses"])


@pytest.mark.parametrize(
    "record",
    [{}, {"id": "0" * 16, "session_id": "0" * 32}, {"id": "x", "session_id": "0" * 32}],
    ids=["empty", "neither half", "no id"],
)
def test_what_is_no_record_is_none(record):
    """A server that goes by it refuses that."""
    assert faults("Record", record)
