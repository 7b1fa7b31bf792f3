"""`agentlog ship`: what it ships, and what it says of that."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agentlog.background import shipper_for
from agentlog.config import Settings
from agentlog.journal import LOCAL, destinations
from agentlog.replay.format import plural
from agentlog.replay.progress import Progress
from agentlog.shipping import command, quarantine
from agentlog.shipping.second_try import SecondTry
from agentlog.shipping.shipper import Shipper

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: in a line, whether nothing is left, and what else a person should know."""

    text: str
    is_done: bool
    notes: tuple[str, ...]


def ship(own: Settings, warn: Warn, *, quarantined: bool = False) -> Outcome:
    """Ship what waits in the destination of these settings.

    Args:
        own: The settings.
        warn: Called with what a person should know while it goes on.
        quarantined: Whether what is in quarantine is sent once more, before.

    """
    directory = own.home / "journal" / own.destination
    rest = command.Rest(directory)
    delivered, said = 0, ""
    if quarantined:
        again = SecondTry(directory)
        with shipper_for(own, warn, again) as shipper:
            _run(shipper, again.left)
            delivered, said = shipper.delivered, shipper.status.answer
    with shipper_for(own, warn) as shipper:
        _run(shipper, rest.size)
        delivered, said = delivered + shipper.delivered, shipper.status.answer or said
    return _outcome(own, directory, delivered, rest.records(), said, quarantined=quarantined)


def follow(own: Settings, warn: Warn) -> None:
    """Ship what is there and what comes, until somebody interrupts it."""

    def tell(trouble: str) -> None:
        warn(f"{own.endpoint}: {trouble or 'all is well again'}")

    with shipper_for(own, lambda _: None) as shipper:
        command.follow(shipper, tell)


def _run(shipper: Shipper, left: Callable[[], int]) -> None:
    progress = Progress("shipping", left())
    try:
        command.ship(shipper, left, progress.show)
    finally:
        progress.clear()


def _outcome(
    own: Settings, directory: Path, delivered: int, left: int, said: str, *, quarantined: bool
) -> Outcome:
    refused = sum(entry.record is not None for entry in quarantine.entries(directory))
    elsewhere = _waiting_elsewhere(own.home, directory)
    notes: list[str] = []
    if refused:
        why = f"{plural(refused, 'record')} in quarantine, as the server refused them"
        notes.append(f"{why}: `agentlog doctor` says why, --quarantined sends them once more")
    if elsewhere:
        notes.append(
            f"{plural(elsewhere, 'record')} wait for another endpoint or key: this command ships "
            "what AGENTLOG_ENDPOINT and AGENTLOG_API_KEY say"
        )
    if left:
        why = said or "another process has begun to ship them"
        text = f"{plural(left, 'record')} left for {own.endpoint}: {why}"
    else:
        text = f"{plural(delivered, 'record')} shipped to {own.endpoint}, nothing is left"
    lost_way = bool(elsewhere) and not directory.exists()
    is_done = not left and not (quarantined and refused) and not lost_way
    return Outcome(text, is_done, tuple(notes))


def _waiting_elsewhere(home: Path, directory: Path) -> int:
    """Return the records that wait in this home, but not in this destination."""
    others = [each for each in destinations(home) if each.name != LOCAL and each != directory]
    return sum(command.Rest(each).records() for each in others)
