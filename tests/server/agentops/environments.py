"""Environments of their own for the versions of the AgentOps SDK, which pin what they need.

`python -m tests.server.agentops.environments` makes those that are missing, from the package index;
the tests with the real SDK are skipped where there are none. An environment is a directory named
for its version, whole once it has its name.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT

DIRECTORY = Path(os.environ.get("AGENTOPS_ENVIRONMENTS", ROOT / ".venv-agentops"))
FIRST = tuple(f"0.0.{number}" for number in range(1, 23) if number != 9)  # there was no 0.0.9
LATER = ("0.1.0", "0.1.12", "0.2.6", "0.3.10", "0.3.26")
VERSIONS = (*FIRST, *LATER)
SPANS = ("0.4.4", "0.4.9", "0.4.14", "0.4.21")
NEEDED = {
    # 0.1.0 imports packaging, and does not ask for it.
    **dict.fromkeys(VERSIONS, ("packaging",)),
    # They take any OpenTelemetry and export nothing with that of today.
    **dict.fromkeys(
        SPANS,
        (
            "opentelemetry-sdk==1.36.0",
            "opentelemetry-instrumentation==0.57b0",
            "opentelemetry-semantic-conventions==0.57b0",
            "openai",
        ),
    ),
}
"""What goes into an environment beside the SDK."""


def python_of(version):
    """Return the Python that has a version of the SDK."""
    return DIRECTORY / version / "bin" / "python"


def make(version):
    """Make the environment of a version, unless it is there."""
    if python_of(version).exists():
        return
    beside = DIRECTORY / f"{version}.making"
    python = beside / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", beside], check=True)
    wanted = f"agentops=={version}", *NEEDED[version]
    subprocess.run([*pip, "install", "--quiet", *wanted], check=True)
    beside.rename(beside.with_name(version))


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for version in sys.argv[1:] or (*VERSIONS, *SPANS):
        make(version)
