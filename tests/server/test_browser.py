"""`agentlog serve` opens a browser where there is one and somebody watches."""

import os
import pty
import select
import signal
import subprocess

import pytest

from tests.cli.commandline import AGENTLOG, environ

PATIENCE = 30


def served(directory, *options, patience=0.5, terminal=True, **variables):
    """Run `agentlog serve` until its address stands there; return it, and what was opened.

    The browser is a program that writes the address that it is given into a pipe.
    """
    program = directory / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > "{directory}/opened"\n')
    program.chmod(0o755)
    os.mkfifo(directory / "opened")
    opened = os.open(directory / "opened", os.O_RDONLY | os.O_NONBLOCK)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    known = {"AGENTLOG_HOME": str(directory / "home"), "DISPLAY": ":9", "BROWSER": str(program)}
    process = subprocess.Popen(
        [*AGENTLOG, "serve", "--port", "0", *options],
        env=environ(**known | variables),
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = os.read(ours, 4096).decode().strip()
        told, _, _ = select.select([opened], [], [], patience)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(PATIENCE)
        return address, os.read(opened, 4096).decode().strip() if told else ""
    finally:
        process.kill()
        process.wait()
        for descriptor in (ours, theirs, opened):
            os.close(descriptor)


@pytest.mark.parametrize("display", [":9", ""])
def test_it_opens_the_address_that_it_prints(display, tmp_path):
    """With the token in it; a browser that is named needs no screen that we know of."""
    address, opened = served(tmp_path, patience=PATIENCE, DISPLAY=display)
    assert "/?token=" in address
    assert address == opened


@pytest.mark.parametrize(
    ("options", "given"),
    [(["--no-browser"], {}), ([], {"AGENTLOG_NO_BROWSER": "1"}), ([], {"terminal": False})],
    ids=["option", "variable", "nobody watches"],
)
def test_it_opens_none(options, given, tmp_path):
    """Where it was told so, and where there is nobody to look."""
    address, opened = served(tmp_path, *options, **given)
    assert "/?token=" in address
    assert "" == opened
