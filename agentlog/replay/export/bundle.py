"""Modules of JavaScript as one script, for a page that is a single file.

The rule of this file: it knows just the forms that the page keeps to, and refuses all others. An
import is `import { a, b } from "./name.js";` on a line of its own; what is exported is a function,
a class or a const that is declared so; and imports make no circle.

One script, so that a policy can name its hash: nothing else may run in the file then.
"""

import re
from collections.abc import Iterable, Mapping

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*|.*</script.*|.*<!--.*", re.MULTILINE | re.IGNORECASE)


def bundled(modules: Mapping[str, str], roots: Iterable[str]) -> str:
    """Return one script of some modules and all that they import, in the order they need.

    Args:
        modules: Their texts, by the names of their files.
        roots: The modules that are run, the first first.

    Raises:
        ValueError: If a module is not of the known form, or is not there.

    """
    numbers: dict[str, int] = {}
    parts: list[str] = []
    for root in roots:
        for name in _in_order(modules, root):
            if name not in numbers:
                numbers[name] = len(numbers)
                parts.append(_wrapped(name, modules[name], numbers))
    return "\n".join(parts)


def _in_order(modules: Mapping[str, str], root: str) -> list[str]:
    """Return a module behind all that it imports."""
    ordered: dict[str, None] = {}
    stack: list[tuple[str, tuple[str, ...]]] = [(root, ())]
    while stack:
        name, way = stack.pop()
        if name in way:
            raise ValueError(f"modules import each other: {' > '.join((*way, name))}")
        if name not in modules:
            raise ValueError(f"there is no {name}")
        needed = [found[2] for found in _IMPORT.finditer(modules[name])]
        missing = [other for other in needed if other not in ordered]
        if missing:
            stack.append((name, way))
            stack.append((missing[0], (*way, name)))
        else:
            ordered[name] = None
    return list(ordered)


def _wrapped(name: str, text: str, numbers: Mapping[str, int]) -> str:
    """Return a module as a function that is called, and answers with what it exports."""

    def imported(found: re.Match[str]) -> str:
        names = re.sub(r"\s+as\s+", ": ", found[1].strip())
        return f"const {{ {names} }} = $m{numbers[found[2]]};"

    exported = [found[2] for found in _EXPORT.finditer(text)]
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(imported, text))
    if other := _OTHER.search(body):
        raise ValueError(f"{name} has what is not bundled: {other[0].strip()}")
    answer = ", ".join(exported)
    return f"const $m{numbers[name]} = (() => {{\n{body}\nreturn {{ {answer} }};\n}})();"
