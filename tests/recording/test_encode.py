"""Any value becomes one bounded line of strict JSON, as it was at the call."""

import json
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import Client, ConfigurationError, Event, EventProcessor, Redact
from agentlog.recording.encode import PAYLOAD_ROOM, Encoder
from agentlog.recording.walk import Walk
from agentlog.testing import Captured
from tests.recording.journals import CORPORA, MOST_OF_A_LINE, Tape, strict

BOUNDED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


# -- JSON comes back -------------------------------------------------------------------------------


@given(value=BOUNDED)
def test_json_values_come_back_equal(plain_tape, value):
    """What JSON can hold is read back as it was, as params, returns and prompt."""
    event = Event("x", params={"value": value}, returns=value, prompt=value)
    record = plain_tape.record(event)
    assert [value] == list(record["params"].values())
    assert (value, value) == (record.get("returns"), record.get("prompt"))
    assert "notes" not in record


@given(params=st.dictionaries(st.text(max_size=8), BOUNDED, max_size=5))
def test_params_come_back_equal(plain_tape, params):
    """A whole mapping of parameters keeps its keys, their order and its values."""
    read = plain_tape.record(Event("x", params=params))["params"]
    assert list(params.items()) == list(read.items())


@given(value=BOUNDED)
def test_one_line_is_one_record(plain_tape, value):
    """Whatever is in a text, a record is one line."""
    line = plain_tape.line(Event("x", params={"value": value}))
    assert b"\n" not in line
    assert b"\r" not in line


def corpus(name):
    """Return a file of the corpora, or skip."""
    if not (CORPORA / name).exists():
        pytest.skip(f"{CORPORA / name} is not there")
    return CORPORA / name


def test_files_of_the_json_test_suite_come_back(plain_tape):
    """Each document that a JSON parser must accept is read back equal."""
    with zipfile.ZipFile(corpus("jsontestsuite.zip")) as suite:
        names = [name for name in suite.namelist() if "/y_" in f"/{name}" or "_y_" in name]
        assert len(names) > 50
        for name in names:
            value = json.loads(suite.read(name))
            text = json.dumps(value)
            if "\\ud" in text.lower():
                assert plain_tape.param(value) is not None
            else:
                assert [value] == [plain_tape.param(value)], name


def test_naughty_strings_come_back(plain_tape, tape):
    """Strings that break programs are read back as they are, as values, keys and names."""
    for text in json.loads(corpus("blns.json").read_text("utf-8")):
        assert text == plain_tape.param(text)
        assert {text: 1} == plain_tape.record(Event("x", params={text: 1}))["params"]
        assert (text or "x") == plain_tape.record(Event(text or "x"))["event_type"]
        assert isinstance(tape.param(text), str)


# -- As it was at the call -------------------------------------------------------------------------


def test_values_are_taken_at_the_call(plain_tape):
    """What the program changes after the call is not in the record."""
    value = {"list": [1], "set": {1}, "bytes": bytearray(b"one")}
    with plain_tape.client.action("x", params={"value": value}) as action:
        action.returns = value
        action.update(tags=(tags := ["one"]))
        value["list"].append(2)
        value["bytes"][:] = b"two"
        tags.append("two")
    first, second = map(strict, plain_tape.lines())
    expected = {"list": [1], "set": [1], "bytes": "one"}
    assert expected == first["params"]["value"] == second["returns"]
    assert ["one"] == second["tags"]


def test_values_are_left_as_they_are(plain_tape):
    """Recording changes no value and consumes no iterator."""
    numbers = iter([1, 2, 3])
    lines = (line for line in "abc")
    value = {"iterator": numbers, "generator": lines, "map": map(str, [1]), "secret": "x"}
    before = list(value.items())
    plain_tape.param(value)
    assert before == list(value.items())
    assert ([1, 2, 3], ["a", "b", "c"]) == (list(numbers), list(lines))


def test_returns_read_as_what_was_taken(tape):
    """`action.returns` gives back the value as it was recorded."""
    with tape.client.action("x") as action:
        assert action.returns is None
        action.returns = {"a": (1, 2), "password": "hunter2"}
        assert {"a": [1, 2], "password": "[redacted: password]"} == action.returns


# -- Bounds of a record ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"params": {"a": "x" * (3 << 20)}},
        {"params": {str(n): "y" * 200_000 for n in range(20)}},
        {"params": {str(n): "\u20ac" * 200_000 for n in range(20)}},
        {"params": {str(n): '"\\\x00' * 80_000 for n in range(20)}},
        {"params": {"k" * (2 << 20): 1, "l" * (2 << 20): 2}},
        {"params": {"rows": [["z" * 1000] * 1000] * 1000}},
        {"params": {"rows": [[[[0] * 1000] * 1000] * 1000] * 1000}},
        {"returns": "r" * 900_000, "prompt": "p" * 900_000, "params": {"a": ["q" * 200_000] * 9}},
        {"event_type": "n" * (2 << 20), "tags": ["t" * 300_000] * 9, "model": "m" * (1 << 20)},
        {"tags": ["t"] * 1_000_000},
    ],
    ids=range(10),
)
@pytest.mark.parametrize("how", ["plain", "tape"])
def test_a_line_is_bounded(plain_tape, tape, fields, how):
    """However large its values, a record is at most 1 MiB and 64 KiB, and says that it was cut."""
    line = (plain_tape if how == "plain" else tape).line(Event(**{"event_type": "x"} | fields))
    assert len(line) <= MOST_OF_A_LINE
    record = strict(line)
    assert record["notes"]["truncated"] >= 1
    assert record["event_type"][0] in "xn"


def test_a_large_payload_does_not_push_out_the_small_fields(plain_tape):
    """Name, tags and model of an event with too much payload are whole."""
    params = {str(n): "y" * 200_000 for n in range(20)}
    event = Event("plan", params=params, tags=["nightly"], model="gpt-4", prompt="p" * 900_000)
    record = plain_tape.record(event)
    assert ("plan", ["nightly"], "gpt-4") == (
        record["event_type"],
        record["tags"],
        record["model"],
    )


def test_a_huge_value_is_cut_in_no_time(plain_tape):
    """A text of 50 MB costs no more than a look at its beginning."""
    text = "x" * (50 << 20)
    assert plain_tape.param(text).startswith("xxx")
    assert len(plain_tape.returned(text)) < 300_000


# -- Rules of redaction ----------------------------------------------------------------------------


def secretive(**options):
    """Return an event with a secret in each payload."""
    payload = {"query": "weather", "password": "hunter2"}
    fields = {"params": payload, "returns": payload, "prompt": [payload], "tags": ["night"]}
    return Event("plan", **fields | options)


def test_nothing_is_redacted_when_told_so(tmp_path):
    """`redact=False` writes what is given."""
    line = Tape(tmp_path, redact=False).line(secretive())
    assert 3 == line.count(b"hunter2")


def test_all_leaves_names_times_and_outcomes(tmp_path):
    """`redact="all"` writes no payload, no tag, no message, no traceback and no user's reason."""
    plain_tape = Tape(tmp_path, redact="all")
    assert b"weather" not in plain_tape.line(secretive(model="gpt-4"))
    with suppress(ValueError), plain_tape.client.action("x", {"a": "weather"}) as act:
        act.returns = "weather"
        act.update(tags=["weather"])
        act.fail("weather")
        raise ValueError("boom weather")
    text = b"".join(plain_tape.lines())
    assert b"weather" not in text
    assert b'"error":{"type":"ValueError"}' in text
    assert b'"result":"Fail"' in text


def test_our_own_reasons_stay(tmp_path):
    """With `redact="all"` a cancelled or interrupted action says so still."""
    plain_tape = Tape(tmp_path, redact="all")
    with pytest.raises(KeyboardInterrupt), plain_tape.client.action("x"):
        raise KeyboardInterrupt
    assert "interrupted" == strict(plain_tape.lines()[-1])["reason"]


def test_a_function_sees_each_payload_after_the_rules(tmp_path):
    """It gets the field and plain JSON values without secrets; what it returns is written."""
    seen = []

    def redact(field, value):
        seen.append((field, value))
        return {"instead": field}

    record = Tape(tmp_path, redact=redact).record(secretive())
    clean = {"query": "weather", "password": "[redacted: password]"}
    assert [("params", clean), ("returns", clean), ("prompt", [clean])] == sorted(
        (one for one in seen if one[0] in ("params", "returns", "prompt")),
        key=lambda one: ("params", "returns", "prompt").index(one[0]),
    )
    for field in ("params", "returns", "prompt"):
        assert {"instead": field} == record[field]
    assert "plan" == record["event_type"]


@pytest.mark.parametrize("error", [ValueError, SystemExit, RecursionError])
def test_a_payload_is_withheld_if_the_function_raises(tmp_path, error):
    """What the function could not look at is not written, and nothing is raised."""

    def redact(field, value):
        raise error

    record = Tape(tmp_path, redact=redact).record(secretive())
    assert not {"params", "returns", "prompt", "tags"} & set(record)
    assert record["notes"]["redacted"] >= 4


def test_what_the_function_returns_may_be_any_value(tmp_path):
    """Its answer is bounded and encoded like every value."""

    def redact(field, value):
        return [object, float("nan"), "x" * (2 << 20), {1: {2}}]

    line = Tape(tmp_path, redact=redact).line(secretive())
    assert len(line) <= MOST_OF_A_LINE
    assert {"1": [2]} == strict(line)["params"][3]


@pytest.mark.parametrize("redact", ["none", "", 3, None, [], ("a",)])
def test_rules_that_are_none_are_refused(tmp_path, redact):
    """A wrong `redact` raises where it is written, and names what is accepted."""
    with pytest.raises(ConfigurationError, match=r"True, False, 'all', a Redact"):
        Client(home=tmp_path, redact=redact)


def test_rules_of_your_own(tmp_path):
    """A `Redact` adds names and patterns, and keeps names that are no secrets."""
    rules = Redact(keys=["ssn"], patterns=[r"CASE-\d+"], keep=["page_token"])
    record = Tape(tmp_path, redact=rules).record(
        Event("x", params={"userSSN": 123, "a": "see CASE-4711", "page_token": "p1", "pwd": "q"})
    )
    expected = {
        "userSSN": "[redacted: ssn]",
        "a": "see [redacted: pattern]",
        "page_token": "p1",
        "pwd": "[redacted: pwd]",
    }
    assert expected == record["params"]
    assert {"redacted": 3} == record["notes"]


def test_a_frequent_name_or_key_is_redacted_every_time(tape):
    """What is remembered of names and keys, for speed, hides no secret."""
    secret = "ghp_" + "a1B2" * 10
    for _ in range(3):
        line = tape.line(Event(f"clone {secret}", params={f"key {secret}": 1}, model=secret))
        assert secret.encode() not in line
        assert strict(line)["notes"]["redacted"] >= 3


def test_large_returns_leave_the_error_its_room(tmp_path):
    """A failure whose other fields fill the record still says which error it was."""
    client = Client(home=tmp_path)
    with suppress(ValueError), client.action("big") as action:
        action.returns = [f"{n}" * 250_000 for n in range(5)]
        raise ValueError("boom")
    client.close()
    event = Captured(client).one("big")
    assert ("ValueError", "boom") == (event["error"]["type"], event["error"]["message"])
    assert max(map(len, Captured(client).records)) < 1 << 20


def test_a_large_payload_leaves_the_small_ones_alone(tmp_path):
    """Each payload keeps some room, whatever comes before it."""
    client = Client(home=tmp_path)
    client.record(Event("big", {"q": 1}, {"r": 2}, prompt=["p" * 200_000] * 10, tags=["t"]))
    client.close()
    event = Captured(client).one("big")
    assert ({"q": 1}, {"r": 2}, ["t"]) == (event["params"], event["returns"], event["tags"])
    assert "truncated" in event["notes"]
    assert max(map(len, Captured(client).records)) < 1 << 20


@pytest.mark.parametrize("character", ["a", "é", "😀", "\x01"])
def test_many_short_payloads_leave_room_for_no_more_than_a_line(plain_tape, character):
    """What is encoded the short way counts like the rest."""
    short = {f"key {number}": character * 4000 for number in range(32)}
    event = Event("a", params=short, returns=short, prompt="x" * (4 << 20), tags=["t"])
    assert len(plain_tape.line(event)) <= MOST_OF_A_LINE


def test_what_was_taken_early_counts_for_the_room_of_a_line(plain_tape):
    """The returns of an action that fails, its log and its error share one line."""
    processor = EventProcessor(plain_tape.client)
    with suppress(ValueError), plain_tape.client.action("failing") as action:
        action.returns = ["r" * 100_000] * 20
        for number in range(25):
            processor(None, "info", {"event": "e" * 200_000, f"key {number}": "v" * 200_000})
        raise ValueError("x" * 500_000)
    line = plain_tape.lines()[-1]
    assert len(line) <= MOST_OF_A_LINE
    assert {"returns", "log", "error"} <= strict(line).keys()


_KEYS = st.sampled_from(["name", "key", "value", "netloc", "user", "password", "args"])
_TEXTS = ["api_key", "ada", "ada:hunter2@host", "hunter2", "password=hunter2", "", "--token", "-p"]
_REMEMBERING = Encoder()


@given(
    st.recursive(
        st.sampled_from([*_TEXTS, "https://example.com/a?b=c"]) | st.integers(0, 9) | st.none(),
        lambda inner: (
            st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(_KEYS, inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_the_frequent_shapes_are_encoded_as_all_others(value):
    """The straight line leaves nothing in clear that the walk replaces, whatever came before."""
    walk = Walk(Redact(), PAYLOAD_ROOM, {})
    assert walk.value(value) == _REMEMBERING.snapshot("params", value).text


def test_a_text_that_was_a_value_still_says_what_the_next_one_is(tape):
    """In a mapping the name of an option is a text; in a list, a secret stands behind it."""
    tape.line(Event("a", params={"option": "--token"}))
    assert b"hunter2" not in tape.line(Event("b", params={"args": ["--token", "hunter2"]}))


def test_many_short_texts_in_mappings_in_a_list_have_their_bound(plain_tape):
    """As returns that are taken when they are set."""
    with plain_tape.client.action("a") as action:
        action.returns = [{f"key {at}": "x" * 4000 for at in range(32)} for _ in range(32)]
    assert len(plain_tape.lines()[-1]) <= MOST_OF_A_LINE
