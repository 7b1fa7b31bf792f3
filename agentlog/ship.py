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
from agentlog.shipping.otlp.rest import rest_of
from agentlog.shipping.second_try import SecondTry
from agentlog.shipping.shipper import Shipper


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: in a line, whether nothing is left, and what else a person should know."""

    text: str
    is_done: bool
    notes: tuple[str, ...] = ()


def ship(own: Settings, *, quarantined: bool = False) -> Outcome:
    """Ship what waits in the destination of these settings.

    Args:
        own: The settings.
        quarantined: Whether what is in quarantine is sent once more, before.

    """
    directory = own.home / "journal" / own.destination
    rest = rest_of(directory, own.endpoint)
    delivered, said = 0, ""
    if quarantined:
        again = SecondTry(directory)
        with shipper_for(own, _in_silence, again) as shipper:
            _run(shipper, again.left)
            delivered, said = shipper.delivered, shipper.status.trouble
    with shipper_for(own, _in_silence) as shipper:
        _run(shipper, rest.size)
        delivered, said = delivered + shipper.delivered, shipper.status.trouble or said
    left = rest.records()
    if left:
        why = said or "another process has begun to ship them"
        return Outcome(f"{plural(left, 'record')} left for {own.endpoint}: {why}", is_done=False)
    refused = [entry.why for entry in quarantine.entries(directory) if entry.record is not None]
    if quarantined and refused:
        text = (
            f"{plural(len(refused), 'record')} refused once more by {own.endpoint}: {refused[-1]}"
        )
        return Outcome(text, is_done=False)
    return _nothing_left(own, directory, delivered, len(refused))


def follow(own: Settings, warn: Callable[[str], None]) -> None:
    """Ship what is there and what comes, until somebody interrupts it.

    Args:
        own: The settings.
        warn: Called with what stands in the way, and when it is over.

    """

    def tell(trouble: str) -> None:
        warn(f"{own.endpoint}: {trouble or 'all is well again'}")

    with shipper_for(own, _in_silence) as shipper:
        command.follow(shipper, tell)


def _in_silence(_why: str) -> None:
    """Say nothing: the outcome says it."""


def _run(shipper: Shipper, left: Callable[[], int]) -> None:
    progress = Progress("shipping", left())
    try:
        command.ship(shipper, left, progress.show)
    finally:
        progress.clear()


def _nothing_left(own: Settings, directory: Path, delivered: int, refused: int) -> Outcome:
    others = [each for each in destinations(own.home) if each.name not in (LOCAL, directory.name)]
    elsewhere = sum(rest_of(each).records() for each in others)
    waiting = (
        f"{plural(elsewhere, 'record')} for another endpoint or key: this command ships what "
        "AGENTLOG_ENDPOINT and AGENTLOG_API_KEY say"
    )
    if elsewhere and not directory.exists():
        return Outcome(
            f"nothing was recorded for {own.endpoint} with this key, but {waiting}", is_done=False
        )
    notes = [waiting] if elsewhere else []
    if not delivered and rest_of(own.home / "journal" / LOCAL).size():
        notes.append("what was recorded without an endpoint stays on this machine")
    if refused:
        notes.append(
            f"{plural(refused, 'record')} in quarantine, refused by the server: `agentlog doctor` "
            "says why, --quarantined sends what is there once more"
        )
    text = f"{plural(delivered, 'record')} shipped to {own.endpoint}, nothing is left"
    return Outcome(text, is_done=True, notes=tuple(notes))
