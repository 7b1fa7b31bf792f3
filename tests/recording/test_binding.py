"""Parameters by their names, as Python itself binds them."""

import functools
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.recording.binding import Binding


class Agent:
    def method(self, a, b=2):
        """Take parameters."""

    @classmethod
    def make(cls, a):
        """Take parameters."""

    @staticmethod
    def work(a, cls=None):
        """Take parameters."""

    def __call__(self, a):
        """Take parameters."""


def bound(function, /, *args, ignore=(), **kwargs):
    """Return what is recorded of a call."""
    return Binding(function, ignore).bind(*args, **kwargs)


def every_kind(a, /, b, c=3, *args, d, e=5, **kwargs):
    """Take parameters of every kind."""


def test_every_kind_of_parameter_has_its_name():
    """`*args` are a list and `**kwargs` a mapping under their own names; defaults are there."""
    assert {"a": 1, "b": 2, "c": 3, "args": [], "d": 4, "e": 5, "kwargs": {}} == bound(
        every_kind, 1, 2, d=4
    )
    assert {
        "a": 1,
        "b": 2,
        "c": 0,
        "args": [8, 9],
        "d": 4,
        "e": 0,
        "kwargs": {"a": 7, "f": 6},
    } == bound(every_kind, 1, 2, 0, 8, 9, d=4, e=0, a=7, f=6)


@pytest.mark.parametrize(
    "name",
    [
        "name", "args", "kwargs", "self_", "cls_", "event_type", "client", "function", "recorder",
        "action", "spec", "value", "wrapper", "params", "tags", "model", "_default_0", "_default_1",
        "lambda_", "print", "dict", "größe", "名前", "__x",
    ],
)  # fmt: skip
def test_a_parameter_may_have_any_name(name):
    """Also one that the library uses for its own, by position, by keyword and in `**kwargs`."""
    scope = {}
    exec(f"def one({name}, other=1): pass\ndef rest(**{name}): pass", scope)
    assert {name: 5, "other": 1} == bound(scope["one"], 5)
    assert {name: 5, "other": 1} == bound(scope["one"], **{name: 5})
    assert {name: {name: 5}} == bound(scope["rest"], **{name: 5})


def test_the_receiver_of_a_method_is_dropped():
    """`self` and the `cls` of a class method are not parameters of the operation."""
    assert {"a": 1, "b": 2} == bound(Agent.method, Agent(), 1)
    assert {"a": 1, "b": 2} == bound(Agent().method, 1)
    assert {"a": 1} == bound(Agent.__dict__["make"].__func__, Agent, 1)
    assert {"a": 1} == bound(Agent.make, 1)
    assert {"a": 1} == bound(Agent(), 1)


def test_a_self_is_a_receiver_wherever_it_is_defined():
    """A function that takes it is made a method later."""

    def later(self, a):
        """Take parameters."""

    assert {"a": 1} == bound(later, Agent(), 1) == bound(later, self=Agent(), a=1)


def test_a_cls_that_is_no_receiver_stays():
    """In a plain function it is a parameter like any other, and so it is behind the first."""

    def load(cls, a):
        """Take parameters."""

    assert {"cls": int, "a": 1} == bound(load, int, 1)
    assert {"a": 1, "cls": 2} == bound(Agent.work, 1, 2)


def test_ignored_parameters_are_left_out():
    """By name, of every kind; a name that is no parameter does no harm."""
    assert {"b": 2, "c": 3, "e": 5} == bound(
        every_kind, 1, 2, d=4, ignore=("a", "args", "d", "kwargs", "none")
    )


def test_a_partial_has_the_parameters_that_are_left():
    """Keywords that it holds are there as their defaults."""
    assert {"b": 2, "c": 3, "args": [], "d": 4, "e": 5, "kwargs": {}} == bound(
        functools.partial(every_kind, 1, d=4), 2
    )
    assert {"a": 1, "b": 5} == bound(functools.partial(Agent().method, b=5), 1)


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "expected"),
    [
        (len, ([1],), {}, {"obj": [1]}),
        (sorted, ([1],), {"reverse": True}, {"iterable": [1], "key": None, "reverse": True}),
        (max, (1, 2), {}, {"args": [1, 2]}),
        (max, ([1],), {"default": 0}, {"args": [[1]], "kwargs": {"default": 0}}),
        (dict, (), {"a": 1}, {"kwargs": {"a": 1}}),
        (int, (), {}, {}),
        (lambda x, *, y=2: x, (1,), {}, {"x": 1, "y": 2}),
    ],
    ids=["len", "sorted", "max", "max of one", "dict", "int", "lambda"],
)
def test_builtins_classes_and_lambdas(function, args, kwargs, expected):
    """Where Python tells no signature, the arguments are `args` and `kwargs`."""
    try:
        inspect.signature(function)
    except ValueError:
        assert expected == bound(function, *args, **kwargs)
    else:
        taken = inspect.signature(function).bind(*args, **kwargs)
        taken.apply_defaults()
        assert set(taken.arguments) == set(bound(function, *args, **kwargs))


def test_arguments_without_names_can_be_ignored_too():
    """`ignore` takes the two words."""
    assert {} == bound(max, 1, 2, ignore=("args",))


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"a": 1})]
)
def test_a_wrong_call_is_a_type_error(args, kwargs):
    """As of the function itself."""

    def function(a, b=2):
        """Take parameters."""

    for called in (function, Binding(function, ()).bind):
        with pytest.raises(TypeError):
            called(*args, **kwargs)


def test_a_default_is_the_very_object():
    """Of a mutable default one sees what it is at the call."""
    default = []

    def function(a=default):
        """Take a parameter."""

    assert bound(function)["a"] is default


def test_a_signature_that_lies_is_no_reason_to_raise():
    """A `__signature__` that is none is done without."""

    def function(a):
        """Take a parameter."""

    function.__signature__ = 5
    assert {"args": [1]} == bound(function, 1)


KINDS = list(inspect._ParameterKind)


@st.composite
def signatures(draw):
    """Draw a signature that Python accepts, and arguments that may or may not fit."""
    kinds = sorted(draw(st.lists(st.sampled_from(KINDS), max_size=6)))
    parameters, defaulted, seen = [], False, set()
    for number, kind in enumerate(kinds):
        if kind in seen and kind.name.startswith("VAR"):
            continue
        seen.add(kind)
        positional = kind.name.startswith("POSITIONAL")
        has_default = not kind.name.startswith("VAR") and (
            draw(st.booleans()) or (positional and defaulted)
        )
        defaulted |= has_default and positional
        default = number if has_default else inspect.Parameter.empty
        parameters.append(inspect.Parameter(f"p{number}", kind, default=default))
    names = st.sampled_from([f"p{number}" for number in range(7)])
    args = draw(st.lists(st.integers(10, 99), max_size=5))
    kwargs = draw(st.dictionaries(names, st.integers(100, 999), max_size=4))
    return inspect.Signature(parameters), args, kwargs


@given(signatures())
def test_any_call_is_bound_as_python_binds_it(drawn):
    """And what Python does not take is a TypeError here too."""
    signature, args, kwargs = drawn
    scope = {}
    exec(f"def function{signature}: return locals()", scope)
    function = scope["function"]
    try:
        expected = function(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError):
            bound(function, *args, **kwargs)
        return
    assert {
        name: list(value) if isinstance(value, tuple) else value for name, value in expected.items()
    } == bound(function, *args, **kwargs)


def test_an_object_whose_signature_cannot_be_read():
    """Its own code says it, and may raise: then its parameters have no names."""

    class Tool:
        __signature__ = property(lambda _: 1 // 0)

        def __call__(self, a, b):
            """Take parameters."""

    assert {"args": [1], "kwargs": {"b": 2}} == bound(Tool(), 1, b=2)
