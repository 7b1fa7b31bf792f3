"""Names of processors, and processors that would rather not be looked at."""

import functools

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentlog as ao
from agentlog.diagnosis.chain import examine
from agentlog.diagnosis.finding import lay_out
from agentlog.diagnosis.processors import named
from agentlog.replay.lines import to_plain
from tests.cli.commandline import STEERING

pytestmark = pytest.mark.usefixtures("bare")


def processor(logger, method, line, *, key=None):
    """Do nothing."""
    return line


class Hostile:
    """An object whose every look at it raises."""

    def __getattribute__(self, name):
        raise SystemExit(name)

    def __refuse(self, *arguments):
        raise SystemExit("looked at")

    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __call__ = __len__ = __refuse


class Nameless(type):
    """A class of classes that tell no name."""

    def __getattribute__(cls, name):
        raise ValueError(name)


class Liar:
    """An object that says that it is something else."""

    __class__ = property(lambda _: structlog.processors.JSONRenderer)
    __name__ = "\x1b[31mwrap_for_formatter" * 1000
    __code__ = __func__ = func = __wrapped__ = 5


class Unreadable(list):
    """A list that does not let itself be read."""

    def __iter__(self):
        raise ValueError("no")


class Meddling(ao.EventProcessor):
    """An EventProcessor whose client is a riddle."""

    _client = property(lambda _: 1 / 0, lambda *_: None)


def cycle():
    """Return a partial of itself."""
    found = functools.partial(processor)
    found.__setstate__((found, (), {}, {}))
    return found


def misnamed():
    """Return a function of a module that cannot be."""
    found = functools.partial(processor)
    found.__module__ = "\x1b[31m"
    return found


OBJECTS = {
    "hostile": Hostile(),
    "a hostile class": Hostile,
    "of a hostile class": Nameless("X", (), {})(),
    "another hostile class": Nameless("Y", (), {}),
    "a liar": Liar(),
    "meddling": Meddling(),
    "a cycle": cycle(),
    "misnamed": misnamed(),
    "steering": type("\x1b]0;title\x07\u202e", (), {"__module__": None}),
    "nothing": None,
    "a number": 5,
    "a text": "text",
    "built in": [].append,
    "a processor": processor,
    "an EventProcessor": ao.EventProcessor(),
    "a renderer": structlog.processors.JSONRenderer(),
    "a renamer": structlog.processors.EventRenamer("to"),
}


NAMES = {
    "JSONRenderer": structlog.processors.JSONRenderer(),
    "ProcessorFormatter.wrap_for_formatter": structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    "add_log_level": structlog.stdlib.add_log_level,
    "EventProcessor": ao.EventProcessor(),
    f"{__name__}.processor": processor,
    f"{__name__}.processor, partial": functools.partial(processor, key=1),
    f"{__name__}.<lambda>": lambda *_: None,
    f"{__name__}.Hostile": Hostile(),
    "<something that tells no name>": Nameless("X", (), {})(),
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    """A processor has the name that a reader of the configuration knows it by."""
    assert name == named(NAMES[name])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from(sorted(OBJECTS)), max_size=6),
    kind=st.sampled_from([list, tuple, iter, Unreadable]),
    wrapper=st.sampled_from(sorted(OBJECTS)),
)
def test_whatever_stands_in_the_chain_is_examined(names, kind, wrapper):
    """Nothing in a chain makes the doctor raise or steers the terminal, and nothing is changed."""
    processors = kind([OBJECTS[name] for name in names])
    structlog.configure(processors=processors, wrapper_class=OBJECTS[wrapper])
    before = structlog.get_config()
    assert not STEERING.search(to_plain(lay_out(examine())))
    after = structlog.get_config()
    assert all(after[key] is before[key] for key in before)
    assert kind is not iter or len(names) == len(list(processors))
