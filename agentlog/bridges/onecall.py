"""Whether two spans can tell of one call to a model, by what each says of it.

A library that calls a client is seen twice where both are instrumented. But there may be another
call inside of a call, too: that of a router, of a fallback, of a judge. The rule: what both spans
know must not contradict itself.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

TELLING: Final = frozenset({"model", "prompt"})
"""The fields by which calls are told apart."""

_VERSION: Final = re.compile(
    r"(?:-(?:\d\d(?:-?\d\d){1,3}(?:-v\d+(?=:))?|latest|0\d\d))?(?:[:@].*)?"
)
"""What may be behind a model's name: a date, `-latest`, `-001`, and what follows `:` or `@`.

So in `gpt-4o-2024-08-06`; but `gpt-4o-mini`, `gpt-4-32k` and `claude-sonnet-4-5` are other models.
"""


def contradict(
    one: Mapping[str, Any], other: Mapping[str, Any], fields: Iterable[str] = TELLING
) -> bool:
    """Say whether two spans tell of different models, or of different last messages.

    Args:
        one: What the one says, as fields of our record.
        other: What the other says.
        fields: Which of `TELLING` are compared, where both say them.

    """
    return any(not _SAME[field](one.get(field), other.get(field)) for field in fields)


def _is_same_model(one: object, other: object) -> bool:
    """Compare names: a provider may stand before one, and a version behind it."""
    if not isinstance(one, str) or not isinstance(other, str):
        return True
    short, long = sorted((one.rpartition("/")[2], other.rpartition("/")[2]), key=len)
    if not short:
        return True
    return long.startswith(short) and _VERSION.fullmatch(long, len(short)) is not None


def _is_same_prompt(one: object, other: object) -> bool:
    said, too = _last_text(one), _last_text(other)
    return not said or not too or said == too


def _last_text(prompt: object) -> str:
    """Return the text of the last message; an empty one where it has none."""
    last = prompt[-1] if isinstance(prompt, list) and prompt else prompt
    content = last.get("content") if isinstance(last, Mapping) else last
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
        content = next((part for part in reversed(parts) if isinstance(part, str)), None)
    return content.strip() if isinstance(content, str) else ""


_SAME: Final = {"model": _is_same_model, "prompt": _is_same_prompt}
