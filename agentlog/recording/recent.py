"""What has been done lately, so that it is done once. Nothing here takes a lock."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

_MOST = 4096


class Recent:
    """The last things that were done; who publishes first under a key is the one.

    Keys are compared in C, without code of the program's: so publishing is one step.
    """

    __slots__ = ("_done",)

    def __init__(self) -> None:
        self._done: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._done)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._done

    def get(self, key: Hashable) -> Any:
        """Return what was published, or None."""
        return self._done.get(key)

    def publish(self, key: Hashable, value: Any) -> Any:
        """Publish a value, unless there is one; return the one that is there now."""
        first = self._done.setdefault(key, value)
        if len(self._done) > _MOST:
            self._done.popitem(last=False)
        return first
