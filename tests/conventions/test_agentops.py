"""agentlog.conventions.agentops: the spans of AgentOps' SDK from 0.4 on."""

import pytest

from agentlog.conventions.reading import ended, read


def said(**attributes):
    """Return what a span of the SDK says."""
    whole = {"agentops.span.kind": "task", "operation.name": "look", **attributes}
    return read("look.task", whole)


def test_a_function_is_called_what_its_program_calls_it():
    """What it was called with are params, what came back is returns."""
    assert {
        "event_type": "look",
        "action_type": "action",
        "params": {"days": 2, "args": ["Oslo"]},
        "returns": {"sky": "rain"},
    } == said(
        **{
            "agentops.task.input": '{"args": ["Oslo"], "kwargs": {"days": 2}}',
            "agentops.task.output": '{"sky": "rain"}',
        }
    )


@pytest.mark.parametrize(
    ("output", "expected"),
    [("Oslo", "Oslo"), ('"Oslo"', "Oslo"), ('"Oslo', '"Oslo'), ('"a", "b"', '"a", "b"')],
)
def test_a_text_that_came_back(output, expected):
    """The first versions put it in quotation marks."""
    assert expected == said(**{"agentops.entity.output": output})["returns"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("tool", "tool"),
        ("llm.call", "llm"),
        ("http", "api"),
        ("agent", "action"),
        ("session", "action"),
        ("of tomorrow", "action"),
    ],
)
def test_kinds(kind, expected):
    """Those that have one of ours get it."""
    assert expected == said(**{"agentops.span.kind": kind})["action_type"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, ("Success", None)),
        ({"agentops.session.end_state": "Success"}, ("Success", None)),
        ({"agentops.session.end_state": "StatusCode.ERROR"}, ("Fail", None)),
        ({"agentops.session.end_state": "Indeterminate"}, ("Indeterminate", None)),
        ({"agentops.session.end_state": "Shutdown"}, ("Indeterminate", "Shutdown")),
        (
            {"agentops.status.end_state": "Fail", "agentops.status.end_state_reason": "rain"},
            ("Fail", "rain"),
        ),
    ],
)
def test_what_became_of_a_session_stands_in_an_attribute(told, expected):
    """Its status is never set."""
    fields = said(**told)
    assert (*expected, None) == ended(0, "", fields)
    assert not {"result", "reason"} & fields.keys()


def test_tags():
    """Under both names that they have had."""
    assert ["a", "b"] == said(**{"agentops.tags": ["a", "b"]})["tags"]
    assert ["a"] == said(tags=["a"])["tags"]


def test_the_tags_of_others_are_not_read():
    """Their spans have no attribute of AgentOps'."""
    assert {"tags": ["a"]} == read("look", {"tags": ["a"]})["params"]
