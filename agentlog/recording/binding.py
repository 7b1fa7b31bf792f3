"""The parameters of a call by their names, bound as Python itself binds them.

Binding by `inspect.Signature.bind` costs more than a whole recording call. A lambda with the same
parameters, compiled once for each decorated function, binds at the speed of a call and by Python's
own rules: defaults, positional-only and keyword-only parameters, `*args` and `**kwargs`.
"""

import inspect
from collections.abc import Callable, Collection
from typing import Any

Binder = Callable[..., dict[str, Any]]

_RECEIVERS = ("self", "cls")
_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def binder(function: Callable[..., Any], ignore: Collection[str]) -> Binder:
    """Return a function that takes a call's arguments and returns them by name.

    `*args` become a list and `**kwargs` a mapping, under their own names. Parameters in `ignore`,
    and the `self` or `cls` of a method, are left out. Where there is no signature (some builtins),
    the arguments are recorded as `args` and `kwargs`.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
        return _compiled(parameters, _recorded(parameters, function, ignore))
    except (ValueError, TypeError, SyntaxError):
        return lambda *args, **kwargs: {
            name: value
            for name, value in (("args", list(args)), ("kwargs", kwargs))
            if value and name not in ignore
        }


def _recorded(
    parameters: list[inspect.Parameter], function: Callable[..., Any], ignore: Collection[str]
) -> list[inspect.Parameter]:
    receiver = parameters[:1] if parameters and _is_receiver(parameters[0], function) else []
    return [p for p in parameters if p not in receiver and p.name not in ignore]


def _is_receiver(first: inspect.Parameter, function: Callable[..., Any]) -> bool:
    """Say whether the first parameter is the object or class of a method.

    A `self` always is, also of a function that is made a method later; a `cls` only of a function
    that is defined in a class: elsewhere it may be any class.
    """
    owner = getattr(function, "__qualname__", "").rpartition(".")[0]
    in_class = bool(owner) and not owner.endswith("<locals>")
    return first.name == "self" or (first.name in _RECEIVERS and in_class)


def _compiled(parameters: list[inspect.Parameter], recorded: list[inspect.Parameter]) -> Binder:
    defaults = {
        f"_default_{i}": parameter.default
        for i, parameter in enumerate(parameters)
        if parameter.default is not parameter.empty
    }
    source = f"lambda {_written(parameters)}: {{{', '.join(map(_item, recorded))}}}"
    return eval(source, {"__builtins__": {}, **defaults})  # type: ignore[no-any-return]  # noqa: S307 - made of names alone


def _item(parameter: inspect.Parameter) -> str:
    star = "[*{0}]" if parameter.kind is parameter.VAR_POSITIONAL else "{0}"
    return f"{parameter.name!r}: {star.format(parameter.name)}"


def _written(parameters: list[inspect.Parameter]) -> str:
    """Write a parameter list, with the names of the defaults in place of their values."""
    parts: list[str] = []
    for i, parameter in enumerate(parameters):
        before = parameters[i - 1].kind if i else None
        kind = parameter.kind
        if before is parameter.POSITIONAL_ONLY and kind is not parameter.POSITIONAL_ONLY:
            parts.append("/")
        if kind is parameter.KEYWORD_ONLY and before not in (
            parameter.VAR_POSITIONAL,
            parameter.KEYWORD_ONLY,
        ):
            parts.append("*")
        stars = _STARS.get(kind, "")
        default = "" if parameter.default is parameter.empty else f"=_default_{i}"
        parts.append(f"{stars}{parameter.name}{default}")
    if parameters and parameters[-1].kind is inspect.Parameter.POSITIONAL_ONLY:
        parts.append("/")
    return ", ".join(parts)
