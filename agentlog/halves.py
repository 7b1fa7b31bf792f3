"""Two halves of an event as one.

The rule of this file: a field that both halves have is taken from the close half; of `notes`, the
larger number of each kind. Whatever was parsed from a line may be handed in.
"""

from collections.abc import Mapping

Record = Mapping[str, object]
Event = dict[str, object]


def merge(opened: Record | None, closed: Record | None) -> Event:
    """Return the event of two halves, either of which may be missing."""
    event = {**(opened or {}), **(closed or {})}
    if opened and closed and "notes" in opened and "notes" in closed:
        event["notes"] = _merge_notes(opened["notes"], closed["notes"])
    return event


def _merge_notes(opened: object, closed: object) -> object:
    if not (isinstance(opened, Mapping) and isinstance(closed, Mapping)):
        return closed
    notes = {**opened, **closed}
    for kind in opened.keys() & closed.keys():
        if _is_number(opened[kind]) and _is_number(closed[kind]):
            notes[kind] = max(opened[kind], closed[kind])
    return notes


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
