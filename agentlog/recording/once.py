"""What has been done already, told by an object that stands for it.

A log record is handed around in copies, by several handlers and perhaps several threads, and has to
become one event. Nothing here takes a lock: who publishes first is the one.
"""

from collections import OrderedDict
from typing import Any, TypeVar

T = TypeVar("T")

_REMEMBERED = 512


class Once:
    """The last things that were done, by the identity of an object and the kind of thing.

    The object is kept as long as the entry, so that no other can get its identity meanwhile.
    """

    __slots__ = ("_done",)

    def __init__(self) -> None:
        self._done: OrderedDict[tuple[int, str], tuple[object, Any]] = OrderedDict()

    def get(self, identity: object, kind: str) -> Any:
        """Return what was published, or None."""
        entry = self._done.get((id(identity), kind))
        return None if entry is None else entry[1]

    def publish(self, identity: object, kind: str, value: T) -> T:
        """Publish a value, unless there is one; return the one that is there now."""
        entry: tuple[object, T] = self._done.setdefault((id(identity), kind), (identity, value))
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return entry[1]
