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


class Binding:
    """How the calls of one function are bound: `bind(*args, **kwargs)` returns them by name.

    `*args` become a list and `**kwargs` a mapping, under their own names. Parameters in `ignore`,
    and the `self` or `cls` of a method, are left out. `bind` raises TypeError for a wrong call.
    """

    __slots__ = ("_ignore", "_skip", "bind")

    def __init__(self, function: Callable[..., Any], ignore: Collection[str]) -> None:
        self._ignore = frozenset(ignore)
        self._skip = 0
        try:
            parameters = list(inspect.signature(function).parameters.values())
            self._skip = int(bool(parameters) and _is_receiver(parameters[0], function))
            recorded = [p for p in parameters[self._skip :] if p.name not in ignore]
            self.bind: Binder = _compiled(parameters, recorded)
        except Exception:  # noqa: BLE001 - some builtins have no signature; an object's own code may say it
            self.bind = lambda *args, **kwargs: self.unbound(args, kwargs)

    def unbound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return arguments that fit no parameters, as they were passed, without what is ignored."""
        named = {name: value for name, value in kwargs.items() if name not in self._ignore}
        # What is ignored may be among those that have no name.
        positional = [] if self._ignore - kwargs.keys() else list(args[self._skip :])
        given = {"args": positional, "kwargs": named}
        return {name: value for name, value in given.items() if value and name not in self._ignore}


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
