"""Sixteen million elements, in under two seconds; and a line that is bounded whatever is large."""

import array
import collections
import time
from contextlib import suppress

import numpy as np
import pytest
import structlog

from agentlog import Event, EventProcessor
from agentlog.recording.crumbs import taken
from agentlog.recording.encode import Encoded, Encoder
from tests.recording.hostile import doubled
from tests.recording.journals import MOST_OF_A_LINE, strict

MANY = 16_000_000


LARGE = {
    "array": lambda: array.array("d", bytes(8 * MANY)),
    "numpy": lambda: np.zeros(MANY),
    "matrix": lambda: np.zeros((4000, 4000)),
    "cube of many sides": lambda: np.zeros((2,) * 24),
    "objects": lambda: np.full(MANY, None, dtype=object),
    "texts": lambda: np.full(MANY, "ab"),
    "list": lambda: [0] * MANY,
    "tuple": lambda: (0,) * MANY,
    "deque": lambda: collections.deque([0]) * MANY,
    "set": lambda: set(range(MANY // 16)),
    "dict": lambda: dict.fromkeys(range(MANY // 16)),
    "view of a dict": lambda: dict.fromkeys(range(MANY // 16)).values(),
    "range": lambda: range(10**18),
    "bytes": lambda: b"\xff" * MANY,
    "text as bytes": lambda: bytes(MANY),
    "bytearray": lambda: bytearray(MANY),
    "memoryview": lambda: memoryview(np.zeros(MANY)),
    "strided view": lambda: memoryview(np.zeros(MANY))[::2],
    "text": lambda: "a" * MANY,
}


@pytest.mark.parametrize("name", LARGE)
def test_sixteen_million_in_two_seconds(tape, name):
    """Alone, and in a list of lists; what was left out is noted."""
    value = LARGE[name]()
    begun = time.process_time()
    record = tape.record(Event("x", params={"value": value}, returns=[[value]]))
    assert time.process_time() - begun < 2
    assert {"truncated", "replaced"} & set(record["notes"])


def test_a_large_array_in_short_whatever_numpy_was_told(tape):
    """A program that prints arrays whole does so, and does not record them whole."""
    with np.printoptions(threshold=1 << 60, edgeitems=1 << 20):
        begun = time.process_time()
        text = tape.param(np.zeros((1000, 1000)))
        assert time.process_time() - begun < 1
    assert text.startswith("array([[0., 0., 0., ..., 0., 0., 0.],")
    assert text.endswith("shape=(1000, 1000), dtype=float64)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (array.array("i", [1, 2]), [1, 2]),
        (np.float64(-0.0), -0.0),
        (type("Float", (float,), {})(-0.0), -0.0),
        (memoryview(b"abcdef")[::2], "<memory at"),
        ("é" * 300_000, "é"),
        (("é" * 300_000).encode(), "é"),
    ],
    ids=["array", "numpy zero", "zero", "strided", "text", "bytes"],
)
def test_the_beginning_is_read(tape, value, expected):
    """What is cut is cut between two letters, and a zero keeps its sign."""
    written = tape.param(value)
    if isinstance(expected, str):
        assert written.startswith(expected)
        assert "\ufffd" not in written
    else:
        assert repr(expected) == repr(written)


def test_a_hundred_thousand_values(tape):
    """So many are kept, also when each of them is empty; of what is more, the beginning."""
    kept = [[0] * 999] * 99
    assert kept == tape.param(kept)
    assert [[]] * 1000 == tape.param([[]] * 1000)
    record = tape.record(Event("x", params={"value": [[[]] * 1000] * 200}))
    assert 1 <= record["notes"]["truncated"]
    assert 90 < len(record["params"]["value"]) < 110


def test_a_set_is_in_order(tape):
    """The same set is the same list, whatever is in it."""
    assert [1, 2, [1, 2], "a", "b"] == sorted(tape.param({"b", (1, 2), 2, "a", 1}), key=str)
    assert tape.param({"b", "a", (1,), 3}) == tape.param({3, (1,), "a", "b"})


def test_a_crumb_is_taken_in_no_time():
    """Plain values are copied, but not those that hold others again and again."""
    encoder, begun = Encoder(), time.process_time()
    wide = doubled(4, lambda one: [one] * 60)
    assert type(taken({"value": wide}, encoder)) is Encoded
    assert time.process_time() - begun < 1
    assert {"value": [1, {"a": (2,)}]} == taken({"value": [1, {"a": (2,)}]}, encoder)


TEXTS = {  # each of them more than a line may have
    "letters": "a" * 2_000_000,
    "escapes": "\x00" * 400_000,
    "euros": "€" * 400_000,
    "faces": "😀" * 400_000,
    "surrogates": "\ud800" * 400_000,
    "all": "\x1f\u2028😀\udfff\x7f" * 80_000,
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.soak] if kind == "surrogates" else [])
        for kind in TEXTS
    ],
)  # "all" has surrogates too, and takes less
def test_a_line_is_bounded_whatever_is_large(tape, kind):
    """Names, keys, tags, models, reasons, loggers, crumbs and errors, and all of them together."""
    text, client = TEXTS[kind], tape.client
    short = text[:100_000]
    many = {f"{n}{text[:1500]}": text[:1500] for n in range(1500)}
    tags = [f"{n}{text[:300]}" for n in range(10_000)]
    client.record(Event(text, many, [short] * 50, model=text, prompt=text, tags=tags))
    client.record(Event("x", {f"{n}{short}": n for n in range(50)}, prompt=[{"content": text}] * 9))
    log = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[EventProcessor(client), lambda *_: "rendered"],
        wrapper_class=structlog.BoundLogger,
    )
    log.info(text, agentlog=True, logger=text, level=text, model=text, tags=tags, other=many)
    with suppress(ValueError), client.action(text, many, tags, model=text) as action:
        for _ in range(25):
            log.info(text, **many)
        action.returns = [short] * 50
        action.update(model=text, tags=tags)
        action.fail(text)
        error = type("E" * 100_000, (ValueError,), {})(text)
        error.__notes__ = [short] * 50
        raise error from ValueError(text)
    client.start_session(tags=tags)
    client.end_session("Fail", text, text)
    lines = tape.lines()
    assert len(lines) >= 7
    assert MOST_OF_A_LINE >= max(map(len, lines))
    assert all(isinstance(strict(line), dict) for line in lines)
    assert 0 == client.stats().dropped
