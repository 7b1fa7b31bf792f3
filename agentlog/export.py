"""`agentlog export`: a session in a file, or on stdout, in a form that other programs read.

The rule of this file: a file that is there is whole. What is written goes beside it first and takes
its name when it is on the disk, unless the path is no regular file. Who is told to end meanwhile
leaves nothing there.
"""

import json
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from secrets import token_hex
from typing import IO, Final

from agentlog.errors import ConfigurationError
from agentlog.replay.export import chrome, html, jsonl, otlp, table
from agentlog.replay.export.run import Run
from agentlog.store import Store
from agentlog.store.merge import Event

STDOUT: Final = "-"


def _html(run: Run) -> Iterator[str]:
    return html.parts(run, _page())


FORMS: Final[dict[str, Callable[[Run], Iterator[str]]]] = {
    "html": _html,
    "jsonl": jsonl.parts,
    "otlp_json": otlp.parts,
    "chrome_trace": chrome.parts,
    "csv": table.parts,
}
"""By the names of their options."""


def export(store: Store, session_id: str, form: str, path: str) -> None:
    """Write a session.

    Args:
        store: Has it.
        session_id: Its id.
        form: One of `FORMS`.
        path: Where to; `-` is stdout.

    Raises:
        StoreError: If the store cannot be read.
        OSError: If it cannot be written.

    """
    if path == STDOUT:
        write(store, session_id, form, _stdout())
    else:
        with _file(Path(path)) as file:
            write(store, session_id, form, file)


def write(store: Store, session_id: str, form: str, file: IO[bytes]) -> None:
    """Write a session into a file that is open."""
    with store.as_it_is() as still:  # a run may go on meanwhile, and it is read more than once
        for part in FORMS[form](run_of(still, session_id)):
            file.write(part.encode())
        file.flush()


def run_of(store: Store, session_id: str) -> Run:
    """Return a session as exports read it: from the store, a part at a time."""

    def events() -> Iterator[Event]:
        with store.texts_of(session_id) as lists:
            for texts in lists:
                yield from map(json.loads, texts)

    def outline() -> Iterator[str]:
        with store.outline(session_id) as parts:
            yield from parts

    summary = store.summary(session_id)
    return Run(
        events=events,
        last=summary.last if summary else None,
        session_id=session_id,
        outline=outline,
        is_silent=store.is_silent(session_id),
    )


def _page() -> dict[str, str]:
    """Read the files of the page; who serves them is not imported for that."""
    directory = resources.files("agentlog").joinpath("server", "page")
    return {
        file.name: file.read_text("utf-8")
        for file in directory.iterdir()
        if file.name.endswith((".html", ".css", ".js"))
    }


def _stdout() -> IO[bytes]:
    if sys.stdout is None:
        raise ConfigurationError("there is no stdout to write to: name a FILE")
    sys.stdout.flush()
    return sys.stdout.buffer


@contextmanager
def _file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for a block; what is regular has its name only behind it."""
    if not _is_regular(path):
        with path.open("wb") as file:
            yield file
        return
    with _ending_orderly(), _file_beside(path) as file:
        yield file


@contextmanager
def _file_beside(path: Path) -> Iterator[IO[bytes]]:
    target = path.resolve()
    beside = target.with_name(f".agentlog-{token_hex(8)}")
    try:
        with _created(beside, target, path) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _created(beside: Path, target: Path, path: Path) -> IO[bytes]:
    """Make a file with the permissions of the one that is there, else with those of any new one."""
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(beside, flags, 0o666 if mode is None else mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    if mode is not None:
        os.fchmod(descriptor, mode)
    return os.fdopen(descriptor, "wb")


@contextmanager
def _ending_orderly() -> Iterator[None]:
    """Let SIGTERM end the process as Ctrl-C does, with the status that shells give it."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_regular(path: Path) -> bool:
    """Say whether a path is a file, or will be one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True
