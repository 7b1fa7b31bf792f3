"""The receivers themselves: each a process of its own on loopback, which asks nobody anything."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager

from tests.receivers.environments import program_of

PATIENCE = 90
"""Seconds within which a receiver has started, or shows what it took, also on a busy machine."""


def free_port():
    """Return a port of loopback at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def running(command, directory, health, **environ):
    """Run a receiver until the block ends; give its output file."""
    plain = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (directory / "output").open("w+b") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**plain, "HOME": str(directory), **environ},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            assert soon(lambda: answers(health)), output.read()
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


@contextmanager
def phoenix(directory):
    """Run Phoenix; give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "PHOENIX_WORKING_DIR": str(directory),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    }
    command = [program_of("phoenix", "phoenix"), "serve"]
    with running(command, directory, f"{url}/healthz", **settings):
        yield url


@contextmanager
def mlflow(directory):
    """Run MLflow's tracking server; give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [program_of("mlflow", "mlflow"), "server", "--host", "127.0.0.1", "--port", f"{port}"]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{directory}/mlflow.db"]
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with running(command, directory, f"{url}/health", **settings):
        yield url


def answers(url):
    """Say whether an address answers that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def soon(holds):
    """Look again and again until something is so; return it, or what was seen last."""
    until = time.monotonic() + PATIENCE
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.1)
    return found
