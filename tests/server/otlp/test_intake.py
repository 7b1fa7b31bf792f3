"""agentlog.server.otlp.intake: from a body to records, within bounds."""

import gzip
import json
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.server.envelope import Rejection
from agentlog.server.otlp.intake import MOST_SPANS, MOST_TEXT, read_json, read_protobuf
from agentlog.server.otlp.protobuf import MOST_OF_A_SPAN
from agentlog.server.otlp.records import session_id
from agentlog.server.otlp.spans import MOST_EVENTS, MOST_EVENTS_OF_A_SPAN
from agentlog.server.otlp.wire import MOST_PARTS, field
from agentlog.store.merge import merged
from tests.server.otlp.bodies import in_json, in_protobuf, request, span, span_id, trace_id

FORMS = [(read_protobuf, in_protobuf), (read_json, in_json)]


def records(batch):
    """Return the records of a batch by their ids."""
    return {(one.id, one.half): json.loads(one.text) for one in batch.entries}


def the_span(batch, number=2):
    """Return the record of a span."""
    return records(batch)[span_id(number), "close"]


texts = st.text(max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | texts
    | st.binary(max_size=9)
    # A float that is whole has no dot in protobuf's JSON.
    | st.floats().filter(lambda one: not one.is_integer())
    | st.integers(-(1 << 63), (1 << 63) - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
attributes = st.dictionaries(
    st.sampled_from(["input.value", "gen_ai.prompt", "llm.tools.0", "agentlog.rest", "x", "x.y"])
    | texts,
    values,
    max_size=6,
)


def test_enumerations_by_number_or_by_name():
    """OTLP's JSON has numbers, protobuf's own has names."""
    message = request(span(kind=3, status={"code": 2, "message": "why"}))
    bodies = in_protobuf(message), in_json(message)
    assert b'"SPAN_KIND_CLIENT"' in bodies[1]
    by_number = bodies[1].replace(b'"SPAN_KIND_CLIENT"', b"3").replace(b'"STATUS_CODE_ERROR"', b"2")
    expected = records(read_protobuf(bodies[0], None))
    assert "Fail" == expected[span_id(2), "close"]["result"]
    for body in (bodies[1], by_number):
        assert expected == records(read_json(body, None))


@given(attributes, attributes, st.lists(st.tuples(texts, attributes), max_size=2))
def test_both_forms_say_the_same(told, about, events):
    """Whatever attributes hold; and every span can be stored."""
    message = request(span(name="a", attributes=told, events=events), resource=about)
    one, other = read_protobuf(in_protobuf(message), None), read_json(in_json(message), None)
    assert () == one.refused == other.refused
    assert records(one) == records(other)


@pytest.mark.parametrize(("read", "written"), FORMS)
def test_a_body_may_be_gzip(read, written):
    """As every exporter can send it."""
    batch = read(gzip.compress(written(request(span(attributes={"city": "Oslo"})))), "gzip")
    assert {"city": "Oslo"} == the_span(batch)["params"]


@pytest.mark.parametrize(("read", "written"), FORMS)
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"trace_id": b""}, "trace_id is not 16 bytes, or all zero"),
        ({"trace_id": bytes(16)}, "trace_id is not 16 bytes, or all zero"),
        ({"span_id": b"12345"}, "span_id is not 8 bytes, or all zero"),
        ({"parent_span_id": b"1"}, "parent_span_id is not 8 bytes"),
    ],
)
def test_a_span_that_is_none_is_refused_alone(read, written, wrong, why):
    """Its neighbours are kept, and it is told which one it was."""
    batch = read(written(request(span(2), span(3, **wrong), span(4))), None)
    assert [(1, why)] == [(one.index, one.why) for one in batch.refused]
    assert {(span_id(2), "close"), (span_id(4), "close")} < records(batch).keys()


def test_bytes_that_are_no_span_are_refused_alone():
    """A text that is not UTF-8, values nested without end."""
    deep = b""
    for _ in range(200):
        deep = field(5, field(1, deep))
    broken = [field(5, b"\xff"), field(9, field(1, "deep") + field(2, deep))]
    spans = b"".join(field(2, one) for one in (*broken, in_protobuf(span())))
    batch = read_protobuf(field(1, field(2, spans)), None)
    assert [0, 1] == [one.index for one in batch.refused]
    assert "no span" in batch.refused[0].why
    assert "step" == the_span(batch)["event_type"]


def test_values_nested_without_end_are_refused_alone_in_json():
    """As they are in protobuf."""
    deep = {"stringValue": "x"}
    for _ in range(150):
        deep = {"arrayValue": {"values": [deep]}}
    told = json.loads(in_json(request(span(2), span(3))))
    spans = told["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans[0]["attributes"] = [{"key": "deep", "value": deep}]
    batch = read_json(json.dumps(told).encode(), None)
    assert [0] == [one.index for one in batch.refused]
    assert "step" == the_span(batch, 3)["event_type"]


@pytest.mark.parametrize(
    "said",
    ['{"score": NaN}', '{"score": 1e999}', f'{{"n": {10**30}}}', "[" * 150 + "]" * 150],
)
def test_what_a_vocabulary_makes_of_a_span_may_not_be_kept_but_the_span_is(said):
    """Then its attributes are params, as they came."""
    told = {"openinference.span.kind": "LLM", "output.value": said}
    record = the_span(read_protobuf(in_protobuf(request(span(attributes=told))), None))
    assert told == record["params"]


@pytest.mark.parametrize(
    "told",
    [
        {"agentlog.rest": '{"timestamp":"x"}'},
        {"agentlog.rest": '{"timestamp":NaN}'},
        {"agentlog.rest": '{"id":5}', "agentlog.missing": ["timestamp"]},
        {"agentlog.rest": '{"id":5}', "agentlog.missing": ["timestamp", "end_timestamp"]},
        {"agentlog.missing": ["timestamp", "id", "session_id", "event_type", "end_timestamp"]},
    ],
)
@pytest.mark.parametrize("parent", [None, 1])
def test_what_our_own_words_say_may_not_be_kept_but_the_span_is(told, parent):
    """Somebody else has made it: it is one of any trace, and its neighbours are kept."""
    foreign = span(attributes=told, parent=parent, events=[("cache miss", {})])
    batch = read_protobuf(in_protobuf(request(foreign, span(3, trace=2))), None)
    assert () == batch.refused
    record = the_span(batch)
    assert ("step", told) == (record["event_type"], record["params"])
    events = merged(json.loads(entry.text) for entry in batch.entries)
    names = {one["event_type"] for (trace, _), one in events.items() if trace == trace_id()}
    assert {"step", "cache miss", "weather"} == names


def test_what_is_told_of_a_resource_is_told_of_each():
    """Those of one trace in a body: its session is the same, in whatever order they come."""
    parts = [
        request(span(number), resource={"service.name": name})
        for number, name in ((2, "weather"), (3, "news"))
    ]
    events = []
    for one, other in (parts, parts[::-1]):
        whole = type(one)(resource_spans=[*one.resource_spans, *other.resource_spans])
        batch = read_protobuf(in_protobuf(whole), None)
        events.append(merged(json.loads(entry.text) for entry in batch.entries))
    assert events[0] == events[1]
    assert "weather" == events[0][trace_id(), session_id(trace_id())]["event_type"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff",
        b"\x0a\x7f",
        b"\x0a\x01\xff",
        b"\x0b",
        b"\xff" * 11,
        field(1, field(1, b"\xff")),
        field(1, field(2, field(1, field(1, b"\xff")))),
    ],
)
def test_a_body_that_is_no_protobuf_is_rejected(body):
    """Nothing of it is kept."""
    assert 400 == read_protobuf(body, None).status


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"{} {}", b"\xff", b"[" * 10**5, b'{"resourceSpans": 3}']
)
def test_a_body_that_is_no_json_object_is_rejected(body):
    """Nothing of it is kept."""
    assert 400 == read_json(body, None).status


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"resourceSpans": None},
        {"resourceSpans": [3, {"scopeSpans": {}}, {"scopeSpans": [{"spans": "x"}]}]},
        {"resourceSpans": [{"resource": [], "scopeSpans": [{"scope": 3, "spans": []}]}]},
    ],
)
def test_fields_of_a_wrong_type_are_as_none(told):
    """An empty request is taken."""
    assert () == read_json(json.dumps(told).encode(), None).entries


def test_numbers_may_be_texts_in_json():
    """Integers of 64 bits are, doubles that are none have a name, and fields may be unknown."""
    told = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": trace_id().upper(),
                                "spanId": span_id(2),
                                "kind": 2,
                                "startTimeUnixNano": 1795252458500000000,
                                "endTimeUnixNano": "1795252459500000000",
                                "status": {"code": 2, "message": "why"},
                                "tomorrow": {"a": [10**30, float("nan")]},
                                "attributes": [
                                    {"key": "int", "value": {"intValue": "-3"}},
                                    {"key": "number", "value": {"intValue": 3}},
                                    {"key": "huge", "value": {"intValue": "9" * 30}},
                                    {"key": "double", "value": {"doubleValue": "NaN"}},
                                    {"key": "half", "value": {"doubleValue": 0.5}},
                                    {"key": "wrong", "value": {"boolValue": "yes"}},
                                    {"key": "none"},
                                ],
                            }
                        ]
                    }
                ]
            }
        ]
    }
    record = the_span(read_json(json.dumps(told).encode(), None))
    assert (1795252458.5, 1795252459.5) == (record["timestamp"], record["end_timestamp"])
    assert ("Fail", "why") == (record["result"], record["reason"])
    assert {
        "span.kind": "server",
        "int": -3,
        "number": 3,
        "huge": "9" * 30,
        "double": "NaN",
        "half": 0.5,
    } == record["params"]


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        (-5, True, (0, None)),
        (True, "-3", (0, None)),
        (-5, 2 * 10**9, (2, 2)),
        (4e9, 5e9, (4, 5)),
        (1 << 70, "1" * 99, (0, None)),
    ],
)
def test_a_time_that_is_none_is_not_told(start, end, times):
    """As what is below 0: nothing was recorded before 1970."""
    ids = {"traceId": trace_id(), "spanId": span_id(2)}
    told = {
        **ids,
        "startTimeUnixNano": start,
        "endTimeUnixNano": end,
        "attributes": [{"key": "wrong", "value": {"intValue": True}}],
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [told]}]}]}
    batch = read_json(json.dumps(body).encode(), None)
    record = next(one for (name, _), one in records(batch).items() if name == span_id(2))
    assert times == (record["timestamp"], record.get("end_timestamp"))
    assert record.get("params", {}).get("wrong") is None


@pytest.mark.parametrize(("read", "written"), FORMS)
def test_a_span_does_not_end_before_it_starts(read, written):
    """A clock was set back meanwhile: it took no time."""
    batch = read(written(request(span(end_time_unix_nano=1))), None)
    record = the_span(batch)
    assert record["timestamp"] == record["end_timestamp"]


def test_without_protobuf_there_is_json(monkeypatch):
    """What is missing is named, with the fix."""
    monkeypatch.delitem(sys.modules, "agentlog.server.otlp.protobuf", raising=False)
    monkeypatch.delattr("agentlog.server.otlp.protobuf", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.common.v1.common_pb2", None)
    why = "protobuf needs opentelemetry.proto.common.v1.common_pb2: pip install 'agentlog[server]'"
    assert Rejection(415, why) == read_protobuf(b"", None)
    assert () == read_json(b"{}", None).refused


# -- Bounds ----------------------------------------------------------------------------------------


def test_a_body_has_its_limits():
    """Spans, parts of any kind, bytes."""
    many = b"".join(field(2, in_protobuf(span(n + 1))) for n in range(MOST_SPANS + 1))
    for body in (field(1, field(2, many)), b"\x0a\x00" * (MOST_PARTS + 1), bytes(21 << 20)):
        assert 413 == read_protobuf(body, None).status


@pytest.mark.parametrize(("read", "written"), FORMS)
def test_json_in_texts_is_weighed(read, written):
    """A vocabulary may read it: a body that would take too much is rejected in either form."""
    heavy = "[" + "{}," * 49_000 + "{}]"
    told = {"openinference.span.kind": "LLM", "input.value": heavy}
    spans = [span(number, attributes=told) for number in range(1, 21)]
    assert 413 == read(written(request(*spans)), None).status
    assert not read(written(request(*spans[:15])), None).refused


def test_a_span_has_its_limit():
    """Parsed, it would take many times its bytes."""
    large = in_protobuf(span(attributes={"text": "x" * MOST_OF_A_SPAN}))
    body = field(1, field(2, field(2, large) + field(2, in_protobuf(span(3)))))
    batch = read_protobuf(body, None)
    assert ["a span has at most 4 MiB"] == [one.why for one in batch.refused]
    assert "step" == the_span(batch, 3)["event_type"]


@pytest.mark.parametrize(("read", "written"), FORMS)
def test_a_span_has_so_many_events(read, written):
    """They are counted before they are unfolded: some kB of gzip would be seconds and gigabytes."""
    many = span(2, events=[("", {})] * (MOST_EVENTS_OF_A_SPAN + 1))
    batch = read(written(request(many, span(3))), None)
    assert [(0, "a span has at most 5,000 events")] == [
        (one.index, one.why) for one in batch.refused
    ]
    assert "step" == the_span(batch, 3)["event_type"]


@pytest.mark.parametrize(("read", "written"), FORMS)
def test_a_body_has_so_many_events(read, written):
    """Each is a log line; what is beyond is refused with its span."""
    full = MOST_EVENTS // MOST_EVENTS_OF_A_SPAN
    spans = [span(2 + n, events=[("", {})] * MOST_EVENTS_OF_A_SPAN) for n in range(full + 1)]
    batch = read(written(request(*spans, span(90))), None)
    assert [(full, "the spans of a body have at most 20,000 events")] == [
        (one.index, one.why) for one in batch.refused
    ]
    assert "step" == the_span(batch, 90)["event_type"]


def test_the_size_is_looked_at_for_each_record():
    """What is said of a scope is in every line of a span: those beyond are not even made."""
    many = request(span(events=[("", {})] * 200), scope="x" * (1 << 20))
    body = in_protobuf(many)
    tracemalloc.start()
    batch = read_protobuf(body, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (1, ()) == (len(batch.refused), batch.entries)
    assert peak < 2 * MOST_TEXT


def test_what_spans_share_is_not_multiplied_without_end():
    """A session is made of each trace, with all that is told of the resource."""
    spans = [span(2, trace=number) for number in range(1, 101)]
    message = request(*spans, resource={"text": "x" * (1 << 20)})
    for read, written in FORMS:
        batch = read(written(message), None)
        assert batch.size < MOST_TEXT
        assert {"there is too much in this request: send less at once"} == {
            one.why for one in batch.refused
        }
        assert len(batch.refused) < 60


def test_what_is_said_of_a_resource_has_its_limit():
    """Nothing of such a body is kept."""
    message = request(span(), resource={"text": "x" * MOST_OF_A_SPAN})
    assert isinstance(read_protobuf(in_protobuf(message), None), Rejection)
