"""`agentlog serve`: what it was told, who it lets in, and what it prints.

The rule: whatever stands in the way (a port, a store, a key that is missing) is said before the
address is printed; once that stands there, requests are answered. On stdout there is the address
and nothing else.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from agentlog.config import home_directory
from agentlog.errors import ConfigurationError

if TYPE_CHECKING:
    from agentlog.server.settings import ServeConfig


def serve(
    config: "ServeConfig",
    tell: Callable[[str], None],
    *,
    token: bool = True,
    browser: bool = True,
) -> int:
    """Serve until a signal comes; return its number.

    Args:
        config: What stands on the command line.
        tell: Told, in a line, what a person should know.
        token: Whether reading asks for the token, where only this machine can come.
        browser: Whether a browser is opened.

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
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("agentlog"):
            raise
        raise ConfigurationError(
            f"agentlog serve needs {error.name}: pip install 'agentlog[server]'"
        ) from error

    config = _checked(config, token=token)
    with ExitStack() as stack:
        log = stack.enter_context(logger())
        listener = stack.enter_context(process.listen(config.host, config.port))
        config = replace(config, port=listener.getsockname()[1])
        sink = config.store.sink(home=config.home, keep=config.keep)
        hub = Hub(sink.marks)
        writer = Writer(sink, note=partial(note_of_store, log), tell=hub.tell)
        stack.callback(writer.stop)
        readers = stack.enter_context(closing(config.store.readers()))
        app = create_app(config, writer, readers, hub, log)
        up = partial(_announce, config, tell, browser=browser)
        return process.run(guarded(app, config), listener, log, up, app.state.close)


def _checked(config: "ServeConfig", *, token: bool) -> "ServeConfig":
    """Return it with the token that it needs; raises `ConfigurationError` if it cannot be done."""
    from agentlog.server.auth import token_of

    if config.is_open:
        return replace(config, token=token_of(home_directory()) if token else None)
    why = "--allow-host" if config.allow_hosts else f"--host {config.host}"
    if not token:
        raise ConfigurationError(f"--no-token is for this machine alone, and {why} is for others")
    if not config.store.keys().load():
        given = "" if config.home else f" --store {config.store}"
        raise ConfigurationError(
            f"{why} lets others in, and there is no key yet: agentlog keys add NAME{given}"
        )
    return config


def _announce(config: "ServeConfig", tell: Callable[[str], None], *, browser: bool) -> None:
    base = f"http://{_written(config.host)}:{config.port}{config.root_path}"
    address = f"{base}/?token={config.token}" if config.token else f"{base}/"
    if config.is_open:
        who = "programs of another home" if config.home else "programs"
        tell(f"serving {config.store}; {who} record here with AGENTLOG_ENDPOINT={base}")
    else:
        tell(f"serving {config.store} to whoever has a key; plain http shows it to who listens")
    with suppress(OSError, ValueError):  # nobody reads it, which is no reason not to serve
        print(address, flush=True)  # noqa: T201 - its purpose
    if browser and config.is_open and _has_screen():
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _written(host: str) -> str:
    """Return a host as an address has it; one that stands for all is told by that of loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is replaced
    return f"[{host}]" if ":" in host else host


def _has_screen() -> bool:
    """Say whether somebody sits there who has a browser."""
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    told = map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
    return sys.platform == "darwin" or any(told)
