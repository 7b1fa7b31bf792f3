"""The traceback of an exception, as Python prints it, whatever the exception's own code does.

Python's printer is given a copy: exceptions of classes made for it, which say what the originals
say, run none of their code, and are so many that printing them comes to an end. What is left out of
a copy is said in a note of it.
"""

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from types import MemberDescriptorType
from typing import Any

from agentlog.foreign import text_of, traceback_of
from agentlog.recording.natural import Cut

MOST_EXCEPTIONS = 500
MOST_FRAMES = 1000

_ROOM = str(Path(__file__).parent) + os.sep
_WIDTH = 15  # of a group, as Python prints it
_MOST_NOTES = 100
_MOST_OF_A_LINE = 1000
_MOST_LINES = 1 << 31
_BASES = (
    BaseExceptionGroup,
    SyntaxError,
    NameError,
    AttributeError,
    ImportError,
    BaseException,
)
"""The classes that Python's printer tells apart."""

_DETAILS = {
    base: [item for item in vars(base).items() if type(item[1]) is MemberDescriptorType]
    for base in (SyntaxError, NameError, AttributeError, ImportError)
}
"""What it reads of them, to show where a syntax is wrong or what name may have been meant."""

Get = Callable[[BaseException], Any]

_of_base = BaseException.__dict__
_cause: Get = _of_base["__cause__"].__get__
_context: Get = _of_base["__context__"].__get__
_is_context_hidden: Get = _of_base["__suppress_context__"].__get__
_vars: Get = _of_base["__dict__"].__get__
_members: Get = BaseExceptionGroup.__dict__["exceptions"].__get__
_name_of = type.__dict__["__qualname__"].__get__
_module_of = type.__dict__["__module__"].__get__


def name_of(kind: type) -> str:
    """Return the name of an exception's class as a traceback has it."""
    name, module = str.__str__(_name_of(kind)), _module(kind)
    return name if module in ("builtins", "__main__") else f"{module}.{name}"


def _module(kind: type) -> str:
    """Return the module of a class; one that was made by `exec` may have none."""
    try:
        module = _module_of(kind)
    except AttributeError:
        return "builtins"
    return module if type(module) is str else "builtins"


def printed(error: BaseException) -> str:
    """Return the traceback, with its causes, without the frames of this room."""
    copies = _Copies()
    limit = -MOST_FRAMES  # the last ones
    formatted = traceback.TracebackException.from_exception(copies.of(error), limit=limit)
    seen = [formatted]
    for one in seen:
        one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(_ROOM)]
        # They form a tree: the traceback module has cut the cycles.
        seen += filter(None, (one.__cause__, one.__context__, *(one.exceptions or ())))
    text = "".join(formatted.format())
    return Cut(text) if copies.are_cut else text


class _Copies:
    """The copies of one exception and of all that it refers to."""

    def __init__(self) -> None:
        self.are_cut = False
        self._causes: dict[int, Any] = {}
        self._made: list[tuple[Any, BaseException]] = []

    def of(self, error: BaseException) -> BaseException:
        """Return the copy of an exception."""
        top: BaseException = self._copy(error)
        self._causes[id(error)] = top
        for copy, original in self._made:  # it grows
            for name, get in (("__cause__", _cause), ("__context__", _context)):
                if (other := get(original)) is not None:
                    setattr(copy, name, self._cause_of(copy, other))
            copy.__suppress_context__ = _is_context_hidden(original)
            if issubclass(type(original), BaseExceptionGroup):
                self._copy_members(copy, _members(original))
        return top

    def _copy_members(self, copy: Any, members: tuple[BaseException, ...]) -> None:
        """Copy the members of a group; one that is in two groups is printed twice, and is two."""
        found = [self._one_more(copy, one) for one in members[:_WIDTH]]
        copy.exceptions = [one for one in found if one is not None]
        if len(members) > _WIDTH:
            self._note_cut(copy, f"{len(members) - _WIDTH} more exceptions")

    def _cause_of(self, copy: Any, error: BaseException) -> Any:
        """Return the copy of what led to an exception; causes that go in a circle stay one."""
        made = self._causes.get(id(error))
        if made is None:
            made = self._causes[id(error)] = self._one_more(copy, error)
        return made

    def _one_more(self, copy: Any, error: BaseException) -> Any:
        """Return the copy of an exception that another refers to; None for one too many."""
        if len(self._made) < MOST_EXCEPTIONS:
            return self._copy(error)
        self._note_cut(copy, "more exceptions")
        return None

    def _copy(self, error: BaseException) -> Any:
        copy = _bare_copy(error)
        self._made.append((copy, error))
        notes = _vars(error).get("__notes__")
        if type(notes) is list or type(notes) is tuple:
            copy.__notes__ = [text_of(note) for note in notes[:_MOST_NOTES]]
            if len(notes) > _MOST_NOTES:
                self._note_cut(copy, f"{len(notes) - _MOST_NOTES} more notes")
        if _is_deep(error):
            self._note_cut(copy, f"all but the last {MOST_FRAMES} frames")
        return copy

    def _note_cut(self, copy: Any, what: str) -> None:
        self.are_cut = True
        note = f"[left out: {what}]"
        notes = vars(copy).setdefault("__notes__", [])
        if note not in notes:
            notes.append(note)


def _bare_copy(error: BaseException) -> Any:
    """Return an exception that says what this one says and refers to nothing but its traceback."""
    kind = type(error)
    base: Any = next(base for base in _BASES if issubclass(kind, base))
    message = text_of(error)
    namespace = {
        "__module__": _module(kind),
        "__qualname__": str.__str__(_name_of(kind)),
        "__str__": lambda _: message,
        "exceptions": (),
    }
    made: Any = type("Copy", (base,), namespace)
    copy = made("", [ValueError()]) if base is BaseExceptionGroup else made()
    for name, member in _DETAILS.get(base, ()):
        if _is_plain(name, value := member.__get__(error)):
            setattr(copy, name, value)
    return copy.with_traceback(traceback_of(error))


def _is_plain(name: str, value: Any) -> bool:
    """Say whether a detail of an exception is one that Python's printer can do with."""
    if type(value) is str:
        return len(value) <= _MOST_OF_A_LINE
    most = _MOST_OF_A_LINE if name.endswith("offset") else _MOST_LINES
    return type(value) is int and 0 <= value <= most


def _is_deep(error: BaseException) -> bool:
    trace, frames = traceback_of(error), 0
    while trace is not None and frames <= MOST_FRAMES:
        trace, frames = trace.tb_next, frames + 1
    return frames > MOST_FRAMES
