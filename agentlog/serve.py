"""`agentlog serve`: what it was told, who it lets in, and what it prints.

The rule: whatever stands in the way (a port, a store, a key that is missing) is said before the
address is printed; once that stands there, requests are answered. On stdout there is the address
and nothing else.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agentlog import keys
from agentlog.errors import ConfigurationError
from agentlog.store.home import STORE_NAME

if TYPE_CHECKING:
    from agentlog.server.settings import ServeConfig

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What stands on the command line; the names are those of its options."""

    home: Path
    store: Path | None = None
    host: str = "127.0.0.1"
    port: int = 4380
    keep: float | None = None
    token: bool = True
    browser: bool = True
    allow_hosts: Sequence[str] = ()
    root_path: str = ""


def serve(wish: Wish, tell: Callable[[str], None]) -> int:
    """Serve until a signal comes; return the exit status.

    Args:
        wish: What stands on the command line.
        tell: Told, in a line, what a person should know.

    Raises:
        ConfigurationError: If it is not accepted, or the port cannot be had.
        StoreError: If the store cannot be used, or another collector serves it.

    """
    try:
        from agentlog.server import process
        from agentlog.server.app import create_app, guarded
        from agentlog.server.hub import Hub
        from agentlog.server.log import logger, note_of_store
        from agentlog.server.writer import Writer
        from agentlog.store.readers import Readers
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("agentlog"):
            raise
        raise ConfigurationError(
            f"agentlog serve needs {error.name}: pip install 'agentlog[server]'"
        ) from error

    config = _checked(wish)
    with logger() as log, process.listen(config.host, config.port) as listener:
        config = replace(config, port=listener.getsockname()[1])
        note, hub = partial(note_of_store, log), Hub()
        writer = Writer(
            config.store, home=config.home, keep=config.keep, note=note, changed=hub.tell
        )
        writer.start()
        try:
            readers = Readers(config.store)
            try:
                app = create_app(config, writer, readers, log, hub)
                ended = process.run(
                    guarded(app, config),
                    listener,
                    log,
                    up=lambda: _announce(config, wish, tell),
                    down=app.state.live.close,
                )
            finally:
                readers.close()
        finally:
            writer.stop()
    return _INTERRUPTED if ended == signal.SIGINT else 0


def _checked(wish: Wish) -> "ServeConfig":
    """Return what the collector does; raises `ConfigurationError`."""
    from agentlog.server.auth import token_of
    from agentlog.server.settings import ServeConfig, checked_name, checked_root_path

    if wish.keep is not None and wish.keep <= 0:
        raise ConfigurationError("--keep 0 would delete whatever comes: it is an age such as 30d")
    if wish.store and not wish.store.absolute().parent.parent.is_dir():
        raise ConfigurationError(
            f"--store {wish.store} is not accepted: there is no {wish.store.parent.parent}"
        )
    config = ServeConfig(
        store=wish.store or wish.home / STORE_NAME,
        home=None if wish.store else wish.home,
        host=wish.host,
        port=wish.port,
        allow_hosts=frozenset(map(checked_name, wish.allow_hosts)),
        root_path=checked_root_path(wish.root_path),
        keep=wish.keep,
    )
    if config.is_open:
        return replace(config, token=token_of(wish.home) if wish.token else None)
    why = f"--host {wish.host}" if not wish.allow_hosts else "--allow-host"
    if not wish.token:
        raise ConfigurationError(f"--no-token is for this machine alone, and {why} is for others")
    if not keys.load(config.store):
        where = f" --store {wish.store}" if wish.store else ""
        raise ConfigurationError(
            f"{why} lets others in, and there is no key yet: agentlog keys add NAME{where}"
        )
    return config


def _announce(config: "ServeConfig", wish: Wish, tell: Callable[[str], None]) -> None:
    base = f"http://{_written(config.host)}:{config.port}{config.root_path}"
    address = f"{base}/?token={config.token}" if config.token else f"{base}/"
    if config.is_open:
        tell(f"serving {config.store}; to record here: AGENTLOG_ENDPOINT={base}")
    else:
        tell(f"serving {config.store} to whoever has a key; plain http shows it to who listens")
    with suppress(OSError, ValueError):  # nobody reads it, which is no reason not to serve
        print(address, flush=True)  # noqa: T201 - its purpose
    if wish.browser and config.is_open and _has_screen():
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _written(host: str) -> str:
    """Return a host as an address has it; one that stands for all is told by that of loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is replaced
    return f"[{host}]" if ":" in host else host


def _has_screen() -> bool:
    """Say whether somebody sits there who has a browser of his own window."""
    is_watched = sys.stdout is not None and sys.stdout.isatty()
    return is_watched and (sys.platform == "darwin" or bool(_display()))


def _display() -> str | None:
    return os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
