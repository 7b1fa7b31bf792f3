"""Code of values: what it raises, what it records, and what is the host's own."""

import functools
import itertools
import signal
import threading
from collections import deque

import pytest

import agentlog as ao
from agentlog.foreign import ask, text_of
from agentlog.testing import capture_events
from tests.recording.hostile import doubled
from tests.scripts import run


class AlarmError(Exception):
    pass


def _raise(*_):
    raise AlarmError


class Method:
    def handle(self, *_):
        raise AlarmError

    __call__ = handle


def _raise_once(number, _frame):
    signal.signal(number, _raise)
    raise AlarmError


class Waiting:
    """A value whose repr is interrupted by a signal."""

    def __repr__(self):
        signal.raise_signal(signal.SIGUSR1)
        return "done"


HANDLERS = {
    "function": _raise,
    "lambda": lambda *_: _raise(),
    "method": Method().handle,
    "object": Method(),
    "partial": functools.partial(_raise, 1),
    "one that puts another in its place": _raise_once,
}


@pytest.fixture
def handled(request):
    """Install a handler for SIGUSR1."""
    before = signal.signal(signal.SIGUSR1, HANDLERS[request.param])
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("handled", HANDLERS, indirect=True)
def test_what_a_signal_handler_raises_reaches_the_host(handled):
    """Whatever kind of handler it is: a timeout while a value is read is the program's own."""
    with capture_events() as captured:
        client = captured.client
        with pytest.raises(AlarmError):
            client.record(ao.Event("x", params={"value": [Waiting()]}))
        with pytest.raises(AlarmError), client.action("x", params={"value": Waiting()}):
            pass
        with client.action("y") as action:
            with pytest.raises(AlarmError):
                action.returns = Waiting()
            with pytest.raises(AlarmError):
                action.fail(Waiting())
        client.record(ao.Event("after"))
    assert ["y", "after"] == captured.names()
    assert 0 == client.stats().dropped


def test_the_same_exception_of_a_value_does_not():
    """It is known by the handler that is in force, and not by its class."""

    class Raising:
        __repr__ = _raise

    assert "<unprintable Raising>" == text_of(Raising(), repr)


ALARMS = """
import signal
import agentlog as ao

class Alarm(Exception): pass
fired = reached = 0
def handler(*_):
    global fired
    fired += 1
    raise Alarm
signal.signal(signal.SIGALRM, handler)
client = ao.init()
event = ao.Event("e", params={"x": list(range(2000))})
for n in range(100):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0002)
        while fired <= n:
            ao.Event("made", tags=["a"], model="m")
            client.record(event)
            with client.action("a", params={"x": [object()]}) as action:
                action.returns = {"a": object()}
    except Alarm:
        reached += 1
print(fired, reached, client.stats().dropped)
"""


def test_a_timer_reaches_the_host_every_time(tmp_path):
    """A hundred alarms, wherever in a recording call they come: none is swallowed, nor changed."""
    ran = run(tmp_path, ALARMS)
    assert (0, "100 100 0", "") == (ran.status, ran.stdout.strip(), ran.stderr)


def test_a_text_that_has_no_end_is_none():
    """A list that holds another twice, which holds another twice; one that stands once is told."""
    assert "<unprintable list>" == text_of(doubled(100))
    assert "[['leaf', 'leaf'], ['leaf', 'leaf']]" == text_of(doubled(1))
    assert "<unprintable ValueError>" == text_of(ValueError(doubled(100)))
    assert 50_000_000 == len(text_of(ValueError("x" * 50_000_000)))
    assert "g (1 sub-exception)" == text_of(ExceptionGroup("g", [ValueError(doubled(100))]))
    cyclic = []
    cyclic.append(cyclic)
    assert "[[...]]" == text_of(cyclic)


def test_values_are_asked_within_three_others_and_no_deeper():
    """So what records itself comes to an end; in another thread nothing is being asked."""
    depths = []

    def deeper(depth):
        depths.append(depth)
        ask(deeper, depth + 1)

    for _ in range(2):
        with pytest.raises(Exception, match=r"^$"):
            ask(deeper, 1)
    assert [1, 2, 3] * 2 == depths
    thread = threading.Thread(target=lambda: ask(depths.append, "thread"))
    ask(lambda _: (thread.start(), thread.join()), None)
    assert "thread" == depths[-1]


ITSELF = """
import logging, sys
import structlog
import agentlog as ao

client = ao.init({redact})
def drop(*_): raise structlog.DropEvent
log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[ao.EventProcessor(), drop],
                            wrapper_class=structlog.BoundLogger)
plain = logging.Logger("plain")
plain.addHandler(ao.EventHandler(select=ao.select.level("debug")))
@ao.record_action("inner")
def decorated(value): return value

class Value:
    def __repr__(self):
        {way}
        {way}
        return "text"
    __str__ = __repr__

def fail(value):
    with client.action("inner"): raise ValueError(value)
def act(value):
    with client.action("inner", params={{"value": value}}) as action: action.returns = value
def attempt(value):
    try: fail(value)
    except ValueError: pass
def give_up(value):
    with client.action("inner") as action: action.fail(value)
client.record(ao.Event("outer", params={{"value": Value()}}))
client.record(ao.Event("after"))
assert 0 == client.stats().dropped
"""
RECORDING = {
    "record": 'client.record(ao.Event("inner", params={"value": self}))',
    "action": "act(self)",
    "failure": "attempt(self)",
    "fresh": "act(Value())",
    "structlog": 'log.info("inner", agentlog=True, value=self)',
    "logging": 'plain.info("inner", extra={"value": self})',
    "message": 'plain.info("inner %s %s", self, 1)',
    "decorated": "decorated(self)",
    "reason": "give_up(self)",
}


@pytest.mark.parametrize("way", RECORDING)
def test_a_value_that_records_itself_comes_to_an_end(tmp_path, way):
    """Its `repr` records it twice, in which its `repr` records it twice: all those are events."""
    ran = run(tmp_path, ITSELF.format(way=RECORDING[way], redact=""))
    assert (0, "") == (ran.status, ran.stderr)
    names = ran.captured.names()
    assert [1, 1] == [names.count(name) for name in ("outer", "after")]
    assert 2 <= len(names) - 2 <= 2000


def test_a_redacting_function_that_records_comes_to_an_end(tmp_path):
    """It is asked for what it records, and in there again, and then no more."""
    source = """
import agentlog as ao
def redact(field, value):
    client.record(ao.Event("inner", params={"value": value}))
    client.record(ao.Event("inner", params={"value": value}))
    return value
client = ao.init(redact=redact)
client.record(ao.Event("outer", params={"value": 1}))
"""
    ran = run(tmp_path, source)
    assert (0, "") == (ran.status, ran.stderr)
    assert {"value": 1} == ran.captured.one("outer")["params"]
    assert "inner" in ran.captured.names()


@pytest.mark.parametrize("kind", [set, frozenset, deque])
def test_a_container_that_lies_of_what_it_holds_is_not_asked(kind):
    """Python makes the text of these by their iteration, which may have no end."""
    endless = type("Endless", (kind,), {"__iter__": lambda _: itertools.count()})([1])
    assert "<unprintable Endless>" == text_of(endless)
    assert "<unprintable list>" == text_of([endless])
    assert "<unprintable ValueError>" == text_of(ValueError(endless))
    assert "{1}" in text_of(kind([1])).replace("[", "{").replace("]", "}")
